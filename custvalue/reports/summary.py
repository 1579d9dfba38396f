"""What the first page of the report and the first sheet of the workbook say: figures, findings, control totals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from custvalue.data.rows_read import RowsRead
from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.randomised import ALL
from custvalue.experiments.verdict import Verdict
from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.waterfall import CustomerProfit
from custvalue.profit.whale import WhaleCurve
from custvalue.service.plan import ServicePlan
from custvalue.service.segments import Segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.reports.analysis import Analysis
    from custvalue.results import Kind, Result

QUESTIONS = {
    "rows_read": "Was everything read?",
    "profit": "What do we earn, and on whom?",
    "whale": "Who makes the profit?",
    "courtesy": "What does each courtesy cost?",
    "actions": "Who loses us money, and why?",
    "control_totals": "Where did each euro go?",
    "ledger": "Do the figures tie to the ledger?",
    "capacity": "How much of the paid capacity is used?",
    "signs": "Do we look inward?",
    "practices": "What do departments save at the company's cost?",
    "today": "What is given today?",
    "limits": "Which courtesies go beyond their limits?",
    "purchases": "How do customers buy, and when do they leave?",
    "spend": "How much do they spend?",
    "value": "What is each customer worth from now on?",
    "budget": "What work will the orders to come need?",
    "segments": "Which customers are alike?",
    "plan": "What should each segment get, and what should be tested first?",
}
ABOUT_TESTS = {
    "verdict": "Does {} pay?",
    "targeting": "Who should get {}?",
    "threshold": "From which basket on should there be {}?",
}


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One figure of the first screen; a text where the answer is a decision."""

    label: str
    value: float | str
    kind: Kind
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Control:
    """The same amount by two roads."""

    what: str
    source: float
    result: float
    kind: Kind = "money"

    @property
    def difference(self) -> float:
        """Source less result, to the cent; shares of a float sum smaller than that are nought."""
        return round(self.source - self.result, 2) + 0.0


def question(name: str) -> str:
    """Return the question that a result answers, by the result's name."""
    if name in QUESTIONS:
        return QUESTIONS[name]
    kind, _, experiment = name.partition(" ")
    return ABOUT_TESTS[kind].format(experiment.replace("_", " "))


def key_figures(analysis: Analysis) -> list[KeyFigure]:
    """Return the figures that answer the question at a glance, as far as they are known."""
    return [figure for result in analysis.results.values() for figure in _figures_of(result, analysis)]


def _figures_of(result: Result, analysis: Analysis) -> Iterator[KeyFigure]:
    if isinstance(result, CustomerProfit):
        yield from _profit_figures(result)
    elif isinstance(result, CourtesyCost):
        ratio = result.courtesy_ratio
        note = f"{ratio:.1%} of gross margin" if ratio else "its share of the margin is not known"
        yield KeyFigure(label="Cost of courtesy", value=float(result.table["full"].sum()), kind="money", note=note)
    elif isinstance(result, LifetimeValue):
        yield from _value_figures(result)
    elif isinstance(result, Verdict) and result is _first_verdict(analysis):
        name = result.experiment.replace("_", " ")
        yield KeyFigure(label=name.capitalize(), value=decision_of(result), kind="text", note=_effect(result))


def _profit_figures(profit: CustomerProfit) -> Iterator[KeyFigure]:
    total = profit.company.row(0, named=True)
    since = profit.table.height
    yield KeyFigure(label="Customers", value=float(since), kind="count", note="with at least one entry in the books")
    if profit.has_margin:
        share = total["contribution"] / total["net_revenue"] if total["net_revenue"] else Decimal(0)
        note = f"{share:.0%} of net revenue, after the cost of serving"
        yield KeyFigure(label="Contribution", value=float(total["contribution"]), kind="money", note=note)
    else:
        note = "after refunds; costs are not loaded"
        yield KeyFigure(label="Net revenue", value=float(total["net_revenue"]), kind="money", note=note)


def _value_figures(value: LifetimeValue) -> Iterator[KeyFigure]:
    column = value.value_column
    low, high = _value_interval(value)
    between = f", {value.level:.0%} interval {low:,.0f} to {high:,.0f}" if low is not None and high is not None else ""
    label = "Future value" if column == "clv" else "Future revenue"
    note = f"within {value.horizon_days:,.0f} days{between}"
    yield KeyFigure(label=label, value=float(value.table[column].sum()), kind="money", note=note)
    churned = float(value.table["churn_probability"].sum()) / max(1, value.table.height)
    if churned == 0:  # a model in which nobody leaves says nothing about churn
        return
    note = f"{churned * value.table.height:,.0f} customers expected to have left already"
    yield KeyFigure(label="Churned", value=churned, kind="percent", note=note)


