"""What a plan is made from, read from the shop: segments, today's service, rates and idle time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import polars as pl

from custvalue.errors import CustvalueError
from custvalue.experiments.randomised import ALL
from custvalue.profit.waterfall import customer_profit
from custvalue.service.costs import resource_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse

YEAR = dt.timedelta(days=365)
MONTHS, MONTHS_PER_QUARTER = 12, 3
EVENTS = ("measure_id", "customer_id", "occurred_on", "minutes", "resource_id")
ROLLED_OUT = 0.8
"""A test that gives a measure to so many is service with a hold-out."""
BEYOND = "beyond rule"
"""What the rules for everybody give is no courtesy."""


@runtime_checkable
class Shop(Protocol):
    """Anything that gives a table or a relation by name as a frame."""

    def fetch(self, relation: str, **params: Any) -> pl.DataFrame:
        """Return it."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a plan rests on.

    Attributes
    ----------
    effects
        As `gathered` gives them.
    names
        Measures by their names.
    catalogue, bundles
        Tables `courtesy_catalogue` and `bundle_items`; empty where not loaded.
    rates
        Money per hour of each resource, in full and avoidable.
    idle
        Hours per quarter that each resource is paid for and not used, on average over its last twelve months.
    sizes
        Customers of each declared segment; all of them where none is declared.
    membership
        `customer_id`, `segment`.
    events
        Courtesies of the last year, without those given to the treated of a test of the same measure.
    tested
        Courtesies of tests' treated while the test ran, with `experiment`, `days` and `n_treated`.
    arms
        `experiment`, `segment`, `n`: treated by test, where it ended within the last year or still runs.
    rolled_out
        Measure and segment -> the share that has it by a roll-out with a hold-out.
    contribution_year, sd_year
        Mean and spread of customers' contribution over the last year, money.
    """

    as_of: dt.date
    currency: str
    effects: pl.DataFrame
    names: Mapping[str, str]
    catalogue: pl.DataFrame
    bundles: pl.DataFrame
    rates: Mapping[str, tuple[float, float]]
    idle: Mapping[str, float]
    sizes: Mapping[str, int]
    membership: pl.DataFrame
    events: pl.DataFrame
    tested: pl.DataFrame
    arms: pl.DataFrame
    observed: pl.DataFrame
    rolled_out: Mapping[tuple[str, str], float]
    contribution_year: float
    sd_year: float

    def events_a_year(self, measure: str, segment: str) -> float:
        """Events per customer of a segment over the last year, outside of tests."""
        mine = self.events.filter(pl.col("measure_id") == measure)
        if segment != ALL:
            mine = mine.filter(pl.col("segment") == segment)
        n = self.sizes.get(segment) or sum(self.sizes.values())
        return mine.height / n if n else 0.0

    def dose(self, measure: str) -> float:
        """Events a year of a customer who has the measure: of the bundles, else of those who had any, else one."""
        stated = self.bundles.filter(pl.col("measure_id") == measure)["dose"]
        if stated.len():
            return float(cast("float", stated.max()))
        mine = self.events.filter(pl.col("measure_id") == measure)
        return mine.height / mine["customer_id"].n_unique() if mine.height else 1.0

    def given_today(self, measure: str, segment: str) -> float:
        """Share of a segment that has a tested measure outside of the test: rolled out, or by its events a year."""
        return max(self._by_events(measure, segment), min(self.rolled_out.get((measure, segment), 0.0), 1.0))

    def _by_events(self, measure: str, segment: str) -> float:
        """Share by the events of the segment, set against those of a test's treated."""
        treated = self.tested.filter(pl.col("measure_id") == measure)
        if treated.is_empty():
            return 0.0
        rate = treated.height / float(treated["n_treated"][0]) / float(treated["days"][0]) * YEAR.days
        return min(self.events_a_year(measure, segment) / rate, 1.0) if rate else 0.0

    def hours_of(self, measure: str) -> dict[str, float]:
        """Hours per treated customer and year that a test's measure took, by resource."""
        treated = self.tested.filter((pl.col("measure_id") == measure) & pl.col("resource_id").is_not_null())
        if treated.is_empty():
            return {}
        scale = YEAR.days / float(treated["days"][0]) / float(treated["n_treated"][0]) / 60.0
        return {
            r: float(m) * scale for r, m in treated.group_by("resource_id").agg(pl.col("minutes").sum()).iter_rows()
        }

    def treated(self, experiment: str, segment: str) -> int:
        """Count the customers who have a measure only as the treated of a test."""
        mine = self.arms.filter(experiment=experiment)
        return int((mine if segment == ALL else mine.filter(segment=segment))["n"].sum())


def read_facts(shop: Shop, effects: pl.DataFrame, membership: pl.DataFrame | None) -> Facts:
    """Read a shop's facts as of its last day with an order."""
    as_of = shop.fetch("data_span")["last_day"].item()
    catalogue = _table(shop, "courtesy_catalogue")
    declared = shop.fetch("customer_segments") if membership is None else membership.select("customer_id", "segment")
    if declared.is_empty():
        declared = shop.fetch("customers").select("customer_id", segment=pl.lit(ALL))
    events, tested = _events(shop, declared, as_of, effects)
    resources = _table(shop, "resources")
    rates = resource_rates(resources, as_of=as_of) if resources.height else None
    mean, sd = _contribution(shop, as_of)
    return Facts(
        as_of=as_of, currency=str(getattr(shop, "currency", "")), effects=effects, catalogue=catalogue,
        names=dict(catalogue.select("measure_id", "name").iter_rows()), bundles=_table(shop, "bundle_items"),
        rates={} if rates is None else {r: (60.0 * f, 60.0 * a) for r, f, a in rates.iter_rows()},
        idle=_idle(shop, as_of) if resources.height else {}, membership=declared,
        sizes=dict(declared.group_by("segment").len().sort("segment").iter_rows()), events=events, tested=tested,
        arms=_arms(shop, declared, as_of, effects), observed=_observed(shop),
        rolled_out=_rolled_out(shop, declared), contribution_year=mean, sd_year=sd,
    )  # fmt: skip


