"""Plans valued with the truth of the simulated retailer, on seeds that were not used to build them.

`python -m tests.benchmarks.plans [--seeds 40] [--first 9001] [--bias 3]` prints a row a seed and a line for each claim;
`--reviews 40` runs whole loops of plan, roll-out, review and next plan; `--speed` solves large programmes.
Seeds 1 to 200 and the sample's own were used in development; the benchmark begins at 9001.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
import warnings
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

import custvalue as cv
from custvalue.data.simulate import N_CUSTOMERS, simulate
from custvalue.data.simulation.world import TEST_ENDS, TEST_STARTS
from custvalue.profit.waterfall import customer_profit
from custvalue.service.programme import Limits, Resource, Steps, tail_loss
from custvalue.service.solve import solve
from tests.service.own_shop import TRUE_YEAR
from tests.service.test_review import looped

TESTED = "P5b"
YEAR = 365.0 / ((TEST_ENDS - TEST_STARTS).days + 1)
LOSS_SHARE, OF_ORACLE, BINS = 0.01, 0.9, (0.0, 0.5, 0.8, 0.95, 1.01)


@dataclass(frozen=True)
class Outcome:
    """What a plan promised and what it is worth."""

    seed: int
    promised: float
    low: float
    high: float
    chance: float | None
    earned: float
    oracle: float
    everybody: float
    contribution: float
    raised: str


def true_effects(truth: dict) -> dict[tuple[str, str], float]:
    """Return what a measure truly earns per customer and year, where it earns anything."""
    return {(TESTED, segment): row["effect"] * YEAR for segment, row in truth["free_delivery"]["segments"].items()}


def biased(stated: pl.DataFrame, factor: float) -> pl.DataFrame:
    """Make stated beliefs hold more of a measure: rates and spend up, dropout down, by a factor."""
    columns = [name for name in stated.columns if name.startswith("d_")]
    sign = {name: -1.0 if "dropout" in name else 1.0 for name in columns}
    return stated.with_columns(
        (pl.col(name).cast(pl.Float64).abs() * factor * sign[name]).alias(name) for name in columns
    )


def valued(seed: int, n_customers: int, bias: float | None = None, **how: object) -> Outcome:
    """Plan for a retailer, and value the plan with its truth."""
    simulated = simulate(n_customers=n_customers, seed=seed)
    tables = dict(simulated.tables)
    if bias is not None:
        tables["effect_draws"] = biased(tables["effect_draws"], bias)
    with cv.open() as shop:
        for name, table in tables.items():
            shop.load(table, table=name)
        plan = cv.plan_service(shop, **how)
        sizes = dict(shop.fetch("customer_segments").group_by("segment").len().iter_rows())
        profit = customer_profit(shop).table["contribution"].cast(pl.Float64).sum() / 3.0
    truth = true_effects(simulated.truth)
    table = plan.table.filter(pl.col("action").is_in(["give", "withdraw", "test"]), pl.col("quarter").is_not_null())
    earned = sum(true_gain(row, truth, plan) for row in table.iter_rows(named=True))
    risk = plan.risk.row(0, named=True)
    tested = {segment: effect * sizes[segment] for (_, segment), effect in truth.items()}
    gives = table.filter(action="give")
    return Outcome(
        seed=seed, promised=risk["net"], low=risk["net_low"], high=risk["net_high"], chance=risk["p_beats_today"],
        earned=earned, oracle=sum(max(e, 0.0) for e in tested.values()) * (1.0 - plan.rules.holdout),
        everybody=sum(tested.values()), contribution=profit,
        raised="; ".join(f"{m} {s}" for m, s in gives.select("measure", "segment").iter_rows()),
    )  # fmt: skip


def true_gain(row: dict, truth: dict, plan: cv.ServicePlan) -> float:
    """Return what a row of the plan is worth in a year: a measure without effect costs what it is said to cost."""
    if row["action"] == "test":
        return float(row["gain"])
    moved = row["n_customers"] * (1.0 - row["given_today"]) * (1.0 - plan.rules.holdout)
    share = (plan.n_quarters + 1 - row["quarter"]) / plan.n_quarters
    effect = truth.get((row["measure"], row["segment"]))
    if effect is None:
        return -float(row["cost"] or 0.0)
    return (moved if row["action"] == "give" else -row["n_customers"] * row["given_today"]) * share * effect


def told(found: list[Outcome]) -> str:
    """Set each claim beside its limit."""
    n = len(found)
    never = sum(o.earned >= -LOSS_SHARE * o.contribution for o in found)
    oracle = sum(o.earned >= OF_ORACLE * o.oracle for o in found)
    others = sum(o.earned >= max(o.everybody, 0.0) - 1e-9 for o in found)
    within = sum(o.low <= o.earned <= o.high for o in found)
    sure = [(o.chance, o.earned > 0) for o in found if o.chance is not None]
    brier = sum((p - won) ** 2 for p, won in sure) / len(sure) if sure else math.nan
    lines = [
        f"never worse than nothing by more than 1 % of contribution: {never} of {n} (limit {n})",
        f"at least 90 % of what the truth would earn: {oracle} of {n} (limit {math.ceil(0.9 * n)})",
        f"at least as much as everybody and nobody: {others} of {n} (limit {math.ceil(0.95 * n)})",
        f"promised net within its 90 % interval: {within} of {n} (limit {math.ceil(0.85 * n)} to {n})",
        f"chance to beat today: Brier score {brier:.3f} over {len(sure)} plans",
        "a year on average: "
        + ", ".join(
            f"{what} {sum(getattr(o, what) for o in found) / n:,.0f}" for what in ("earned", "promised", "oracle")
        ),
    ]
    for low, high in itertools.pairwise(BINS):
        part = [won for p, won in sure if low <= p < high]
        if part:
            lines.append(f"  said {low:.0%} to {min(high, 1.0):.0%}: {sum(part)} of {len(part)} beat today")
    return "\n".join(lines)


def loops(n: int, first: int) -> str:
    """Run loops on shops whose truth is known: does the review's interval hold it, and is the next plan no worse?"""
    held, kept = 0, 0
    for seed in range(first, first + n):
        before, _, found, after = looped(seed)
        row = found.table.filter(segment="far").row(0, named=True)
        held += row["effect_low"] <= TRUE_YEAR["far"] <= row["effect_high"]
        has = after.table.filter(segment="far").row(0, named=True)
        kept += before.table.filter(segment="far")["action"].item() == "give" and has["action"] in ("give", "keep")
    return f"{n} loops: the review's interval holds the truth in {held} (limit 93 to 97 %), the next plan is no worse in {kept}"


