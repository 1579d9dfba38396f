"""Break-evens against published exercises and simulation; the long run against plain sums."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.experiments.break_even import break_even
from custvalue.experiments.long_run import long_run
from custvalue.experiments.verdict import does_it_pay


@pytest.fixture(scope="module")
def example(shared):
    examples = json.loads((shared / "golden" / "worked_examples.json").read_text())["examples"]
    return {e["id"]: e for e in examples}


def test_closed_forms(example):
    given, expected = (example["break_even_closed_forms"][k] for k in ("inputs", "expected"))
    order = {"margin_per_order": given["margin_per_order"], "cost_per_order": given["cost_per_order"],
             "orders_per_period": given["orders_per_year"]}  # fmt: skip
    found = break_even(**order, basket=given["basket"], margin_rate=given["margin_rate"], retention=given["annual_retention"],
                       discount_rate=given["d"], new_customer_value=given["clv_new"])  # fmt: skip
    assert found.change("frequency") == pytest.approx(expected["frequency"], abs=1e-9)
    assert found.change("basket") == pytest.approx(expected["basket"], abs=1e-9)
    assert found.change("retention") == pytest.approx(expected["retention_delta_immediate"], abs=1e-9)
    assert found.change("referral") == pytest.approx(expected["referrals_per_year"], abs=1e-9)
    rate = math.expm1(given["discount_continuous"])
    dropout = break_even(**order, dropout_rate=given["dropout"], discount_rate=rate).change("dropout")
    assert given["dropout"] + dropout == pytest.approx(expected["dropout_star"], abs=1e-9)
    assert found.title == "It breaks even with +25.0 % orders"


def test_net_4_you(example):
    """Kerin & Peterson: monthly, margin after renewal; half of the customers cost a courtesy of 0.20."""
    given, expected = (example["net4you_break_even_retention"][k] for k in ("inputs", "expected"))
    margin = given["price"] - given["variable"] - given["loyalty"]
    found = break_even(margin_per_order=margin, cost_per_order=given["extra_courtesy"], retention=given["r"],
                       discount_rate=given["d"], margin_after_renewal=True)  # fmt: skip
    assert margin - given["extra_courtesy"] == pytest.approx(expected["new_margin"], abs=1e-4)
    assert found.change("retention") == pytest.approx(expected["delta_r"], abs=1e-4)
    assert given["r"] + found.change("retention") == pytest.approx(expected["break_even_r"], abs=1e-4)


def test_steady_and_swing(example):
    """Nagle & Holden: a price cut is a cost per unit."""
    given, expected = (example["nagle_steady_swing"][k] for k in ("inputs", "expected"))
    found = break_even(margin_per_order=given["price"] - given["variable"], cost_per_order=given["cut"])
    assert found.change("frequency") == pytest.approx(expected["be_pct"], abs=1e-4)


def test_at_break_even_the_profit_is_the_same():
    """Two roads: the uplift, put into orders and costs."""
    g, c, rate, fixed = 15.0, 4.0, 3.0, 2.0
    up = break_even(margin_per_order=g, cost_per_order=c, orders_per_period=rate, fixed_cost_per_period=fixed)
    more = rate * (1.0 + up.change("frequency"))
    assert more * (g - c) - fixed == pytest.approx(rate * g)


def test_what_can_never_pay():
    found = break_even(margin_per_order=3.0, cost_per_order=4.0, retention=0.9, discount_rate=0.1, dropout_rate=0.1)
    assert found.change("frequency") is found.change("retention") is found.change("dropout") is None
    assert "No number of additional orders" in found.title
    with pytest.raises(DataError, match="No channel 'fame'"):
        found.change("fame")
    for bad in (
        {"margin_per_order": 0.0},
        {"cost_per_order": -1.0},
        {"orders_per_period": 0.0},
        {"discount_rate": -0.1},
    ):
        with pytest.raises(DataError):
            break_even(**({"margin_per_order": 9.0, "cost_per_order": 1.0} | bad))


@pytest.fixture(scope="module")
def verdict():
    rng = np.random.default_rng(1)
    n = 4_000
    treated = rng.random(n) < 0.5
    frame = pl.DataFrame(
        {"customer_id": range(n), "arm": treated, "contribution": rng.normal(20.0, 9.0, n) + 1.5 * treated}
    )
    return does_it_pay(frame)


def test_the_long_run_is_a_sum_of_years(verdict):
    found = long_run(verdict, retention=0.8, persistence=[0.5], horizon_years=4, annual_discount_rate=0.1)
    first = verdict.table["effect"][0] * 365 / 28
    by_hand = sum(first * (0.8 * 0.5 / 1.1) ** t for t in range(4))
    assert found.table["effect"][0] == pytest.approx(by_hand, rel=1e-9)


def test_payback_and_persistence(verdict):
    found = long_run(verdict, retention=0.8, setup_cost=30.0)
    assert found.table["effect"].is_sorted()
    for row in found.table.to_dicts():
        years = [row[f"payback_years_{p}"] or 99 for p in (10, 50, 90)]
        assert years == sorted(years)
    strong = found.table.filter(persistence=1.0).row(0, named=True)
    assert strong["p_pays"] > found.table["p_pays"][0]
    rng = np.random.default_rng(2)
    draws = rng.normal(strong["effect"], (strong["effect_high"] - strong["effect_low"]) / 3.92, 200_000)
    assert (draws > 30.0).mean() == pytest.approx(strong["p_pays"], abs=0.005)


def test_without_an_effect_there_is_no_long_run(verdict):
    with pytest.raises(DataError, match="no measured effect of segment 'near'"):
        long_run(verdict, retention=0.8, segment="near")
    with pytest.raises(DataError, match="shares between 0 and 1"):
        long_run(verdict, retention=1.8)
