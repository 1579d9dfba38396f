"""Calibration of the verdict on simulated tests, and five million customers straight on DuckDB; prints its figures.

Run with `python -m tests.benchmarks.experiments`; it fails if a figure is outside its limit.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custvalue.config import DecisionSettings
from custvalue.experiments.judge import decide
from custvalue.experiments.money import FurtherTest, belief
from custvalue.experiments.randomised import Effect, Metric, cells, effect_of
from custvalue.experiments.sequence import sequence_half_width, tuning

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAYS, PER_DAY = 28, 180
Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the simulated tests came to.

    Attributes
    ----------
    false_verdicts
        Share of tests with a final verdict at any of the daily looks although the effect is 0.
    naive_verdicts
        The same with the interval that is valid for one look only.
    fixed_coverage
        Share of tests whose interval at the end holds the effect.
    sequence_coverage
        Share of tests whose always-valid interval holds it at every look.
    """

    n_tests: int
    effect: float
    false_verdicts: float
    naive_verdicts: float
    fixed_coverage: float
    sequence_coverage: float


def contributions(rng: np.random.Generator, n: int, effect: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Draw arms and contributions: most customers buy nothing, a few buy much; the effect is the same for all."""
    treated = rng.random(n) < 0.5
    orders = rng.poisson(rng.gamma(2.0, 0.67, n))
    basket = rng.lognormal(3.0, 0.5, n)
    return treated, orders * basket * 0.45 + effect * treated


def running(treated: NDArray[np.bool_], outcome: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the effect and its standard error after each day."""
    ends = np.arange(1, DAYS + 1) * PER_DAY - 1
    sums = []
    for arm in (treated, ~treated):
        n, s, s2 = (np.cumsum(np.where(arm, v, 0.0))[ends] for v in (np.ones_like(outcome), outcome, outcome**2))
        mean = s / n
        sums.append((mean, (s2 - n * mean**2) / (n - 1) / n))
    (m1, v1), (m0, v0) = sums
    return m1 - m0, np.sqrt(v1 + v0)


def calibrate(n_tests: int, effect: float, seed: int = 1) -> Figures:
    """Run tests that are looked at daily and count how often verdicts and intervals are wrong."""
    rng = np.random.default_rng(seed)
    settings = DecisionSettings(planned_looks=DAYS, planned_customers=DAYS * PER_DAY)
    rho = tuning(settings.planned_customers, settings.level)
    wrong = naive = fixed = always = 0
    for _ in range(n_tests):
        estimate, error = running(*contributions(rng, DAYS * PER_DAY, effect))
        n = np.arange(1, DAYS + 1) * PER_DAY
        half = np.array([sequence_half_width(e, int(k), rho, settings.level) for e, k in zip(error, n, strict=True)])
        wrong += any(_final(d, e, h, settings) for d, e, h in zip(estimate, error, half, strict=True))
        naive += bool((np.abs(estimate) > Z95 * error).any())
        fixed += abs(estimate[-1] - effect) < Z95 * error[-1]
        always += bool((np.abs(estimate - effect) < half).all())
    rates = [x / n_tests for x in (wrong, naive, fixed, always)]
    return Figures(
        n_tests=n_tests, effect=effect, false_verdicts=rates[0], naive_verdicts=rates[1], fixed_coverage=rates[2],
        sequence_coverage=rates[3],
    )  # fmt: skip


def _final(effect: float, error: float, half: float, settings: DecisionSettings) -> bool:
    found = Effect(
        n_control=1, n_treated=1, control=0.0, treated=0.0, effect=effect, low=effect - half, high=effect + half,
        level=settings.level, standard_error=error, p_value=1.0, relative=None, relative_low=None, relative_high=None,
    )  # fmt: skip
    none = FurtherTest(n_per_arm=0, net_benefit=0.0, cost=0.0)
    return decide(found, belief(effect, error), none, settings) in ("pays off", "does not pay")


def large(n: int = 5_000_000) -> float:
    """Time four metrics in ten segments with CUPED, read by tea-tasting from a DuckDB table; seconds."""
    import duckdb

    con = duckdb.connect(config={"threads": 2})
    con.execute(
        "create table customers as select arm, segment, pre, noise + 0.4 * pre as contribution, revenue, orders,"
        " support from (select hash(i) % 2 = 1 as arm, 's' || (hash(i * 7) % 10) as segment, random() * 40 as pre,"
        " random() * 50 as noise, random() * 90 as revenue, floor(random() * 4) as orders, random() * 3 as support"
        " from range($n) t(i))",
        {"n": n},
    )
    metrics = [Metric(m, "pre") for m in ("contribution", "revenue", "orders", "support")]
    start = time.perf_counter()
    found = cells(con.table("customers"), metrics, arm="arm", segment="segment")
    names = sorted({segment for segment, _ in found})
    effects = [effect_of(m, found, segment=s) for m in metrics for s in names]
    seconds = time.perf_counter() - start
    if len(effects) != 44 or not all(math.isfinite(e.effect) for e in effects):
        sys.exit("an effect is missing")
    return seconds


def sample_seeds(seeds: range = range(1, 21)) -> list[str]:
    """Judge the simulated retailer's test and launch over seeds; print how they agree with its truth, return what fails."""
    from custvalue.data.simulate import simulate
    from custvalue.data.warehouse import open_warehouse
    from custvalue.experiments.verdict import does_it_pay

    right, undecided, held, naive, against = Counter[str](), Counter[str](), 0, 0, 0
    cap = DecisionSettings().loss_cap
    for seed in seeds:
        made = simulate(seed=seed)
        truth: Any = made.truth
        with open_warehouse() as shop:
            for name, table in _in_order(made.tables):
                shop.load(table, table=name)
            test = does_it_pay(shop, experiment="free_delivery").table
            gift = does_it_pay(shop, experiment="vip_gift").table.row(0, named=True)
        for segment, true in truth["free_delivery"]["segments"].items():
            decision = test.filter(segment=segment)["decision"][0]
            asked = "pays off" if true["effect"] > 0.0 else "does not pay"
            if true["decided"]:
                right[segment] += decision == asked
            else:
                undecided[segment] += decision not in ("pays off", "does not pay")
            against += decision in ("pays off", "does not pay") and decision != asked and abs(true["effect"]) > cap
        held += (
            gift["effect_low"] is not None
            and gift["effect_low"] < truth["vip_gift"]["effect_on_gifted"] < gift["effect_high"]
        )
        naive += truth["vip_gift"]["naive_difference"] > 0.0 > truth["vip_gift"]["effect_on_gifted"]
    print(f"{len(seeds)} simulated retailers: the verdict asked for by the truth in {dict(right)} (at least 19 each);")
    print(
        f"  undecided stays undecided in {dict(undecided)} (at least 17); against the truth above the cap {against} (never)"
    )
    print(f"  launch to top spenders: naive wrong in {naive}, our interval holds the truth in {held}")
    n = len(seeds)
    limits = {
        "decided segments": min(right.values()) >= round(0.95 * n),
        "undecided segment": min(undecided.values()) >= round(0.85 * n),
        "verdicts against the truth": against == 0,
        "launch interval": held >= round(0.85 * n),
    }
    return [name for name, kept in limits.items() if not kept]


def _in_order(tables: dict[str, Any]) -> list[tuple[str, Any]]:
    first = ("customers", "products", "orders", "order_lines", "resources", "courtesy_catalogue", "experiments")
    return [(n, tables[n]) for n in (*first, *(t for t in sorted(tables) if t not in first))]


def calibration() -> list[str]:
    """Print the figures of simulated tests, return what fails."""
    zero, known = calibrate(1_000, 0.0), calibrate(1_000, 1.5, seed=2)
    print(
        f"effect 0, {DAYS} daily looks, {zero.n_tests} tests: {zero.false_verdicts:.1%} false verdicts (at most 5 %);"
    )
    print(f"  with the one-look interval it would have been {zero.naive_verdicts:.1%}")
    print(f"effect 1.5, {known.n_tests} tests: one look covers in {known.fixed_coverage:.1%} (93.5 to 96.5 %),")
    print(f"  always-valid covers at every look in {known.sequence_coverage:.1%} (at least 95 %)")
    limits = {
        "false verdicts": zero.false_verdicts <= 0.05,
        "coverage of one look": 0.935 <= known.fixed_coverage <= 0.965,
        "coverage of all looks": known.sequence_coverage >= 0.95,
    }
    return [name for name, kept in limits.items() if not kept]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=1, help="of twenty simulated retailers (default %(default)s)")
    first = parser.parse_args().first_seed
    failed = calibration()
    seconds = large()
    print(f"5,000,000 customers, 4 metrics, 10 segments, CUPED, on DuckDB: {seconds:.2f} s (under 10 s)")
    failed += [] if seconds < 10.0 else ["five million customers"]
    failed += sample_seeds(range(first, first + 20))
    if failed:
        sys.exit(f"outside the limits: {', '.join(failed)}")
