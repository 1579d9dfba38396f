"""Next year's minutes and money by resource, from the volume of what causes them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError, MissingInputError
from custvalue.results import Kind, Result
from custvalue.validation import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse
    from custvalue.models.lifetime_value import LifetimeValue

DAYS_PER_YEAR = 365
Z = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class ActivityBudget(Result):
    """What the work of the coming year asks of each resource, and what it costs.

    Attributes
    ----------
    table
        By resource: `minutes_last` (used in the last year), `minutes` (needed in the next one, with an interval),
        `practical_min` (as much as in the last year), `idle_min`, `short_min`; in money `used_cost`, `idle_cost` (paid
        for time that nobody needs), `saved_if_given_up` (its avoidable part), `to_hire` (the minutes that are short,
        at full cost).
    activities
        By resource, activity and courtesy: `n_last`, `per_order`, `minutes_each`, `n` and `minutes` of the next year.
    orders_last
        Orders in the last year.
    orders, orders_low, orders_high
        Expected in the next: of today's customers by the model, with its interval, and of newcomers, as many as came
        and bought in the last year.
    days
        Length of both years.
    """

    activities: pl.DataFrame
    orders_last: int
    orders: float
    orders_low: float
    orders_high: float
    days: int

    kinds: ClassVar[Mapping[str, Kind]] = {
        "minutes_last": "count", "minutes": "count", "minutes_low": "count", "minutes_high": "count",
        "practical_min": "count", "idle_min": "count", "short_min": "count", "used_cost": "money",
        "idle_cost": "money", "saved_if_given_up": "money", "to_hire": "money",
    }  # fmt: skip

    @property
    def title(self) -> str:
        """Orders expected, and the resources that will be short or idle."""
        change = self.orders / self.orders_last - 1.0 if self.orders_last else 0.0
        said = f"{self.orders:,.0f} orders expected ({change:+.0%}): "
        short = self.table.filter(pl.col("short_min") > 0).sort("to_hire", descending=True)
        idle = self.table.sort("idle_cost", "resource_id", descending=[True, False]).row(0, named=True)
        spare = f"{_name(idle)} stands idle for {idle['idle_cost']:,.0f} {self.currency}"
        if short.is_empty():
            return f"{said}no resource falls short; {spare}"
        first = short.row(0, named=True)
        return f"{said}{_name(first)} falls short by {first['short_min'] / 60:,.0f} hours; {spare}"


@checked
def activity_budget(shop: Warehouse, value: LifetimeValue) -> ActivityBudget:
    """Budget minutes and money by resource: orders to come, times what an order needed of each activity.

    Parameters
    ----------
    shop
        The warehouse, with resources.
    value
        What today's customers are expected to buy within a horizon; its length is the budget's. With a level
        it has an interval.

    Returns
    -------
    ActivityBudget
        Minutes, and money as floats.

    Raises
    ------
    MissingInputError
        No table of resources is loaded.
    DataError
        There was no order in as many days before.

    Notes
    -----
    Activity-based budgeting (Kaplan & Anderson 2007, Time-Driven Activity-Based Costing, ch. 5): volume × minutes of
    each activity = capacity needed; what is paid for beyond it is idle. An order is the driver of every activity,
    courtesies included; rates are those of the last year.
    """
    if not shop.has("resources"):
        raise MissingInputError("Table resources is not loaded.", "It would give what a minute costs, and unused time.")
    span = shop.fetch("data_span").row(0, named=True)
    days = round(value.horizon_days)
    window = {"start_date": span["last_day"] - dt.timedelta(days=days - 1), "end_date": span["last_day"]}
    seen = min(days, (span["last_day"] - span["first_day"]).days + 1)
    orders = shop.fetch("int_orders").filter(pl.col("ordered_on") >= window["start_date"])
    if orders.is_empty() or days < 1:
        raise DataError(f"horizon_days={shown(value.horizon_days)}: there was no order in as many days before.")
    expected = _orders_to_come(shop, value, orders, days / seen)
    growth = {name: n / orders.height for name, n in expected.items()}
    activities = _activities(shop, window, orders.height, growth["orders"])
    table = _resources(shop, window, activities, growth, days / seen)
    return ActivityBudget(
        table=table, activities=activities, orders_last=orders.height, orders=expected["orders"],
        orders_low=expected["low"], orders_high=expected["high"], days=days, currency=shop.currency,
    )  # fmt: skip


def _orders_to_come(shop: Warehouse, value: LifetimeValue, orders: pl.DataFrame, stretch: float) -> dict[str, float]:
    """Return orders of today's customers and of newcomers, with an interval."""
    start = orders["ordered_on"].min()
    arrived = shop.fetch("int_arrivals").filter(pl.col("acquired_on") >= start)
    of_newcomers = orders.join(arrived, on="customer_id", how="semi").height * stretch
    nobody = orders["customer_id"].null_count() * stretch  # they come back as often as before
    # a model counts days with a purchase, a shop counts orders
    known = orders.drop_nulls("customer_id")
    per_day = known.height / max(known.select("customer_id", "ordered_on").n_unique(), 1)
    expected = float(value.table["expected_purchases"].sum()) * per_day
    low = high = expected
    if value.spread is not None:
        bounds = value.intervals()
        low, high = (float(bounds[f"expected_purchases_{end}"].sum()) * per_day for end in ("low", "high"))
    # the model's interval is of its parameters; purchases and newcomers come by chance, too
    chance = Z * math.sqrt(max(expected + 2 * of_newcomers + nobody, 0.0))
    more = of_newcomers + nobody
    total = expected + more
    return {
        "orders": total,
        "low": max(total - math.hypot(expected - low, chance), 0.0),
        "high": total + math.hypot(high - expected, chance),
    }


