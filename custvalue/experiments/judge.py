"""From the customers of a test to an estimate and a decision for each segment."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl
from scipy.stats import t as student

from custvalue.errors import DataError
from custvalue.experiments.checks import MOST_SKEWED, min_per_arm, skewed_tail
from custvalue.experiments.money import Belief, FurtherTest, belief, best_further_test, order_uplift
from custvalue.experiments.randomised import ALL, Cells, Effect, Metric, cells, effect_of, holm
from custvalue.experiments.sequence import sequence_half_width, sequence_p_value, tuning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.config import DecisionSettings
    from custvalue.experiments.trial import Trial

Decision = Literal[
    "cannot be judged",
    "pays only for",
    "pays off",
    "does not pay",
    "practically neutral",
    "keep testing",
    "not worth testing further",
]
NOT_JUDGED: Decision = "cannot be judged"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is known of a segment, and what to do.

    Attributes
    ----------
    effect
        On contribution per customer and window, with the interval that the decision rests on.
    p_adjusted
        Holm over the segments; the plain p-value for all customers.
    belief
        Posterior of the effect.
    further
        The further test that is worth most.
    until
        When its last customer is mature, at the pace at which customers entered so far.
    customers
        Eligible customers of the segment.
    annual_impact
        Expected gain of a launch to them, money per year of 365 days.
    revenue, orders
        Effects on the other outcomes; None where they are not known.
    break_even_uplift
        Share of additional orders at which the measure breaks even.
    perfect_information
        What knowing the effect exactly would be worth over the horizon, money (EVPI).
    sample_information
        What the further test's result is worth before its costs, money (EVSI); None without one.
    """

    segment: str
    decision: Decision
    effect: Effect
    p_adjusted: float
    belief: Belief
    further: FurtherTest
    until: dt.date | None
    customers: float
    annual_impact: float
    revenue: Effect | None
    orders: Effect | None
    break_even_uplift: float | None
    perfect_information: float
    sample_information: float | None


def judge(trial: Trial, settings: DecisionSettings, looks: int) -> dict[str, Judgement]:
    """Judge all customers and each segment; segments with too few customers in an arm are left out."""
    metrics = _metrics(trial)
    found = cells(trial.customers, metrics.values(), arm="treated", segment="segment" if trial.segments else None)
    large = [s for s in trial.segments if _smallest_arm(found, s) >= min_per_arm(trial) and _is_even(trial, s)]
    main = metrics["contribution"]
    plain = {s: effect_of(main, found, segment=s, level=settings.level) for s in (ALL, *large)}
    sequential = max(settings.planned_looks, looks) > 1
    total = plain[ALL].n
    planned = settings.planned_customers / trial.customers_per_unit
    rho = {s: tuning(planned * e.n / total, settings.level) for s, e in plain.items()}
    p = {
        s: sequence_p_value(e.effect, e.standard_error, e.n, rho[s]) if sequential else e.p_value
        for s, e in plain.items()
    }
    adjusted = holm({s: p[s] for s in large}, settings.level) | {ALL: (p[ALL], settings.level)}
    out = {}
    for segment, estimate in plain.items():
        p_adjusted, level = adjusted[segment]
        if sequential:
            effect = _always_valid(estimate, rho[segment], level)
        else:
            effect = effect_of(main, found, segment=segment, level=level)
        others = {k: _maybe(m, found, segment, settings.level) for k, m in metrics.items() if k != "contribution"}
        out[segment] = _judgement(
            trial,
            settings,
            segment,
            replace(effect, p_value=p[segment]),
            p_adjusted,
            others,
            estimate.n / total,
        )
    return out


def _metrics(trial: Trial) -> dict[str, Metric]:
    out = {"contribution": Metric("outcome", "before" if trial.has("before") else None)}
    if trial.has("revenue") and not trial.customers["revenue"].null_count():
        out["revenue"] = Metric("revenue", _complete(trial, "pre_revenue"))
    if trial.has("n_orders") and not trial.customers["n_orders"].null_count():
        out["orders"] = Metric("n_orders", _complete(trial, "pre_orders"))
    return out


def _complete(trial: Trial, column: str) -> str | None:
    return column if trial.has(column) and not trial.customers[column].null_count() else None


def _smallest_arm(found: Cells, segment: str) -> int:
    return min(int(found[segment, t].count()) if (segment, t) in found else 0 for t in (False, True))


