"""Each fault that outsiders found in the books, with the value worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv

ANN = [{"customer_id": "ann"}]
FEES = [{"valid_from": "2024-01-01", "mode": "standard", "region": "all", "fee": "4.90"}]


def order(name="1", customer="ann", gross="20.00", fee="0.00", day="2025-03-03"):
    return {
        "order_id": name,
        "customer_id": customer,
        "ordered_at": day,
        "gross_list": gross,
        "delivery_fee_charged": fee,
    }


def delivery(name="1", cost="6.00"):
    return {"delivery_id": f"d{name}", "order_id": name, "mode": "standard", "carrier_cost": cost}


def lines_of(shop, customer="ann"):
    return cv.customer_profit(shop).table.filter(customer_id=customer).row(0, named=True)


def test_1_a_fee_not_charged_leaves_the_carrier_paid_without_a_catalogue(shop_of):
    """Two orders of 20.00, each 6.00 of carrier cost; bob pays the fee of 4.90, ann does not: 14.00 and 18.90."""
    shop = shop_of(
        customers=[*ANN, {"customer_id": "bob"}],
        orders=[order(), order("2", "bob", fee="4.90")],
        deliveries=[delivery(), delivery("2")],
        delivery_fees=FEES,
    )
    ann, bob = lines_of(shop), lines_of(shop, "bob")
    assert (ann["carrier_cost"], ann["courtesy"], ann["contribution"]) == tuple(
        map(Decimal, ("-1.10", "-4.90", "14.00"))
    )
    assert (bob["carrier_cost"], bob["courtesy"], bob["contribution"]) == tuple(
        map(Decimal, ("-6.00", "0.00", "18.90"))
    )


@pytest.mark.parametrize(
    ("measure", "event"),
    [
        ("K-17", {"order_id": "1"}),
        ("K-17", {"order_id": "1", "delivery_id": "d1"}),
        ("K-17", {"occurred_at": "2025-03-04"}),  # a day later, and nothing but the customer
        ("P5b", {"order_id": "1", "forgone_fee": "4.90"}),
    ],
)
def test_1_logged_and_derived_are_one_free_delivery(shop_of, measure, event):
    """The carrier took 7.80, of which the fee of 4.90 would have paid 4.90: 20.00 - 7.80 = 12.20, however it is logged."""
    logged = {"event_id": "e", "measure_id": measure, "customer_id": "ann", "occurred_at": "2025-03-03"} | event
    shop = shop_of(
        customers=ANN, orders=[order()], deliveries=[delivery(cost="7.80")], delivery_fees=FEES, courtesy_events=[logged],
        courtesy_catalogue=[{"measure_id": measure, "name": "Gratis", "rule": "free_delivery"}],
    )  # fmt: skip
    ann = lines_of(shop)
    assert (ann["carrier_cost"], ann["courtesy"], ann["contribution"]) == tuple(
        map(Decimal, ("-2.90", "-4.90", "12.20"))
    )
    assert cv.courtesy_cost(shop).table["n_events"].to_list() == [1]


def test_2_a_refund_beyond_policy_costs_margin_write_down_freight_and_inspection(shop_of):
    """100.00 back, goods of 40.00 returned and written off, freight 5.00: 60 + 40 + 5 = 105.00; 9 minutes at 0.50: 4.50."""
    shop = shop_of(
        customers=ANN,
        orders=[order(gross="100.00")],
        order_lines=[{"order_id": "1", "line_no": 1, "qty": 1, "list_price": "100.00", "unit_cost": "40.00"}],
        returns=[{"return_id": "r", "order_id": "1", "line_no": 1, "qty": 1, "returned_at": "2025-03-20", "refund": "100.00",
                  "cogs_recovered": "40.00", "write_down": "40.00", "inbound_freight": "5.00", "within_policy": False}],
        courtesy_catalogue=[{"measure_id": "P4", "name": "refund", "rule": "refund_beyond_policy", "base_minutes": 9,
                             "resource_id": "desk"}],
        resources=[{"resource_id": "desk", "period": "2025-03-01", "theoretical_min": 1000, "practical_share": 1,
                    "cost": "500.00", "avoidable_share": 1}],
    )  # fmt: skip
    ann = lines_of(shop)
    assert ann["courtesy"] == Decimal("-109.50")
    assert ann["contribution"] == Decimal("-49.50")  # 100 - 40 - 100 + 40 - 40 - 5 - 4.50


SERVICE = {
    "activities": [{"activity_id": "contact", "resource_id": "desk", "base_min": 5}],
    "resources": [
        {"resource_id": name, "period": "2025-03-01", "theoretical_min": 1000, "practical_share": 1, "cost": "500.00",
         "avoidable_share": 1}
        for name in ("field", "workshop", "desk")
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("activity", "time", "contribution", "gap"),
    [
        ({"activity_id": "job", "resource_id": "field", "base_min": 45}, "-30.00", "70.00", []),
        # no activity says whose hour it is: it is named, not free
        ({"activity_id": "contact", "resource_id": "desk", "base_min": 5}, "0.00", "100.00", [60.0]),
    ],
)
def test_3_a_job_earns_its_fee_and_costs_its_minutes(shop_of, activity, time, contribution, gap):
    """An order of 20.00, a job's fee of 80.00, an hour of it at 0.50: 20 + 80 - 30 = 70.00."""
    shop = shop_of(
        customers=ANN, orders=[order()], activities=[activity], resources=SERVICE["resources"],
        jobs=[{"job_id": "j", "customer_id": "ann", "kind": "visit", "started_at": "2025-03-05 10:00:00", "minutes": 60,
               "fee_charged": "80.00"}],
    )  # fmt: skip
    ann = lines_of(shop)
    got = (ann["service_fees"], ann.get("service_time", Decimal("0.00")), ann["contribution"])
    assert got == (Decimal("80.00"), Decimal(time), Decimal(contribution))
    assert shop.fetch("book_gaps").filter(source_table="jobs")["amount"].to_list() == gap


