"""Checks of what was found: they warn, they never block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError
from custvalue.experiments.checks import Check, min_per_arm
from custvalue.experiments.judge import detectable_effect
from custvalue.experiments.randomised import ALL, Metric, cells, effect_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custvalue.config import DecisionSettings
    from custvalue.experiments.judge import Judgement
    from custvalue.experiments.randomised import Effect
    from custvalue.experiments.trial import Trial

MANY_SEGMENTS = 8
TOP_SHARE = 0.001
UNDECIDED = ("keep testing", "not worth testing further")


def check_findings(trial: Trial, judgements: Mapping[str, Judgement], settings: DecisionSettings) -> list[Check]:
    """Run the warning checks on the estimates."""
    whole = judgements[ALL]
    checks = [_detectable(whole, settings), _winners_curse(judgements, settings)]
    checks += [_new_customers(trial)] if trial.is_by_unit else [_top_customers(trial, whole)]
    checks += [*_segments(trial, judgements), *_orders(trial), *_timing(trial)]
    return checks


def _detectable(whole: Judgement, settings: DecisionSettings) -> Check:
    size = detectable_effect(whole.effect, settings.level)
    text = f"With 80 % power the test finds an effect of {size:,.2f} per customer or more."
    return Check("smallest detectable effect", "warn" if whole.decision in UNDECIDED else "ok", text)


def _top_customers(trial: Trial, whole: Judgement) -> Check:
    limit = trial.customers["outcome"].quantile(1.0 - TOP_SHARE, "higher")
    rest = trial.customers.filter(pl.col("outcome") < limit)
    name = "without the top 0.1 %"
    try:
        metric = Metric("outcome", "before" if trial.has("before") else None)
        found = effect_of(metric, cells(rest, [metric], arm="treated"), level=whole.effect.level)
    except DataError:
        return Check(name, "warn", "Without the best 0.1 % of customers nothing is left to compare.")
    text = f"Without them the effect is {found.effect:+,.2f} ({found.low:,.2f} to {found.high:,.2f})."
    changed = (found.low > 0.0, found.high < 0.0) != (whole.effect.low > 0.0, whole.effect.high < 0.0)
    if changed or found.effect * whole.effect.effect < 0.0:
        return Check(name, "warn", f"A few customers carry the result. {text}")
    return Check(name, "ok", text)


def _new_customers(trial: Trial) -> Check:
    name = "new customers"
    if not trial.has("n_new"):
        return Check(name, "ok", "Which customers are new is not known; what they brought counts in the outcome.")
    try:
        found = effect_of(Metric("n_new"), cells(trial.customers, [Metric("n_new")], arm="treated"))
    except DataError:
        return Check(name, "ok", "No customer came new in the window.")
    text = f"New customers per known one: {found.effect:+,.3f} ({found.low:,.3f} to {found.high:,.3f})."
    return Check(name, "ok", f"{text} What they brought counts in the outcome.")


def _winners_curse(judgements: Mapping[str, Judgement], settings: DecisionSettings) -> Check:
    winners = [s for s, j in judgements.items() if j.decision == "pays off"]
    if winners and settings.prior_sd is None:
        text = f"{', '.join(winners)}: chosen for a high estimate, so expect less; set prior_sd to shrink it."
        return Check("winner's curse", "warn", text)
    return Check("winner's curse", "ok", "No estimate was chosen for being high, or a prior shrinks it.")


def _segments(trial: Trial, judgements: Mapping[str, Judgement]) -> Iterator[Check]:
    if len(trial.segments) > MANY_SEGMENTS:
        text = f"{len(trial.segments)} segments: each is judged at the strict levels of Holm's procedure."
        yield Check("many segments", "warn", text)
    if small := [s for s in trial.segments if s not in judgements]:
        few = f"Fewer than {min_per_arm(trial)} {trial.noun} in an arm, or an outcome too skewed for it"
        text = f"{few}: {', '.join(small)}; they are not judged alone."
        yield Check("small segments", "warn", text)


def _orders(trial: Trial) -> Iterator[Check]:
    if not trial.has("n_orders") or trial.customers["n_orders"].null_count():
        return
    if trial.has("revenue") and not trial.customers["revenue"].null_count():
        yield _fall(trial, "split orders", "revenue", "The basket per order")
    if trial.has("fee_paid") and not trial.customers["fee_paid"].null_count():
        yield _fall(trial, "paid deliveries cannibalised", "fee_paid", "The fee paid per order")


def _timing(trial: Trial) -> Iterator[Check]:
    customers = trial.customers
    if not trial.has("n_orders") or customers["n_orders"].null_count():
        return
    lead = _orders_effect(trial, "n_orders")
    if trial.has("order_weeks") and not customers["order_weeks"].null_count():
        yield _novelty(trial, lead)
    if trial.has("n_orders_after") and not customers["n_orders_after"].null_count():
        yield _pulled_forward(trial, lead)


def _orders_effect(trial: Trial, column: str) -> Effect | None:
    known = trial.has("pre_orders") and not trial.customers["pre_orders"].null_count()
    metric = Metric(column, "pre_orders" if known else None)
    try:
        return effect_of(metric, cells(trial.customers, [metric], arm="treated"))
    except DataError:  # nobody ordered, or all ordered alike
        return None


def _novelty(trial: Trial, lead: Effect | None) -> Check:
    """Compare the mean week of an order: it is the same in both arms where the effect is a constant factor.

    Season and customers who leave move it in both arms alike, so they are not taken for a fading effect.
    """
    name, week = "novelty by week", Metric("order_weeks", per="n_orders")
    late = _orders_effect(trial, "n_orders_late")
    try:
        found = effect_of(week, cells(trial.customers, [week], arm="treated"))
    except DataError:
        return Check(name, "ok", "Everybody ordered in the same week.")
    if lead is None or late is None or lead.effect <= 0.0:
        return Check(name, "ok", "The measure brought no more orders, so none can fade.")
    text = (
        f"Additional orders per customer: {lead.effect - late.effect:+,.3f} in the first half of the window,"
        f" {late.effect:+,.3f} in the second; the mean week of an order differs by {found.effect:+,.2f}"
        f" ({found.low:,.2f} to {found.high:,.2f})."
    )
    if found.high < 0.0:
        return Check(name, "warn", f"The effect shrinks over the weeks: after the test expect less. {text}")
    return Check(name, "ok", text)


def _pulled_forward(trial: Trial, lead: Effect | None) -> Check:
    name = "orders pulled forward"
    days = int(trial.customers["days_after"].max() or 0) if trial.has("days_after") else None  # type: ignore[arg-type]
    after = _orders_effect(trial, "n_orders_after")
    if days == 0 or after is None:
        return Check(name, "ok", "No order after the end is known yet: judge again when there are some.")
    text = f"Once it was over{f' ({days} days known)' if days else ''}, orders per customer changed by"
    text += f" {after.effect:+,.3f} ({after.low:,.3f} to {after.high:,.3f})"
    if after.high >= 0.0:
        return Check(name, "ok", f"{text}.")
    if lead is None or lead.effect <= 0.0:
        return Check(name, "warn", f"{text}: the measure costs orders afterwards.")
    share = min(-after.effect / lead.effect, 1.0)
    return Check(name, "warn", f"{text}: {share:.0%} of the additional {lead.effect:,.3f} only came earlier.")


def _fall(trial: Trial, name: str, column: str, what: str) -> Check:
    ratio = Metric(column, per="n_orders")
    try:
        found = effect_of(ratio, cells(trial.customers, [ratio], arm="treated"))
    except DataError:
        return Check(name, "ok", f"{what} is the same for everybody.")
    text = f"{what} changes by {found.effect:+,.2f} ({found.low:,.2f} to {found.high:,.2f})."
    return Check(name, "warn" if found.high < 0.0 else "ok", text)