def _table(shop: Shop, name: str) -> pl.DataFrame:
    return shop.fetch(name)


def _events(
    shop: Shop, declared: pl.DataFrame, as_of: dt.date, effects: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split the courtesies: those of the last year outside of tests, and those of the treated while a test ran."""
    logged = (
        shop.fetch("int_courtesy_events")
        .filter(granted=BEYOND)
        .select(EVENTS)
        .with_columns(pl.col("minutes").cast(pl.Float64))
    )
    treated = _treated(shop, effects).select("customer_id", "starts", "ends", "experiment", measure_id="measure")
    counted = treated.with_columns(
        n_treated=pl.len().over("experiment"), days=(pl.col("ends") - pl.col("starts")).dt.total_days() + 1
    )
    both = logged.join(counted, on=["measure_id", "customer_id"], how="left")
    in_test = pl.col("occurred_on").is_between("starts", "ends").fill_null(value=False)
    last_year = pl.col("occurred_on") > as_of - YEAR
    outside = both.filter(~in_test & last_year).join(declared, on="customer_id", how="inner")
    return outside, both.filter(in_test)


def _treated(shop: Shop, effects: pl.DataFrame) -> pl.DataFrame:
    """Return the treated customers of the tests that measured something."""
    tests = effects.select("measure", "experiment", "control_arm").unique()
    known = shop.fetch("experiments").join(tests, left_on="name", right_on="experiment").rename({"name": "experiment"})
    known = known.filter(pl.col("planned_share").cast(pl.Float64).fill_null(0.5) < ROLLED_OUT)
    rows = shop.fetch("assignments").join(known.select("experiment_id", "experiment", "measure", "starts", "ends",
                                                       told="control_arm_right"), on="experiment_id")  # fmt: skip
    return rows.filter(pl.col("arm") != pl.col("told"))


def _rolled_out(shop: Shop, declared: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Share of each segment that is given a measure by a roll-out."""
    steps = shop.fetch("experiments").filter(pl.col("planned_share").cast(pl.Float64).fill_null(0.5) >= ROLLED_OUT)
    if steps.is_empty():
        return {}
    sizes = declared.group_by("segment").agg(size=pl.len())
    given = shop.fetch("assignments").filter(pl.col("arm") == "treatment").join(
        steps.select("experiment_id", "measure_id"), on="experiment_id"
    ).select("measure_id", "customer_id").unique().join(declared, on="customer_id")  # fmt: skip
    shares = given.group_by("measure_id", "segment").len().join(sizes, on="segment")
    return {(m, s): n / size for m, s, n, size in shares.iter_rows()}


def _arms(shop: Shop, declared: pl.DataFrame, as_of: dt.date, effects: pl.DataFrame) -> pl.DataFrame:
    treated = _treated(shop, effects).filter(pl.col("ends") > as_of - YEAR)
    joined = treated.join(declared, on="customer_id", how="left")
    return joined.group_by("segment", "experiment").agg(n=pl.len())


def _observed(shop: Shop) -> pl.DataFrame:
    means = pl.col("units", "direct_cost", "minutes", "loss", "forgone_fee").cast(pl.Float64).mean()
    return shop.fetch("int_courtesy_events").group_by("measure_id").agg(means)


def _idle(shop: Shop, as_of: dt.date) -> dict[str, float]:
    """Average idle hours a quarter; a month that was used beyond capacity has none."""
    use = shop.fetch("capacity_use").drop_nulls("practical_min").filter(pl.col("period") <= as_of)
    use = use.sort("resource_id", "period")
    last = use.group_by("resource_id", maintain_order=True).tail(MONTHS)
    idle = last.group_by("resource_id").agg(pl.col("idle_min").mean()).sort("resource_id")
    return {r: float(m) * MONTHS_PER_QUARTER / 60.0 for r, m in idle.iter_rows()}


def _contribution(shop: Shop, as_of: dt.date) -> tuple[float, float]:
    """Mean and spread of what a customer contributed in the last year; who bought nothing counts with 0."""
    try:
        profit = customer_profit(cast("Warehouse", shop), start=as_of - YEAR + dt.timedelta(days=1), end=as_of)
        column = next(c for c in ("contribution", "net_revenue") if c in profit.table.columns)
    except (CustvalueError, StopIteration):
        return 0.0, 0.0
    known = (
        shop.fetch("customers")
        .select("customer_id")
        .join(
            profit.table.select("customer_id", pl.col(column).cast(pl.Float64).alias("earned")),
            on="customer_id",
            how="left",
        )["earned"]
        .fill_null(0.0)
    )
    return float(known.mean() or 0.0), float(known.std() or 0.0)  # type: ignore[arg-type]
