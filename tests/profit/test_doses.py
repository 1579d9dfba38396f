"""Doses, and next year's work, by hand and against a known truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import custvalue as cv
from custvalue.experiments import doses
from custvalue.models.lifetime_value import LifetimeValue


def test_the_nearest_sequence_that_rises_and_then_falls():
    """3 stands between 5 and 4: pooled with 4 it is 3.5; pooled with 5 it is 4, which is nearer by weights of one."""
    ones = np.ones(4)
    assert doses.unimodal(np.array([1.0, 5.0, 3.0, 4.0]), ones).tolist() == [1.0, 5.0, 3.5, 3.5]
    assert doses.unimodal(np.array([2.0, 1.0, 4.0, 3.0]), ones).tolist() == [1.5, 1.5, 4.0, 3.0]
    assert doses.unimodal(np.array([4.0, 3.0, 2.0]), np.ones(3)).tolist() == [4.0, 3.0, 2.0]
    # the second is known four times as well: (1 * 3 + 4 * 2) / 5
    assert doses.unimodal(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 4.0])).tolist() == [1.0, 3.0, 2.0]


def called(shop_of, margins, per_group=40):
    """Open a shop where groups got 0, 1, 2, ... calls a year at 1.00 each, and brought so much the year after."""
    customers, orders, events = [], [], []
    for dose, margin in enumerate(margins):
        for i in range(per_group):
            name = f"g{dose}-{i:02d}"
            customers.append({"customer_id": name, "business_type": "b2c_service", "acquired_on": "2024-01-01"})
            orders.append(
                {"order_id": f"{name}a", "customer_id": name, "ordered_at": "2024-01-01", "gross_list": "50.00"}
            )
            later = margin + (5 if i % 2 else -5)
            orders.append(
                {"order_id": f"{name}b", "customer_id": name, "ordered_at": "2025-12-31", "gross_list": f"{later:.2f}"}
            )
            events += [
                {
                    "event_id": f"{name}e{k}",
                    "measure_id": "S",
                    "customer_id": name,
                    "occurred_at": f"2024-{k + 2:02d}-01",
                }
                for k in range(dose)
            ]
    return shop_of(
        customers=customers, orders=orders, courtesy_events=events,
        courtesy_catalogue=[{"measure_id": "S", "name": "service call", "direct_cost": "1.00"}],
    )  # fmt: skip


def test_two_calls_are_best_and_four_take_it_away(shop_of):
    """A dose is a whole year's; margin 50, 60, 70, 55, 40, cost 1.00 a call: net 50, 59, 68, 52, 36.

    Margins of a group differ by 5: a difference of two means is known to 1.96 * sqrt(2 * 25 / 40) = 2.2.
    """
    found = cv.dose_response(called(shop_of, [50, 60, 70, 55, 40]), "S")
    year = 366 / 365  # 2024
    assert found.table["dose"].to_list() == pytest.approx([k / year for k in range(5)])
    assert found.table["margin"].to_list() == pytest.approx([50, 60, 70, 55, 40])
    assert found.table["net"].to_list() == pytest.approx([m - k / year for k, m in enumerate([50, 60, 70, 55, 40])])
    assert found.table["gain_to_best"][-1] == pytest.approx(30 + 2 / year)
    assert (found.shape, found.best_dose) == ("rising, then falling", pytest.approx(2 / year))
    assert found.saturates_at == pytest.approx(2 / year)
    assert found.gain == pytest.approx(40 * (15 + 1 / year) + 40 * (30 + 2 / year))
    assert found.title == (
        "Service call earns most at 2.0 a year; at 4.0 a customer brings 32 EUR less (30 to 34); customers compared, no test"
    )
    assert found.basis == "comparison of customers"


def test_a_dose_without_effect_is_said_to_have_none(shop_of):
    found = cv.dose_response(called(shop_of, [50, 50, 50]), "S")
    assert found.shape == doses.NO_EFFECT
    assert found.best_dose == 0.0
    # 2.00 of cost a year, and a mean of 40 known to 2.2: within chance
    assert found.title == "Service call: how often a customer gets it shows no effect on his margin beyond chance"


def test_a_measure_that_nobody_got_names_those_that_have_courtesies(shop_of):
    shop = called(shop_of, [50, 60])
    with pytest.raises(cv.DataError, match=r"'X' has no courtesy"):
        cv.dose_response(shop, "X")
    with pytest.raises(cv.DataError, match="with different frequency: at least 25"):
        cv.dose_response(called(shop_of, [50, 60], per_group=10), "S")


def test_arms_of_a_randomised_test_are_compared_where_they_differ_in_dose(shop_of):
    """Window of 73 days, a fifth of a year: 2 calls are 10 a year, margin 30 or 20 in it 150 or 100 a year."""
    customers, orders, events, assigned = [], [], [], []
    for i in range(60):
        arm, calls = ("treatment", 2) if i % 2 else ("control", 0)
        name = f"c{i:02d}"
        customers.append({"customer_id": name, "acquired_on": "2024-01-01"})
        gross = (32 if calls else 20) + (1 if i % 4 < 2 else -1)
        orders.append({"order_id": name, "customer_id": name, "ordered_at": "2025-02-01", "gross_list": f"{gross}.00"})
        events += [
            {"event_id": f"{name}{k}", "measure_id": "S", "customer_id": name, "occurred_at": "2025-02-03"}
            for k in range(calls)
        ]
        assigned.append({"assignment_id": str(i), "experiment_id": 1, "customer_id": name, "arm": arm,
                         "assigned_at": "2025-01-01"})  # fmt: skip
    orders.append({"order_id": "last", "customer_id": "c00", "ordered_at": "2025-12-31", "gross_list": "1.00"})
    shop = shop_of(
        customers=customers, orders=orders, courtesy_events=events, assignments=assigned,
        courtesy_catalogue=[{"measure_id": "S", "name": "service call", "direct_cost": "1.00"}],
        experiments=[{"experiment_id": 1, "name": "calls", "measure_id": "S", "design": "rct", "unit": "customer",
                      "starts": "2025-01-01", "ends": "2025-03-14", "outcome_days": 73}],
    )  # fmt: skip
    found = cv.dose_response(shop, "S")
    assert found.basis == "test calls"
    assert found.table["dose"].to_list() == pytest.approx([0.0, 10.0])
    assert found.table["margin"].to_list() == pytest.approx([100.0, 160.0])
    assert found.table["cost"].to_list() == pytest.approx([0.0, 10.0])
    assert found.table["net"].to_list() == pytest.approx([100.0, 150.0])


def test_on_the_sample_too_many_calls_harm(root):
    """The truth (world.py): dropout falls up to two calls a year, at six it is nearly three times that without any."""
    with cv.open() as shop:
        shop.load(root / "sample_data")
        found = cv.dose_response(shop, "S3")
    assert 1.0 < found.best_dose < 3.5
    assert found.table["gain_low"][-1] > 0.0
    assert found.gain_low > 0.0


def test_the_interval_of_the_gain_holds_the_truth():
    """Customers meant to get 0 to 6 a year get so many by chance; 100 shops, of which 93 and more must be held."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(100):
        meant = rng.choice([0, 1, 2, 4, 6], 360)
        rate = rng.poisson(meant * 1.5) / 1.5
        true = 60 * np.exp(-0.5 * (np.exp(-0.3 * meant + 0.08 * meant**2) - 1))
        place = doses._bins(rate)
        n = np.bincount(place)
        means, covariance = doses._adjusted_means(rng.gamma(1.2, true / 1.2), place, np.zeros((360, 0)))
        dose = np.bincount(place, weights=rate) / n
        found = doses._judged(doses._Doses("", dose, n, means, covariance, 2.5), "S", "S", "EUR", 0.95)
        net = np.bincount(place, weights=true) / n - 2.5 * dose
        gain = net[int(found.table["net"].arg_max())] - net[-1]
        held += found.table["gain_low"][-1] <= gain <= found.table["gain_high"][-1]
    assert held >= 90