@pytest.mark.parametrize(
    ("opened", "parts", "fee", "parts_cost", "courtesy", "contribution"),
    [
        # within warranty: his right, on its own line
        ("2023-06-01", "12.00", "0.00", "-12.00", "0.00", "8.00"),
        # after it: parts of 20.00 for a fee of 60.00, the surplus stays
        ("2025-06-01", "20.00", "60.00", "-20.00", "0.00", "60.00"),
        # after it: parts of 20.00 for a fee of 5.00, 15.00 are given
        ("2025-06-01", "20.00", "5.00", "-5.00", "-15.00", "5.00"),
    ],
)
def test_3_a_repair_is_in_the_books(shop_of, opened, parts, fee, parts_cost, courtesy, contribution):
    shop = shop_of(
        customers=ANN, orders=[order(day="2023-03-03")], products=[{"product_id": "p", "warranty_months": 24}],
        order_lines=[{"order_id": "1", "line_no": 1, "product_id": "p", "qty": 1, "list_price": "20.00", "unit_cost": "0.00"}],
        repairs=[{"repair_id": "r", "customer_id": "ann", "order_id": "1", "product_id": "p", "opened_at": opened,
                  "parts_cost": parts, "fee_charged": fee}],
    )  # fmt: skip
    ann = lines_of(shop)
    got = (ann["parts_cost"], ann.get("courtesy", Decimal("0.00")), ann["contribution"])
    assert got == (Decimal(parts_cost), Decimal(courtesy), Decimal(contribution))


def test_5_four_polite_explanations_at_minus_ten_minutes_use_nothing(shop_of):
    shop = shop_of(
        customers=ANN, orders=[order()],
        courtesy_catalogue=[{"measure_id": "S2", "name": "explanation", "resource_id": "desk", "base_minutes": 1}],
        courtesy_events=[
            {"event_id": str(i), "measure_id": "S2", "customer_id": "ann", "occurred_at": "2025-03-03", "minutes": -10}
            for i in range(4)
        ],
        resources=[{"resource_id": "desk", "period": "2025-03-01", "theoretical_min": 40, "practical_share": 1,
                    "cost": "120.00", "avoidable_share": 1}],
    )  # fmt: skip
    use = cv.capacity_use(shop).table.row(0, named=True)
    assert (use["used_min"], use["unused_min"]) == (0.0, 40.0)
    assert lines_of(shop)["courtesy"] == Decimal("0.00")
    gap = shop.fetch("book_gaps").filter(source_table="courtesy_events").row(0, named=True)
    assert (gap["n_rows"], gap["amount"]) == (4, -40.0)


def test_6_a_month_without_its_row_of_resources_names_its_minutes(shop_of):
    """Two contacts of 45 minutes in March, where a minute costs 0.50, and one in April, which has no row: 45.00 and 45 min."""
    shop = shop_of(
        customers=ANN, orders=[order()],
        contacts=[
            {"contact_id": str(i), "customer_id": "ann", "opened_at": f"{day} 10:00:00", "handle_s": 2700}
            for i, day in enumerate(("2025-03-05", "2025-03-06", "2025-04-07"))
        ],
        **SERVICE,
    )  # fmt: skip
    assert lines_of(shop)["support"] == Decimal("-45.00")
    gaps = shop.fetch("book_gaps").filter(pnl_line="support")
    assert (gaps["amount"].to_list(), gaps["unit"].to_list()) == ([45.0], ["minutes"])
    assert str(gaps["period"].item()) == "2025-04-01"


