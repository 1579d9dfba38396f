"""The history of every customer in the five numbers that the models need."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from custvalue.data.warehouse import Warehouse
from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


@checked
def purchase_summary(
    shop_or_frame: Warehouse | pl.DataFrame | pd.DataFrame,
    as_of: str | dt.date | None = None,
    time_unit: str = "week",
) -> PurchaseSummary:
    """Summarise the purchases of every customer until a day.

    Orders of one day are one purchase; orders without a customer are left out.

    Parameters
    ----------
    shop_or_frame
        A warehouse, or a frame with `customer_id`, `ordered_at` (with a time zone: its day in UTC) and `amount`.
    as_of
        Last day observed, inclusive; default the day of the last order.
    time_unit
        `day`, `week`, `month` (365/12 days) or `year` (365 days): the unit of `recency` and `T`.

    Returns
    -------
    PurchaseSummary
        `customer_id`, `frequency`, `recency`, `T`, `monetary_value` (null when `frequency` is 0) and
        `sum_log_intervals`, the sum of the logarithms of the times between purchases.

    Raises
    ------
    DataError
        The time unit is unknown, the day can't be read, no order lies before it, or a frame has a
        row that can't be used.

    References
    ----------
    Fader, Hardie & Lee (2005), Marketing Science 24(2), 275-284: x, t_x and T.
    """
    if time_unit not in DAYS_PER_UNIT:
        raise DataError(f"There is no time unit {time_unit!r}.", f"Take one of {', '.join(DAYS_PER_UNIT)}.")
    if isinstance(shop_or_frame, Warehouse):
        return _summarise(shop_or_frame, as_of, time_unit)
    with Warehouse() as shop:
        report = shop.load(shop_or_frame, table="transactions")
        if report.reasons.height:
            first = shop.rejected("transactions").row(0, named=True)
            n = report.table["rejected"].sum()
            raise DataError(f"The frame has {n:,} rows that can't be used; row {first['row']}: {first['reason']}.")
        # a frame does not say what its money is
        return replace(_summarise(shop, as_of, time_unit), currency="")


def _summarise(shop: Warehouse, as_of: str | dt.date | None, time_unit: str) -> PurchaseSummary:
    first, last = shop.fetch("data_span").row(0)[:2]
    if last is None:
        raise DataError("No orders are loaded.", "Load a table with customer_id, ordered_at and amount first.")
    day = last if as_of is None else to_date(as_of)
    if day > dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=1):
        raise DataError(f"{day} lies in the future; the last order is of {last}.")
    if day < first:
        raise DataError(f"No order lies on or before {day}; the first is of {first}.")
    table = shop.fetch("purchase_summary", as_of=day, days_per_unit=DAYS_PER_UNIT[time_unit])
    return PurchaseSummary(table=table, as_of=day, time_unit=time_unit, currency=shop.currency)


def to_date(day: str | dt.date) -> dt.date:
    """Read a day given as text (ISO 8601) or as a date.

    Raises
    ------
    DataError
        The text is no date.
    """
    if isinstance(day, dt.date):
        return day if not isinstance(day, dt.datetime) else day.date()
    try:
        return dt.date.fromisoformat(day)
    except (ValueError, TypeError):
        raise DataError(f"{day!r} is not a date.", "Write it as 2025-12-31.") from None
