"""Checks of what was found: they warn, they never block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError
from custvalue.experiments.checks import MIN_PER_ARM, Check
from custvalue.experiments.judge import detectable_effect
from custvalue.experiments.randomised import ALL, Metric, cells, effect_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custvalue.config import DecisionSettings
    from custvalue.experiments.judge import Judgement
    from custvalue.experiments.trial import Trial

MANY_SEGMENTS = 8
TOP_SHARE = 0.001
UNDECIDED = ("keep testing", "not worth testing further")


def check_findings(trial: Trial, judgements: Mapping[str, Judgement], settings: DecisionSettings) -> list[Check]:
    """Run the warning checks on the estimates."""
    whole = judgements[ALL]
    checks = [
        _detectable(whole, settings),
        _top_customers(trial, whole),
        _winners_curse(judgements, settings),
    ]
    checks += [*_segments(trial, judgements), *_orders(trial)]
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
        text = f"Fewer than {MIN_PER_ARM} customers in an arm: {', '.join(small)}; they are not judged alone."
        yield Check("small segments", "warn", text)


def _orders(trial: Trial) -> Iterator[Check]:
    if not trial.has("n_orders") or trial.customers["n_orders"].null_count():
        return
    if trial.has("revenue") and not trial.customers["revenue"].null_count():
        yield _fall(trial, "split orders", "revenue", "The basket per order")
    if trial.has("fee_paid") and not trial.customers["fee_paid"].null_count():
        yield _fall(trial, "paid deliveries cannibalised", "fee_paid", "The fee paid per order")


def _fall(trial: Trial, name: str, column: str, what: str) -> Check:
    ratio = Metric(column, per="n_orders")
    try:
        found = effect_of(ratio, cells(trial.customers, [ratio], arm="treated"))
    except DataError:
        return Check(name, "ok", f"{what} is the same for everybody.")
    text = f"{what} changes by {found.effect:+,.2f} ({found.low:,.2f} to {found.high:,.2f})."
    return Check(name, "warn" if found.high < 0.0 else "ok", text)
