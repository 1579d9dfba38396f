"""The thirty measures of the catalogue, each with one event and its cost computed by hand.

Every minute costs 0.60: 4,800.00 a month over 10,000 theoretical minutes, 80 % of them practical; half is avoidable.
"""

from __future__ import annotations

import csv
from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv

DAY = "2025-03-10 10:00"  # a Monday
# measure: units logged, minutes, full cost, avoidable cost; what is derived from a transaction has no units
BY_HAND = {
    "P1": (5, "12", "13.20", "9.60"),  # 5 loan days x 1.20, 12 min x 0.60
    "P2": (None, "0", "33.00", "24.00"),  # parts 20.00 less fee 5.00, and the repair's 30 min
    "P3": (1, "4", "14.30", "13.10"),  # gift 11.90, 4 min
    "P4": (
        None,
        "3",
        "31.80",
        "30.90",
    ),  # the refund 30.00, of which no goods came back, 3 min above standard inspection
    "P5a": (10, "34", "20.40", "10.20"),  # 25 min + 0.9 x 10 km
    "P5b": (None, "0", "4.90", "4.90"),  # of the carrier's 6.00 what the fee would have covered
    "P5c": (20, "58", "34.80", "17.40"),  # 40 min + 0.9 x 20 km
    "P5d": (1, "0", "0.60", "0.60"),
    "P5e": (1, "0", "3.00", "3.00"),
    "S1": (None, "0", "6.50", "6.50"),  # a term extended by 10 units
    "S2": (1, "6", "3.60", "1.80"),
    "S3": (2, "6.6", "3.96", "1.98"),  # 5 min + 0.8 x 2 dial attempts
    "S4": (1, "3", "1.80", "0.90"),
    "S5": (1, "8", "4.80", "2.40"),
    "C1": (12, "20", "12.00", "6.00"),  # 14 min + 0.5 x 12 pieces
    "C2": (20_000, "3", "7.80", "6.90"),  # 20,000 EUR-days x 0.0003, 3 min
    "C3": (1, "0", "0.48", "0.48"),  # 4 min saved are no credit, 0.4 % of 120.00 expected to be lost
    "C4": (5_000, "2", "3.76", "3.16"),  # 5,000 EUR-days x 0.0002, 2 min, 1.2 % of 130.00
    "C5": (1, "6", "3.60", "1.80"),
    "D1": (1, "0", "4.50", "4.50"),
    "D2": (None, "0", "5.40", "5.40"),  # 6 % of 90.00; the job's 50 min are the job's
    "D3": (30, "87", "52.20", "26.10"),  # 60 min + 0.9 x 30 km
    "D4": (1, "10", "6.00", "3.00"),
    "D5": (1, "45", "27.00", "13.50"),
    "Q2": (None, "4", "2.40", "1.20"),
    "Q3": (1, "0", "2.25", "2.25"),  # 5 min of inspection saved are no credit, 5 % of 45.00
    "Q4": (1, "0", "2.40", "2.40"),  # 4 % of 60.00
    "Q5": (1, "0", "35.00", "35.00"),  # the repair that was not charged, from the event
    "W1": (1, "1.5", "0.90", "0.45"),
    "U1": (1, "9", "5.40", "2.70"),
}