def _value_interval(value: LifetimeValue) -> tuple[float | None, float | None]:
    if value.spread is None:
        return None, None
    row = value.total_by().table.row(0, named=True)
    return row[f"{value.value_column}_low"], row[f"{value.value_column}_high"]


def _first_verdict(analysis: Analysis) -> Verdict | None:
    """Return the verdict shown first: free delivery, or else the first test that could be judged."""
    found = [result for result in analysis.results.values() if isinstance(result, Verdict)]
    found.sort(key=lambda v: (v.experiment != "free_delivery", v.decision == "cannot be judged"))
    return found[0] if found else None


def decision_of(verdict: Verdict) -> str:
    """Return the decision in a few words, with the segments where it pays only for some."""
    only = f"Pays only for {', '.join(verdict.pays_only_for)}"
    return only if verdict.pays_only_for else verdict.decision.capitalize()


def _effect(verdict: Verdict) -> str:
    """Say what a launch to everybody would do in a year, the reason why the decision is by segment."""
    impact = verdict.table["annual_impact"][0] if verdict.table.height else None
    if impact is None:
        return "; ".join(verdict.checks.filter(status="block")["check"].to_list())
    verb = "gain" if impact > 0 else "lose"
    return f"given to everybody it would {verb} {abs(impact):,.0f} {verdict.currency} a year"


def unsaid(analysis: Analysis) -> list[tuple[str, str]]:
    """Return what can't be told yet and why: questions without an answer, and tests that can't be judged."""
    tests = [(n, r) for n, r in analysis.results.items() if isinstance(r, Verdict) and r.decision == NOT_JUDGED]
    return [*((question(name), verdict.sentence) for name, verdict in tests), *analysis.missing]


def controls(analysis: Analysis) -> list[Control]:
    """Compare totals that two parts of the analysis reached by different roads."""
    return [control for name in analysis.results for control in _controls_of(name, analysis)]


def _controls_of(name: str, analysis: Analysis) -> Iterator[Control]:
    results = analysis.results
    result, profit, value = results[name], results.get("profit"), results.get("value")
    if isinstance(result, RowsRead):
        yield from _file_controls(result)
    elif isinstance(result, CustomerProfit):
        for line in ("net_revenue", "contribution"):
            parts = sum(float(part[line].sum()) for part in (result.table, result.unattributed))
            what = f"{line.replace('_', ' ')}: company, and its customers with what has no customer"
            yield Control(what=what.capitalize(), source=float(result.company[line].item()), result=parts)
    elif isinstance(result, WhaleCurve) and isinstance(profit, CustomerProfit):
        what = "Contribution: profit and loss of customers, and end of the whale curve"
        yield Control(what=what, source=float(profit.table["contribution"].sum()), result=float(result.total))
    elif isinstance(result, CourtesyCost) and isinstance(profit, CustomerProfit):
        if "courtesy" in profit.company.columns:
            what = "Courtesy: line of the profit and loss, and sum of the measures"
            source = -float(profit.company["courtesy"].item())
            yield Control(what=what, source=source, result=float(result.table["accounting"].sum()))
    elif isinstance(result, Segments) and isinstance(value, LifetimeValue):
        column = value.value_column
        source, parts = (float(each.table[column].sum()) for each in (value, result))
        yield Control(what="Future value: sum of customers, and sum of segments", source=source, result=parts)
        source, parts = float(value.table.height), float(result.table["n_customers"].sum())
        yield Control(what="Customers: valued, and in a segment", source=source, result=parts, kind="count")
    else:
        yield from _decision_controls(result)


def _file_controls(read: RowsRead) -> Iterator[Control]:
    """Compare the sums of the files themselves with what became of their rows."""
    for row in read.table.drop_nulls("came").iter_rows(named=True):
        became = sum(float(row[name]) for name in ("used", "set_aside", "repeated", "left_out"))
        what = f"Files of {row['table']}: their own amounts, and what is used, set aside, repeated or left out"
        yield Control(what=what, source=float(row["came"]), result=became)


def _decision_controls(result: Result) -> Iterator[Control]:
    if isinstance(result, Verdict) and result.table["n_treated"].null_count() == 0:
        yield from _verdict_controls(result)
    elif isinstance(result, ServicePlan):
        rows = float(result.table["gain"].sum())
        yield Control(what="Service plan: its net, and sum of its rows", source=result.net, result=rows)


def _verdict_controls(verdict: Verdict) -> Iterator[Control]:
    whole, parts = verdict.table.filter(segment=ALL), verdict.table.filter(~(verdict.table["segment"] == ALL))
    if parts.height:
        source, result = (float((t["n_control"] + t["n_treated"]).sum()) for t in (whole, parts))
        what = f"Customers in test {verdict.experiment.replace('_', ' ')}: all, and sum of segments"
        yield Control(what=what, source=source, result=result, kind="count")
