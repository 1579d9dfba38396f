"""One courtesy is one sum of money: in a verdict, in the cost of courtesy and in the waterfall; whatever its id is."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv

# in the window of ann: 6.00 of carrier cost, of which the fee of 4.90 would have paid 4.90; 3.00, all of it given away
# by the threshold of 90; 6.00 with the fee charged. Before it and of bob, who is in no test: 4.90 each.
ORDERS = [
    ("before", "ann", "2025-02-20", "20.00", "0.00", "6.00"),
    ("free", "ann", "2025-03-03", "20.00", "0.00", "6.00"),
    ("threshold", "ann", "2025-03-10", "95.00", "0.00", "3.00"),
    ("charged", "ann", "2025-03-20", "20.00", "4.90", "6.00"),
    ("of bob", "bob", "2025-03-03", "20.00", "0.00", "6.00"),
]
TABLES = {
    "customers": [{"customer_id": customer} for customer in ("ann", "bob")],
    "orders": [
        {
            "order_id": order,
            "customer_id": customer,
            "ordered_at": day,
            "gross_list": gross,
            "delivery_fee_charged": fee,
        }
        for order, customer, day, gross, fee, _ in ORDERS
    ],
    "deliveries": [{"delivery_id": o[0], "order_id": o[0], "mode": "standard", "carrier_cost": o[5]} for o in ORDERS],
    "delivery_fees": [
        {"valid_from": "2025-01-01", "mode": "standard", "region": "all", "free_over": "90.00", "fee": "4.90"}
    ],
}
ASSIGNED = [
    {"assignment_id": "1", "experiment_id": 1, "customer_id": "ann", "arm": "treatment", "assigned_at": "2025-03-01"}
]


def experiment(measure):
    """Return a test of a measure in March."""
    return [
        {"experiment_id": 1, "name": "march", "measure_id": measure, "design": "rct", "unit": "customer",
         "starts": "2025-03-01", "ends": "2025-03-31", "outcome_days": 31}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("catalogue", "measure"),
    [
        (None, "free_delivery"),
        ([{"measure_id": "K-17", "name": "Versandkostenfrei", "rule": "free_delivery"}], "K-17"),
        ([{"measure_id": "free_delivery", "name": "Free shipping", "rule": None}], "free_delivery"),
        ([{"measure_id": "7", "name": "Free delivery", "rule": None}], "7"),
    ],
)
def test_verdict_cost_of_courtesy_and_waterfall_give_the_same_money(shop_of, catalogue, measure):
    more = {"courtesy_catalogue": catalogue} if catalogue else {}
    shop = shop_of(**TABLES, **more, assignments=ASSIGNED, experiments=experiment(measure))
    tested = shop.fetch("experiment_customers", experiment="march").row(0, named=True)
    cost = cv.courtesy_cost(shop, "2025-03-01", "2025-03-31")
    of_ann = cost.events.filter(customer_id="ann", measure_id=measure)
    waterfall = cv.customer_profit(shop, "2025-03-01", "2025-03-31").table.filter(customer_id="ann").row(0, named=True)
    assert tested["measure_cost"] == of_ann["full"].sum() == -waterfall["courtesy"] == Decimal("7.90")
    assert waterfall["carrier_cost"] == Decimal("-7.10")  # 15.00 less what the courtesy bears
    # goods 135.00, fee 4.90, carriers 15.00
    assert tested["contribution"] == waterfall["contribution"] == Decimal("124.90")
    granted = cost.by("grant").filter(measure_id=measure)
    assert dict(granted.select("granted", "full").iter_rows()) == {
        "by rule": Decimal("3.00"),
        "beyond rule": Decimal("9.80"),  # of ann and of bob
    }


def test_an_id_that_is_the_word_for_a_rule_loses_no_money(shop_of):
    """Its logged cost of 2.00 is part of the carrier's 6.00; where the id has another rule, both stand."""
    log = [
        {"event_id": "e", "measure_id": "free_delivery", "customer_id": "ann", "occurred_at": "2025-03-03",
         "order_id": "free", "direct_cost": "2.00", "forgone_fee": "4.90"}
    ]  # fmt: skip
    for rule, carried in ((None, "2.00"), ("extension", "4.90")):
        catalogue = [{"measure_id": "free_delivery", "name": "Free shipping", "rule": rule}]
        shop = shop_of(**TABLES, courtesy_catalogue=catalogue, courtesy_events=log)
        assert shop.fetch("money_balance").filter(pl.col("difference") != 0).rows() == []
        moved = shop.fetch("pnl_entries").filter(order_id="free", rule_id="move.carrier_cost", pnl_line="carrier_cost")
        assert moved["amount"].to_list() == [Decimal(carried)]
