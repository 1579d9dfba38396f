"""What a run assumed, in words, with its value: settings that a reader may change, and what came from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.waterfall import CustomerProfit
from custvalue.reports.summary import question
from custvalue.results import describe
from custvalue.service.segments import Segments
from custvalue.service.service_plan import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.config import Settings
    from custvalue.reports.analysis import Analysis
    from custvalue.results import Kind

LEFT_OUT = ("currency", "sentence", "kinds", "decision", "pays_only_for")
"""What every sheet says anyway, or is an answer and no assumption."""


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """A figure that an answer rests on: what it is, and what it does.

    Attributes
    ----------
    key
        The setting that holds it.
    """

    what: str
    value: float | str
    kind: Kind
    does: str
    key: str = ""


def settings_of(analysis: Analysis) -> list[Assumption]:
    """Return the settings of the run; changed in the settings file, and effective with the next run."""
    settings = analysis.settings
    return [*_of_value(settings, analysis.results.get("value")), *_of_tests(settings), *_of_plan(settings, analysis)]


def _of_value(settings: Settings, value: object) -> Iterator[Assumption]:
    yield Assumption(what="Days looked ahead", value=float(settings.horizon_days), kind="count", key="horizon_days",
                     does="Value counts the orders of so many days.")  # fmt: skip
    yield Assumption(what="Discount a year", value=settings.annual_discount_rate, kind="percent",
                     key="annual_discount_rate", does="What comes a year later is worth so much less.")  # fmt: skip
    if isinstance(value, LifetimeValue):
        yield from _of_margin(settings, value)
    yield Assumption(what="Certainty of intervals", value=settings.level, kind="percent", key="level",
                     does="So often an interval holds the true figure.")  # fmt: skip
    yield Assumption(what="Money that may be set aside", value=settings.set_aside_limit, kind="percent",
                     key="set_aside_limit", does="Above it a run warns before any figure.")  # fmt: skip


def _of_margin(settings: Settings, value: LifetimeValue) -> Iterator[Assumption]:
    margin, served = value.margin_rate, value.service_cost_per_order
    if not isinstance(margin, int | float) or not isinstance(served, int | float):
        return  # a column of the customers
    known = "As the books have it; a setting overrides it."
    yield Assumption(what="Margin, share of revenue", value=float(margin), kind="percent", key="margin_rate",
                     does=known if settings.margin_rate is None else "As set.")  # fmt: skip
    yield Assumption(what="Cost of serving an order", value=float(served), kind="money", key="service_cost_per_order",
                     does=known if settings.service_cost_per_order is None else "As set.")  # fmt: skip


def _of_tests(settings: Settings) -> Iterator[Assumption]:
    rules = settings.decision
    yield Assumption(what="Loss that a decision may risk", value=rules.loss_cap, kind="money", key="decision.loss_cap",
                     does="Expected, per customer and test window.")  # fmt: skip
    yield Assumption(what="Difference that does not matter", value=rules.neutral_margin, kind="money",
                     key="decision.neutral_margin", does="Per customer and test window, either way.")  # fmt: skip
    yield Assumption(what="Days that a decision holds", value=float(rules.horizon_days), kind="count",
                     key="decision.horizon_days", does="The worth of a further test is counted over them.")  # fmt: skip


def _of_plan(settings: Settings, analysis: Analysis) -> Iterator[Assumption]:
    if not isinstance(analysis.results.get("plan"), ServicePlan):
        return
    service = settings.service
    yield Assumption(what="Stated beliefs may carry a step", value=_yes(service.accept_priors), kind="text",
                     key="service.accept_priors", does="If no, only what was measured is given.")  # fmt: skip
    yield Assumption(what="What does not pay may be withdrawn", value=_yes(service.withdraw), kind="text",
                     key="service.withdraw", does="After a quarter’s notice, newcomers first.")  # fmt: skip
    yield Assumption(what="Customers held back", value=service.holdout, kind="percent", key="service.holdout",
                     does="So many don’t get a measure at first, so that what it earns can be seen.")  # fmt: skip
    segments = analysis.results.get("segments")
    if isinstance(segments, Segments):
        yield Assumption(what="Customers of high value", value=segments.high_share, kind="percent",
                         does="The best so many by future value.")  # fmt: skip
        yield Assumption(what="At risk above", value=segments.at_risk_above, kind="percent",
                         does="Probability of having left already.")  # fmt: skip


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def live_inputs(analysis: Analysis) -> list[Assumption]:
    """Return the inputs that figures of the workbook follow at once: what an order earns, what delivering it costs."""
    profit = analysis.results.get("profit")
    if not isinstance(profit, CustomerProfit) or not profit.has_margin:
        return []
    total = {name: float(amount or 0) for name, amount in profit.company.row(0, named=True).items()
             if isinstance(amount, int | float) or hasattr(amount, "quantize")}  # fmt: skip
    summary = analysis.summary.table
    orders = float(summary["frequency"].sum()) + summary.height
    before = total["contribution"] - total.get("courtesy", 0.0)
    margin = total["gross_margin"] / total["net_revenue"] if total["net_revenue"] else 0.0
    told = [
        Assumption(what="An order earns, before courtesy", value=round(before / orders, 4), kind="money", key="earns",
                   does="Contribution and courtesy of all customers, by days with an order."),
        Assumption(what="Margin, share of net revenue", value=round(margin, 6), kind="percent", key="margin",
                   does="As the books have it."),
    ]  # fmt: skip
    if total.get("carrier_cost"):
        cost = round(-total["carrier_cost"] / orders, 4)
        told.append(Assumption(what="Delivering an order costs", value=cost, kind="money", key="delivery",
                               does="Carriers’ invoices, by days with an order."))  # fmt: skip
    budget = analysis.settings.service.budget
    if budget is not None and isinstance(analysis.results.get("plan"), ServicePlan):
        told.append(Assumption(what="Budget of the plan", value=float(budget), kind="money", key="budget",
                               does="What is left of it stands beneath the plan."))  # fmt: skip
    return told


def record(analysis: Analysis) -> list[tuple[str, str, str]]:
    """Return every further figure that made an answer, exactly: name, value, question; for those who repeat a run."""
    told: list[tuple[str, str, str]] = []
    for name, result in analysis.results.items():
        for assumption, value in result.assumptions.items():
            text = describe(value)
            if text and text != "not limited" and assumption not in LEFT_OUT:
                told.append((assumption.replace("_", " "), text, question(name)))
    return told
