"""Is a courtesy given as constantly as before? Visitors value constancy, most of all under pressure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.results import Result

if TYPE_CHECKING:
    import datetime as dt

    from custvalue.data.warehouse import Warehouse

MONTHS = 12
BEYOND_CHANCE = 3.0
"""Standard errors from which a change of the rate is called drift: thirty measures are looked at together."""


@dataclass(frozen=True, kw_only=True)
class CourtesyTrend(Result):
    """What was given and what it cost, the last months against as many before them.

    Attributes
    ----------
    table
        By measure: `n_events`, `n_before`, `per_100_orders`, `per_100_orders_before`, `cost_per_event`,
        `cost_per_event_before` (money), `change_share` of the rate per order, and `has_drifted`: the change is
        beyond what counts of this size vary by chance (Poisson, three standard errors).
    months
        `measure_id`, `measure`, `period`, `n_events`, `minutes`, `full_cost`, `n_orders`: what was compared.
    first_month, last_month
        Of the later half.
    """

    months: pl.DataFrame
    first_month: dt.date | None
    last_month: dt.date | None

    @property
    def title(self) -> str:
        """How many measures are given otherwise than before."""
        drifted = self.table.filter("has_drifted")
        if drifted.height == 0:
            return f"All {self.table.height} courtesies are given as constantly as before"
        less = drifted.filter(pl.col("change_share") < 0).height
        return (
            f"{drifted.height} of {self.table.height} courtesies are given otherwise than before: {less} less often, "
            f"{drifted.height - less} more often an order"
        )


@checked
def courtesy_trend(shop: Warehouse, months: int = MONTHS) -> CourtesyTrend:
    """Compare how often each courtesy is given, and what one costs, with the time before.

    Parameters
    ----------
    shop
        The warehouse.
    months
        Length of either half; twelve compare like seasons.

    Raises
    ------
    MissingInputError
        No catalogue of measures is loaded.
    """
    if not shop.has("courtesy_catalogue"):
        raise MissingInputError(
            "Table courtesy_catalogue is not loaded.", "It would give the courtesies and their cost."
        )
    given = shop.fetch("courtesy_months")
    periods = given["period"].unique().sort(descending=True).to_list()
    later, earlier = periods[:months], periods[months : 2 * months]
    orders = given.select("period", "n_orders").unique()
    halves = [_half(given, orders, half) for half in (later, earlier)]
    table = halves[0].join(halves[1], on=["measure_id", "measure"], how="full", coalesce=True, suffix="_before")
    table = table.rename({"n_events_before": "n_before"}).with_columns(pl.col("n_events", "n_before").fill_null(0))
    n, n_before = _orders(orders, later), _orders(orders, earlier)
    share = n / (n + n_before) if n + n_before else 0.0
    expected = (pl.col("n_events") + pl.col("n_before")) * share
    error = (expected * (1.0 - share)).sqrt()
    change = pl.col("per_100_orders") / pl.col("per_100_orders_before") - 1.0
    return CourtesyTrend(
        table=table.with_columns(
            change_share=change,
            has_drifted=((pl.col("n_events") - expected).abs() > BEYOND_CHANCE * error) & bool(earlier),
        ).sort("measure_id"),
        months=given, first_month=later[-1] if later else None, last_month=later[0] if later else None,
        currency=shop.currency,
    )  # fmt: skip


def _half(given: pl.DataFrame, orders: pl.DataFrame, periods: list[dt.date]) -> pl.DataFrame:
    n_orders = _orders(orders, periods)
    summed = given.filter(pl.col("period").is_in(periods)).group_by("measure_id", "measure").agg(
        pl.col("n_events").sum(), pl.col("full_cost").cast(pl.Float64).sum().alias("cost")
    )  # fmt: skip
    each = (pl.col("cost") / pl.col("n_events")).round(2).cast(pl.Decimal(18, 2))
    rate = pl.col("n_events") / n_orders * 100 if n_orders else pl.lit(None, dtype=pl.Float64)
    return summed.with_columns(per_100_orders=rate, cost_per_event=each).drop("cost")


def _orders(orders: pl.DataFrame, periods: list[dt.date]) -> float:
    return float(orders.filter(pl.col("period").is_in(periods))["n_orders"].sum() or 0)
