"""The programme of steps solved by HiGHS to proven optimality, and what keeps it from having a solution."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from custvalue.errors import PlanError
from custvalue.service.highs import FREE, INFEASIBLE, Model, highs
from custvalue.service.programme import DELAY, Accounts, Limits, Steps, accounts, broken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

TOLERANCE = 0.004
"""Of money: less than a cent."""
EXACT, LARGE_GAP = 2_000, 1e-3
"""Steps × quarters from which a programme is large."""
WIDTHS, NEAR_SECONDS = (0.001, 0.2), 20.0
"""How far from whole a step of the relaxed plan may be to be kept, the second try keeping fewer; seconds for each."""
RELAXED_CUTS = 40
"""Cuts on risk that are looked for before steps have to be whole."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """The best plan.

    Attributes
    ----------
    start
        Quarter in which each step starts; the number of quarters is never.
    accounts
        What it comes to.
    gap
        How far, at most, a better plan may lie above it, as a share of its objective: 0 is proven to be the best.
    """

    start: Ints
    accounts: Accounts
    gap: float


def solve(steps: Steps, limits: Limits, *, gap: float | None = None, time_limit: float | None = None) -> Solution:
    """Find the steps and quarters with the highest objective.

    Parameters
    ----------
    gap
        Share of the objective that a better plan may lie above it; None proves the best, or, of a large programme, that
        it lies within a thousandth.

    Raises
    ------
    PlanError
        No plan keeps the limits; names those in conflict and the least by which each would have to give way.
    """
    if steps.size == 0:
        never = np.zeros(0, dtype=np.int64)
        return Solution(start=never, accounts=accounts(steps, limits, never), gap=0.0)
    if gap is None:
        gap = 0.0 if steps.size * limits.n_quarters <= EXACT else LARGE_GAP
    model, u, risk = build(steps, limits)
    relaxed = _relaxed(model, risk, gap, time_limit) if risk is not None or gap > 0.0 else None
    if gap > 0.0 and relaxed is not None:
        near = _near(model, u, risk, steps, limits, relaxed, gap)
        if near is not None:
            return near
    while True:
        answer = highs(model, gap, time_limit)
        if answer.status == INFEASIBLE:
            raise _conflict(model, risk, steps, limits)
        if answer.x is None:
            raise PlanError(f"HiGHS found no plan: {answer.message}")
        if risk is not None and risk.cut(answer.x):
            continue
        start, found = _taken(answer.x, u, steps, limits)
        if not broken(limits, found):
            return Solution(start=start, accounts=found, gap=float(answer.mip_gap or 0.0))
        # HiGHS works to a tolerance: a plan that breaks a limit by a cent is cut off
        _forbid(model, u, answer.x)


def _relaxed(model: Model, risk: _Risk | None, gap: float, time_limit: float | None) -> Floats | None:
    """Solve without whole steps, and add the cuts on risk that the answers break."""
    point: Floats | None = None
    for _ in range(RELAXED_CUTS):
        point = highs(model, gap, time_limit, whole=False).x
        if risk is None or point is None or not risk.cut(point):
            break
    return point


def _near(
    model: Model, u: Ints, risk: _Risk | None, steps: Steps, limits: Limits, relaxed: Floats, gap: float
) -> Solution | None:
    """Look for a plan near the relaxed one, which bounds all plans; None where none is near enough.

    With many steps the relaxed plan halves few of them. Those that it takes whole or not at all are kept so, and what
    is left is a small programme (relaxation-induced neighbourhood: Danna, Rothberg & Le Pape 2005).
    """
    cost = np.array(model.cost)
    bound = -float(cost @ relaxed)
    for width in WIDTHS:
        fixed = np.array(model.whole, dtype=bool) & (np.abs(relaxed - 0.5) > 0.5 - width)
        lower = np.where(fixed, np.round(relaxed), 0.0)
        upper = np.where(fixed, np.round(relaxed), np.array(model.upper))
        while True:
            answer = highs(model, gap / 2.0, NEAR_SECONDS, within=(lower, upper))
            if answer.x is None:
                break
            if risk is not None and risk.cut(answer.x):
                continue
            start, found = _taken(answer.x, u, steps, limits)
            if broken(limits, found):
                _forbid(model, u, answer.x)
                continue
            reached = max(bound - found.objective, 0.0) / max(abs(found.objective), TOLERANCE)
            if reached <= gap:
                return Solution(start=start, accounts=found, gap=reached)
            break
    return None


def _taken(point: Floats, u: Ints, steps: Steps, limits: Limits) -> tuple[Ints, Accounts]:
    start = limits.n_quarters - (point[u] > 0.5).sum(axis=1)
    return start, accounts(steps, limits, start)


def _forbid(model: Model, u: Ints, point: Floats) -> None:
    """Cut off one plan."""
    flat = point[u].ravel() > 0.5
    model.row(u.ravel(), np.where(flat, 1.0, -1.0), high=float(flat.sum()) - 1.0)


def build(steps: Steps, limits: Limits) -> tuple[Model, Ints, _Risk | None]:
    """Write the programme; returns it with the columns of the steps by quarter, and the cuts on risk."""
    model, n = Model(), limits.n_quarters
    u = model.columns(steps.size * n).reshape(steps.size, n)
    for i in range(steps.size):
        for t in range(n):
            last = steps.once[i] * (1.0 - DELAY * t) - steps.upfront[i]
            model.cost[u[i, t]] -= steps.gain[i] + (last if t == n - 1 else DELAY * steps.once[i])
    _order(model, steps, u)
    _exclude(model, steps, limits, u)
    spend = [(u[:, t], steps.cost.copy()) for t in range(n)]
    fixed = _upfront(steps, u, spend) + _setups(model, steps, limits, u, spend) + _hours(model, steps, limits, u, spend)
    _money(model, limits, spend)
    return model, u, None if limits.cvar is None else _Risk(model, steps, limits, u, fixed)


def _order(model: Model, steps: Steps, u: Ints) -> None:
    """Keep steps once taken, in their order, one a quarter, behind their gates, and promises."""
    for i in range(steps.size):
        model.shut(u[i, : steps.earliest[i]])
        for one, other in pairwise(u[i]):
            model.at_most(one, other)
        if steps.rung[i] > 1:
            model.shut(u[i, :1])
            for one, other in zip(u[i, 1:], u[i - 1, :-1], strict=True):
                model.at_most(one, other)
        if steps.promised[i]:
            model.row(u[i, -1:], np.ones(1), low=1.0, soft="promise")


def _exclude(model: Model, steps: Steps, limits: Limits, u: Ints) -> None:
    """Take one chain of a group, no more new tests than allowed, and keep adjacent tiers close."""
    last = u[:, -1]
    for group in np.unique(steps.group):
        members = np.flatnonzero((steps.rung == 1) & (steps.group == group))
        if members.size > 1:
            model.row(last[members], np.ones(members.size), high=1.0)
    if limits.tests_at_once is not None and steps.counts.any():
        tests = last[steps.counts]
        model.row(tests, np.ones(tests.size), high=float(limits.tests_at_once))
    for one, other, most in limits.gaps:
        a, b = steps.chain == one, steps.chain == other
        values = np.concatenate([np.ones(a.sum()), -np.ones(b.sum())])
        for t in range(limits.n_quarters):
            model.row(np.concatenate([u[a, t], u[b, t]]), values, low=-float(most), high=float(most))


Part = tuple[Any, Any]


def _upfront(steps: Steps, u: Ints, spend: list[Part]) -> list[Part]:
    """Pay what a step costs once, in its first quarter."""
    paid = np.flatnonzero(steps.upfront)
    for t in range(u.shape[1]):
        spend[t] = _joined(spend[t], u[paid, t], steps.upfront[paid])
        if t:
            spend[t] = _joined(spend[t], u[paid, t - 1], -steps.upfront[paid])
    return [(u[paid, -1], steps.upfront[paid])]


def _setups(model: Model, steps: Steps, limits: Limits, u: Ints, spend: list[Part]) -> list[Part]:
    """Pay each set-up once, in the quarter of the first step that needs it."""
    n, fixed = limits.n_quarters, []
    for number, cost in enumerate(limits.setup_cost):
        y = model.columns(n)
        for t in range(n):
            for i in np.flatnonzero(steps.setup == number):
                model.at_most(u[i, t], y[t])
            if t:
                model.at_most(y[t - 1], y[t])
            columns, values = (y[[t]], np.array([cost])) if t == 0 else (y[[t, t - 1]], np.array([cost, -cost]))
            spend[t] = _joined(spend[t], columns, values)
        model.cost[y[-1]] += cost
        fixed.append((y[-1:], np.array([cost])))
    return fixed


def _hours(model: Model, steps: Steps, limits: Limits, u: Ints, spend: list[Part]) -> list[Part]:
    """Idle hours first, at what they avoid; then hired ones in full, with their training."""
    n, fixed = limits.n_quarters, []
    for k, resource in enumerate(limits.resources):
        need = steps.hours[:, k]
        if not need.any():
            continue
        hired, staff = model.columns(n, upper=FREE, whole=False), model.columns(n, upper=FREE, whole=False)
        extra = resource.full_rate - resource.avoidable_rate
        for t in range(n):
            most = resource.hire_hours if t >= resource.lead_quarters else 0.0
            model.row(hired[[t]], np.ones(1), high=most, soft=f"hours of {resource.name}")
            columns = np.concatenate([u[:, t], hired[[t]]])
            model.row(columns, np.concatenate([need, [-1.0]]), high=float(resource.idle_hours[t]))
            model.row(np.array([hired[t], staff[t]]), np.array([1.0, -1.0]), high=0.0)
            if t:
                model.at_most(staff[t - 1], staff[t])
            for i in range(steps.size):
                model.cost[u[i, t]] += need[i] * resource.avoidable_rate
            model.cost[hired[t]] += extra
            spend[t] = _joined(spend[t], hired[[t]], np.array([resource.full_rate]))
            before = np.array([resource.training]) if t == 0 else np.array([resource.training, -resource.training])
            spend[t] = _joined(spend[t], staff[[t]] if t == 0 else staff[[t, t - 1]], before)
        model.cost[staff[-1]] += resource.training
        fixed += [(hired, np.full(n, extra)), (staff[-1:], np.array([resource.training]))]
        fixed.append((u.ravel(), np.repeat(need * resource.avoidable_rate, n)))
    return fixed


def _money(model: Model, limits: Limits, spend: list[Part]) -> None:
    if limits.by_quarter is not None:
        for t, (columns, values) in enumerate(spend):
            model.row(columns, values, high=float(limits.by_quarter[t]), soft="budget of a quarter")
    if limits.budget is not None:
        columns = np.concatenate([c for c, _ in spend])
        values = np.concatenate([v for _, v in spend])
        model.row(columns, values, high=limits.budget - limits.reserve, soft="budget")


class _Risk:
    """The mean loss of the worst scenarios, held down by cuts (Künzi-Bay & Mayer 2006).

    For any weights of the scenarios that add up to 1 and are at most 1 / (tail · S) each, the weighted loss is at most
    the mean loss of the worst; so a plan that loses too much breaks the row of its own worst scenarios, and adding
    such rows as they are broken ends at the limit itself. A few of them do, where all scenarios would be 200 rows.
    """

    def __init__(self, model: Model, steps: Steps, limits: Limits, u: Ints, fixed: list[Part]) -> None:
        self.model, self.steps, self.limits, self.n_quarters = model, steps, limits, u.shape[1]
        self.columns = np.concatenate([u.ravel(), *(c for c, _ in fixed)])
        self.paid = np.concatenate([np.zeros(0), *(v for _, v in fixed)])

    def cut(self, point: Floats, slack: float = 0.0) -> bool:
        """Add the row that a point breaks; tells whether it breaks one."""
        used = point[self.columns]
        running = used[: self.steps.size * self.n_quarters].reshape(-1, self.n_quarters).sum(axis=1)
        losses = self.paid @ used[running.size * self.n_quarters :] - self.steps.draws @ running
        share = self.limits.tail * losses.size
        weights = np.zeros(losses.size)
        weights[np.argsort(-losses, kind="stable")] = np.clip(share - np.arange(losses.size), 0.0, 1.0) / share
        most = float(self.limits.cvar or 0.0)
        if weights @ losses <= most + slack + TOLERANCE:
            return False
        values = np.concatenate([np.repeat(-(weights @ self.steps.draws), self.n_quarters), self.paid])
        self.model.row(self.columns, values, high=most, soft="risk")
        return True


def _joined(part: Part, columns: Ints, values: Floats) -> Part:
    return np.concatenate([part[0], columns]), np.concatenate([part[1], values])


def _conflict(model: Model, risk: _Risk | None, steps: Steps, limits: Limits) -> PlanError:
    """Say which limits can't be kept together, and the least by which each alone would have to give way."""
    if (shut := int((steps.promised & (steps.earliest >= limits.n_quarters)).sum())) > 0:
        return PlanError(
            f"{shut} of the {int(steps.promised.sum())} promises lie behind a gate that stays shut over the "
            f"{limits.n_quarters} quarters.",
            "Open the gate, or take the promise back.",
        )
    helps = []
    for name in dict.fromkeys(soft for *_, soft in model.rows if soft):
        need = _least_slack(model, risk, name)
        if need is not None and need > 0:
            helps.append(_relaxation(name, need, steps, limits))
    if not helps:
        return PlanError("The limits can't be kept together, and no single one of them helps.", "Relax several.")
    named, ways = zip(*helps, strict=True)
    return PlanError(f"These can't be kept together: {', '.join(named)}.", f"{'; or '.join(ways)}.".capitalize())