# ------------------------------------------------------------------------------------------------- next year's work


def test_next_years_minutes_by_hand(shop_of):
    """Ten orders a year, half of them with a contact of 6 minutes: 3 minutes an order; expected are 12 orders.

    36 minutes at 2.00, of 40 practical minutes a year: 4 stay idle, 8.00, of which a quarter could be saved.
    """
    months = [f"2025-{m:02d}-01" for m in range(1, 13)]
    shop = shop_of(
        customers=[{"customer_id": "ann", "acquired_on": "2024-01-01"}],
        orders=[
            {"order_id": "0", "customer_id": "ann", "ordered_at": "2024-06-01", "gross_list": "10.00"},
            *({"order_id": str(m), "customer_id": "ann", "ordered_at": f"2025-{m:02d}-10", "gross_list": "10.00"} for m in range(1, 10)),
            {"order_id": "12", "customer_id": "ann", "ordered_at": "2025-12-31", "gross_list": "10.00"},
        ],
        contacts=[
            {"contact_id": str(m), "customer_id": "ann", "opened_at": f"2025-{m:02d}-11 10:00:00", "handle_s": 360}
            for m in range(1, 6)
        ],
        activities=[{"activity_id": "contact", "resource_id": "desk", "base_min": 6}],
        resources=[
            {"resource_id": "desk", "period": day, "theoretical_min": "3.333333333", "practical_share": "1",
             "cost": "6.67" if i % 3 else "6.66", "avoidable_share": "0.25"}
            for i, day in enumerate(months)
        ],
    )  # fmt: skip
    expected = pl.DataFrame(
        {
            "customer_id": ["ann"],
            "p_alive": [1.0],
            "churn_probability": [0.0],
            "expected_purchases": [12.0],
            "clv": [0.0],
        }
    )
    to_come = LifetimeValue(
        table=expected, horizon_days=365.0, annual_discount_rate=0.0, margin_rate=1.0, service_cost_per_order=0.0,
        level=None, purchase_model="", spend_model="", time_unit="year",
    )  # fmt: skip
    found = cv.activity_budget(shop, to_come)
    row = found.table.row(0, named=True)
    assert (found.orders_last, found.orders) == (10, pytest.approx(12.0))
    assert (row["minutes_last"], row["minutes"], row["practical_min"]) == pytest.approx((30.0, 36.0, 40.0))
    assert (row["idle_min"], row["short_min"], row["to_hire"]) == pytest.approx((4.0, 0.0, 0.0))
    # 80.00 a year: 2.00 a minute
    assert (row["used_cost"], row["idle_cost"]) == pytest.approx((72.0, 8.0), abs=0.01)
    assert row["saved_if_given_up"] == pytest.approx(2.0, abs=0.01)
    work = found.activities.row(0, named=True)
    assert (work["n_last"], work["per_order"], work["minutes_each"], work["n"]) == pytest.approx((5, 0.5, 6.0, 6.0))
    # 12 purchases by chance: 1.96 * sqrt(12) more or less
    assert (found.orders_low, found.orders_high) == pytest.approx((5.21, 18.79), abs=0.01)
    with pytest.raises(cv.DataError, match="activity_budget takes a Warehouse"):
        cv.activity_budget(to_come, shop)
