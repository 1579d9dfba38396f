"""Why a segment gets its level, in money: the next step up and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custvalue.service.optimise import HUNDRED, LevelProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from custvalue.service.optimise import Ints


TEN = 10


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """The next level above the one a plan gives a segment; money against the plan's level."""

    segment: str
    from_name: str
    to_name: str
    gain: float | None
    cost: float
    staff_hours: float
    gate: str
    is_gated: bool = False
    setup: float = 0.0

    @property
    def net(self) -> float | None:
        """Gain less cost, without set-up; None where no effect is stated."""
        return None if self.gain is None else round(self.gain - self.cost, 2)


def next_steps(
    table: pl.DataFrame, offered: pl.DataFrame, problem: LevelProblem, chosen: Ints, *, reserve: float
) -> list[NextStep | None]:
    """Return the next step of each segment in the plan's order, None where no higher level is listed.

    Parameters
    ----------
    table
        All options with `step` and `barred`.
    offered
        The options that the rules allow, in the problem's order.
    problem, chosen
        The choice and its solution.
    reserve
        Money kept out of the budget.
    """
    position = {(row["segment"], row["level"]): k for k, row in enumerate(offered.to_dicts())}
    higher: dict[str, list[dict[str, Any]]] = {}
    for row in table.sort("segment", "level").to_dicts():
        higher.setdefault(row["segment"], []).append(row)
    steps: list[NextStep | None] = []
    for k, row in enumerate(offered[chosen].to_dicts()):
        above = next((up for up in higher[row["segment"]] if up["level"] > row["level"]), None)
        if above is None:
            steps.append(None)
            continue
        gate, setup = above["barred"], 0
        if gate is None:
            swapped = chosen.copy()
            swapped[k] = position[(row["segment"], above["level"])]
            gate = _blocked_by(problem, chosen, swapped, reserve=reserve)
            setup = int(problem.setup[problem.opened(swapped)].sum() - problem.setup[problem.opened(chosen)].sum())
        elif row["step"] > 0 and gate == "one step at a time":
            gate = f"after a period at {row['name']}"
        steps.append(
            NextStep(
                segment=row["segment"],
                from_name=row["name"],
                to_name=above["name"],
                gain=None if above["gain"] is None else round(above["gain"] - row["gain"], 2),
                cost=round(above["cost"] - row["cost"], 2),
                staff_hours=round(above["staff_hours"] - row["staff_hours"], 2),
                gate=gate,
                is_gated=above["gate"] is not None and gate == above["gate"],
                setup=setup / HUNDRED,
            )
        )
    return steps


def _blocked_by(problem: LevelProblem, chosen: Ints, swapped: Ints, *, reserve: float) -> str:
    """Name what keeps the plan from taking one further step."""
    over = []
    spent = problem.spent(swapped)
    if problem.spend_limit is not None and spent > problem.spend_limit:
        in_budget = spent <= problem.spend_limit + round(reserve * HUNDRED)
        over.append("reserve" if in_budget else "budget")
    if problem.hours_limit is not None and problem.used_hours(swapped) > problem.hours_limit:
        over.append("staff hours")
    own = int(problem.gain[swapped].sum() - problem.cost[swapped].sum())
    before = int(problem.gain[chosen].sum() - problem.cost[chosen].sum())
    if own <= before:
        return "does not pay"
    return " and ".join(over) or "set-up cost"


def sentence(row: Mapping[str, Any], step: NextStep | None, currency: str) -> str:
    """Say in money why the plan gives a segment its level."""
    if row["step"] > 0:
        low, high = row["gain_low"], row["gain_high"]
        interval = "" if low is None or high is None else f" ({money(low)} to {money(high)})"
        prior = "" if row["basis"] == "measured" else ", on a stated prior, not a measured effect"
        return (
            f"Goes from {row['name_today']} to {row['name']}: brings {money(row['gain'])}{interval} "
            f"{currency} for {money(row['cost'])} {currency} and {hours(row['staff_hours'])} hours"
            f"{prior}{_afterwards(step)}."
        )
    stays = f"Stays at {row['name']}"
    return f"{stays}, the highest level listed." if step is None else f"{stays}: {_obstacle(step, currency)}."


def _afterwards(step: NextStep | None) -> str:
    if step is None:
        return ""
    if step.gate.startswith("after"):
        return f"; {step.to_name} only {step.gate}"
    return f"; the step to {step.to_name} is closed ({step.gate})"


def _obstacle(step: NextStep, currency: str) -> str:
    if step.gain is None or step.net is None:
        price = f"{money(step.cost)} {currency}"
        return f"no effect of {step.to_name} is stated, so nothing says that it earns back its {price}"
    brings = (
        f"{step.to_name} would bring {money(step.gain)} {currency} for {money(step.cost)} {currency} "
        f"and {hours(step.staff_hours)} hours"
    )
    if step.net <= 0:
        return f"{brings}, a loss of {money(-step.net)} {currency}" if step.net < 0 else f"{brings}, no gain"
    if step.is_gated:
        return f"{brings}, but {step.to_name} is shut: {step.gate}"
    tail = {
        "level not open": f"but {step.to_name} is not open",
        "effect not measured": "but that effect was assumed, not measured",
        "one step at a time": "but a level between them is missing, and no step is skipped",
        "set-up cost": f"which does not earn back its set-up of {money(step.setup)} {currency}",
    }.get(step.gate, _over(step, currency))
    return f"{brings}, {tail}"


def _over(step: NextStep, currency: str) -> str:
    setup = f"with its set-up of {money(step.setup)} {currency} " if step.setup else ""
    return f"but {setup}that is more than the {step.gate} leave" + ("" if " " in step.gate else "s")


def money(amount: float) -> str:
    """Write an amount for a sentence: whole from a hundred up, to the cent below."""
    rounded = round(amount, 2)
    return f"{rounded:,.0f}" if abs(rounded) >= HUNDRED or rounded == int(rounded) else f"{rounded:,.2f}"


def hours(amount: float) -> str:
    """Write hours for a sentence: whole from ten up, to a tenth below."""
    rounded = round(amount, 1)
    return f"{rounded:,.0f}" if abs(rounded) >= TEN or rounded == int(rounded) else f"{rounded:,.1f}"