def _relaxation(name: str, need: float, steps: Steps, limits: Limits) -> tuple[str, str]:
    if name == "promise":
        return "what is promised", f"take back {round(need):,} of the {int(steps.promised.sum()):,} promises"
    if name == "risk":
        return f"a tail loss of at most {limits.cvar:,.2f}", f"allow {need:,.2f} more of tail loss"
    if name.startswith("hours"):
        return name, f"give {need:,.2f} more {name} a quarter"
    if name == "budget":
        of = f"a budget of {limits.budget:,.2f}" + (
            f" less a reserve of {limits.reserve:,.2f}" if limits.reserve else ""
        )
        or_reserve = ", or lower the reserve by as much" if limits.reserve >= need else ""
        return of, f"raise the budget by {need:,.2f}{or_reserve}"
    return name, f"raise the {name} by {need:,.2f}"


def _least_slack(model: Model, risk: _Risk | None, name: str) -> float | None:
    """Return the least slack on one limit that lets a plan exist; None where it does not help."""
    while True:
        eased, slack = _eased(model, name)
        answer = highs(eased, 0.0, None)
        if answer.x is None:
            return None
        need = float(answer.x[slack].sum())
        if risk is None or not risk.cut(answer.x, need if name == "risk" else 0.0):
            return need


def _eased(model: Model, name: str) -> tuple[Model, Ints]:
    """Return a copy in which the rows of one limit share a slack, or each promise has its own, and it costs 1."""
    eased = Model()
    eased.cost, eased.upper, eased.whole = [0.0] * len(model.cost), list(model.upper), list(model.whole)
    soft = [row for row in model.rows if row[-1] == name]
    slack = eased.columns(len(soft) if name == "promise" else 1, upper=FREE, whole=False)
    for column in slack:
        eased.cost[column] = 1.0
    eased.rows = [row for row in model.rows if row[-1] != name]
    for k, (columns, values, low, high, _) in enumerate(soft):
        own = slack[[k % slack.size]]
        eased.rows.append((np.append(columns, own), np.append(values, 1.0 if low > -FREE else -1.0), low, high, name))
    return eased, slack