def speed(n_segments: int, gap: float, *, n_measures: int = 12, n_quarters: int = 8, n_scenarios: int = 200) -> str:
    """Solve a programme with set-ups, three resources, hiring, a budget and a limit on the tail, drawn by lot."""
    rng = np.random.default_rng(1)
    n = n_segments * n_measures
    size = rng.integers(50, 2000, n_segments)
    mean = rng.normal(0, 10, (n_segments, n_measures))
    noise = rng.normal(0, 6, (n_scenarios, 1, n_measures)) + rng.normal(0, 6, (n_scenarios, n_segments, n_measures))
    gain = (mean * size[:, None]).ravel() / 4
    cost = (rng.gamma(2, 1.5, (n_segments, n_measures)) * size[:, None]).ravel() / 4
    hours = np.zeros((n, 3))
    hours[np.arange(n), rng.integers(0, 3, n_measures)[np.arange(n) % n_measures]] = (
        rng.gamma(2, 0.02, n) * np.repeat(size, n_measures) / 4
    )
    steps = Steps(
        chain=np.arange(n), rung=np.ones(n, dtype=np.int64), group=np.arange(n), gain=gain, cost=cost, once=np.zeros(n),
        upfront=np.zeros(n), hours=hours, draws=((mean + noise) * size[:, None]).reshape(n_scenarios, n) / 4,
        earliest=np.where(rng.random(n) < 0.1, rng.integers(0, 4, n), 0), promised=np.zeros(n, dtype=np.bool_),
        setup=np.where(rng.random(n) < 0.3, np.arange(n) % n_measures, -1), counts=np.zeros(n, dtype=np.bool_),
    )  # fmt: skip
    good = gain > 0
    resources = [
        Resource(name=f"r{k}", idle_hours=np.full(n_quarters, 0.4 * hours[good, k].sum()), avoidable_rate=5.0,
                 full_rate=40.0, hire_hours=0.2 * hours[good, k].sum(), lead_quarters=1, training=20.0)
        for k in range(3)
    ]  # fmt: skip
    free = Limits(n_quarters=n_quarters, budget=0.5 * cost[good].sum() * n_quarters, resources=resources,
                  setup_cost=rng.uniform(500, 3000, n_measures))  # fmt: skip
    tail = tail_loss(solve(steps, free, gap=gap).accounts.outcomes, free.tail)
    begin = time.perf_counter()
    found = solve(steps, replace(free, cvar=1.03 * tail), gap=gap)  # the tail has to be better than without the limit
    took = time.perf_counter() - begin
    return (
        f"{n_segments} segments x {n_measures} measures x {n_quarters} quarters, {n_scenarios} scenarios, tail limit:"
        f" {took:.1f} s to a gap of {found.gap:.1e} (asked {gap:.0e})"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table and the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=9001)
    parser.add_argument("--customers", type=int, default=N_CUSTOMERS)
    parser.add_argument("--reviews", type=int, default=0, help="run so many loops instead")
    parser.add_argument("--speed", action="store_true", help="solve large programmes instead")
    parser.add_argument("--bias", type=float, default=None, help="make stated beliefs larger by this factor")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    if options.speed:
        print(speed(40, 1e-3), speed(200, 1e-2), sep="\n")
        return
    if options.reviews:
        print(loops(options.reviews, options.first))
        return
    found = []
    for seed in range(options.first, options.first + options.seeds):
        found.append(valued(seed, options.customers, options.bias))
        o = found[-1]
        print(
            f"{o.seed}: earned {o.earned:9,.0f}  promised {o.promised:9,.0f} ({o.low:,.0f} to {o.high:,.0f})  sure"
            f" {'-' if o.chance is None else f'{o.chance:.3f}'}  truth {o.oracle:9,.0f}  everybody {o.everybody:9,.0f}"
            f"  contribution {o.contribution:,.0f}  gives {o.raised}",
            flush=True,
        )
    print(told(found))


if __name__ == "__main__":
    main()