def _is_even(trial: Trial, segment: str) -> bool:
    """Tell whether a segment's interval can be trusted: the outcome not too skewed for the smaller of its arms."""
    return trial.is_by_unit or skewed_tail(trial.customers.filter(pl.col("segment") == segment)) <= MOST_SKEWED


def _maybe(metric: Metric, found: Cells, segment: str, level: float) -> Effect | None:
    try:
        return effect_of(metric, found, segment=segment, level=level)
    except DataError:  # an outcome that is the same for everybody has no effect to show
        return None


def _always_valid(estimate: Effect, rho: float, level: float) -> Effect:
    half = sequence_half_width(estimate.standard_error, estimate.n, rho, level)
    return replace(estimate, low=estimate.effect - half, high=estimate.effect + half, level=level)


def _judgement(
    trial: Trial,
    settings: DecisionSettings,
    segment: str,
    effect: Effect,
    p_adjusted: float,
    others: Mapping[str, Effect | None],
    share: float,
) -> Judgement:
    now = belief(effect.effect, effect.standard_error, settings.prior_sd)
    size = trial.customers_per_unit
    eligible = (settings.eligible_customers or trial.customers.height * size) * share
    pace = trial.entered_per_day(None if segment == ALL else segment) * size
    further = best_further_test(
        now,
        customers=eligible * settings.horizon_days / trial.outcome_days,
        lost_waiting=eligible * (trial.outcome_days + trial.return_days) / trial.outcome_days,
        lost_per_customer=eligible / pace / trial.outcome_days,
        available=eligible,
        sd_per_customer=effect.sd_per_customer * math.sqrt(size),  # customers of a unit come and go together
        cost_per_customer=settings.cost_per_test_day / pace,
    )
    decision = decide(effect, now, further, settings)
    until = None
    if further.n_per_arm:
        days = min(math.ceil(2.0 * further.n_per_arm / pace) + trial.outcome_days + trial.return_days, 365 * 100)
        until = trial.as_of + dt.timedelta(days=days)
    return Judgement(
        segment=segment,
        decision=decision,
        effect=effect,
        p_adjusted=p_adjusted,
        belief=now,
        further=further,
        until=until,
        customers=eligible,
        annual_impact=now.mean * eligible * 365.0 / trial.outcome_days,
        revenue=others.get("revenue"),
        orders=others.get("orders"),
        break_even_uplift=_break_even(effect, others.get("orders")),
        perfect_information=now.perfect_information(eligible * settings.horizon_days / trial.outcome_days),
        sample_information=further.net_benefit + further.cost if further.n_per_arm else None,
    )


def _break_even(effect: Effect, orders: Effect | None) -> float | None:
    """Additional orders that make up for the smaller contribution per order; None where nothing can."""
    if orders is None or min(orders.control, orders.treated) <= 0.0:
        return None
    return order_uplift(effect.control / orders.control, effect.treated / orders.treated)


def decide(effect: Effect, now: Belief, further: FurtherTest, settings: DecisionSettings) -> Decision:
    """Choose one of the decisions in their order; the chance that it pays is never the rule."""
    if effect.low > 0.0 and now.loss_if_launched() <= settings.loss_cap:
        return "pays off"
    if effect.high < 0.0 and now.loss_if_kept() <= settings.loss_cap:
        return "does not pay"
    if -settings.neutral_margin <= effect.low and effect.high <= settings.neutral_margin:
        return "practically neutral"
    return "keep testing" if further.n_per_arm else "not worth testing further"


def overall(judgements: Mapping[str, Judgement]) -> tuple[Decision, tuple[str, ...]]:
    """Decide for all customers; a launch to some segments alone is tried first.

    Returns
    -------
    Decision
        For the whole.
    tuple of str
        The segments that it pays for, when it pays only for some.
    """
    whole = judgements[ALL].decision
    parts = {s: j.decision for s, j in judgements.items() if s != ALL}
    paying = tuple(s for s, d in parts.items() if d == "pays off")
    if paying and (whole != "pays off" or "does not pay" in parts.values()):
        return "pays only for", paying
    return whole, ()


def detectable_effect(effect: Effect, level: float, power: float = 0.8) -> float:
    """Smallest effect per customer, in money, that such a test finds with the given power."""
    df = effect.n - 2
    return float(effect.standard_error * (student.ppf(0.5 + level / 2.0, df) + student.ppf(power, df)))
