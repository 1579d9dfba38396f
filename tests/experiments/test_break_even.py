"""Break-evens against published exercises and simulation; the long run against plain sums."""

from __future__ import annotations

import json
import math
from decimal import Decimal

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
    assert found.title.endswith("an order costs more than it earns")
    even = break_even(margin_per_order=4.0, cost_per_order=4.0)
    assert even.title == "No number of additional orders pays for it: an order costs as much as it earns"
    with pytest.raises(DataError, match="No channel 'fame'"):
        found.change("fame")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"margin_per_order": 0.0}, "margin_per_order=0.0: a number above 0"),
        ({"margin_per_order": math.nan}, "margin_per_order=nan: a number was expected"),
        ({"margin_per_order": Decimal(9)}, "a number was expected"),
        ({"cost_per_order": -1.0}, "cost_per_order=-1.0: a number of 0 or more"),
        ({"cost_per_order": math.inf}, "cost_per_order=inf"),
        ({"orders_per_period": 0.0}, "orders_per_period=0.0"),
        ({"discount_rate": -0.1}, "discount_rate=-0.1"),
        ({"dropout_rate": math.nan}, "dropout_rate=nan"),
        ({"retention": 95}, "retention=95: a share between 0 and 1, 0 and 1 included"),
        ({"basket": "80"}, "basket='80'"),
        ({"margin_rate": 30}, "margin_rate=30"),
        ({"new_customer_value": math.inf}, "new_customer_value=inf"),
        ({"fixed_cost_per_period": math.nan}, "fixed_cost_per_period=nan"),
    ],
)
def test_numbers_that_make_no_sense(bad, message):
    with pytest.raises(DataError, match=message):
        break_even(**({"margin_per_order": 9.0, "cost_per_order": 1.0} | bad))


def test_the_figure_says_each_channel_in_its_own_unit():
    found = break_even(margin_per_order=20.0, cost_per_order=4.0, basket=80.0, margin_rate=0.25, retention=0.7,
                       discount_rate=0.1, dropout_rate=0.4, new_customer_value=100.0)  # fmt: skip
    labels = dict(zip(found.table["channel"], found.plot().data[0].y, strict=True))
    assert labels["frequency"].endswith("+25.0 % more orders, as a share of today's")
    assert labels["retention"].endswith("+8.0 points of retention a period")
    assert labels["dropout"].endswith("−0.099 change of the dropout rate")
    assert labels["referral"].endswith("+0.040 new customers brought, per customer and period")
    assert break_even(margin_per_order=4.0, cost_per_order=4.0).plot().layout.annotations[0].text


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
    before = long_run(verdict, retention=0.8).table
    assert found.table["effect"].to_list() == pytest.approx((before["effect"] - 30.0).to_list())
    low, high = (f"{v:+.2f}".replace("-", "−") for v in (found.table["effect"][0], found.table["effect"][-1]))
    assert found.title == f"Per customer over 5 years, 30.00 of set-up deducted: {low} to {high}"
    rng = np.random.default_rng(2)
    draws = rng.normal(strong["effect"], (strong["effect_high"] - strong["effect_low"]) / 3.92, 200_000)
    assert (draws > 0.0).mean() == pytest.approx(strong["p_pays"], abs=0.005)


def test_without_an_effect_there_is_no_long_run(verdict):
    with pytest.raises(DataError, match="no measured effect of segment 'near'"):
        long_run(verdict, retention=0.8, segment="near")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"retention": 1.8}, "retention=1.8: a share between 0 and 1, 0 and 1 included"),
        ({"retention": math.nan}, "retention=nan"),
        ({"persistence": 0.5}, "persistence=0.5: a list of numbers"),
        ({"persistence": []}, r"persistence=\[\]: a list of shares"),
        ({"persistence": [0.5, 50]}, "persistence=50: a share"),
        ({"horizon_years": 0}, "horizon_years=0: a whole number of years"),
        ({"horizon_years": 2.5}, "horizon_years=2.5"),
        ({"level": 95}, "level between 0 and 1, such as 0.95"),
        ({"setup_cost": -1.0}, "setup_cost=-1.0"),
        ({"annual_discount_rate": math.inf}, "annual_discount_rate=inf"),
    ],
)
def test_a_long_run_that_makes_no_sense(verdict, change, message):
    with pytest.raises(DataError, match=message):
        long_run(verdict, **({"retention": 0.8} | change))


def test_an_always_valid_interval_does_not_widen_the_long_run(verdict):
    """The interval that allows further looks is wider, the error of the estimate is the same: so is the long run."""
    rng = np.random.default_rng(1)
    treated = rng.random(4_000) < 0.5
    paid = rng.normal(20.0, 9.0, 4_000) + 1.5 * treated
    frame = pl.DataFrame({"customer_id": range(4_000), "arm": treated, "contribution": paid})
    wide = does_it_pay(frame, looks=5)
    assert wide.table["effect_high"][0] > verdict.table["effect_high"][0] + 0.1
    assert long_run(wide, retention=0.8).table.equals(long_run(verdict, retention=0.8).table)
    only = long_run(verdict, retention=0.8, persistence=[0.0]).table.row(0, named=True)
    error = 365 / 28 * np.hypot(*(paid[treated == t].std(ddof=1) / np.sqrt((treated == t).sum()) for t in (0, 1)))
    assert (only["effect_high"] - only["effect_low"]) / 2 / 1.959964 == pytest.approx(error, rel=1e-6)
