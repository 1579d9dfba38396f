"""The programme of steps: against enumeration, a published knapsack, and each limit by itself."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from custvalue.errors import PlanError
from custvalue.service.programme import OPEN_NEVER, Limits, Resource, Steps, accounts, broken, tail_loss
from custvalue.service.solve import solve

N_INSTANCES = 400


def steps(gain, *, cost=None, chain=None, rung=None, group=None, draws=None, **given) -> Steps:
    gain = np.array(gain, dtype=float)
    n = gain.size
    base = {
        "chain": np.arange(n) if chain is None else np.array(chain), "rung": np.ones(n, dtype=int) if rung is None else np.array(rung),
        "cost": np.zeros(n) if cost is None else np.array(cost, dtype=float), "once": np.zeros(n), "upfront": np.zeros(n),
        "hours": np.zeros((n, 0)), "draws": np.tile(gain, (4, 1)) if draws is None else np.array(draws, dtype=float),
        "earliest": np.zeros(n, dtype=int), "setup": np.full(n, -1), "promised": np.zeros(n, dtype=bool),
        "counts": np.zeros(n, dtype=bool),
    }  # fmt: skip
    base["group"] = base["chain"] if group is None else np.array(group)
    return Steps(gain=gain, **(base | {k: np.array(v) for k, v in given.items()}))


def taken(problem: Steps, limits: Limits) -> list[int]:
    return np.flatnonzero(solve(problem, limits).start < limits.n_quarters).tolist()


# ------------------------------------------------------------------------------------------------ enumeration


def instance(seed: int) -> tuple[Steps, Limits]:
    """Draw a programme small enough to enumerate, with any of the limits."""
    rng = np.random.default_rng(seed)
    n_chains, n_quarters, n_resources = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(0, 3))
    rungs = [int(rng.integers(1, 3)) for _ in range(n_chains)]
    chain = np.repeat(np.arange(n_chains), rungs)
    rung = np.concatenate([np.arange(1, r + 1) for r in rungs])
    n = chain.size
    gain = rng.normal(20, 60, n).round(2)
    group = rng.integers(0, n_chains, n_chains) if rng.random() < 0.5 else np.arange(n_chains)
    problem = steps(
        gain, chain=chain, rung=rung, group=group[chain], cost=rng.uniform(0, 50, n).round(2),
        once=np.where(rng.random(n) < 0.3, rng.uniform(0, 40, n).round(2), 0.0),
        upfront=np.where(rng.random(n) < 0.3, rng.uniform(0, 30, n).round(2), 0.0),
        hours=rng.uniform(0, 10, (n, n_resources)).round(2), draws=gain + rng.normal(0, 60, (12, n)),
        earliest=np.where(rng.random(n) < 0.2, rng.integers(0, n_quarters + 1, n), 0),
        setup=np.where(rng.random(n) < 0.4, rng.integers(0, 2, n), -1), promised=rng.random(n) < 0.08,
        counts=rng.random(n) < 0.3,
    )  # fmt: skip
    resources = [
        Resource(
            name=f"r{k}", idle_hours=rng.uniform(0, 15, n_quarters), avoidable_rate=1.0, full_rate=4.0,
            hire_hours=float(rng.choice([0.0, 5.0])), lead_quarters=int(rng.integers(0, 2)),
            training=float(rng.choice([0.0, 2.0])),
        )
        for k in range(n_resources)
    ]  # fmt: skip
    limits = Limits(
        n_quarters=n_quarters, budget=None if rng.random() < 0.4 else float(rng.uniform(0, 120 * n_quarters)),
        by_quarter=None if rng.random() < 0.6 else rng.uniform(0, 150, n_quarters), resources=resources,
        setup_cost=rng.uniform(0, 60, 2), tests_at_once=None if rng.random() < 0.6 else int(rng.integers(0, 2)),
        gaps=[(0, 1, 1)] if n_chains > 1 and rng.random() < 0.3 else [],
        cvar=None if rng.random() < 0.5 else float(rng.uniform(0, 100)), tail=0.2,
    )  # fmt: skip
    return problem, limits


def follows_rules(problem: Steps, limits: Limits, start: np.ndarray) -> bool:
    n, on = limits.n_quarters, start < limits.n_quarters
    late = (start >= problem.earliest) | ~on
    in_order = all(not on[i] or start[i - 1] < start[i] for i in np.flatnonzero(problem.rung > 1))
    one_chain = all(
        sum(on[i] for i in np.flatnonzero((problem.group == g) & (problem.rung == 1))) <= 1 for g in problem.group
    )
    few = limits.tests_at_once is None or (on & problem.counts).sum() <= limits.tests_at_once
    close = all(
        abs((start[problem.chain == a] <= t).sum() - (start[problem.chain == b] <= t).sum()) <= most
        for a, b, most in limits.gaps
        for t in range(n)
    )
    return bool(late.all() and in_order and one_chain and few and close and on[problem.promised].all())


def best_by_hand(problem: Steps, limits: Limits) -> float | None:
    values = []
    for start in itertools.product(range(limits.n_quarters + 1), repeat=problem.size):
        at = np.array(start)
        if follows_rules(problem, limits, at):
            found = accounts(problem, limits, at)
            if not broken(limits, found, tolerance=0.0):
                values.append(found.objective)
    return max(values, default=None)


def test_the_plan_is_the_best_of_all_that_there_are():
    n_infeasible = 0
    for seed in range(N_INSTANCES):
        problem, limits = instance(seed)
        best = best_by_hand(problem, limits)
        if best is None:
            n_infeasible += 1
            with pytest.raises(PlanError):
                solve(problem, limits)
        else:
            assert solve(problem, limits).accounts.objective == pytest.approx(best, abs=0.006), seed
    assert 20 < n_infeasible < N_INSTANCES / 2  # both kinds were there


def wider(limits: Limits, which: str) -> Limits:
    if which == "hours":
        eased = [replace(r, idle_hours=r.idle_hours + 3.0) for r in limits.resources]
        return replace(limits, resources=eased)
    if which == "hiring":
        return replace(limits, resources=[replace(r, hire_hours=r.hire_hours + 4.0) for r in limits.resources])
    if which == "no limit on hours":
        return replace(limits, resources=[replace(r, idle_hours=r.idle_hours + 1e6) for r in limits.resources])
    more = {"budget": limits.budget, "cvar": limits.cvar, "tests_at_once": limits.tests_at_once}[which]
    return replace(limits, **{which: None if more is None else more + 1})


@pytest.mark.parametrize("which", ["budget", "hours", "hiring", "no limit on hours", "cvar", "tests_at_once"])
def test_relaxing_a_limit_never_lowers_the_optimum(which):
    for seed in range(60):
        problem, limits = instance(seed)
        try:
            before = solve(problem, limits).accounts.objective
        except PlanError:
            continue
        assert solve(problem, wider(limits, which)).accounts.objective >= before - 0.006, seed


# --------------------------------------------------------------------------------------- a published knapsack


def test_a_published_knapsack_is_solved_to_its_optimum():
    """Instance P07 of Kreher & Stinson (1999), as collected by J. Burkardt, knapsack_01: optimum 1,458 at weight 749."""
    profits = [135, 139, 149, 150, 156, 163, 173, 184, 192, 201, 210, 214, 221, 229, 240]
    weights = [70, 73, 77, 80, 82, 87, 90, 94, 98, 106, 110, 113, 115, 118, 120]
    found = solve(steps(profits, cost=weights), Limits(n_quarters=1, budget=750.0))
    assert (found.accounts.net, found.accounts.spent.sum(), found.gap) == (1458.0, 749.0, 0.0)
    chosen = [int(s < 1) for s in found.start]
    assert chosen == [1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1]


# ------------------------------------------------------------------------------------------- limits one by one


def test_each_limit_alone_changes_a_plan():
    two = [100.0, 90.0]
    free = Limits(n_quarters=1)
    assert taken(steps(two), free) == [0, 1]
    assert taken(steps(two, cost=[60, 50]), replace(free, budget=109.0)) == [0]
    assert taken(steps(two, cost=[60, 50]), replace(free, budget=200.0, reserve=95.0)) == [0]
    assert taken(steps(two, cost=[60, 50]), replace(free, by_quarter=np.array([59.0]))) == [1]
    assert taken(steps(two, counts=[True, True]), replace(free, tests_at_once=1)) == [0]
    assert taken(steps(two, group=[0, 0]), free) == [0]
    assert taken(steps(two, earliest=[OPEN_NEVER, 0]), free) == [1]
    assert taken(steps([-5.0, 90.0], promised=[True, False]), free) == [0, 1]
    desk = Resource(name="desk", idle_hours=np.array([10.0]))
    assert taken(steps(two, hours=[[11.0], [9.0]]), replace(free, resources=[desk])) == [1]
    assert taken(steps(two, setup=[0, 0]), replace(free, setup_cost=np.array([191.0]))) == []
    draws = [[-40.0, 10.0], [240.0, 170.0]]  # the first may lose 40
    assert taken(steps(two, draws=draws), replace(free, cvar=29.0, tail=0.5)) == [1]
    assert taken(steps(two, draws=draws), replace(free, cvar=30.0, tail=0.5)) == [0, 1]
    rungs = steps([10.0, 80.0, 70.0], chain=[0, 0, 1], rung=[1, 2, 1])
    assert taken(rungs, free) == [0, 2]  # one step a quarter
    assert taken(rungs, replace(free, n_quarters=2)) == [0, 1, 2]
    assert taken(rungs, replace(free, n_quarters=2, gaps=[(0, 1, 0)])) == [0, 2]


def test_idle_hours_come_first_and_hired_ones_cost_in_full():
    """Ten idle hours at 2, four hired at 30 with 5 of training each: 1,000 − 20 − 120 − 20."""
    desk = Resource(
        name="desk", idle_hours=np.array([10.0]), avoidable_rate=2.0, full_rate=30.0, hire_hours=4.0, training=5.0
    )
    found = solve(steps([1000.0], hours=[[14.0]]), Limits(n_quarters=1, resources=[desk])).accounts
    assert (found.net, found.hired[0, 0], found.spent[0]) == (840.0, 4.0, 140.0)
    late = replace(desk, lead_quarters=1, idle_hours=np.array([10.0, 10.0]))
    start = solve(steps([1000.0], hours=[[14.0]]), Limits(n_quarters=2, resources=[late])).start
    assert start.tolist() == [1]  # nobody can be hired before


def test_the_tail_counts_the_scenario_on_its_edge_in_part():
    """The worst quarter of five outcomes is −10 whole and a quarter of −6: (10 + 0.25 · 6) / 1.25."""
    assert tail_loss(np.array([5.0, -10.0, 3.0, -6.0, 0.0]), 0.25) == pytest.approx(9.2)


@pytest.mark.parametrize(
    ("limits", "says", "helps"),
    [
        (Limits(n_quarters=1, budget=40.0), "a budget of 40.00", "raise the budget by 20.00"),
        (Limits(n_quarters=1, budget=100.0, reserve=70.0), "less a reserve of 70.00", "or lower the reserve by as much"),
        (Limits(n_quarters=1, by_quarter=np.array([55.0])), "budget of a quarter", "raise the budget of a quarter by 5.00"),
        (Limits(n_quarters=1, resources=[Resource(name="desk", idle_hours=np.array([6.5]))]), "hours of desk",
         "give 0.50 more hours of desk a quarter"),
        (Limits(n_quarters=1, cvar=0.0), "a tail loss of at most 0.00", "allow 5.00 more of tail loss"),
    ],
)  # fmt: skip
def test_limits_in_conflict_are_named_with_the_least_that_helps(limits, says, helps):
    hours = [[7.0]] if limits.resources else np.zeros((1, 0))
    problem = steps([-5.0], cost=[60.0], hours=hours, promised=[True])
    with pytest.raises(PlanError) as error:
        solve(problem, limits)
    assert says in error.value.message
    assert "what is promised" in error.value.message
    assert helps in error.value.hint


def test_a_promise_behind_a_shut_gate_is_named():
    with pytest.raises(PlanError, match="behind a gate that stays shut"):
        solve(steps([5.0], promised=[True], earliest=[OPEN_NEVER]), Limits(n_quarters=2))


# ------------------------------------------------------------------------------------------------ near the optimum


@pytest.mark.parametrize("seed", range(0, N_INSTANCES, 8))
def test_a_plan_within_a_gap_is_as_near_as_it_says(seed):
    """The optimum lies between the plan found and what its gap leaves open."""
    problem, limits = instance(seed)
    try:
        best = solve(problem, limits).accounts.objective
    except PlanError:
        with pytest.raises(PlanError):
            solve(problem, limits, gap=0.01)
        return
    found = solve(problem, limits, gap=0.01)
    assert not broken(limits, found.accounts)
    assert follows_rules(problem, limits, found.start)
    assert found.gap <= 0.01
    assert found.accounts.objective >= best - 0.0101 * max(abs(found.accounts.objective), abs(best)) - 0.01
