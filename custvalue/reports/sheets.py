"""What stands on which sheet of the workbook: at most ten sheets, named by question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from custvalue.experiments.targeting import TargetingRule
from custvalue.experiments.threshold import ThresholdCurve
from custvalue.experiments.verdict import Verdict
from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.waterfall import CustomerProfit
from custvalue.profit.whale import WhaleCurve
from custvalue.reports.answers import COURTESY, WORTH
from custvalue.reports.summary import question
from custvalue.reports.tables import View, recommendation, view_of, views
from custvalue.results import EXCEL_ROWS, column_kind
from custvalue.service.segments import Segments
from custvalue.service.service_plan import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custvalue.reports.analysis import Analysis
    from custvalue.results import Kind, Result

SHEETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Worth": (WORTH, ("value", "segments", "purchases", "spend")),
    "Earnings": ("What do we earn, and on whom?", ("profit", "whale", "actions")),
    "Courtesy": (COURTESY, ("courtesy", "today", "limits")),
    "Tests": ("Does a measure pay, and for whom?", ("verdict ", "targeting ", "threshold ")),
    "Plan": ("What should we do?", ("plan",)),
    "Capacity": ("Do we use the capacity we pay for?", ("capacity", "budget", "signs", "practices")),
    "Controls": ("Do the figures tie?", ("rows_read", "control_totals", "ledger")),
}
"""Sheet -> its question, and the names of its results, or how they begin."""
CUSTOMERS = "Customers"
INDEX, ASSUMPTIONS = "Index", "Assumptions"
COURTESY_SUMS = ("n_events", "minutes", "full", "avoidable", "accounting", "economic", "forgone_fee")
SUMS = ("n_customers", "customer_share", "value_share", "clv", "revenue_value")
LATER = ("frequency", "recency", "T", "monetary_value")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A native chart of a block: one column as names, others as values."""

    kind: str
    names: str
    values: tuple[str, ...]
    title: str
    rows: int = 12


@dataclass(frozen=True, kw_only=True)
class Block:
    """A table on a sheet: heading, rows, how columns are shown, which may be summed, and a chart if any."""

    heading: str
    frame: pl.DataFrame
    kinds: Mapping[str, Kind]
    totals: tuple[str, ...] = ()
    graph: Graph | None = None
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet: its name, its question, what was found, and its tables."""

    name: str
    question: str
    findings: list[str]
    currency: str
    blocks: list[Block] = field(default_factory=list)
    note: str = ""


def sheets(analysis: Analysis) -> list[Sheet]:
    """Return the sheets that have something to say, the customers' list after what they are worth."""
    told: list[Sheet] = []
    for name, (asked, starts) in SHEETS.items():
        found = {key: r for start in starts for key, r in analysis.results.items() if _is_of(key, start)}
        blocks = [block for key, result in found.items() for block in _blocks(key, result)]
        if blocks:
            findings = [result.title for key, result in found.items() if key not in ("purchases", "spend")]
            told.append(Sheet(name=name, question=asked, findings=findings, currency=analysis.currency, blocks=blocks))
    first = 1 if told and told[0].name == "Worth" else 0
    return [*told[:first], customers(analysis), *told[first:]]


def _is_of(key: str, start: str) -> bool:
    return key.startswith(start) if start.endswith(" ") else key == start


def customers(analysis: Analysis) -> Sheet:
    """Return the list of all customers; what does not fit on a sheet is cut, and the sheet says so."""
    table = analysis.customers()
    first = [c for c in ("customer_id", "segment") if c in table.columns]
    table = table.select(*first, pl.exclude(*first, *LATER)) if "segment" in table.columns else table
    shown = table.head(EXCEL_ROWS)
    value = analysis.results.get("value")
    known = {} if value is None else value.column_kinds()
    kinds: dict[str, Kind] = {name: known.get(name) or column_kind(name, t) for name, t in shown.schema.items()}
    sums = [n for n, kind in kinds.items() if kind == "money" and not n.endswith(("_low", "_high"))]
    note = "" if shown.height == table.height else f"The first {shown.height:,} of {table.height:,} rows."
    block = Block(heading="", frame=shown, kinds=kinds, totals=tuple(n for n in sums if n != "monetary_value"))
    return Sheet(name=CUSTOMERS, question="Who are they, one by one?", currency=analysis.currency, blocks=[block],
                 note=note, findings=[f"{table.height:,} customers"])  # fmt: skip


def _blocks(key: str, result: Result) -> Iterator[Block]:
    if isinstance(result, Segments):
        yield _segments(result)
    elif isinstance(result, LifetimeValue):
        if result.spread is not None:  # its rows are the customers' list
            whole = result.total_by()
            yield _block(
                view_of("In total, with its interval", whole.table, whole.column_kinds()), "In total, with its interval"
            )
    elif isinstance(result, CourtesyCost):
        yield from _courtesy(result)
    elif isinstance(result, ServicePlan):
        yield from _plan(result)
    elif isinstance(result, CustomerProfit | WhaleCurve):
        yield from _earnings(result)
    else:
        about = f"{question(key)} " if isinstance(result, Verdict | TargetingRule | ThresholdCurve) else ""
        for view in views(result):
            yield _block(view, f"{about}{view.caption}".strip() or question(key))


def _block(view: View, heading: str, totals: tuple[str, ...] = (), graph: Graph | None = None, key: str = "") -> Block:
    summed = tuple(name for name in totals or view.totals if name in view.frame.columns)
    return Block(heading=heading, frame=view.frame, kinds=view.kinds, totals=summed, graph=graph, key=key)


def _segments(result: Segments) -> Block:
    column = result.value_column
    names = ("segment", "n_customers", "customer_share", column, f"{column}_mean", "value_share", "churn_probability",
             "cost_to_serve")  # fmt: skip
    view = view_of(
        "Segments: high value first, within it those at risk first", result.table, result.column_kinds(), names
    )
    shares = Graph(kind="bar", names="segment", values=("customer_share", "value_share"),
                   title="Share of customers and of future value")  # fmt: skip
    return _block(view, view.caption, SUMS, shares if result.table["value_share"].null_count() == 0 else None)


def _courtesy(result: CourtesyCost) -> Iterator[Block]:
    columns = (
        "measure",
        "n_events",
        "n_customers",
        "minutes",
        "full",
        "avoidable",
        "accounting",
        "economic",
        "forgone_fee",
    )
    costly = result.table.filter(pl.col("n_events") > 0)
    whole = view_of("By measure, highest cost first", costly, result.column_kinds(), columns)
    graph = Graph(kind="bar", names="measure", values=("full", "avoidable"), title="The dearest measures")
    yield _block(whole, whole.caption, COURTESY_SUMS, graph, key="measures")
    for view in views(result)[1:]:
        yield _block(view, view.caption, COURTESY_SUMS if "full" in view.frame.columns else ("amount",))


def _plan(result: ServicePlan) -> Iterator[Block]:
    steps = recommendation(result)
    yield _block(steps, "What to give, limit, withdraw and test, and why", ("gain", "cost"), key="plan")
    for view in views(result):
        is_frontier = view.name == "frontier"
        graph = Graph(kind="line", names="budget", values=("net",), title="What other budgets would earn", rows=20)
        yield _block(view, view.caption, graph=graph if is_frontier else None)


def _earnings(result: Result) -> Iterator[Block]:
    graph = Graph(kind="column", names="tenth", values=("profit",), title="Profit by tenths of customers, best first")
    for view in views(result):
        yield _block(view, view.caption, graph=graph if isinstance(result, WhaleCurve) else None)
