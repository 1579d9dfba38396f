"""One cent more in any money column of a raw or stored table fails a check; where it cannot, the reason is said."""

from __future__ import annotations

import polars as pl
import pytest

from custvalue.data.building import shipped_relations

CUSTOMER = {"customer_id": "ann", "acquired_on": "2025-01-01", "acquisition_cost": "3.33"}
# two gifts: 1.00 + 0.50 + 3.50 expected, and 2.20 + 0.50 + 4.00 that came
LEDGER = {
    "gross_list": "60.00", "discounts": "-5.00", "refunds": "-20.00", "cost_of_goods": "-19.00", "goods_recovered": "8.00",
    "write_down": "-2.00", "delivery_charged": "1.00", "carrier_cost": "-6.00", "payment_fees": "-0.80", "returns_handling": "-5.00",
    "service_fees": "95.00", "parts_cost": "-20.00", "courtesy": "-11.70", "acquisition": "-3.33",
}  # fmt: skip
SHOP = {
    "customers": [CUSTOMER],
    "orders": [
        {"order_id": "o", "customer_id": "ann", "ordered_at": "2025-03-03", "gross_list": "60.00", "discount": "5.00",
         "delivery_fee_charged": "1.00", "payment_fee": "0.80"}
    ],
    "products": [{"product_id": "p", "list_price": "30.00", "unit_cost": "10.00", "warranty_months": 0}],
    "order_lines": [
        {"order_id": "o", "line_no": 1, "product_id": "p", "qty": 1, "list_price": "30.00", "discount": "5.00", "unit_cost": None},
        {"order_id": "o", "line_no": 2, "product_id": "q", "qty": 1, "list_price": "30.00", "discount": "0.00", "unit_cost": "9.00"},
    ],
    "deliveries": [{"delivery_id": "d", "order_id": "o", "mode": "standard", "carrier_cost": "6.00"}],
    "delivery_fees": [{"valid_from": "2025-01-01", "mode": "standard", "region": "all", "free_over": "90.00", "fee": "4.90"}],
    "returns": [
        {"return_id": "r", "order_id": "o", "returned_at": "2025-03-09", "refund": "20.00", "cogs_recovered": "8.00", "write_down": "2.00",
         "inbound_freight": "5.00", "within_policy": "true"}
    ],
    "jobs": [{"job_id": "j", "customer_id": "ann", "kind": "visit", "ordered_at": "2025-03-01", "started_at": "2025-03-04", "minutes": 60, "fee_charged": "80.00"}],
    "repairs": [
        {"repair_id": "f", "customer_id": "ann", "order_id": "o", "product_id": "p", "opened_at": "2025-03-20", "minutes": 20, "parts_cost": "20.00",
         "fee_charged": "15.00"}
    ],
    "activities": [{"activity_id": a, "resource_id": "desk", "base_min": 5} for a in ("job", "repair", "contact", "inspection")],
    "resources": [{"resource_id": "desk", "period": "2025-03-01", "theoretical_min": 250, "practical_share": "0.8", "cost": "100.00", "avoidable_share": "0.5"}],
    "courtesy_catalogue": [
        {"measure_id": "gift", "name": "gift", "direct_cost": "1.00", "driver_rate": "0.50", "forgone_fee": "2.00", "expected_loss_rate": "0.50", "loss_base": "7.00"}
    ],
    "courtesy_events": [
        {"event_id": "e", "measure_id": "gift", "customer_id": "ann", "occurred_at": "2025-03-05", "units": 1, "direct_cost": None, "forgone_fee": None,
         "outcome_loss": None},
        {"event_id": "g", "measure_id": "gift", "customer_id": "ann", "occurred_at": "2025-03-06", "units": 1, "direct_cost": "2.20", "forgone_fee": "1.10",
         "outcome_loss": "4.00"},
    ],
    "gl_accounts": [
        *({"account": line, "pnl_line": line, "cost_class": "direct", "resource_id": None} for line in LEDGER),
        {"account": "desk", "pnl_line": "service_time", "cost_class": "time", "resource_id": "desk"},
    ],
    "gl_totals": [
        *({"period": "2025-01-01" if line == "acquisition" else "2025-03-01", "account": line, "amount": amount} for line, amount in LEDGER.items()),
        {"period": "2025-03-01", "account": "desk", "amount": "-100.00"},
    ],
}  # fmt: skip
FLAT = {
    "transactions": [{"customer_id": "ann", "ordered_at": "2025-03-03", "kind": "sale", "quantity": 1, "unit_price": "5.00", "amount": "5.00"}]
}  # fmt: skip
FOUND = (
    "customers.acquisition_cost", "orders.gross_list", "orders.discount", "orders.delivery_fee_charged", "orders.payment_fee",
    "order_lines.list_price", "order_lines.discount", "order_lines.unit_cost", "products.unit_cost", "deliveries.carrier_cost",
    "delivery_fees.fee", "returns.refund", "returns.cogs_recovered", "returns.write_down", "returns.inbound_freight",
    "jobs.fee_charged", "repairs.parts_cost", "repairs.fee_charged", "resources.cost", "resources.practical_share",
    "resources.avoidable_share", "courtesy_catalogue.direct_cost", "courtesy_catalogue.driver_rate", "courtesy_catalogue.forgone_fee",
    "courtesy_catalogue.expected_loss_rate", "courtesy_catalogue.loss_base", "courtesy_events.direct_cost", "courtesy_events.forgone_fee",
    "courtesy_events.outcome_loss", "gl_totals.amount", "transactions.amount",
)  # fmt: skip
STORED = (
    "pnl_entries.amount", "pnl_entries.avoidable", "int_courtesy_events.direct_cost", "int_courtesy_events.stated_cost",
    "int_courtesy_events.borne", "int_courtesy_events.carrier_cost", "int_courtesy_events.driver_cost", "int_courtesy_events.expected_loss",
    "int_courtesy_events.outcome_loss", "int_courtesy_events.loss", "int_courtesy_events.forgone_fee",
    "int_derived_courtesies.fee_forgone", "int_derived_courtesies.carrier_cost", "int_derived_courtesies.bearable",
    "int_derived_courtesies.borne", "int_courtesy_measures.direct_cost", "int_courtesy_measures.forgone_fee",
    "stg_orders.gross_list", "stg_orders.discount",
)  # fmt: skip
NOT_FOUND = {
    "courtesy_catalogue.trigger_at": "minutes before closing: no money",
    "delivery_fees.free_over": "a limit: it changes the books only where the goods of an order lie within the cent",
    "experiment_arms.free_over": "a limit of a test: it reaches verdicts, not the books",
    "experiments.planned_share": "a share of customers: no money",
    "orders.tax": "the books are ex tax",
    "products.list_price": "what an order was charged is the price of its line",
    "products.return_salvage_rate": "a return states what was recovered",
    "service_levels.setup_cost": "money that a plan may spend: nothing was spent yet",
    "stock.qty": "pieces: no money",
    "stock.value": "goods that are not sold yet",
    "transactions.quantity": "the amount is stated; an amount that is not is worked out once, when the row is loaded",
    "transactions.unit_price": "the amount is stated; an amount that is not is worked out once, when the row is loaded",
}


