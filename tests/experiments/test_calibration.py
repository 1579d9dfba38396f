"""How often a verdict is wrong, on simulated tests; the benchmark prints the figures of the full size."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import polars as pl
import pytest

from custvalue.config import DecisionSettings
from custvalue.experiments.looks import looks_of
from custvalue.experiments.verdict import does_it_pay


@pytest.fixture(scope="module")
def benchmark(root):
    spec = importlib.util.spec_from_file_location("experiments_benchmark", root / "tests/benchmarks/experiments.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_daily_looks_at_no_effect_seldom_end_in_a_verdict(benchmark):
    found = benchmark.calibrate(400, 0.0)
    assert found.false_verdicts <= 0.05
    assert found.naive_verdicts > 0.2  # so the data would have fooled the usual interval


def test_intervals_cover_a_known_effect(benchmark):
    found = benchmark.calibrate(1_000, 1.5, seed=2)
    assert 0.935 <= found.fixed_coverage <= 0.965
    assert found.sequence_coverage >= 0.95


def test_the_tool_and_the_benchmark_see_the_same_sequence(benchmark):
    """Two roads: running sums of the benchmark, and a frame for `looks_of` and `does_it_pay`."""
    treated, outcome = benchmark.contributions(np.random.default_rng(5), benchmark.DAYS * benchmark.PER_DAY, 1.5)
    estimate, error = benchmark.running(treated, outcome)
    frame = pl.DataFrame({
        "customer_id": np.arange(outcome.size), "arm": treated, "contribution": outcome,
        "entry_day": np.repeat(np.arange(benchmark.DAYS), benchmark.PER_DAY),
    })  # fmt: skip
    settings = DecisionSettings(planned_looks=28, planned_customers=outcome.size)
    looks = looks_of(frame, settings=settings)
    assert looks.table["effect"].to_list() == pytest.approx(estimate.tolist(), rel=1e-9)
    last = does_it_pay(frame, settings=settings, looks=28).table.row(0, named=True)
    assert [last["effect_low"], last["effect_high"]] == pytest.approx(
        [looks.table["effect_low"][-1], looks.table["effect_high"][-1]], rel=1e-12
    )
    # the fixed interval of the tool is Welch's, that of the benchmark the normal one
    half = (looks.table["fixed_high"][-1] - looks.table["fixed_low"][-1]) / 2
    assert half == pytest.approx(benchmark.Z95 * error[-1], rel=1e-3)


def test_segments_together_seldom_err(benchmark):
    """Holm: with four segments of no effect, a final verdict on any of them comes in about 5 % of tests."""
    rng = np.random.default_rng(7)
    wrong = 0
    n_tests = 100
    for _ in range(n_tests):
        treated, outcome = benchmark.contributions(rng, 2_000, 0.0)
        frame = pl.DataFrame({
            "customer_id": np.arange(outcome.size), "arm": treated, "contribution": outcome,
            "segment": rng.choice(["a", "b", "c", "d"], outcome.size),
        })  # fmt: skip
        decisions = does_it_pay(frame, segment="segment").table.filter(pl.col("segment") != "all")["decision"]
        wrong += decisions.is_in(["pays off", "does not pay"]).any()
    assert wrong / n_tests <= 0.05 + 2 * (0.05 * 0.95 / n_tests) ** 0.5
