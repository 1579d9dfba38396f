"""CDNOW as shipped with lifetimes, summarised without any code of custvalue."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from pathlib import Path

import polars as pl
import pytest

from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import ModelFit, fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.results import PurchaseSummary

CALIBRATION_END = dt.date(1997, 9, 30)


def read_cdnow(name: str = "CDNOW_sample.txt") -> pl.DataFrame:
    """customer_id, day, amount of every transaction; the file has fixed widths and no header."""
    folder = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
    lines = pl.read_csv(folder / name, has_header=False, new_columns=["line"], separator="\t")
    parts = pl.col("line").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    return lines.select(
        parts.list.get(0 if "master" in name else 1).alias("customer_id"),
        parts.list.get(-3).str.to_date("%Y%m%d").alias("day"),
        parts.list.get(-1).cast(pl.Float64).alias("amount"),
    )


def summarise(transactions: pl.DataFrame, end: dt.date, days_per_unit: float = 7.0) -> pl.DataFrame:
    """The histories until `end`; purchases of one day are one purchase."""
    days = (
        transactions.filter(pl.col("day") <= end)
        .group_by("customer_id", "day")
        .agg(pl.col("amount").sum())
        .sort("customer_id", "day")
    )
    first = pl.col("day").min()
    return days.group_by("customer_id", maintain_order=True).agg(
        (pl.len() - 1).alias("frequency"),
        ((pl.col("day").max() - first).dt.total_days() / days_per_unit).alias("recency"),
        ((pl.lit(end) - first).dt.total_days() / days_per_unit).alias("T"),
        pl.col("amount").slice(1).mean().alias("monetary_value"),
    )


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
def spend_fit(cdnow) -> ModelFit:
    return fit(GammaGamma, cdnow)


@pytest.fixture(scope="session")
def golden(shared) -> dict:
    return json.loads((shared / "golden" / "btyd_published.json").read_text())
