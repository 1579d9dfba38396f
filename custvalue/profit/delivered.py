"""What is given today: events of each courtesy per customer and year, by declared segment and quarter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class DeliveredToday(Result):
    """Courtesies per customer-year, by quarter, segment and measure.

    Attributes
    ----------
    table
        `period` (first day of the quarter), `segment`, `measure_id`, `measure`, `granted` (by rule, beyond rule),
        `n_events`, `n_served` (customers who had any), `n_customers` (who were there), `customer_years` (how long, a
        year has 365 days), `events_per_customer_year`,
        `all_customer_years` (of every segment), `minutes`. A combination without an event has no row.
    last_day
        The last day with an order, where the count ends.
    """

    last_day: dt.date

    @property
    def latest(self) -> pl.DataFrame:
        """The last quarter with a courtesy, all segments: one row per measure, most frequent first."""
        last = self.table.filter(pl.col("period") == pl.col("period").max())
        summed = last.group_by("measure_id", "measure").agg(
            pl.col("n_events", "minutes").sum(), pl.col("all_customer_years").max()
        )
        rate = pl.col("n_events") / pl.col("all_customer_years")
        return summed.with_columns(events_per_customer_year=rate).sort(
            ["n_events", "measure_id"], descending=[True, False]
        )

    @property
    def title(self) -> str:
        """How many courtesies a customer gets a year, and which most."""
        if self.table.is_empty():
            return "No courtesy was given"
        latest, quarter = self.latest, self.table["period"].max()
        most = latest.row(0, named=True)
        n = latest["n_events"].sum()
        assert isinstance(quarter, dt.date)  # noqa: S101 - a column of days
        return (
            f"{n:,} courtesies since {quarter}, {latest['events_per_customer_year'].sum():.2f} per customer and year; "
            f"most often {most['measure']}, {most['n_events']:,}"
        )


@checked
def delivered_today(shop: Warehouse) -> DeliveredToday:
    """Count what is given now, per customer and year.

    Parameters
    ----------
    shop
        The warehouse; courtesies are logged or found in the transactions.

    Raises
    ------
    MissingInputError
        No orders are loaded.
    """
    last_day = shop.fetch("data_span")["last_day"].item()
    if last_day is None:
        raise MissingInputError("No orders are loaded.", "They say until which day customers are there.")
    return DeliveredToday(table=shop.fetch("delivered_today"), last_day=last_day, currency=shop.currency)
