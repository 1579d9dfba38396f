"""Plans valued with the truth of the simulated retailer, on seeds that were not used to build them.

`python -m tests.benchmarks.plans [--seeds 40] [--first 9001] [--bias 3]` prints a row a seed and a line for each claim.
Seeds 1 to 200 and the sample's own were used in development; the benchmark begins at 9001.
"""

from __future__ import annotations

import argparse
import itertools
import math
import warnings
from dataclasses import dataclass

import polars as pl

import custvalue as cv
from custvalue.data.simulate import N_CUSTOMERS, simulate
from custvalue.data.simulation.world import TEST_ENDS, TEST_STARTS
from custvalue.profit.waterfall import customer_profit

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


def main(arguments: list[str] | None = None) -> None:
    """Print the table and the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=9001)
    parser.add_argument("--customers", type=int, default=N_CUSTOMERS)
    parser.add_argument("--bias", type=float, default=None, help="make stated beliefs larger by this factor")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
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