@pytest.fixture(scope="module")
def shop(root, shop_of):
    catalogue = pl.read_csv(root / "sample_data" / "courtesy_catalogue.csv", infer_schema=False)
    resources = catalogue["resource_id"].drop_nulls().unique().sort()
    goods = {"gross_list": "30.00", "discount": "0.00", "ordered_at": DAY}
    return shop_of(
        customers=[{"customer_id": measure} for measure in BY_HAND],
        products=[{"product_id": "lamp", "unit_cost": "10.00", "warranty_months": 6}],
        orders=[
            {"order_id": "free", "customer_id": "P5b", **goods, "delivery_fee_charged": "0.00"},
            {"order_id": "old", "customer_id": "P2", **goods, "ordered_at": "2024-01-10 10:00", "delivery_fee_charged": "4.90"},
            {"order_id": "back", "customer_id": "P4", **goods, "delivery_fee_charged": "4.90"},
        ],
        deliveries=[
            {"delivery_id": f"d {order}", "order_id": order, "mode": "standard", "carrier_cost": "6.00"} for order in ("free", "old", "back")
        ],
        delivery_fees=[{"valid_from": "2023-01-01", "mode": "standard", "region": "all", "free_over": "50.00", "fee": "4.90"}],
        returns=[{"return_id": "r", "order_id": "back", "returned_at": DAY, "refund": "30.00", "inspect_min": "10", "within_policy": "false"}],
        repairs=[{"repair_id": "w", "customer_id": "P2", "order_id": "old", "product_id": "lamp", "opened_at": DAY, "parts_cost": "20.00",
                  "minutes": "30", "fee_charged": "5.00"}],
        entitlements=[{"entitlement_id": "t", "customer_id": "S1", "entitled": "100", "used": "89", "ends": "2025-03-31", "extended": "10"}],
        jobs=[{"job_id": "j", "customer_id": "D2", "kind": "service", "ordered_at": "2025-03-12 10:00", "started_at": DAY, "minutes": "50"}],
        contacts=[{"contact_id": "k", "customer_id": "Q2", "opened_at": "2025-03-10 17:57", "handle_s": "300"}],
        opening_hours=[{"site": "desk", "weekday": "1", "opens": "09:00:00", "closes": "18:00:00"}],
        activities=[
            {"activity_id": "contact", "resource_id": "contact_centre", "base_min": "6"},
            {"activity_id": "inspection", "resource_id": "returns_desk", "base_min": "5"},
            {"activity_id": "job", "resource_id": "engineers", "base_min": "60"},
        ],
        resources=[
            {"resource_id": r, "period": "2025-03-01", "theoretical_min": "10000", "practical_share": "0.8", "cost": "4800.00", "avoidable_share": "0.5"}
            for r in resources
        ],
        courtesy_catalogue=catalogue,
        courtesy_events=[
            {"event_id": f"e {measure}", "measure_id": measure, "customer_id": measure, "occurred_at": DAY, "units": units,
             "direct_cost": "35.00" if measure == "Q5" else None}
            for measure, (units, *_) in BY_HAND.items() if units is not None
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def costs(shop):
    return {row["measure_id"]: row for row in cv.courtesy_cost(shop).table.iter_rows(named=True)}


def test_the_table_above_is_the_whole_catalogue(shared, costs):
    with (shared / "courtesy_catalogue.csv").open() as file:
        named = {row["measure_id"] for row in csv.DictReader(file)}
    assert named == set(BY_HAND) == set(costs)
    assert len(named) == 30


@pytest.mark.parametrize("measure", BY_HAND)
def test_a_measure_costs_what_its_own_rule_says(costs, measure):
    _, minutes, full, avoidable = BY_HAND[measure]
    row = costs[measure]
    assert row["n_events"] == 1
    assert (row["full"], row["avoidable"]) == (Decimal(full), Decimal(avoidable))
    if Decimal(minutes) == Decimal(minutes).to_integral_value():
        assert row["minutes"] == float(minutes)


def test_a_courtesy_tied_to_a_contact_or_return_bears_only_what_is_above_standard(shop):
    """The contact's 5 minutes and the inspection's 10 stay where they are; 4 and 3 more are the courtesy's."""
    lines = cv.customer_profit(shop).table.select("customer_id", "support", "returns_handling", "courtesy")
    rows = {row[0]: row[1:] for row in lines.rows()}
    assert rows["Q2"] == (Decimal("-3.00"), Decimal(0), Decimal("-2.40"))
    assert rows["P4"] == (Decimal(0), Decimal("-6.00"), Decimal("-31.80"))


def test_each_event_says_whether_it_was_logged_or_derived(shop):
    found = dict(shop.fetch("int_courtesy_events").select("measure_id", "detected").rows())
    assert {m for m, d in found.items() if d == "derived"} == {m for m, (units, *_) in BY_HAND.items() if units is None}


def test_provenance_is_that_of_the_weakest_input(shop):
    entries = shop.fetch("pnl_entries")
    seen = {(m, r): p for m, r, p in entries.select("measure_id", "rule_id", "provenance").rows()}
    assert seen["Q5", "courtesy_events.direct_cost"] == "measured"  # the event's own cost
    assert seen["D1", "courtesy.direct"] == "measured"  # the catalogue's, from invoices
    assert seen["P3", "courtesy.direct"] == "standard"
    assert seen[None, "jobs.time"] == "standard"  # minutes measured, the rate a standard
    assert seen["C4", "courtesy.time"] == "assumed"  # minutes assumed
    assert seen["D2", "courtesy.expected_loss"] == "assumed"


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("direct_cost", "eleven", "direct_cost: 'eleven' is not a number"),
        ("direct_cost", "-1", "direct_cost is negative"),
        ("accounting_view", "sales", "accounting_view is neither cost_to_serve nor marketing"),
        ("provenance", "guess", "provenance is none of measured"),
        ("business_type", "b2x", "business_type is none of"),
        ("expected_loss_rate", "1.5", "expected_loss_rate is not between 0 and 1"),
        ("expected_loss_rate", "0.1", "loss_base is empty"),
        ("base_minutes", "3", "resource_id is empty"),
        ("needs_stage", "4", "needs_stage is none of"),
        ("effect_channels", "rate;luck", "effect_channels holds another word"),
        ("name", None, "name is empty"),
    ],
)  # fmt: skip
def test_a_bad_row_of_the_catalogue_names_its_column(column, value, says):
    row = {"measure_id": "X1", "name": "a new courtesy", "effect_channels": "rate;dropout", column: value}
    with cv.open() as shop:
        shop.load(pl.DataFrame([row], schema=dict.fromkeys(row, pl.String)), table="courtesy_catalogue")
        assert says in shop.rejected("courtesy_catalogue")["reason"].item()


