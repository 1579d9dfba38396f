"""What is given today by quarter and segment, and hours needed, used and idle, on shops computed by hand."""

from __future__ import annotations

import datetime as dt

import pytest

import custvalue as cv

RESOURCE = {"resource_id": "desk", "theoretical_min": "50", "practical_share": "0.8", "cost": "60.00"}
"""40 practical minutes a month, 1.50 each."""


def test_events_per_customer_year_count_the_days_that_customers_were_there(shop_of):
    """Quarter from 1 January to the last order on 31 March 2025, 90 days.

    Ann was there all of it, Bob from 1 March on: 31 days. Near has 121 days, 0.3315 years, and 3 gifts; Cy in far
    90 days, and 1 gift.
    """
    shop = shop_of(
        customers=[{"customer_id": "ann", "acquired_on": "2024-06-01"}, {"customer_id": "bob", "acquired_on": "2025-03-01"},
                   {"customer_id": "cy", "acquired_on": "2023-01-01"}],
        orders=[{"order_id": "o", "customer_id": "ann", "ordered_at": "2025-03-31", "gross_list": "9.00"}],
        segments=[{"snapshot": "2024-01-01", "customer_id": c, "segment": s, "method": "declared"} for c, s in (("ann", "near"), ("bob", "near"), ("cy", "far"))],
        courtesy_catalogue=[{"measure_id": "G", "name": "gift", "base_minutes": "4", "resource_id": "desk"}],
        courtesy_events=[{"event_id": str(i), "measure_id": "G", "customer_id": c, "occurred_at": "2025-03-10"} for i, c in enumerate(("ann", "ann", "bob", "cy"))],
    )  # fmt: skip
    far, near = shop.fetch("delivered_today").iter_rows(named=True)
    assert (near["period"], near["segment"], near["measure_id"], near["granted"]) == (
        dt.date(2025, 1, 1),
        "near",
        "G",
        "beyond rule",
    )
    assert (near["n_events"], near["n_served"], near["n_customers"], near["minutes"]) == (3, 2, 2, 12.0)
    assert near["customer_years"] == pytest.approx(121 / 365)
    assert near["events_per_customer_year"] == pytest.approx(3 * 365 / 121)
    assert (far["segment"], far["n_customers"]) == ("far", 1)
    assert far["events_per_customer_year"] == pytest.approx(365 / 90)


@pytest.fixture(scope="module")
def desk(shop_of):
    """30 minutes in March of 40 paid for, 70 in April of 40, 45 in May without a row in resources."""
    return shop_of(
        customers=[{"customer_id": "c"}],
        orders=[{"order_id": "o", "customer_id": "c", "ordered_at": "2025-05-31", "gross_list": "9.00"}],
        contacts=[{"contact_id": m, "customer_id": "c", "opened_at": f"2025-{m}-10", "handle_s": str(60 * minutes)} for m, minutes in (("03", 30), ("04", 70), ("05", 45))],
        activities=[{"activity_id": "contact", "resource_id": "desk", "base_min": "6"}],
        resources=[{**RESOURCE, "period": "2025-03-01"}, {**RESOURCE, "period": "2025-04-01"}],
    )  # fmt: skip


def test_needed_used_and_idle_minutes_stand_in_one_table_by_resource_and_month(desk):
    use = cv.capacity_use(desk)
    columns = ("needed_min", "used_min", "idle_min", "overload_min", "unused_min")
    assert use.table.select(columns).rows() == [
        (30.0, 30.0, 10.0, 0.0, 10.0),
        (70.0, 70.0, 0.0, 30.0, -30.0),
        (45.0, None, None, None, None),
    ]
    assert use.table["is_overloaded"].to_list() == [False, True, False]
    assert use.by_resource["needed_min"].item() == 145.0


def test_the_waterfall_names_the_minutes_of_the_month_without_capacity(desk):
    said = cv.customer_profit(desk).missing["needs"].to_list()
    assert any(text.startswith("45 minutes of desk in 2025-05") for text in said)


def test_a_resource_with_two_ledger_accounts_is_counted_once(shop_of):
    shop = shop_of(
        resources=[{**RESOURCE, "period": "2025-03-01"}],
        gl_accounts=[{"account": a, "name": f"desk {a}", "pnl_line": "support", "cost_class": "time", "resource_id": "desk"} for a in ("1", "2")],
    )  # fmt: skip
    assert cv.capacity_use(shop).table.select("name", "cost").rows() == [("desk 1", 60)]


def test_the_title_says_how_often_and_what_most(desk, shop_of):
    """One gift and two calls in 180 days of two customers, one of whom got nothing: 3 x 365 / 180 = 6.08 a year."""
    shop = shop_of(
        customers=[{"customer_id": c, "acquired_on": "2025-01-01"} for c in ("ann", "bob")],
        segments=[{"snapshot": "2024-01-01", "customer_id": "bob", "segment": "far", "method": "declared"}],
        orders=[{"order_id": "o", "customer_id": "ann", "ordered_at": "2025-03-31", "gross_list": "9.00"}],
        courtesy_catalogue=[{"measure_id": m, "name": n, "direct_cost": "1.00"} for m, n in (("G", "gift"), ("C", "call"))],
        courtesy_events=[{"event_id": str(i), "measure_id": m, "customer_id": "ann", "occurred_at": "2025-03-10"} for i, m in enumerate("GCC")],
    )  # fmt: skip
    today = cv.delivered_today(shop)
    assert today.title == "3 courtesies since 2025-01-01, 6.08 per customer and year; most often call, 2"
    assert cv.delivered_today(desk).title == "No courtesy was given"