def failing(shop):
    """Return the checks that fail."""
    return set(shop.checks().filter(pl.col("n_failures") > 0)["check"])


@pytest.fixture(scope="module")
def shop(shop_of):
    opened = shop_of(**SHOP)
    assert failing(opened) == set()
    return opened


@pytest.fixture(scope="module")
def flat(shop_of):
    opened = shop_of(**FLAT)
    assert failing(opened) == set()
    return opened


def failed_with_a_cent_in(shop, table, column):
    """Return the checks that fail while the last filled row of a column has a cent more."""
    change = f"update {table} set {column} = {column} {{}} 0.01 where rowid = $row"
    row = {"row": shop._con.execute(f"select max(rowid) from {table} where {column} is not null").fetchall()[0][0]}
    assert row["row"] is not None, "no row has a value to alter"
    shop._con.execute(change.format("+"), row)
    found = failing(shop)
    shop._con.execute(change.format("-"), row)
    return found


@pytest.mark.parametrize("column", FOUND)
def test_a_cent_in_a_raw_column_is_found(request, column):
    table, name = column.split(".")
    shop = request.getfixturevalue("flat" if table == "transactions" else "shop")
    assert failed_with_a_cent_in(shop, f"raw.{table}", name)


@pytest.mark.parametrize("column", STORED)
def test_a_cent_in_a_stored_column_is_found_and_named(shop, column):
    table, name = column.split(".")
    schema = {"pnl_entries": "marts", "stg_orders": "staging"}.get(table, "intermediate")
    failed = failed_with_a_cent_in(shop, f"{schema}.{table}", name)
    assert "check_stored_relations_equal_their_rebuild" in failed


def test_the_check_names_column_and_row(shop):
    shop._con.execute("update marts.pnl_entries set avoidable = avoidable - 0.01 where rule_id = 'jobs.fee_charged'")
    found = shop.checks().filter(check="check_stored_relations_equal_their_rebuild").row(0, named=True)
    shop._con.execute("update marts.pnl_entries set avoidable = avoidable + 0.01 where rule_id = 'jobs.fee_charged'")
    assert found["n_failures"] == 1
    assert found["example"].startswith("pnl_entries.avoidable: stored ")
    assert "'avoidable': '79.99'" in found["example"]
    assert "'source_key': 'j'" in found["example"]


def test_every_decimal_column_is_altered_or_says_why_not(shop):
    """A money column that is added later must be put in one of the lists."""
    columns = shop._con.execute(
        "select table_name || '.' || column_name from information_schema.columns"
        " where table_schema = 'raw' and data_type like 'DECIMAL%'"
    ).fetchall()
    assert sorted(name for (name,) in columns) == sorted([*FOUND, *NOT_FOUND])
    assert len(FOUND) + len(STORED) >= 40


def test_every_stored_relation_is_compared(shop):
    stored = {relation.name for relation in shipped_relations().values() if relation.stored}
    assert stored == {column.split(".")[0] for column in STORED}


@pytest.mark.parametrize(("gross", "is_right"), [("0.02", True), ("0.01", True), ("0.03", False), ("0.00", False)])
def test_an_order_is_right_whether_each_line_was_rounded_or_their_sum(shop_of, gross, is_right):
    """Two lines of one piece at 0.0070: 0.01 + 0.01 as lines, 0.0140 and so 0.01 as a sum."""
    order = {"order_id": "o", "customer_id": "ann", "ordered_at": "2025-03-03", "gross_list": gross}
    lines = [{"order_id": "o", "line_no": n, "qty": 1, "list_price": "0.0070"} for n in (1, 2)]
    shop = shop_of(customers=[CUSTOMER], orders=[order], order_lines=lines)
    assert ("check_orders_equal_their_lines" not in failing(shop)) == is_right
