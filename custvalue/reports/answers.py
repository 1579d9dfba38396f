"""The three answers of the first screen, in sentences that one can repeat: worth, courtesy, what to do."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.verdict import Verdict
from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.waterfall import CustomerProfit
from custvalue.reports.summary import decision_of
from custvalue.reports.words import about, capital, counted, for_people, listed, money, month, share, within
from custvalue.service.segments import RISK_BANDS, VALUE_BANDS, Segments
from custvalue.service.service_plan import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.reports.analysis import Analysis

WORTH, COURTESY, ACT = "What are our customers worth?", "What does courtesy cost us?", "What should we do?"
EVEN = 1.2
"""The best customers are only worth a word where they hold more than this times their share."""
NAMED = 3
"""So many measures are named in a sentence; of more, their number is told."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One question of the first screen: what to remember of it, and two or three sentences more."""

    question: str
    lead: str
    more: str
    anchor: str
    is_known: bool = True


def answers(analysis: Analysis) -> list[Answer]:
    """Return the three answers; what is not known yet says why."""
    return [_worth(analysis), _courtesy(analysis), _act(analysis)]


def span(analysis: Analysis) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of the orders that were observed."""
    summary = analysis.summary
    oldest = float(summary.table["T"].max() or 0.0)  # type: ignore[arg-type]
    return analysis.as_of - dt.timedelta(days=round(oldest * summary.days_per_unit)), analysis.as_of


def why_not(analysis: Analysis, *questions: str) -> str:
    """Return why the first of these questions has no answer."""
    told = dict(analysis.missing)
    found = next((told[question] for question in questions if question in told), "")
    return capital(for_people(found)).removesuffix(".") + "." if found else "The tables for it are not loaded."


def _worth(analysis: Analysis) -> Answer:
    value, profit = analysis.results.get("value"), analysis.results.get("profit")
    earned = _earned(profit) if isinstance(profit, CustomerProfit) else ""
    if not isinstance(value, LifetimeValue):
        why = why_not(
            analysis, "How do customers buy, and when do they leave?", "How much do they spend?",
            "What is each customer worth from now on?",
        )  # fmt: skip
        lead = "What they will be worth can’t be told from these data yet."
        place = "earn" if earned else "missing"
        return Answer(question=WORTH, lead=lead, more=f"{why} {earned}".strip(), anchor=place, is_known=False)
    column, total = value.value_column, float(value.table[value.value_column].sum())
    what = "revenue" if column == "revenue_value" else "profit after goods and service"
    n, amount = counted(value.table.height, "customer"), money(total, value.currency)
    lead = f"Our {n} will bring about {amount} of {what} {within(value.horizon_days)}."
    return Answer(
        question=WORTH, lead=lead, more=" ".join([*_about_value(value, total), earned]).strip(), anchor="worth"
    )


def _about_value(value: LifetimeValue, total: float) -> Iterator[str]:
    if value.spread is not None:
        row, column = value.total_by().table.row(0, named=True), value.value_column
        low, high = row[f"{column}_low"], row[f"{column}_high"]
        yield f"We are {value.level:.0%} sure that it lies between {about(low)} and {money(high, value.currency)}."
    best = float(value.table[value.value_column].sort(descending=True).head(max(1, value.table.height // 10)).sum())
    left = float(value.table["churn_probability"].sum())
    held = f"the best tenth hold {share(best / total)} of it" if total > 0 and best > EVEN * total / 10 else ""
    gone = f"{share(left / value.table.height)} of all customers have probably left"
    said = "; ".join(part for part in (held, gone if left >= 1 else "") if part)
    if said:
        yield capital(said) + "."
    if value.margin_rate is None:
        yield "How much of that is profit can be told once the cost of goods is loaded or a margin is set."


def _earned(profit: CustomerProfit) -> str:
    """Say what customers brought so far, and apart from it what has no customer."""
    known, nobody = (float(part["net_revenue"].sum() or 0) for part in (profit.table, profit.unattributed))
    guests = f"; sales without a customer brought {money(nobody, profit.currency)} more" if nobody > known / 100 else ""
    if not profit.has_margin:
        return f"So far they brought {money(known, profit.currency)} of net revenue{guests}."
    kept = float(profit.table["contribution"].sum() or 0)
    part = f", {share(kept / known)} of their net revenue" if known > 0 <= kept else ""
    losing = profit.table.filter(pl.col("contribution") < 0).height
    lost = f"; we lost money on {losing:,} of them" if losing else ""
    return f"So far we earned {money(kept, profit.currency)} on them{part}{lost}{guests}."


def _courtesy(analysis: Analysis) -> Answer:
    cost = analysis.results.get("courtesy")
    if not isinstance(cost, CourtesyCost):
        why = why_not(analysis, "What does each courtesy cost?")
        return Answer(
            question=COURTESY,
            lead="Not known: no courtesy shows in these data.",
            more=why,
            anchor="missing",
            is_known=False,
        )
    full = float(cost.table["full"].sum() or 0)
    if full <= 0:
        return Answer(question=COURTESY, lead="No courtesy was granted in this time.", more="", anchor="courtesy")
    first, last = span(analysis)
    since = f"from {month(max(first, cost.start))} to {month(min(last, cost.end))}"
    ratio = f", {share(cost.courtesy_ratio)} of gross margin" if cost.courtesy_ratio and cost.courtesy_ratio > 0 else ""
    lead = f"Courtesy cost us about {money(full, cost.currency)} {since}{ratio}."
    return Answer(question=COURTESY, lead=lead, more=" ".join(_about_courtesy(cost, full)), anchor="courtesy")


def _about_courtesy(cost: CourtesyCost, full: float) -> Iterator[str]:
    dearest = cost.table.sort("full", descending=True).row(0, named=True)
    yield f"{capital(dearest['measure'])} alone is {share(float(dearest['full']) / full)} of it."
    beyond = float(cost.events.filter(granted="beyond rule")["full"].sum() or 0)
    if 0 < beyond < full:
        ruled, more = (money(amount, cost.currency) for amount in (full - beyond, beyond))
        yield f"Our rules grant {ruled} of it; {more} went beyond them."
    avoidable = float(cost.table["avoidable"].sum() or 0)
    if 0 < avoidable < full:
        yield f"Giving all of it up would save {money(avoidable, cost.currency)}: the rest is paid for anyway."
    if cost.missing.height:
        yield f"The minutes of {counted(cost.missing.height, 'measure')} have no rate and are not in it."


def _act(analysis: Analysis) -> Answer:
    plan = analysis.results.get("plan")
    judged = [r for r in analysis.results.values() if isinstance(r, Verdict) and r.decision != NOT_JUDGED]
    if isinstance(plan, ServicePlan):
        steps = plan_steps(plan)
        lead = steps or "Keep today’s service: nothing measured says that a change pays."
        return Answer(question=ACT, lead=lead, more=" ".join(_about_plan(plan, bool(steps))), anchor="act")
    if judged:
        lead = " ".join(f"{capital(v.experiment.replace('_', ' '))}: {_lower(decision_of(v))}." for v in judged)
        return Answer(question=ACT, lead=lead, more=" ".join(for_people(v.title) + "." for v in judged),
                      anchor=anchor_of(judged[0]))  # fmt: skip
    return Answer(question=ACT, lead="Test before you change anything: nothing that was tried tells yet what pays.",
                  more=" ".join(_meanwhile(analysis)), anchor="missing", is_known=False)  # fmt: skip


def anchor_of(verdict: Verdict) -> str:
    """Return the anchor of the chapter that tells a verdict."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in verdict.experiment.lower())
    return f"pays-{kept.strip('-')}"


