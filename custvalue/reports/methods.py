"""How the figures were made, in words: what was counted, what was assumed, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.rows_read import RowsRead
from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.verdict import Verdict
from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.waterfall import CustomerProfit
from custvalue.reports.answers import span
from custvalue.reports.words import counted, day, for_people, money, share, within
from custvalue.service.segments import RISK_BANDS, Segments
from custvalue.service.service_plan import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.reports.analysis import Analysis
    from custvalue.results import Result

MODELS = {
    "MbgNbd": "MBG/NBD: everybody buys at a steady pace of his own, and may leave after any purchase, the first too",
    "BgNbd": "BG/NBD: everybody buys at a steady pace of his own, and may leave after each repeat purchase",
    "ParetoNbd": "Pareto/NBD: everybody buys at a steady pace of his own, and may leave at any time",
    "GgomNbd": "GGom/NBD: everybody buys at a steady pace of his own, and the risk to leave changes with age",
    "BgCnbd": "BG/CNBD-k: everybody buys at fairly regular intervals, and may leave after each repeat purchase",
    "MbgCnbd": "MBG/CNBD-k: everybody buys at fairly regular intervals, and may leave after each purchase",
    "Nbd": "NBD: everybody buys at a steady pace of his own, and nobody leaves",
    "Poisson": "Poisson: everybody buys at the same steady pace, and nobody leaves",
    "GammaGamma": "Gamma-Gamma: each customer’s orders vary around a mean of his own",
    "MeanSpend": "the mean of all orders, the same for everybody",
}
"""A model's class -> what it assumes of people."""


def paragraphs(analysis: Analysis) -> list[tuple[str, str]]:
    """Return heading and text of each paragraph of the methods, of what this analysis used."""
    told = [("Data", _data(analysis))]
    verdicts = [r for r in analysis.results.values() if isinstance(r, Verdict) and r.decision != NOT_JUDGED]
    for result in analysis.results.values():
        text = " ".join(_of(result))
        if text:
            told.append((_heading(result), text))
    if verdicts:
        told.append(("Tests", " ".join(_tests(verdicts))))
    return told


def _data(analysis: Analysis) -> str:
    first, last = span(analysis)
    customers = counted(analysis.summary.table.height, "customer")
    read = analysis.results.get("rows_read")
    rows = f" {for_people(read.title)}." if isinstance(read, RowsRead) else ""
    unit = f" Money is in {analysis.currency}, without tax; income is positive, costs are negative."
    return f"Orders from {day(first)} to {day(last)} of {customers}.{rows}{unit if analysis.currency else ''}"


def _heading(result: Result) -> str:
    names = ((LifetimeValue, "Value"), (CustomerProfit, "Earnings"), (CourtesyCost, "Courtesy"), (Segments, "Segments"))
    return next((name for kind, name in names if isinstance(result, kind)), "Plan")


def _of(result: Result) -> Iterator[str]:
    if isinstance(result, LifetimeValue):
        yield from _value(result)
    elif isinstance(result, CustomerProfit):
        yield from _profit(result)
    elif isinstance(result, CourtesyCost):
        yield (
            "Full cost is what a courtesy uses up, with its share of paid capacity; avoidable cost is what would be "
            "saved without it. A decision also counts a fee forgone, as long as no test shows that it won the order."
        )
    elif isinstance(result, Segments):
        yield from _segments(result)
    elif isinstance(result, ServicePlan):
        yield from _plan(result)


def _value(value: LifetimeValue) -> Iterator[str]:
    what = "revenue" if value.margin_rate is None else "profit after goods and service"
    rate = f", discounted at {share(value.annual_discount_rate)} a year" if value.annual_discount_rate else ""
    yield f"It is the {what} that a customer’s orders will bring {within(value.horizon_days)}{rate}."
    if isinstance(value.margin_rate, float | int):
        served = value.service_cost_per_order
        cost = (
            f", and serving an order costs {money(served, value.currency)}" if isinstance(served, float | int) else ""
        )
        yield f"The margin is {share(value.margin_rate)} of revenue{cost}."
    for asked, model in (
        ("How often they buy follows", value.purchase_model),
        ("What they spend follows", value.spend_model),
    ):
        if (name := model.partition("(")[0]) in MODELS:
            yield f"{asked} {MODELS[name]}."
    if value.level is not None:
        yield (
            f"The {value.level:.0%} interval of the total holds what the data leave open about these patterns; that of "
            "a single customer also holds chance."
        )


def _profit(profit: CustomerProfit) -> Iterator[str]:
    if profit.has_margin:
        yield (
            "Contribution is net revenue less the cost of goods, delivery, payment, returns, support and courtesy, "
            "before overhead and before what it cost to win the customer."
        )
        yield "Work is costed at what a minute of practical capacity costs; unused capacity is charged to nobody."
    else:
        yield "Net revenue is what was sold less discounts and refunds; costs of goods are not loaded."


def _segments(segments: Segments) -> Iterator[str]:
    high, middle = share(segments.high_share), share(segments.middle_share)
    yield f"High value are the best {high} of customers by future value, middle value the next {middle}."
    if RISK_BANDS[0] in set(segments.table["risk_band"]):
        yield f"At risk is who has left already with a probability above {share(segments.at_risk_above)}."
    if segments.costly_above is not None and segments.cost_basis == "gross_margin":
        yield f"Costly to serve is who uses up more than {share(segments.costly_above)} of his gross margin in service."


def _tests(verdicts: list[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        name = verdict.experiment.replace("_", " ")
        whole = verdict.table.row(0, named=True)
        sizes = f"{whole['n_treated']:,} with it, {whole['n_control']:,} without" if whole["n_treated"] else ""
        drawn = "drawn at random" if verdict.design == "rct" else "not drawn at random"
        units = verdict.unit.replace("_", " ") + "s"
        yield (
            f"{name.capitalize()} was tried on {units} {drawn} ({sizes}) and compared over {verdict.outcome_days:,} "
            f"days, plus {verdict.return_days} for returns."
        )
        if verdict.is_provisional:
            yield "It still runs: its figures are provisional."
    first = verdicts[0]
    yield (
        f"Intervals hold with {first.settings.level:.0%} confidence over all segments together. A difference below "
        f"{money(first.settings.neutral_margin, first.currency)} per customer does not matter, and a decision may risk "
        f"an expected loss of at most {money(first.settings.loss_cap, first.currency)} per customer."
    )


def _plan(plan: ServicePlan) -> Iterator[str]:
    quarters = counted(plan.n_quarters, "quarter")
    yield f"The plan looks {quarters} ahead. It acts on what a test measured; the rest is tested first."
    limits = []
    if plan.budget is not None:
        limits.append(f"a budget of {money(plan.budget, plan.currency)}")
    if plan.staff_hours is not None:
        limits.append("the staff hours set")
    yield (
        f"It keeps within {' and '.join(limits)}."
        if limits
        else "It is limited by the capacity there is, not by a budget."
    )
    yield "Gains are against today, after what the measure costs, with 90% intervals."
