"""A history cut in time: what models may see, and what the same customers did after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.frames import as_key, check_column, check_columns, table_of, text_of, to_days
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary
from custvalue.validation import check_choice, check_currency, to_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.frames import Frame
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


@checked
def split_at(
    orders: Frame,
    calibration_end: str | dt.date | None = None,
    holdout_end: str | dt.date | None = None,
    time_unit: str = "week",
    currency: str = "",
) -> HoldoutSplit:
    """Cut orders in time: the histories before, the purchases after.

    Parameters
    ----------
    orders
        `customer_id`, `ordered_at` (or `purchased_on`), `amount`: any table that `purchase_summary` takes. Days are
        dates, times or ISO text; orders of one day are one purchase, those without a customer are left out.
    calibration_end
        Last day of the histories, inclusive; default three quarters of the time from the first order to
        the last.
    holdout_end
        Last day of the holdout, inclusive; default the day of the last order.
    """
    check_choice("time_unit", time_unit, DAYS_PER_UNIT)
    check_currency(currency)
    unit, days = DAYS_PER_UNIT[time_unit], _purchase_days(orders)
    if days.is_empty():
        raise DataError("There is no order with a customer: nothing can be split.")
    first_day, last_day = cast("dt.date", days["day"].min()), cast("dt.date", days["day"].max())
    end = to_day("holdout_end", holdout_end or last_day)
    calibration_end = to_day("calibration_end", calibration_end or first_day + (end - first_day) * 3 // 4)
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


def _purchase_days(orders: Frame) -> pl.DataFrame:
    """Add up orders by customer and day, sorted by both; orders without a customer are left out."""
    table = table_of(orders, ("customer_id", "amount"), "table of orders")
    when = next((name for name in ("ordered_at", "purchased_on", "day") if name in table.columns), "ordered_at")
    check_column(table, when, "table of orders")
    customer = text_of(as_key(table["customer_id"]))
    known = pl.DataFrame({"customer_id": customer, "day": _days(table[when]), "amount": _amounts(table["amount"])})
    known = known.filter(pl.col("customer_id").is_not_null())
    if n := known["day"].null_count():
        raise DataError(f"Column {when!r} of the orders is empty in {n:,} rows.")
    check_columns(known, ["amount"], "of the orders")
    known = known.with_columns(pl.col("amount").cast(pl.Float64))
    return known.group_by("customer_id", "day").agg(pl.col("amount").sum()).sort("customer_id", "day")


def _days(times: pl.Series) -> pl.Series:
    """Return the day of each order; of a time with a zone the day in UTC."""
    if times.dtype == pl.String:
        times = text_of(times).str.replace(r"^(\d{4})-(\d)-", "$1-0$2-").str.replace(r"^(\d{4}-\d\d)-(\d)$", "$1-0$2")
    read = to_days(times, times.name)
    if read.dtype.is_integer():
        raise DataError(f"Column {times.name!r} holds numbers, a day such as 2026-01-31 was expected.")
    if isinstance(read.dtype, pl.Datetime) and read.dtype.time_zone:
        read = read.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return read.cast(pl.Date)


def _amounts(amounts: pl.Series) -> pl.Series:
    """Return amounts as they came; text that is a number with a decimal point is read as one."""
    if amounts.dtype != pl.String:
        return amounts
    read = text_of(amounts).cast(pl.Float64, strict=False)
    return amounts if read.null_count() > text_of(amounts).null_count() else read
