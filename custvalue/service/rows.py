"""A solved plan as tables that people read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from custvalue.service.cases import PILOT_DAYS
from custvalue.service.options import HAS_IT, QUARTERS
from custvalue.service.outlook import INTERVAL
from custvalue.service.service_plan import ACTIONS
from custvalue.service.wording import stop_rule, why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.service.cases import Case
    from custvalue.service.options import Option
    from custvalue.service.rules import Rules

SCHEMA = {
    "segment": pl.String, "measure": pl.String, "name": pl.String, "action": pl.String, "n_customers": pl.Int64,
    "given_today": pl.Float64, "effect": pl.Float64, "effect_low": pl.Float64, "effect_high": pl.Float64,
    "gain": pl.Float64, "gain_low": pl.Float64, "gain_high": pl.Float64, "cost": pl.Float64, "hours": pl.Float64,
    "quarter": pl.Int64, "basis": pl.String, "experiment": pl.String, "why": pl.String,
}  # fmt: skip
ROADMAP = {
    "quarter": pl.Int64, "segment": pl.String, "measure": pl.String, "name": pl.String, "action": pl.String,
    "n_customers": pl.Int64, "cost": pl.Float64, "hours": pl.Float64, "holdout": pl.Int64, "gate": pl.String,
    "stop_rule": pl.String,
}  # fmt: skip
TESTS = {
    "rank": pl.Int64, "segment": pl.String, "measure": pl.String, "name": pl.String, "n_customers": pl.Int64,
    "days": pl.Int64, "cost": pl.Float64, "worth": pl.Float64, "perfect_information": pl.Float64,
    "is_started": pl.Boolean, "holdout_share": pl.Float64,
}  # fmt: skip
WITHDRAWALS = {
    "segment": pl.String, "measure": pl.String, "name": pl.String, "n_customers": pl.Int64, "given_today": pl.Float64,
    "ends_with_test": pl.Int64, "frees": pl.Float64, "is_chosen": pl.Boolean, "notice": pl.String,
    "substitute": pl.String,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a plan does of its options.

    Attributes
    ----------
    options, start
        The options and the quarter in which each starts; `QUARTERS` is never.
    avoidable
        Money per hour of each resource's idle time.
    left
        What is left of each limit.
    """

    options: Sequence[Option]
    start: Sequence[int]
    avoidable: Mapping[str, float]
    left: Mapping[str, float]
    rules: Rules
    currency: str

    def of(self, case: Case) -> tuple[Option | None, Option | None, int]:
        """Return what is done for a case, what is left out for the limits, and the quarter."""
        barred = None
        for option, start in zip(self.options, self.start, strict=True):
            if (option.case.measure, option.case.segment) == (case.measure, case.segment):
                if start < QUARTERS:
                    return option, None, start
                barred = option
        return None, barred, QUARTERS

    def closed_by(self, option: Option | None) -> str:
        """Name the limits that have no room for what was left out, as the subject of a sentence."""
        if option is None:
            return ""
        if option.case.measure in self.rules.gates:
            return f"the gate is shut: {self.rules.gates[option.case.measure]}"
        needs = {"budget": option.cost / QUARTERS + option.upfront}
        needs |= {f"hours of {r.replace('_', ' ')}": h / QUARTERS for r, h in option.hours.items()}
        left = {name.replace("_", " "): amount for name, amount in self.left.items()}
        short = [name for name, need in needs.items() if need > left.get(name, math.inf)]
        return f"too little is left of the {' and the '.join(short)}" if short else "other steps earn more"


def plan_table(cases: Sequence[Case], taken: Taken) -> pl.DataFrame:
    """Write a row per measure and segment, those that change first, by what they are about."""
    rows = [_row(case, taken) for case in cases]
    order = {action: k for k, action in enumerate(ACTIONS)}
    table = pl.DataFrame(rows, schema=SCHEMA)
    place = pl.col("action").replace_strict(order, return_dtype=pl.Int64)
    measured = pl.col("basis") == "measured"
    return table.sort(place, measured, "gain", "measure", "segment", descending=[False, True, True, False, False])


