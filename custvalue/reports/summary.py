"""What report and workbook both say: the question of each result, control totals, what can't be told."""

from __future__ import annotations

from dataclasses import dataclass
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


def decision_of(verdict: Verdict) -> str:
    """Return the decision in a few words, with the segments where it pays only for some."""
    only = f"Pays only for {', '.join(verdict.pays_only_for)}"
    return only if verdict.pays_only_for else verdict.decision.capitalize()


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
