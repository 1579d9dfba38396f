"""Tests that assigned households, areas or periods: their customers are added up, the new ones included."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from custvalue.errors import DataError
from custvalue.experiments.trial import BEFORE, MONEY

if TYPE_CHECKING:
    from custvalue.experiments.trial import Trial

ADDED: Final = ("outcome", "before", "n_orders", *BEFORE, *MONEY, "order_weeks", "n_orders_late", "n_orders_after")

SAME_SIZE: Final = 1e-9  # of the mean: rounding is no difference


def by_unit(trial: Trial) -> Trial:
    """Make one row of each unit that was assigned, in money per customer known at the start.

    A unit's sum over its customers, new ones included, is divided by the mean number of known customers of a unit.
    So the difference of the arms' means is the measure's effect per customer, what it brings through new customers
    counts, and the standard error is that of the units, not of their customers (Hansen & Bowers 2008, the total-based
    estimator; its noise from unequal sizes is taken out by the covariate).

    Returns
    -------
    Trial
        Its `customers` are the units, `customers_per_unit` says how many customers one stands for; without a
        covariate the number of known customers is one. Segments stay where every unit lies in one.

    Raises
    ------
    DataError
        The unit or a number of customers is empty, or no customer was known at the start.
    """
    if not trial.has("unit_id"):
        return trial
    rows = trial.customers.with_columns(pl.col("unit_id").cast(pl.String), known=_known(trial))
    for column, name in (("unit_id", trial.unit), ("known", "n_customers")):
        if n := rows[column].null_count():
            raise DataError(f"Column {name!r} is empty in {n:,} rows.")
    has_segments = trial.has("segment") and rows.group_by("unit_id").agg(
        one=pl.col("segment").n_unique() == 1
    )["one"].all()  # fmt: skip
    units = rows.group_by("unit_id").agg(*_columns(trial, has_segments=has_segments)).sort("unit_id")
    mean = float(units["known"].mean())  # type: ignore[arg-type]
    if not mean > 0.0:
        raise DataError("No unit has a customer who was known at the start.")
    before = trial.before
    if before is None and float(units["known"].std() or 0.0) > SAME_SIZE * mean:  # type: ignore[arg-type]
        before, units = "n_customers", units.with_columns(before=pl.col("known").cast(pl.Float64))
    scaled = [c for c in (*ADDED, "n_new") if c in units.columns]
    units = units.with_columns(pl.col(scaled) / mean).drop("known").rename({"unit_id": "customer_id"})
    return replace(trial, customers=units, before=before, is_by_unit=True, customers_per_unit=mean)


def _known(trial: Trial) -> pl.Expr:
    """How many customers a row stands for: as stated, else one; a new customer was not there at the start."""
    n = pl.col("n_customers") if trial.has("n_customers") else pl.lit(1.0)
    return pl.when(pl.col("is_new").fill_null(value=False)).then(0.0).otherwise(n) if trial.has("is_new") else n


def _columns(trial: Trial, *, has_segments: bool) -> list[pl.Expr]:
    def total(column: str) -> pl.Expr:  # a sum must not hide what is empty
        whole = pl.col(column).null_count() == 0
        return pl.when(whole).then(pl.col(column).sum()).alias(column)

    n_arms = pl.col("treated").n_unique()
    if trial.has("n_arms"):
        n_arms = pl.max_horizontal(n_arms, pl.col("n_arms").max())
    out = [pl.col("treated").first(), n_arms.alias("n_arms"), pl.col("known").sum()]
    out += [total(c) for c in ADDED if trial.has(c)]
    out += [pl.col(c).min() for c in ("entered", "assigned_at", "exposed_at") if trial.has(c)]
    if trial.has("is_mature"):
        out.append(pl.col("is_mature").all())
    out += [pl.col(c).all() for c in ("has_goods_cost", "has_returns") if trial.has(c)]
    if trial.has("days_after"):
        out.append(pl.col("days_after").max())
    if trial.has("is_new"):
        out.append(pl.col("is_new").sum().cast(pl.Float64).alias("n_new"))
    return [*out, pl.col("segment").first()] if has_segments else out