def _row(case: Case, taken: Taken) -> dict[str, Any]:
    option, barred, start = taken.of(case)
    action = _action(case, option)
    months = 0.0 if option is None else (QUARTERS - start) / QUARTERS
    gain = low = high = cost = hours = 0.0
    if option is not None:
        time = sum(h * taken.avoidable.get(r, 0.0) for r, h in option.hours.items())
        gain = months * (option.gain - time) - option.upfront
        ends = np.quantile(option.draws, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
        low, high = (months * (float(end) - time) - option.upfront for end in ends)
        cost, hours = months * option.cost + option.upfront, months * sum(option.hours.values())
    return {
        "segment": case.segment, "measure": case.measure, "name": case.name, "action": action,
        "n_customers": round(case.n_customers), "given_today": case.given_today,
        "effect": case.belief.mean if case.basis != "none" else None, "effect_low": case.low,
        "effect_high": case.high, "gain": gain,  # not rounded: the rows add up to the plan's net
        "gain_low": round(low, 2), "gain_high": round(high, 2),
        "cost": round(cost, 2), "hours": round(hours, 2), "quarter": start + 1 if option is not None else None,
        "basis": case.basis, "experiment": case.experiment,
        "why": why(case, option, taken.closed_by(barred), taken.rules, taken.currency),
    }  # fmt: skip


def _action(case: Case, option: Option | None) -> str:
    """Name what happens; the treated of a test that does not pay lose the measure with it."""
    if option is not None:
        return option.action
    ends = case.decision == "does not pay" and case.ends_with_test and case.given_today <= 1.0 - HAS_IT
    return "withdraw" if ends else "keep"


def roadmap(taken: Taken) -> pl.DataFrame:
    """Write a card for each step, in the order of the quarters."""
    rows = []
    for option, start in zip(taken.options, taken.start, strict=True):
        if start >= QUARTERS:
            continue
        case = option.case
        moved = 2 * case.test.n_per_arm if option.action == "test" else abs(option.share) * case.n_customers
        held = taken.rules.holdout * (1.0 - case.given_today) * case.n_customers if option.action == "give" else 0.0
        rows.append({
            "quarter": start + 1, "segment": case.segment, "measure": case.measure, "name": case.name,
            "action": option.action, "n_customers": round(moved),
            "cost": round(option.cost / QUARTERS + option.upfront, 2),
            "hours": round(sum(option.hours.values()) / QUARTERS, 2), "holdout": math.ceil(held),
            "gate": taken.rules.gates.get(case.measure, "open"), "stop_rule": stop_rule(option, taken.currency),
        })  # fmt: skip
    return pl.DataFrame(rows, schema=ROADMAP).sort("quarter", "action", "segment", "measure")


def tests_table(cases: Sequence[Case], taken: Taken) -> pl.DataFrame:
    """Rank what to test next by what the result is worth less what the test costs."""
    rows = []
    for case in cases:
        if case.test.n_per_arm and taken.rules.may_test(case):
            option, _, _ = taken.of(case)
            days = PILOT_DAYS if case.test_until is None else case.test_days
            rows.append({
                "segment": case.segment, "measure": case.measure, "name": case.name,
                "n_customers": 2 * case.test.n_per_arm, "days": days, "cost": round(case.test.cost, 2),
                "worth": round(case.test.net_benefit, 2), "perfect_information": round(case.perfect_information, 2),
                "is_started": option is not None and option.action == "test", "holdout_share": 0.5,
            })  # fmt: skip
    table = pl.DataFrame(rows, schema={k: v for k, v in TESTS.items() if k != "rank"})
    ranked = table.sort("worth", "measure", "segment", descending=[True, False, False]).with_row_index("rank", 1)
    return ranked.cast({"rank": pl.Int64})


def withdrawals(cases: Sequence[Case], taken: Taken) -> pl.DataFrame:
    """List what a verdict says does not pay, with who has it and what a withdrawal frees a year."""
    rows = []
    for case in cases:
        if case.decision == "does not pay" and (case.given_today > 1.0 - HAS_IT or case.ends_with_test):
            option, _, _ = taken.of(case)
            n = case.given_today * case.n_customers
            rows.append({
                "segment": case.segment, "measure": case.measure, "name": case.name,
                "n_customers": round(n), "given_today": case.given_today, "ends_with_test": case.ends_with_test,
                "frees": round(-(n + case.ends_with_test) * case.belief.mean, 2), "is_chosen": option is not None,
                "notice": "a quarter, newcomers first" if n >= 1 else "ends with the test",
                "substitute": "the next cheaper form of it, at the customer's choice",
            })  # fmt: skip
    return pl.DataFrame(rows, schema=WITHDRAWALS).sort("frees", descending=True)
