"""The verdict in words: money first, never headline revenue or conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.experiments.arms import are_plain
from custvalue.experiments.randomised import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from custvalue.experiments.checks import Check
    from custvalue.experiments.judge import Decision, Judgement
    from custvalue.experiments.opt_in import OptInEffect
    from custvalue.experiments.trial import Trial


def money(value: float, *, sign: bool = False, digits: int = 2) -> str:
    """Write money with thousands separators and a true minus; a rounded zero has no sign."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{digits}f}".replace("-", "−")


def percent(share: float, *, sign: bool = False) -> str:
    """Write a share as a percentage: one decimal under 1 % and over 99 %, otherwise none."""
    if not sign and (share < 0.0005 or share > 0.9995):
        return "under 0.1 %" if share < 0.5 else "over 99.9 %"
    digits = 1 if not sign and not 0.01 <= share <= 0.99 else 0
    return f"{100.0 * share:{'+' if sign else ''}.{digits}f} %".replace("-", "−")


def in_words(column: str) -> str:
    """Say a column: what was known before the measure says so at its end."""
    said = column.replace("_", " ")
    return f"{said.removeprefix('pre ')} before" if said.startswith("pre ") else said


def sentence_of(
    trial: Trial,
    judgements: Mapping[str, Judgement],
    decision: Decision,
    paying: Sequence[str],
    blocked: Sequence[Check],
    currency: str,
) -> str:
    """Say what was found in money, what a launch would bring, and what to do."""
    if blocked:
        reasons = " ".join(f"{c.detail} ({c.check})" if c.check not in c.detail.lower() else c.detail for c in blocked)
        provisional = f" Provisional: {_effect(trial, judgements[ALL], currency)}" if judgements else ""
        return f"Cannot be judged. {reasons}{provisional}"
    whole = judgements[ALL]
    gain = f"{money(sum(judgements[s].annual_impact for s in paying), digits=0)} {currency} a year"
    parts = [
        _effect(trial, whole, currency),
        f"Chance that it pays: {percent(whole.belief.p_pays())}.",
        _launch(whole, currency),
        _decision(whole, decision, paying, gain, currency),
        *_segments(judgements, paying, currency),
    ]
    return " ".join(part for part in parts if part)


def _effect(trial: Trial, j: Judgement, currency: str) -> str:
    low, high = money(j.effect.low), money(j.effect.high)
    effect = money(j.effect.effect, sign=True)
    new = ", new customers included" if trial.has("n_new") else ""
    who = f"Per customer (by {trial.unit}{new})" if trial.is_by_unit else "Per customer"
    arms = "" if are_plain(trial.control, trial.treatment) else f" ({trial.treatment} against {trial.control})"
    text = f"{who} and {trial.outcome_days} days{arms}: contribution {effect} {currency} ({low} to {high})"
    return text + (f", revenue {money(j.revenue.effect, sign=True)}." if j.revenue is not None else ".")


def about_launch(launch: OptInEffect | None) -> str:
    """Say what is known of a launch that was not randomised, and on which assumption it rests."""
    if launch is None:
        return ""
    row = launch.table.row(0, named=True)
    effect = f"{money(row['effect'], sign=True)} {launch.currency}"
    known = _names([in_words(c) for c in launch.covariates])
    return (
        f"On those who got it the effect is estimated at {effect} ({money(row['effect_low'])} to"
        f" {money(row['effect_high'])}), if nothing but {known} decided who they were; only a randomised test can tell."
    )


def _launch(j: Judgement, currency: str) -> str:
    verb = "gain" if j.annual_impact > 0.0 else "lose"
    amount = money(abs(j.annual_impact), digits=0)
    return f"Launching to {j.customers:,.0f} customers is expected to {verb} {amount} {currency} a year."


def _decision(j: Judgement, decision: Decision, paying: Sequence[str], gain: str, currency: str) -> str:
    if decision == "pays only for":
        return f"It pays only for {_names(paying)}: launching to them alone is expected to gain {gain}."
    return {
        "pays off": "It pays off.",
        "does not pay": "It does not pay.",
        "practically neutral": "It is practically neutral.",
        "keep testing": f"{_keep_testing(j, currency)[0].upper()}{_keep_testing(j, currency)[1:]}.",
        "not worth testing further": "It is not worth testing further: "
        + ("launch it, the better mean." if j.effect.effect > 0.0 else "leave it, the better mean."),
    }[decision]


def _keep_testing(j: Judgement, currency: str) -> str:
    if j.until is None:
        return "keep testing"
    cost = money(j.further.cost, digits=0)
    more = f"{2 * j.further.n_per_arm:,} more customers"
    return f"keep testing until {j.until.isoformat()} ({more}, expected cost {cost} {currency})"


def _segments(judgements: Mapping[str, Judgement], paying: Sequence[str], currency: str) -> list[str]:
    parts = {s: j for s, j in judgements.items() if s != ALL and s not in paying}
    words = {
        "does not pay": "It does not pay for {}.",
        "practically neutral": "It is practically neutral for {}.",
        "not worth testing further": "It is not worth testing further for {}.",
    }
    found = {decision: [s for s, j in parts.items() if j.decision == decision] for decision in words}
    out = [words[decision].format(_names(names)) for decision, names in found.items() if names]
    return out + [_undecided(j, currency) for j in parts.values() if j.decision == "keep testing"]


def _undecided(j: Judgement, currency: str) -> str:
    may = ""
    if j.effect.effect > 0.0:
        uplift = j.break_even_uplift
        may = " may break even"
        if uplift is not None and uplift > 0.0:
            may += f" (needs {percent(uplift, sign=True)} orders)"
    return f"{j.segment[:1].upper()}{j.segment[1:]} customers{may}: {_keep_testing(j, currency)}."


def _names(segments: Sequence[str]) -> str:
    return segments[0] if len(segments) == 1 else f"{', '.join(segments[:-1])} and {segments[-1]}"


def title_of(decision: Decision, paying: Sequence[str], table: pl.DataFrame, currency: str, days: int) -> str:
    """Return the decision with the effect on all customers behind it."""
    first = f"Pays only for {_names(paying)}" if paying else decision.capitalize()
    about = "; for all customers" if paying else ", only estimated" if decision == "cannot be judged" else ""
    whole = table.row(0, named=True)
    if whole["effect"] is None:
        return first
    low, high = money(whole["effect_low"]), money(whole["effect_high"])
    effect = f"{money(whole['effect'], sign=True)} {currency} ({low} to {high})"
    return f"{first}{about}: {effect} contribution per customer and {days} days"
