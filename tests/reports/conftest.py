"""The sample's analysis, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import custvalue as cv

if TYPE_CHECKING:
    from custvalue.reports.analysis import Analysis


@pytest.fixture(scope="session")
def analysis() -> Analysis:
    with cv.open() as shop:
        shop.load(cv.sample_data())
        return cv.analyse(shop, cv.Settings())