def test_a_company_adds_a_measure_without_code(shop_of):
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        courtesy_catalogue=[{"measure_id": "X1", "name": "coffee", "direct_cost": "0.80", "driver_rate": "0.25"}],
        courtesy_events=[{"event_id": "e", "measure_id": "X1", "customer_id": "ann", "occurred_at": DAY, "units": "4"}],
        orders=[{"order_id": "o", "ordered_at": DAY, "gross_list": "9.00"}],
    )
    row = cv.courtesy_cost(shop).table.row(0, named=True)
    assert (row["measure"], row["full"]) == ("coffee", Decimal("1.80"))


def test_what_was_logged_is_not_derived_a_second_time(shop_of):
    """Two refunds outside policy and two free deliveries; one of each was logged, by return and by day."""
    goods = {"customer_id": "ann", "gross_list": "30.00", "delivery_fee_charged": "0.00"}
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[{"order_id": str(i), **goods, "ordered_at": f"2025-03-0{i} 10:00"} for i in (1, 2)],
        deliveries=[{"delivery_id": f"d{i}", "order_id": str(i), "mode": "standard", "carrier_cost": "6.00"} for i in (1, 2)],
        delivery_fees=[{"valid_from": "2023-01-01", "mode": "standard", "region": "all", "free_over": "50.00", "fee": "4.90"}],
        returns=[{"return_id": f"r{i}", "order_id": str(i), "returned_at": DAY, "refund": "30.00", "within_policy": "false"} for i in (1, 2)],
        courtesy_catalogue=[
            {"measure_id": "R", "name": "refund", "rule": "refund_beyond_policy", "direct_cost": "1.00"},
            {"measure_id": "F", "name": "free delivery", "rule": None, "direct_cost": None},
        ],
        courtesy_events=[
            {"event_id": "e1", "measure_id": "R", "customer_id": "ann", "return_id": "r1", "occurred_at": "2025-03-11 09:00"},
            {"event_id": "e2", "measure_id": "F", "customer_id": "ann", "return_id": None, "occurred_at": "2025-03-02 12:00"},
        ],
    )  # fmt: skip
    found = (
        shop.fetch("int_courtesy_events").sort("measure_id", "detected").select("measure_id", "detected", "source_key")
    )
    assert found.rows() == [
        ("F", "both", "d2"),
        ("F", "derived", "d1"),
        ("R", "both", "r1"),
        ("R", "derived", "r2"),
    ]


def test_time_equations_where_no_minutes_were_measured(shop_of):
    """A contact takes 6 minutes and 2 a transfer, an inspection 5 and 1 a piece, a handling 4, 3 an attempt, 0.5 a km."""
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": DAY, "gross_list": "90.00"}],
        contacts=[
            {"contact_id": "timed", "customer_id": "ann", "opened_at": DAY, "handle_s": "90", "transfers": "2"},
            {"contact_id": "not timed", "customer_id": "ann", "opened_at": DAY, "handle_s": None, "transfers": "2"},
        ],
        returns=[{"return_id": "r", "order_id": "1", "returned_at": DAY, "qty": "3", "refund": "1.00", "inspect_min": None}],
        deliveries=[{"delivery_id": "d", "order_id": "1", "mode": "standard", "attempts": "2", "distance_km": "12"}],
        activities=[{"activity_id": a, "resource_id": "desk", "base_min": m} for a, m in (("contact", 6), ("inspection", 5), ("handling", 4))],
        activity_terms=[
            {"activity_id": a, "term": t, "minutes": m}
            for a, t, m in (("contact", "transfer", 2), ("inspection", "piece", 1), ("handling", "attempt", 3), ("handling", "km", 0.5))
        ],
        resources=[{"resource_id": "desk", "period": "2025-03-01", "theoretical_min": "1250", "practical_share": "0.8", "cost": "1000.00"}],
    )  # fmt: skip
    minutes = dict(shop.fetch("int_time_uses").select("source_key", "minutes").rows())
    assert {key: float(m) for key, m in minutes.items()} == {"timed": 1.5, "not timed": 10.0, "r": 8.0, "d": 16.0}
    row = cv.customer_profit(shop).table.row(0, named=True)
    assert (row["support"], row["returns_handling"], row["carrier_cost"]) == (
        Decimal("-11.50"),
        Decimal("-8.00"),
        Decimal("-16.00"),
    )