def _activities(shop: Warehouse, window: dict[str, dt.date], n_orders: int, growth: float) -> pl.DataFrame:
    volumes = shop.fetch("activity_volumes", **window)
    names = shop.fetch("int_courtesy_events").select("measure_id", "measure").unique("measure_id")
    words = pl.col("activity").str.replace(".", ": ", literal=True).str.replace_all("_", " ")
    courtesy = pl.col("measure_id") != "none"
    return volumes.join(names, on="measure_id", how="left").select(
        "resource_id", pl.when(courtesy).then(pl.format("courtesy: {}", "measure")).otherwise(words).alias("activity"),
        pl.col("n").alias("n_last"), (pl.col("n") / n_orders).alias("per_order"),
        (pl.col("minutes") / pl.col("n")).alias("minutes_each"), (pl.col("n") * growth).alias("n"),
        pl.col("minutes").alias("minutes_last"), (pl.col("minutes") * growth).alias("minutes"),
    )  # fmt: skip


def _resources(
    shop: Warehouse, window: dict[str, dt.date], activities: pl.DataFrame, growth: dict[str, float], stretch: float
) -> pl.DataFrame:
    """Set the minutes of the next year against the capacity of the last, at its rates."""
    paid = (
        shop.fetch("capacity_use")
        .filter(pl.col("period").is_between(window["start_date"].replace(day=1), window["end_date"]))
        .group_by("resource_id")
        .agg(
            pl.col("name").drop_nulls().first(), pl.col("practical_min").sum() * _months(window),
            pl.col("cost", "avoidable_cost").cast(pl.Float64).sum() * _months(window),
        )
    )  # fmt: skip
    needed = activities.group_by("resource_id").agg(pl.col("minutes_last").sum())
    both = paid.join(needed, on="resource_id", how="left").with_columns(pl.col("minutes_last").fill_null(0.0))
    practical = pl.col("practical_min") * stretch
    rate = pl.when(pl.col("practical_min") > 0).then(pl.col("cost") / pl.col("practical_min"))
    avoidable = pl.when(pl.col("cost") > 0).then(pl.col("avoidable_cost") / pl.col("cost")).otherwise(1.0)
    minutes = pl.col("minutes_last") * growth["orders"]
    idle, short = (practical - minutes).clip(lower_bound=0.0), (minutes - practical).clip(lower_bound=0.0)
    return both.select(
        "resource_id", "name", "minutes_last", minutes=minutes,
        minutes_low=pl.col("minutes_last") * growth["low"],
        minutes_high=pl.col("minutes_last") * growth["high"],
        practical_min=practical, idle_min=idle, short_min=short,
        used_cost=pl.min_horizontal(minutes, practical) * rate, idle_cost=idle * rate,
        saved_if_given_up=idle * rate * avoidable, to_hire=short * rate,
    ).sort("to_hire", "idle_cost", "resource_id", descending=[True, True, False])  # fmt: skip


def _months(window: dict[str, dt.date]) -> float:
    """Return what the window is of the calendar months that it touches: capacity is stated by month."""
    first = window["start_date"].replace(day=1)
    last = (window["end_date"].replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return ((window["end_date"] - window["start_date"]).days + 1) / (last - first).days


def _name(row: dict[str, object]) -> str:
    return str(row["name"] or row["resource_id"]).replace("_", " ")
