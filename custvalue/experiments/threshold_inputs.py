"""Who was offered free delivery from which basket on, and what he ordered: from a warehouse or from frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.randomised import ALL
from custvalue.experiments.trial import CONTROL_WORDS, experiment_row, to_polars

if TYPE_CHECKING:
    from custvalue.experiments.trial import Frame, Shop

NEVER = math.inf


@dataclass(frozen=True, kw_only=True)
class ThresholdTest:
    """Customers and orders of a test of thresholds.

    Attributes
    ----------
    customers
        `customer_id`, `threshold` (infinite: never free), `segment`, and where known `contribution`.
    orders
        `customer_id`, `basket`, `returned` (null where unknown), `is_paying`, `threshold`, `segment`.
    control
        Threshold of the control arm; None where no arm is called so.
    """

    customers: pl.DataFrame
    orders: pl.DataFrame
    control: float | None
    currency: str


def of_shop(shop: Shop, experiment: str | None) -> ThresholdTest:
    """Read a test of the warehouse; customers whose time for returns is not over are left out."""
    if experiment is None:
        raise DataError("Name the experiment, as in free_delivery_threshold(shop, experiment='free_delivery').")
    experiment_row(shop, experiment)
    arms = shop.fetch("experiment_arm_thresholds", experiment=experiment)
    if arms.height == 0:
        raise MissingInputError(
            f"No arm of experiment {experiment!r} has a threshold.",
            "Load `experiment_arms`: experiment_id, arm, and free_over, the basket from which delivery is free.",
        )
    customers = shop.fetch("experiment_customers", experiment=experiment).filter(pl.col("is_mature"))
    if twice := customers.filter(pl.col("n_arms") > 1).height:
        raise DataError(f"{twice:,} customers of {experiment!r} were in two arms.")
    if strange := sorted(set(customers["arm"].to_list()) - set(arms["arm"].to_list())):
        raise DataError(f"Arm {strange[0]!r} of {experiment!r} has no row in `experiment_arms`.")
    people = customers.join(arms, on="arm", how="left").select(
        "customer_id", "arm", "segment", threshold="free_over", contribution=pl.col("contribution").cast(pl.Float64)
    )
    orders = shop.fetch("experiment_orders", experiment=experiment).join(people, on="customer_id", how="semi")
    segment = "segment" if people["segment"].count() else None
    return of_frames(people, orders, segment, currency=str(getattr(shop, "currency", "EUR")))


def of_frames(customers: Frame, orders: Frame | None, segment: str | None, currency: str = "EUR") -> ThresholdTest:
    """Bring frames to one form."""
    if orders is None:
        raise DataError("The orders of the test are missing.", "Give a frame with customer_id and basket.")
    people = _people(to_polars(customers), segment)
    control = None
    if "arm" in people.columns:
        named = people.filter(pl.col("arm").cast(pl.String).str.to_lowercase().is_in(CONTROL_WORDS))
        found = named["threshold"].unique().to_list()
        control = found[0] if len(found) == 1 else None
    return ThresholdTest(
        customers=people, orders=_baskets(to_polars(orders), people), control=control, currency=currency
    )


def _people(frame: pl.DataFrame, segment: str | None) -> pl.DataFrame:
    needed = ["customer_id", "threshold", *([segment] if segment else [])]
    if missing := [c for c in needed if c not in frame.columns]:
        raise DataError(f"The customers have no column {missing[0]!r}; they have {', '.join(frame.columns)}.")
    known = [c for c in ("contribution", segment) if c is not None and c in frame.columns]
    if empty := [c for c in known if frame[c].null_count()]:
        raise DataError(f"Column {empty[0]!r} of the customers is empty in {frame[empty[0]].null_count():,} rows.")
    if twice := frame.height - frame["customer_id"].n_unique():
        raise DataError(f"{twice:,} customers stand in the test more than once.")
    return frame.select(
        pl.col("customer_id").cast(pl.String),
        *[c for c in ("arm",) if c in frame.columns],
        *[pl.col(c).cast(pl.Float64) for c in ("contribution",) if c in frame.columns],
        threshold=pl.col("threshold").cast(pl.Float64).fill_nan(None).fill_null(NEVER),
        segment=pl.lit(ALL) if segment is None else pl.col(segment).cast(pl.String),
    )


def _baskets(frame: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    for column in ("customer_id", "basket"):
        if column not in frame.columns:
            raise DataError(f"The orders have no column {column!r}; they have {', '.join(frame.columns)}.")
        if n := frame[column].null_count():
            raise DataError(f"Column {column!r} of the orders is empty in {n:,} rows.")
    returned, fee = pl.lit(None, pl.Float64), pl.lit(None, pl.Float64)
    if "returned" in frame.columns:
        returned = pl.col("returned").cast(pl.Float64).fill_null(0.0)
    if "fee_paid" in frame.columns:
        fee = pl.col("fee_paid").cast(pl.Float64)
    out = frame.select(
        pl.col("customer_id").cast(pl.String), basket=pl.col("basket").cast(pl.Float64), returned=returned, fee=fee
    )
    joined = out.join(people.select("customer_id", "threshold", "segment"), on="customer_id", how="left")
    if strange := joined["threshold"].null_count():
        raise DataError(f"{strange:,} orders belong to no customer of the test.")
    # what was charged tells who paid; where that is not known, the rule of his arm does
    pays = pl.coalesce(pl.col("fee") > 0.0, pl.col("basket") < pl.col("threshold"))
    return joined.with_columns(is_paying=pays).drop("fee")


def with_profit(test: ThresholdTest, costs: tuple[float, float, float] | None) -> pl.DataFrame:
    """Add orders, spending and profit of each customer; `costs` are margin rate, fee and carrier cost."""
    per = test.orders.group_by("customer_id").agg(
        pl.len().cast(pl.Float64).alias("n_orders"),
        pl.col("basket").sum().alias("spent"),
        pl.col("is_paying").sum().cast(pl.Float64).alias("n_paying"),
        *([] if costs is None else [_formula(*costs).alias("profit")]),
    )
    paid = test.customers.join(per, on="customer_id", how="left")
    if costs is None:
        paid = paid.with_columns(profit=pl.col("contribution"))
    return paid.with_columns(pl.col("profit", "n_orders", "spent", "n_paying").fill_null(0.0)).sort("customer_id")


def _formula(margin_rate: float, fee: float, carrier_cost: float) -> pl.Expr:
    kept = pl.col("basket") - pl.col("returned").fill_null(0.0)
    return (margin_rate * kept + fee * pl.col("is_paying") - carrier_cost).sum()
