"""CDNOW as shipped with lifetimes, read and summarised without any code of custvalue."""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path

import polars as pl

CALIBRATION_END = dt.date(1997, 9, 30)


def read_cdnow(name: str = "CDNOW_sample.txt") -> pl.DataFrame:
    """customer_id, day, amount of every transaction; the file has fixed widths and no header."""
    folder = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
    lines = pl.read_csv(
        folder / name, has_header=False, new_columns=["line"], separator="\t", skip_rows=int("master" in name)
    )
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