@pytest.mark.parametrize(
    ("month", "support", "avoidable", "why"),
    [
        # an empty share counts whole, here and in the plan; 30 minutes at 0.50
        ({"cost": "500.00", "avoidable_share": None}, "-15.00", "-15.00", "the whole cost counts as avoidable"),
        ({"cost": "500.00", "avoidable_share": "0.2"}, "-15.00", "-3.00", None),
        # a month that costs nothing: its minutes are named
        ({"cost": "0.00", "avoidable_share": "0.2"}, None, None, "minutes"),
    ],
)
def test_6_an_empty_share_and_a_rate_of_nothing_are_named(shop_of, month, support, avoidable, why):
    shop = shop_of(
        customers=ANN, orders=[order()], activities=SERVICE["activities"],
        contacts=[{"contact_id": "1", "customer_id": "ann", "opened_at": "2025-03-05 10:00:00", "handle_s": 1800}],
        resources=[{"resource_id": "desk", "period": "2025-03-01", "theoretical_min": 1000, "practical_share": 1} | month],
    )  # fmt: skip
    entries = shop.fetch("pnl_entries").filter(pl.col("pnl_line") == "support")
    sums = [None if not entries["amount"].sum() else entries[name].sum() for name in ("amount", "avoidable")]
    assert sums == [None if amount is None else Decimal(amount) for amount in (support, avoidable)]
    told = shop.fetch("book_gaps").filter(pl.col("resource_id") == "desk")
    assert told.height == (why is not None)
    if why == "minutes":
        assert (told["amount"].item(), told["unit"].item()) == (30.0, "minutes")
    elif why:
        assert why in told["why"].item()


def test_7_free_by_threshold_stands_beside_what_was_given_beyond_it(shop_of):
    """Order 1 of 600.00 is free from 500.00 on and cost the carrier 45.00; order 2 of 100.00 was free all the same."""
    shop = shop_of(
        customers=ANN, orders=[order(gross="600.00"), order("2", gross="100.00")],
        deliveries=[delivery(cost="45.00"), delivery("2", cost="30.00")],
        delivery_fees=[FEES[0] | {"fee": "50.00", "free_over": "500.00"}],
    )  # fmt: skip
    cost = cv.courtesy_cost(shop)
    granted = dict(cost.by("grant").select("granted", "full").iter_rows())
    assert granted == {"by rule": Decimal("45.00"), "beyond rule": Decimal("30.00")}
    assert cost.title.startswith("Courtesy cost 75 EUR (45 by rule, 30 beyond it)")
    said = "contribution is before the cost of goods, which is not loaded, and after courtesy"
    assert cv.customer_profit(shop).title == f"700 EUR of net revenue from 1 customer; {said}"


def test_8_prices_keep_their_places_and_a_line_is_rounded_once(shop_of):
    """3 pieces at 4.1233 are 12.3699: 12.37, not 3 times 4.12."""
    shop = shop_of(
        customers=ANN, orders=[order(gross="12.37")],
        order_lines=[{"order_id": "1", "line_no": 1, "qty": 3, "list_price": "4.1233", "unit_cost": "2.0049"}],
    )  # fmt: skip
    assert shop.fetch("order_lines")["list_price"].item() == Decimal("4.123300")
    assert lines_of(shop)["cost_of_goods"] == Decimal("-6.01")
    assert shop.checks().filter(pl.col("n_failures") > 0).rows() == []


def test_8_parts_of_a_cent_are_counted_and_said(tmp_path):
    """0.004 off, 0.005 up, and two that have none: two of four, +0.005 - 0.004."""
    (tmp_path / "sales.csv").write_text(
        "customer_id,ordered_at,amount\nann,2025-01-01,10.005\nann,2025-01-02,10.004\nann,2025-01-03,10.00\nann,2025-01-04,1.1000\n"
    )
    with cv.open() as shop:
        remarks = shop.load(tmp_path / "sales.csv").remarks
        said = "sales.csv: 2 of 4 amounts in transactions.amount had parts of a cent; each was rounded, "
        assert list(remarks) == [said + "which changed their sum by +0.0010."]
        assert shop.fetch("transactions")["amount"].sum() == Decimal("31.11")