def test_a_term_that_no_table_counts_is_rejected():
    with cv.open() as shop:
        shop.load(
            pl.DataFrame({"activity_id": ["contact"], "term": ["mood"], "minutes": [2.0]}), table="activity_terms"
        )
        assert "term is none of transfer, piece, attempt, km" in shop.rejected("activity_terms")["reason"].item()


def test_the_catalogue_says_when_a_courtesy_begins(shop_of):
    """Served three minutes before closing: a courtesy unless the catalogue asks for the last two minutes."""
    for minutes, found in ((None, ["last_minutes"]), ("2", [])):
        shop = shop_of(
            customers=[{"customer_id": "c"}],
            contacts=[{"contact_id": "k", "customer_id": "c", "opened_at": "2025-03-10 17:57", "handle_s": "300"}],
            opening_hours=[{"site": "x", "weekday": "1", "opens": "09:00", "closes": "18:00"}],
            courtesy_catalogue=[{"measure_id": "late", "name": "late", "rule": "last_minutes", "trigger_at": minutes}],
        )
        assert shop.fetch("int_derived_courtesies")["rule"].to_list() == found


def test_a_term_that_is_nearly_used_up_is_no_extension(shop_of):
    """95 of 100 units used and nothing given on top; the other term got 5 units more."""
    shop = shop_of(
        customers=[{"customer_id": "c"}],
        entitlements=[
            {
                "entitlement_id": "t1",
                "customer_id": "c",
                "entitled": "100",
                "used": "95",
                "ends": DAY,
                "extended": None,
            },
            {"entitlement_id": "t2", "customer_id": "c", "entitled": "100", "used": "95", "ends": DAY, "extended": "5"},
        ],
        orders=[{"order_id": "o", "customer_id": "c", "ordered_at": DAY, "gross_list": "9.00"}],
        courtesy_catalogue=[{"measure_id": "X", "name": "more", "rule": "extension", "driver_rate": "0.50"}],
    )
    row = cv.courtesy_cost(shop).table.row(0, named=True)
    assert (row["n_events"], row["full"]) == (1, Decimal("2.50"))


def test_two_sites_with_equal_hours_make_one_courtesy_of_a_late_contact(shop_of):
    shop = shop_of(
        customers=[{"customer_id": "c"}],
        contacts=[{"contact_id": "k", "customer_id": "c", "opened_at": "2025-03-10 17:57", "handle_s": "300"}],
        opening_hours=[
            {"site": site, "weekday": "1", "opens": "09:00", "closes": closes}
            for site, closes in (("north", "18:00"), ("south", "18:00"), ("west", "17:00"))
        ],
        orders=[{"order_id": "o", "customer_id": "c", "ordered_at": DAY, "gross_list": "9.00"}],
        courtesy_catalogue=[{"measure_id": "late", "name": "late", "rule": "last_minutes", "direct_cost": "5.00"}],
    )
    assert cv.courtesy_cost(shop).table["full"].sum() == Decimal("5.00")


def test_saved_minutes_credit_nobody(shop_of):
    """Four polite explanations at minus ten minutes each, beside 30 minutes of work: 30 of 40 minutes are used."""
    shop = shop_of(
        customers=[{"customer_id": "c"}],
        contacts=[{"contact_id": "k", "customer_id": "c", "opened_at": DAY, "handle_s": "1800"}],
        activities=[{"activity_id": "contact", "resource_id": "desk", "base_min": "6"}],
        resources=[{"resource_id": "desk", "period": "2025-03-01", "theoretical_min": "50", "practical_share": "0.8", "cost": "60.00"}],
        orders=[{"order_id": "o", "customer_id": "c", "ordered_at": DAY, "gross_list": "9.00"}],
        courtesy_catalogue=[{"measure_id": "X", "name": "explain", "base_minutes": "-10", "resource_id": "desk"}],
        courtesy_events=[{"event_id": str(i), "measure_id": "X", "customer_id": "c", "occurred_at": DAY} for i in range(4)],
    )  # fmt: skip
    use = shop.fetch("capacity_use").row(0, named=True)
    assert (use["used_min"], use["unused_min"]) == (30.0, 10.0)
    row = cv.customer_profit(shop).table.row(0, named=True)
    assert (row["support"], row["courtesy"]) == (Decimal("-45.00"), Decimal("0.00"))
