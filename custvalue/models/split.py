"""A history cut in time: what models may see, and what the same customers did after."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

import polars as pl

from custvalue.errors import DataError
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.results import Kind


@dataclass(frozen=True, kw_only=True)
class HoldoutSplit(PurchaseSummary):
    """Histories until `as_of`, and what the same customers did from then until `holdout_end`.

    Attributes
    ----------
    table
        A purchase summary at `as_of`, with `holdout_purchases` and `holdout_spend`.
    purchases
        `customer_id`, `day`, `amount`: one row a customer and day, over both parts.
    """

    holdout_end: dt.date
    purchases: pl.DataFrame = field(repr=False)

    kinds: ClassVar[Mapping[str, Kind]] = {"monetary_value": "money", "holdout_spend": "money"}

    @property
    def title(self) -> str:
        """How many customers, and how often they came back in the holdout."""
        bought = int(self.table["holdout_purchases"].sum())
        return (
            f"{self.table.height:,} customers until {self.as_of} bought {bought:,} times more until {self.holdout_end}"
        )

    @property
    def horizon(self) -> float:
        """Length of the holdout in time units."""
        return (self.holdout_end - self.as_of).days / self.days_per_unit


def split_at(
    orders: pl.DataFrame,
    calibration_end: str | dt.date | None = None,
    holdout_end: str | dt.date | None = None,
    time_unit: str = "week",
    currency: str = "EUR",
) -> HoldoutSplit:
    """Cut orders in time: the histories before, the purchases after.

    Parameters
    ----------
    orders
        `customer_id`, `ordered_at` (or `purchased_on`), `amount`; orders of one day are one purchase.
    calibration_end
        Last day of the histories, inclusive; default three quarters of the time from the first order to
        the last.
    holdout_end
        Last day of the holdout, inclusive; default the day of the last order.
    """
    if not isinstance(orders, pl.DataFrame):
        raise DataError(
            f"split_at wants the orders as a Polars frame, not a {type(orders).__name__}.",
            'Of a warehouse: shop.fetch("int_purchase_days").',
        )
    unit = DAYS_PER_UNIT.get(time_unit)
    if unit is None:
        raise DataError(f"time_unit {time_unit!r} is not one of {', '.join(DAYS_PER_UNIT)}.")
    days = _purchase_days(orders)
    if days.is_empty():
        raise DataError("There is no order with a customer: nothing can be split.")
    first_day, last_day = cast("dt.date", days["day"].min()), cast("dt.date", days["day"].max())
    end = _day(holdout_end, last_day)
    calibration_end = _day(calibration_end, first_day + (end - first_day) * 3 // 4)
    days = days.filter(pl.col("day") <= end)
    before, after = days.filter(pl.col("day") <= calibration_end), days.filter(pl.col("day") > calibration_end)
    if before.is_empty() or end <= calibration_end:
        span = " to ".join(days["day"].sort().cast(pl.String).gather([0, -1]) if days.height else ["no day"])
        raise DataError(f"calibration_end {calibration_end} leaves nothing on one side: the orders cover {span}.")
    later = after.group_by("customer_id").agg(
        pl.len().cast(pl.Int64).alias("holdout_purchases"), pl.col("amount").sum().alias("holdout_spend")
    )
    histories = _histories(before, calibration_end, unit)
    table = histories.join(later, on="customer_id", how="left", maintain_order="left")
    table = table.with_columns(pl.col("holdout_purchases", "holdout_spend").fill_null(0))
    return HoldoutSplit(
        table=table, currency=currency, as_of=calibration_end, time_unit=time_unit, holdout_end=end, purchases=days
    )


def _histories(before: pl.DataFrame, end: dt.date, days_per_unit: float) -> pl.DataFrame:
    """Summarise purchase days, sorted by customer and day, as at the end of the histories."""
    day, first = pl.col("day"), pl.col("day").min()
    return before.group_by("customer_id", maintain_order=True).agg(
        (pl.len() - 1).cast(pl.Int64).alias("frequency"),
        ((day.max() - first).dt.total_days() / days_per_unit).alias("recency"),
        ((pl.lit(end) - first).dt.total_days() / days_per_unit).alias("T"),
        pl.col("amount").slice(1).mean().alias("monetary_value"),
        (day.diff().dt.total_days() / days_per_unit).log().sum().alias("sum_log_intervals"),
    )


def _day(day: str | dt.date | None, default: dt.date) -> dt.date:
    """Read a day; text is ISO 8601."""
    if not isinstance(day, str):
        return day or default
    try:
        return dt.date.fromisoformat(day) if day else default
    except ValueError:
        raise DataError(f"{day!r} is not a date.", "Write it as 2025-12-31.") from None


def _purchase_days(orders: pl.DataFrame) -> pl.DataFrame:
    """Add up orders by customer and day, sorted by both; orders without a customer are left out."""
    when = next((c for c in ("ordered_at", "purchased_on", "day") if c in orders.columns), None)
    missing = [c for c in ("customer_id", "amount") if c not in orders.columns]
    if when is None or missing:
        raise DataError(f"The orders need customer_id, ordered_at and amount; they have {', '.join(orders.columns)}.")
    known = orders.filter(pl.col("customer_id").is_not_null())
    return (
        known.select("customer_id", pl.col(when).cast(pl.Date).alias("day"), pl.col("amount").cast(pl.Float64))
        .group_by("customer_id", "day")
        .agg(pl.col("amount").sum())
        .sort("customer_id", "day")
    )
