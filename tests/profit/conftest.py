"""Shops small enough to compute by hand."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest

import custvalue as cv


def open_shop(tables):
    """Open a warehouse in memory with these rows, loaded at once; a rejected row fails the test."""
    shop = cv.open()
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in tables.items():
            pl.DataFrame(rows, infer_schema_length=None).write_csv(Path(folder) / f"{name}.csv")
        report = shop.load(folder)
    assert report.table["rejected"].sum() == 0, report.reasons
    return shop


@pytest.fixture(scope="module")
def shop_of():
    """Return a function from tables to a warehouse, closed after the module."""
    opened = []

    def make(**tables):
        opened.append(open_shop(tables))
        return opened[-1]

    yield make
    for shop in opened:
        shop.close()
