"""One level per segment within money and hours, solved to optimality by HiGHS in whole cents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

from custvalue.errors import PlanError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

HUNDRED = 100
"""Cents in one unit of money; hours are counted in hundredths as well."""
_INFEASIBLE, _SOLVE_ERROR = 2, 4
"""What scipy.optimize.milp says of HiGHS's answer."""


@dataclass(frozen=True, kw_only=True)
class LevelProblem:
    """The choice as arrays: one entry per option that the rules allow.

    Attributes
    ----------
    segment
        Number of the option's segment, 0 … S − 1; exactly one option of each is taken.
    step
        Levels above today's; ties in money go to the plan with the fewest steps.
    opens
        Number of the level whose set-up the option needs, −1 where the level is open already.
    gain, cost
        Cents.
    hours
        Hundredths of an hour.
    setup
        Cents for each level that may be opened, paid once however many segments use it.
    spend_limit, hours_limit
        In cents and hundredths; None sets no limit. Set-up counts as spending.
    """

    segment: Ints
    step: Ints
    opens: Ints
    gain: Ints
    cost: Ints
    hours: Ints
    setup: Ints
    spend_limit: int | None
    hours_limit: int | None

    def opened(self, chosen: Ints) -> Ints:
        """Return the numbers of the levels that the chosen options open."""
        needed = np.unique(self.opens[chosen])
        return needed[needed >= 0]

    def spent(self, chosen: Ints) -> int:
        """Return cost and set-up in cents."""
        return int(self.cost[chosen].sum() + self.setup[self.opened(chosen)].sum())

    def net(self, chosen: Ints) -> int:
        """Return gain less cost less set-up in cents: what is maximised."""
        return int(self.gain[chosen].sum()) - self.spent(chosen)

    def used_hours(self, chosen: Ints) -> int:
        """Return staff time in hundredths of an hour."""
        return int(self.hours[chosen].sum())


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A linear limit over options and openings: low ≤ coefficients · (x, y) ≤ high, in whole units."""

    coefficients: Ints
    low: float = -np.inf
    high: float = np.inf

    def holds(self, point: Ints) -> bool:
        return bool(self.low <= int(self.coefficients @ point) <= self.high)


def best_choice(problem: LevelProblem) -> Ints:
    """Return the options taken, one per segment in order: most money first, then fewest steps.

    Raises
    ------
    PlanError
        No choice keeps the limits; says which limit and by how much.
    """
    weight = int(problem.segment.max()) + 2  # a cent outweighs a step in every segment
    steps = np.concatenate([problem.step, np.zeros_like(problem.setup)])
    chosen = _solve(problem, weight * _net(problem) - steps, _limits(problem))
    if chosen is None:
        raise _infeasible(problem)
    return chosen


def cheapest_better(problem: LevelProblem, chosen: Ints, *, limit: str) -> Ints | None:
    """Return the choice that earns more than `chosen` with the least of one limit lifted; None if none does.

    Parameters
    ----------
    problem
        The choice with all its limits.
    chosen
        The plan to beat.
    limit
        `budget` or `staff_hours`: the limit that is lifted.
    """
    better = _Row(coefficients=_net(problem), low=problem.net(chosen) + 1)
    if limit == "budget":
        return _solve(problem, -_spend(problem), [*_limits(replace(problem, spend_limit=None)), better])
    return _solve(problem, -_hours(problem), [*_limits(replace(problem, hours_limit=None)), better])


def relaxed_prices(problem: LevelProblem) -> dict[str, float]:
    """Return the linear relaxation's price of one more unit of money and of one more hour, in money.

    The relaxation may split a segment between two levels, so its prices say where money is scarce; they are
    not what the next unit brings to a plan of whole steps.
    """
    rows = {
        "budget": (_spend(problem), problem.spend_limit),
        "staff_hours": (_hours(problem), problem.hours_limit),
    }
    binding = {name: (row, limit) for name, (row, limit) in rows.items() if limit is not None}
    if not binding:
        return {}
    structure = _structure(problem)
    is_equal = structure.lb == structure.ub
    upper = np.vstack([structure.A[~is_equal], *(row[None, :] / HUNDRED for row, _ in binding.values())])
    bounds = np.concatenate([structure.ub[~is_equal], [limit / HUNDRED for _, limit in binding.values()]])
    one_each, ones = structure.A[is_equal], structure.ub[is_equal]
    answer = linprog(-_net(problem) / HUNDRED, upper, bounds, one_each, ones, bounds=(0, 1), method="highs")
    prices = -answer.ineqlin.marginals[-len(binding) :]
    return {name: float(price) + 0.0 for name, price in zip(binding, prices, strict=True)}


def _net(problem: LevelProblem) -> Ints:
    return np.concatenate([problem.gain - problem.cost, -problem.setup])


def _spend(problem: LevelProblem) -> Ints:
    return np.concatenate([problem.cost, problem.setup])


def _hours(problem: LevelProblem) -> Ints:
    return np.concatenate([problem.hours, np.zeros_like(problem.setup)])


def _limits(problem: LevelProblem) -> list[_Row]:
    limits = ((_spend(problem), problem.spend_limit), (_hours(problem), problem.hours_limit))
    return [_Row(coefficients=row, high=limit) for row, limit in limits if limit is not None]


def _structure(problem: LevelProblem) -> Any:
    """Return: one option per segment; an option only on an opened level."""
    n, k = problem.segment.size, problem.setup.size
    one_each = np.zeros((int(problem.segment.max()) + 1, n + k))
    one_each[problem.segment, np.arange(n)] = 1.0
    needing = np.flatnonzero(problem.opens >= 0)
    opening = np.zeros((needing.size, n + k))
    opening[np.arange(needing.size), needing] = 1.0
    opening[np.arange(needing.size), n + problem.opens[needing]] = -1.0
    low = np.concatenate([np.ones(len(one_each)), np.full(needing.size, -np.inf)])
    high = np.concatenate([np.ones(len(one_each)), np.zeros(needing.size)])
    return LinearConstraint(np.vstack([one_each, opening]), low, high)


def _solve(problem: LevelProblem, objective: Ints, rows: list[_Row]) -> Ints | None:
    """Maximise a row of whole numbers; None when nothing keeps the rows.

    HiGHS works to a tolerance: limits stand half a unit beyond the whole number, and a point that still
    breaks one is cut off, so what is returned keeps every limit to the cent.
    """
    cuts: list[Any] = []
    n = problem.segment.size
    fixed = [_structure(problem), *(_scaled(row) for row in rows)]
    while True:
        answer = _highs(-objective / _size(objective), [*fixed, *cuts])
        if answer.status == _INFEASIBLE:
            return None
        if answer.x is None:
            raise PlanError(f"HiGHS found no plan: {answer.message}")
        chosen = np.flatnonzero(answer.x[:n] > 0.5)
        opened = np.isin(np.arange(problem.setup.size), problem.opened(chosen)).astype(np.int64)
        point = np.concatenate([np.isin(np.arange(n), chosen).astype(np.int64), opened])
        if all(row.holds(point) for row in rows):
            return chosen[np.argsort(problem.segment[chosen])]
        same = np.concatenate([point[:n], np.zeros_like(opened)])
        cuts.append(LinearConstraint(same[None, :], -np.inf, chosen.size - 1))


def _highs(objective: Floats, constraints: list[Any]) -> Any:
    """Minimise over 0 and 1; presolve can fail on a limit missed by a cent in a hundred million."""
    for presolve in (True, False):
        answer = milp(
            objective,
            integrality=np.ones(objective.size),
            bounds=(0, 1),
            constraints=constraints,
            options={"mip_rel_gap": 0.0, "presolve": presolve},
        )
        if answer.status != _SOLVE_ERROR:
            break
    return answer


def _scaled(row: _Row) -> Any:
    size = _size(row.coefficients)
    return LinearConstraint(row.coefficients[None, :] / size, (row.low - 0.5) / size, (row.high + 0.5) / size)


def _size(coefficients: Ints) -> float:
    """Return the divisor that keeps coefficients up to a million, where HiGHS's tolerance is below a cent."""
    return max(HUNDRED, float(np.abs(coefficients).max(initial=0)) / 1e6)


def _infeasible(problem: LevelProblem) -> PlanError:
    """Name the limit that no choice keeps."""
    least_money = _solve(problem, -_spend(problem), [])
    least_hours = _solve(problem, -_hours(problem), [])
    assert least_money is not None and least_hours is not None  # noqa: S101, PT018 - only limits can fail
    money, hours = problem.spent(least_money), problem.used_hours(least_hours)
    if problem.spend_limit is not None and money > problem.spend_limit:
        return PlanError(
            f"The budget can't be met: the cheapest service allowed costs {money / HUNDRED:,.2f}, and budget "
            f"less reserve leave {problem.spend_limit / HUNDRED:,.2f}.",
            "Raise the budget or lower the reserve; nobody is moved below today's level.",
        )
    if problem.hours_limit is not None and hours > problem.hours_limit:
        return PlanError(
            f"The staff hours can't be met: the service allowed needs at least {hours / HUNDRED:,.2f}, "
            f"and {problem.hours_limit / HUNDRED:,.2f} are given.",
            "Give more staff hours; nobody is moved below today's level.",
        )
    return PlanError(
        "Budget and staff hours can't be met together: each allows a plan, but not the same one.",
        "Raise either; nobody is moved below today's level.",
    )
