"""CDNOW as shipped with lifetimes, summarised without any code of custvalue."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import ModelFit, fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd
from custvalue.results import PurchaseSummary

sys.path.insert(0, str(Path(__file__).parent))  # cdnow.py and exact_models.py are imported by their neighbours


from typing import TYPE_CHECKING

from cdnow import CALIBRATION_END, read_cdnow, summarise

if TYPE_CHECKING:
    import polars as pl


@pytest.fixture(scope="session")
def cdnow_transactions() -> pl.DataFrame:
    return read_cdnow()


@pytest.fixture(scope="session")
def cdnow(cdnow_transactions) -> PurchaseSummary:
    return PurchaseSummary(
        table=summarise(cdnow_transactions, CALIBRATION_END), as_of=CALIBRATION_END, time_unit="week"
    )


@pytest.fixture(scope="session")
def bg_fit(cdnow) -> ModelFit:
    return fit(BgNbd, cdnow)


@pytest.fixture(scope="session")
def mbg_fit(cdnow) -> ModelFit:
    return fit(MbgNbd, cdnow)


@pytest.fixture(scope="session")
def pareto_fit(cdnow) -> ModelFit:
    return fit(ParetoNbd, cdnow)


@pytest.fixture(scope="session")
def spend_fit(cdnow) -> ModelFit:
    return fit(GammaGamma, cdnow)


@pytest.fixture(scope="session")
def golden(shared) -> dict:
    return json.loads((shared / "golden" / "btyd_published.json").read_text())
