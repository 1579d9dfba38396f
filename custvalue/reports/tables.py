"""Which tables of a result people see: a few readable columns, not every figure there is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING

import polars as pl

from custvalue.data.rows_read import RowsRead
from custvalue.experiments.threshold import ThresholdCurve
from custvalue.experiments.verdict import Verdict
from custvalue.models.fitting import ModelFit
from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.actions import Unprofitable
from custvalue.profit.budget import ActivityBudget
from custvalue.profit.capacity import CapacityUse
from custvalue.profit.conservation import ControlTotals
from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.delivered import DeliveredToday
from custvalue.profit.inward import InwardPanel
from custvalue.profit.ledger import LedgerReconciliation
from custvalue.profit.limits import CourtesyLimits
from custvalue.profit.practices import DepartmentAgainstCompany
from custvalue.profit.waterfall import CustomerProfit, waterfall_steps
from custvalue.profit.whale import WhaleCurve
from custvalue.results import SHOWN_ROWS, Result, column_kind
from custvalue.service.segments import Segments
from custvalue.service.service_plan import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.results import Kind

BEST = 10
TESTS_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class View:
    """A table ready to be shown.

    Attributes
    ----------
    caption
        What it holds, in a few words.
    frame, kinds
        The rows, and how each column is shown.
    name
        Ending of the sheet that holds it in the workbook; empty where the whole table is there already.
    totals
        Columns that may be summed.
    """

    caption: str
    frame: pl.DataFrame
    kinds: Mapping[str, Kind]
    name: str = ""
    totals: tuple[str, ...] = ()


def view_of(
    caption: str, frame: pl.DataFrame, kinds: Mapping[str, Kind], columns: Sequence[str] = (), name: str = "",
    totals: tuple[str, ...] = (),
) -> View:  # fmt: skip
    """Select the columns that are there; kinds that are not given are told from name and type."""
    shown = frame.select([column for column in columns if column in frame.columns] or frame.columns)
    told = {column: kinds.get(column) or column_kind(column, dtype) for column, dtype in shown.schema.items()}
    return View(caption=caption, frame=shown, kinds=told, name=name, totals=totals)


@singledispatch
def views(result: Result) -> list[View]:
    """Return the tables that a reader of the report needs; the workbook has the whole table."""
    return [view_of("", result.table.head(SHOWN_ROWS), result.column_kinds())]


@views.register
def _(result: RowsRead) -> list[View]:
    rows = ("table", "n_read", "n_used", "n_set_aside", "n_repeated", "n_left_out", "n_merged", "n_unreadable")
    money = ("table", "came", "used", "unattributed", "set_aside", "repeated", "left_out", "share_set_aside")
    kinds = result.column_kinds()
    caption = "Money: as the files write it, and what became of it (absolute amounts)"
    return [view_of(caption, result.table, kinds, money), view_of("Rows", result.table, kinds, rows, name="rows")]


@views.register
def _(result: CustomerProfit) -> list[View]:
    steps = waterfall_steps(result)
    revenue = float(result.company["net_revenue"].item())
    frame = pl.DataFrame(
        {
            "line": [("= " if is_sum else "") + name.replace("_", " ") for name, _, is_sum in steps],
            "amount": [amount for _, amount, _ in steps],
            "share_of_net_revenue": [float(amount) / revenue if revenue else None for _, amount, _ in steps],
        },
        schema_overrides={"amount": pl.Decimal(38, 2), "share_of_net_revenue": pl.Float64},
    )
    kinds: dict[str, Kind] = {"share_of_net_revenue": "percent"}
    caption = "Profit and loss of the company: ex tax, income positive, costs negative"
    return [view_of(caption, frame, kinds, name="company")]


@views.register
def _(result: WhaleCurve) -> list[View]:
    n = result.table.height
    tenth = ((pl.col("rank").cast(pl.Int64) - 1) * 10 // max(n, 1) + 1).alias("tenth")
    frame = result.table.group_by(tenth).agg(
        pl.len().cast(pl.Int64).alias("n_customers"), pl.col("profit").sum(), pl.col("cumulative").last()
    )
    return [view_of("Customers from best to worst, by tenths", frame.sort("tenth"), {"tenth": "count"}, name="tenths")]


@views.register
def _(result: CourtesyCost) -> list[View]:
    columns = ("measure", "n_events", "n_customers", "full", "avoidable", "accounting", "economic", "forgone_fee")
    costly = result.table.filter(pl.col("n_events") > 0)
    welcome = view_of("Winning and welcoming customers as marketing; the rest is cost of service", result.marketing, {},
                    name="as marketing")  # fmt: skip
    granted = view_of("By rule, and beyond it", result.by("grant"), result.kinds, ("measure", "granted", *columns[1:]),
                    name="by grant")  # fmt: skip
    segments = view_of("By segment", result.by("segment"), result.kinds, ("segment", *columns[1:]), name="by segment")
    bearers = ("granted_by_dept", "borne_by_dept", "n_events", "full", "avoidable")
    matrix = view_of("Who granted it, and who bears it", result.by("department").head(BEST), result.kinds, bearers,
                   name="by department")  # fmt: skip
    measures = view_of("By measure, highest cost first", costly.head(SHOWN_ROWS), result.kinds, columns)
    return [measures, granted, welcome, segments, matrix]


@views.register
def _(result: DeliveredToday) -> list[View]:
    columns = ("measure", "n_events", "events_per_customer_year", "minutes")
    kinds: dict[str, Kind] = {"events_per_customer_year": "number", "minutes": "count"}
    return [view_of("In the last quarter, most often first", result.latest.head(BEST), kinds, columns, name="latest")]


@views.register
def _(result: CourtesyLimits) -> list[View]:
    columns = ("measure", "guard", "max_per_customer_year", "n_beyond", "n_customers_beyond", "cost_beyond", "unmet",
               "n_too_early", "cost_too_early")  # fmt: skip
    beyond = result.table.filter((pl.col("n_beyond") > 0) | (pl.col("n_too_early") > 0))
    return [view_of("Beyond a limit, dearest first", beyond, result.kinds, columns)] if beyond.height else []


@views.register
def _(result: DepartmentAgainstCompany) -> list[View]:
    caption = "A comparison within segments, not an experiment; money a case"
    return [view_of(caption, result.table.drop("unit", "more", "loses_per_unit", "is_beyond_chance"), result.kinds)]


@views.register
def _(result: ActivityBudget) -> list[View]:
    columns = ("name", "minutes_last", "minutes", "minutes_low", "minutes_high", "practical_min", "short_min",
               "idle_cost", "saved_if_given_up", "to_hire")  # fmt: skip
    work: dict[str, Kind] = {"n": "count", "minutes": "count", "per_order": "number", "minutes_each": "number"}
    parts = ("resource_id", "activity", "n_last", "per_order", "minutes_each", "n", "minutes")
    resources = view_of("By resource", result.table, result.kinds, columns)
    return [resources, view_of("By activity", result.activities, work, parts, name="activities")]


@views.register
def _(result: Unprofitable) -> list[View]:
    worst = view_of(f"The {BEST} customers who lose most", result.table.head(BEST), result.kinds)
    return [view_of("What could be done, and the money it frees", result.actions, result.kinds, name="actions"), worst]


@views.register
def _(result: LedgerReconciliation) -> list[View]:
    money = ("ledger", "assigned", "unused_capacity", "facility", "unassigned", "difference")
    columns = ("account", "name", *money)
    return [view_of("By account, all months", result.by("account"), {}, columns, name="accounts", totals=money)]


@views.register
def _(result: ControlTotals) -> list[View]:
    money = ("came", "carried", "left_out", "difference")
    where = view_of(
        "Where each euro went: lines after moves, and what is left out by name", result.flows, {}, name="flows"
    )
    rules = view_of("What each rule books; a rule that moves money leaves no rest", result.rules, {}, name="rules")
    gaps = view_of("Gaps: work and goods without a cost, named with their amount", result.gaps, {}, name="gaps")
    balance = view_of("Each money column of the raw tables against the books", result.table, {}, ("raw_column", *money),
                    name="balance")  # fmt: skip
    return [balance, where, rules] + ([gaps] if result.gaps.height else [])


@views.register
def _(result: CapacityUse) -> list[View]:
    minutes: dict[str, Kind] = dict.fromkeys(("practical_min", "needed_min", "idle_min", "overload_min"), "count")
    columns = ("name", *minutes, "used_share", "cost", "unused_cost", "n_overloaded", "n_months")
    caption = "Practical capacity by resource, whole time: unused capacity is shown and never allocated"
    return [view_of(caption, result.by_resource, minutes, columns, name="resources")]


@views.register
def _(result: InwardPanel) -> list[View]:
    side = view_of("The customer's side of an order", result.customer_side, {}, name="customer side")
    brings = view_of("What it brings, shown apart", result.profit, result.kinds, name="brings")
    return [view_of("Higher is worse for every sign", result.table, result.kinds), side, brings]


@views.register
def _(result: ModelFit) -> list[View]:
    return [view_of("Parameters, with 95% intervals", result.table, result.kinds)]


@views.register
def _(result: LifetimeValue) -> list[View]:
    column = result.value_column
    best = result.table.sort(column, "customer_id", descending=[True, False]).head(BEST)
    return [
        view_of(
            f"The {BEST} customers with the highest future {'revenue' if column == 'revenue_value' else 'value'}",
            best,
            result.column_kinds(),
        )
    ]


@views.register
def _(result: Segments) -> list[View]:
    column = result.value_column
    columns = ("segment", "n_customers", "customer_share", column, f"{column}_mean", "value_share", "churn_probability",
               "cost_to_serve")  # fmt: skip
    return [view_of("High value first; within it those at risk first", result.table, result.kinds, columns)]


@views.register
def _(result: Verdict) -> list[View]:
    columns = ("segment", "decision", "n_control", "n_treated", "effect", "effect_low", "effect_high", "p_pays",
               "annual_impact", "revenue_effect", "orders_uplift", "break_even_uplift")  # fmt: skip
    judged = result.table.drop_nulls("effect")
    shown = [view_of("Effect on contribution per customer", judged, result.kinds, columns)] if judged.height else []
    costs = result.costs.drop_nulls("accounting_cost") if "accounting_cost" in result.costs.columns else pl.DataFrame()
    if judged.height and costs.height:
        money: dict[str, Kind] = dict.fromkeys((c for c, t in costs.schema.items() if t.is_float()), "money")
        wanted = ("segment", "n_treated", "accounting_cost", "economic_cost", "accounting_total", "economic_total")
        caption = "Cost of the measure: as the books see it, and as the decision sees it (per treated customer)"
        shown.append(view_of(caption, costs, money, wanted, name="cost"))
    known = judged.drop_nulls("perfect_information")
    if known.height:
        knowing = ("segment", "perfect_information", "sample_information", "testing_cost", "testing_gain",
                   "keep_testing_until")  # fmt: skip
        caption = f"What knowing more is worth, over {result.settings.horizon_days:,} days"
        shown.append(view_of(caption, known, result.kinds, knowing, name="knowing more"))
    if result.naive is not None:
        caption = "Comparisons that must not be taken for the effect"
        shown.append(view_of(caption, result.naive, {"naive_difference": "money"}, name="naive"))
    return [*shown, view_of("Checks of the test", result.checks, {}, name="checks")]


@views.register
def _(result: ThresholdCurve) -> list[View]:
    columns = ("segment", "delivery", "n_customers", "orders_per_customer", "basket", "orders_split", "profit", "gain",
               "gain_low", "gain_high")  # fmt: skip
    caption = "Profit per customer by threshold, and its gain over today's"
    tested = result.table.filter(result.table["basis"] == "tested")
    checks = view_of("Checks of the comparison", result.checks, {}, name="checks")
    return [view_of(caption, tested, result.kinds, columns), checks]


@views.register
def _(result: ServicePlan) -> list[View]:
    steps = result.roadmap.drop("measure")
    tests = result.tests.drop("measure").head(TESTS_SHOWN)
    ended = result.withdrawals.drop("measure")
    parts = [
        view_of("Quarter by quarter: who, what it costs, and when it stops", steps, result.kinds, name="roadmap"),
        view_of("What to test next", tests, result.kinds, name="tests"),
        view_of("What does not pay: who has it, and what a withdrawal frees", ended, result.kinds,
              name="withdrawals"),
        view_of("How sure it is", result.risk, result.kinds, name="risk"),
        view_of("Limits: what is left, and what more would bring", result.shadow_prices, result.kinds, name="limits"),
        view_of("What other budgets would earn", result.frontier, result.kinds, name="frontier"),
    ]  # fmt: skip
    return [part for part in parts if part.frame.height]


def recommendation(plan: ServicePlan) -> View:
    """Return what to do for each measure and segment and why; of what stays as it is, only what was measured."""
    frame = plan.table.filter((pl.col("action") != "keep") | (pl.col("basis") == "measured"))
    columns = ("name", "segment", "action", "n_customers", "gain", "gain_low", "gain_high", "cost", "basis", "why")
    return view_of("", frame, plan.kinds, columns)