def plan_steps(plan: ServicePlan) -> str:
    """Say what to give, limit and withdraw, a sentence for each measure; empty where nothing changes."""
    changed = plan.table.filter(pl.col("action").is_in(list(STEPS)))
    measures = changed["name"].unique(maintain_order=True).to_list()
    told = [_step(name, changed.filter(name=name)) for name in measures[:NAMED]]
    rest = len(measures) - NAMED
    return " ".join([*told, *([f"Change {counted(rest, 'more measure')} as well."] if rest > 0 else [])])


STEPS = {"give": "give {} to {}", "limit": "limit {} for {}", "withdraw": "withdraw {} from {}"}


def _step(name: str, rows: pl.DataFrame) -> str:
    """Name the measure once: `Give free delivery to “remote”; withdraw it from “near”`."""
    said: list[str] = []
    for action, words in STEPS.items():
        if segments := rows.filter(action=action)["segment"].to_list():
            said.append(words.format("it" if said else name, listed([f"“{segment}”" for segment in segments])))
    return capital("; ".join(said)) + "."


def _about_plan(plan: ServicePlan, changes: bool) -> Iterator[str]:
    risk = plan.risk.row(0, named=True)
    if changes:
        low, high = risk["net_low"], risk["net_high"]
        between = "" if low is None or high is None else f" ({about(low)} to {about(high)}, 90% sure)"
        word = "more" if plan.net >= 0 else "less"
        yield f"That earns about {money(abs(plan.net), plan.currency)} a year {word} than today{between}."
    if plan.belief_share > 0:
        yield f"{share(plan.belief_share)} of it is belief, not measured."
    tests = plan.table.filter(action="test")
    changed = set(plan.table.filter(pl.col("action").is_in(list(STEPS)))["name"])
    named = []
    for (name,), rows in tests.group_by("name", maintain_order=True):
        only = f" for {listed([f'“{segment}”' for segment in rows['segment']])}" if name in changed else ""
        named.append(f"{name}{only}")
    if named:
        rest = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        yield f"Test before deciding: {', '.join(named[:NAMED]) if rest else listed(named)}{rest}."


def _meanwhile(analysis: Analysis) -> Iterator[str]:
    segments = analysis.results.get("segments")
    if isinstance(segments, Segments):
        best = segments.customers.filter(value_band=VALUE_BANDS[0])
        total = float(segments.table[segments.value_column].sum())
        held = float(best[segments.value_column].sum()) / total if total > 0 else 0.0
        if held > EVEN * best.height / segments.customers.height:
            yield f"Meanwhile, keep the best {best.height:,} customers: {share(held)} of what is to come is theirs."
        if at_risk := best.filter(risk_band=RISK_BANDS[0]).height:
            yield f"{counted(at_risk, 'of them has', 'of them have')} probably left: win them back first."
    yield "A randomised test (tables experiments and assignments) tells whether a measure pays, and for whom."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
