"""Steps over quarters within money, hours by resource and risk: the plan as a mixed-integer programme."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

OPEN_NEVER = 10_000
"""Quarter of a gate that stays shut."""
DELAY = 1.0 / 12.0
"""What a test's result loses by coming a quarter later: it holds for three years."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Who does the work.

    Attributes
    ----------
    name
        Of the resource.
    idle_hours
        Paid and not used, per quarter.
    avoidable_rate, full_rate
        Money per hour: of an idle one, and of one that has to be hired.
    hire_hours
        Most that can be hired, per quarter.
    lead_quarters
        Quarters from the decision to the first hour of a new hire.
    training
        Money per hour of quarterly capacity that is added, once.
    """

    name: str
    idle_hours: Floats
    avoidable_rate: float = 0.0
    full_rate: float = 0.0
    hire_hours: float = 0.0
    lead_quarters: int = 0
    training: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What may be done, one entry per step.

    A chain is a row of steps taken in their order, at most one a quarter and never back: give, or raise a dose rung by
    rung. Chains of one group exclude each other: a measure is given to a segment, or withdrawn, or tested.

    Attributes
    ----------
    chain, rung
        Number of the chain, 0 … C − 1, and of the step in it, 1, 2, …; sorted by both.
    group
        Of the step's chain.
    gain, cost
        Money per quarter from the step on, but for the minutes; the cost counts against the budget.
    once, upfront
        Money that the step is worth once and costs once, in its first quarter: what a test's result is worth, and
        what the test costs.
    hours
        Per quarter, one column per resource.
    draws
        Scenarios × steps: the gain per quarter.
    earliest
        First quarter (0, 1, …) in which the gate is open.
    setup
        Number of the set-up that the step needs, −1 for none.
    promised
        Whether the step has to be taken by the last quarter.
    counts
        Whether it counts against the number of new tests at once.
    """

    chain: Ints
    rung: Ints
    group: Ints
    gain: Floats
    cost: Floats
    once: Floats
    upfront: Floats
    hours: Floats
    draws: Floats
    earliest: Ints
    setup: Ints
    promised: NDArray[np.bool_]
    counts: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of steps."""
        return int(self.chain.size)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What keeps a plan from taking every step that pays; None sets no limit.

    Attributes
    ----------
    budget, reserve
        Money for costs, set-up and hiring over all quarters, and the part of it that stays in cash.
    by_quarter
        Money of each quarter.
    resources
        One per column of the hours; without any, time is not limited and costs nothing.
    setup_cost
        Of each set-up, paid once.
    tests_at_once
        Most tests started.
    gaps
        Pairs of chains whose rungs may not lie further apart than the third figure: adjacent tiers.
    cvar, tail
        Most that may be lost on average in the worst `tail` of the scenarios.
    """

    n_quarters: int = 4
    budget: float | None = None
    reserve: float = 0.0
    by_quarter: Floats | None = None
    resources: Sequence[Resource] = ()
    setup_cost: Floats = field(default_factory=lambda: np.zeros(0))
    tests_at_once: int | None = None
    gaps: Sequence[tuple[int, int, int]] = ()
    cvar: float | None = None
    tail: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """What a choice of steps comes to, worked out without the solver.

    Attributes
    ----------
    spent
        Money per quarter: costs, set-up, hired hours and training.
    needed, hired
        Hours by quarter and resource.
    net
        Gain less what the minutes, hiring, training and set-up cost; what tests' results are worth is left out.
    objective
        Net and what the tests' results are worth.
    outcomes
        Net by scenario.
    """

    spent: Floats
    needed: Floats
    hired: Floats
    net: float
    objective: float
    outcomes: Floats

    def cvar(self, tail: float) -> float:
        """Mean loss of the worst `tail` of the scenarios; below 0 where even they gain (Rockafellar & Uryasev 2000)."""
        return tail_loss(self.outcomes, tail)


def tail_loss(outcomes: Floats, tail: float) -> float:
    """Return the mean loss in the worst `tail`, the scenario on its edge counted in part."""
    losses = np.sort(-outcomes)[::-1]
    weight = np.clip(tail * losses.size - np.arange(losses.size), 0.0, 1.0)
    return float((weight * losses).sum() / (tail * losses.size))


def accounts(steps: Steps, limits: Limits, start: Ints) -> Accounts:
    """Add up what steps come to that start in the quarters given; `n_quarters` or later is never.

    Where hours are short, what may be hired is hired; a plan that needs more breaks its limit.
    """
    quarters = np.arange(limits.n_quarters)
    on = (start[:, None] <= quarters[None, :]).astype(np.float64)
    first = (start[:, None] == quarters[None, :]).astype(np.float64)
    needed = on.T @ steps.hours
    hired, minutes, training = _time(needed, limits)
    opened = _opened(steps, limits, start) + steps.upfront @ first
    spent = steps.cost @ on + hired @ np.array([r.full_rate for r in limits.resources]) + training + opened
    fixed = minutes + float(training.sum()) + float(opened.sum())
    net = float((steps.gain @ on).sum()) - fixed
    outcomes = steps.draws @ on.sum(axis=1) - fixed
    return Accounts(
        spent=spent, needed=needed, hired=hired, net=net, outcomes=outcomes,
        objective=net + float(steps.once @ first @ (1.0 - DELAY * quarters)),
    )  # fmt: skip


def _time(needed: Floats, limits: Limits) -> tuple[Floats, float, Floats]:
    """Return hired hours, the money for idle and hired ones, and the training of each quarter."""
    if not limits.resources:
        return np.zeros_like(needed), 0.0, np.zeros(limits.n_quarters)
    idle = np.stack([r.idle_hours for r in limits.resources], axis=1)
    full, avoidable, train = (
        np.array([getattr(r, name) for r in limits.resources]) for name in ("full_rate", "avoidable_rate", "training")
    )
    hired = np.maximum(needed - idle, 0.0)
    added = np.diff(np.maximum.accumulate(hired, axis=0), axis=0, prepend=0.0)
    return hired, float((hired @ full).sum() + ((needed - hired) @ avoidable).sum()), added @ train


def _opened(steps: Steps, limits: Limits, start: Ints) -> Floats:
    """Return set-up costs by quarter: of the first step that needs each."""
    out = np.zeros(limits.n_quarters)
    for number, cost in enumerate(limits.setup_cost):
        needing = start[steps.setup == number]
        if needing.size and needing.min() < limits.n_quarters:
            out[needing.min()] += cost
    return out


def broken(limits: Limits, found: Accounts, tolerance: float = 0.005) -> list[str]:
    """Name the limits on money, hours and risk that a choice breaks."""
    out = []
    if limits.budget is not None and found.spent.sum() > limits.budget - limits.reserve + tolerance:
        out.append("budget")
    if limits.by_quarter is not None and (found.spent > limits.by_quarter + tolerance).any():
        out.append("budget of a quarter")
    for k, resource in enumerate(limits.resources):
        most = np.where(np.arange(limits.n_quarters) >= resource.lead_quarters, resource.hire_hours, 0.0)
        if (found.hired[:, k] > most + tolerance).any():
            out.append(f"hours of {resource.name}")
    if limits.cvar is not None and found.cvar(limits.tail) > limits.cvar + tolerance:
        out.append("risk")
    return out
