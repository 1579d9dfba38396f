"""Every figure of a customer can be traced to rows; what customers type is text, never markup."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv
from custvalue.profit.actions import CAUSES, unprofitable
from custvalue.profit.explain import PROVENANCES, RULES, explain


@pytest.fixture(scope="module")
def sample(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="module")
def pnl(sample):
    return cv.customer_profit(sample)


@pytest.fixture(scope="module")
def worst(sample, pnl):
    return unprofitable(sample, pnl)


def test_entries_add_up_to_the_customers_figures(sample, pnl, worst):
    for customer in [worst.table["customer_id"][0], *pnl.table["customer_id"].sample(5, seed=1)]:
        why = explain(sample, customer)
        row = pnl.table.filter(customer_id=customer).row(0, named=True)
        assert (why.contribution, why.customer_profit) == (row["contribution"], row["customer_profit"])
        for line, amount in why.lines.select("pnl_line", "amount").rows():
            assert amount == row[line], line


def test_every_entry_names_a_row_that_exists(sample, worst):
    """The source row is in the raw table, under the key that the entry gives."""
    keys = {"orders": "order_id", "returns": "return_id", "deliveries": "delivery_id", "contacts": "contact_id",
            "courtesy_events": "event_id", "customers": "customer_id", "repairs": "repair_id", "jobs": "job_id",
            "entitlements": "entitlement_id"}  # fmt: skip
    entries = explain(sample, worst.table["customer_id"][0]).table
    for table, group in entries.group_by("source_table"):
        found = set(group["source_key"])
        if table[0] == "order_lines":
            lines = sample.fetch("order_lines")
            known = {f"{order} line {line}" for order, line in lines.select("order_id", "line_no").rows()}
        else:
            known = set(sample.fetch(table[0])[keys[table[0]]])
        assert found <= known, table


def test_a_time_entry_is_its_minutes_at_the_months_rate(sample):
    """To the cent that cumulative rounding moves: computed here from the raw rows alone."""
    contact = sample.fetch("contacts").filter(pl.col("customer_id").is_not_null()).row(0, named=True)
    entry = explain(sample, contact["customer_id"]).table.filter(source_key=contact["contact_id"], pnl_line="support")
    month = contact["opened_at"].date().replace(day=1)
    paid = sample.fetch("resources").filter(resource_id="contact_centre", period=month).row(0, named=True)
    rate = float(paid["cost"]) / (paid["theoretical_min"] * float(paid["practical_share"]))
    assert -float(entry["amount"].item()) == pytest.approx(contact["handle_s"] / 60 * rate, abs=0.0101)
    assert (entry["provenance"].item(), entry["account"].item()) == ("standard", "7020")


def test_every_rule_is_written_in_words_and_every_provenance_known(sample):
    entries = sample.fetch("pnl_entries")
    assert set(entries["rule_id"]) <= set(RULES)
    assert set(entries["provenance"]) <= set(PROVENANCES)


def test_a_line_is_as_strong_as_its_weakest_entry(sample, worst):
    why = explain(sample, worst.table["customer_id"][0])
    for line, provenance in why.lines.select("pnl_line", "provenance").rows():
        used = set(why.table.filter(pnl_line=line)["provenance"])
        assert provenance == max(used, key=PROVENANCES.index)


def test_forgone_fees_are_a_memo(sample):
    free = sample.fetch("int_courtesy_events").filter(measure_id="P5b")["customer_id"][0]
    why = explain(sample, free)
    assert why.forgone_fees["forgone_fee"].sum() > 0
    assert why.customer_profit == why.table["amount"].sum()


def test_what_a_customer_typed_is_shown_as_text():
    evil = "<script>alert(1)</script>"
    with cv.open() as shop:
        orders = pl.DataFrame(
            {"order_id": [evil], "customer_id": [evil], "ordered_at": ["2025-01-01"], "gross_list": ["9.00"]}
        )
        shop.load(orders, table="orders")
        page = explain(shop, evil)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_window_takes_part_of_the_entries(sample, worst):
    customer = worst.table["customer_id"][0]
    parts = []
    for year in (2023, 2024, 2025):
        try:
            parts.append(explain(sample, customer, f"{year}-01-01", f"{year}-12-31").customer_profit)
        except cv.DataError:
            continue
    assert sum(parts) == explain(sample, customer).customer_profit


def test_an_unknown_customer_is_an_error(sample):
    with pytest.raises(cv.DataError, match="Customer 'nobody' has no entry"):
        explain(sample, "nobody")


# ------------------------------------------------------------------------------------------- unprofitable


def test_who_loses_money_and_why_by_hand(shop_of):
    """Ann: 100 at list, cost 40, courtesy 70. Bob: 900 at list, cost 360. Usual: courtesy 7 %, cost 40 %."""
    shop = shop_of(
        customers=[{"customer_id": "ann"}, {"customer_id": "bob"}],
        orders=[
            {"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-01", "gross_list": "100.00"},
            {"order_id": "2", "customer_id": "bob", "ordered_at": "2025-01-01", "gross_list": "900.00"},
        ],
        order_lines=[
            {"order_id": "1", "line_no": 1, "qty": 1, "list_price": "100.00", "unit_cost": "40.00"},
            {"order_id": "2", "line_no": 1, "qty": 1, "list_price": "900.00", "unit_cost": "360.00"},
        ],
        courtesy_catalogue=[{"measure_id": "X", "name": "help", "direct_cost": "70.00"}],
        courtesy_events=[{"event_id": "e", "measure_id": "X", "customer_id": "ann", "occurred_at": "2025-01-02"}],
    )
    found = unprofitable(shop, cv.customer_profit(shop))
    row = found.table.row(0, named=True)
    assert found.table.height == 1
    assert (row["customer_id"], row["profit"], row["cause"]) == ("ann", Decimal("-10.00"), "courtesy")
    assert (row["excess"], row["frees"], row["action"]) == (Decimal("63.00"), Decimal("70.00"), "withdraw")
    assert found.title == "1 of 2 customers lose 10 EUR; courtesy is where most could be saved, 70"
    action = found.actions.row(0, named=True)
    assert (action["n_customers"], action["n_mainly"], action["frees"]) == (1, 1, Decimal("70.00"))


def test_a_right_is_not_withdrawn_from_one_customer(shop_of):
    """Ann bought for 100.00 and sent it back within policy; two more things of hers are free to her by a rule or not.

    Her sales less refunds are 160 - 100 = 60. The return cost her 30 written down and 5 freight: 35. All sold and kept
    1,060, returns took 35 of it, 3.30 %; of her 60 that is 1.98, so 33.02 are more than usual, and all of it would be
    saved. The refund itself undoes a sale: nothing to free. Her order of 60 went free by the threshold (fee 4.90, carrier
    6.00), her order of 100 was free though the schedule asks 4.90 below 150: 0 by rule, 4.90 beyond it can be withdrawn.
    """
    shop = shop_of(
        customers=[{"customer_id": "ann"}, {"customer_id": "bob"}],
        orders=[
            {"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-01", "gross_list": "100.00",
             "delivery_fee_charged": "0.00"},
            {"order_id": "2", "customer_id": "ann", "ordered_at": "2025-01-02", "gross_list": "60.00",
             "delivery_fee_charged": "0.00"},
            {"order_id": "3", "customer_id": "bob", "ordered_at": "2025-01-01", "gross_list": "1000.00",
             "delivery_fee_charged": "0.00"},
        ],
        order_lines=[
            {"order_id": "1", "line_no": 1, "qty": 1, "list_price": "100.00", "unit_cost": "40.00"},
            {"order_id": "2", "line_no": 1, "qty": 1, "list_price": "60.00", "unit_cost": "24.00"},
            {"order_id": "3", "line_no": 1, "qty": 1, "list_price": "1000.00", "unit_cost": "400.00"},
        ],
        deliveries=[
            {"delivery_id": "d1", "order_id": "1", "mode": "express", "carrier_cost": "6.00"},
            {"delivery_id": "d2", "order_id": "2", "mode": "standard", "carrier_cost": "6.00"},
        ],
        delivery_fees=[
            {"mode": "express", "region": "all", "fee": "4.90", "free_over": "150.00", "valid_from": "2024-01-01"},
            {"mode": "standard", "region": "all", "fee": "4.90", "free_over": "50.00", "valid_from": "2024-01-01"},
        ],
        returns=[{"return_id": "r", "order_id": "1", "line_no": 1, "qty": 1, "returned_at": "2025-01-10",
                  "refund": "100.00", "cogs_recovered": "40.00", "write_down": "30.00", "inbound_freight": "5.00",
                  "within_policy": True}],
    )  # fmt: skip
    pnl = cv.customer_profit(shop)
    # 160 - 100 - 64 + 40 - 30 - 5, the carriers 12.00 of which 9.80 are courtesy
    assert pnl.table.filter(customer_id="ann")["contribution"].item() == Decimal("-11.00")
    found = unprofitable(shop, pnl)
    row = found.table.row(0, named=True)
    assert (row["customer_id"], row["cause"], row["action"]) == ("ann", "returns", "advice")
    assert (row["excess"], row["frees"]) == (Decimal("33.02"), Decimal("33.02"))
    courtesy = found.actions.filter(cause="courtesy").row(0, named=True)
    assert (courtesy["action"], courtesy["frees"]) == ("withdraw", Decimal("4.90"))


def test_the_sample_has_every_kind_of_action(worst, pnl):
    assert set(worst.actions["action"]) == {"price", "threshold", "channel", "withdraw", "advice"}
    losing = pnl.table.filter(pl.col("contribution") < 0)
    assert worst.table.height == losing.height
    assert worst.table["profit"].sum() == losing["contribution"].sum()
    assert (worst.table["frees"] >= 0).all()
    assert worst.table["profit"].is_sorted()
    causes = worst.actions.filter(pl.col("cause") != "whatever is done")
    assert causes["n_mainly"].sum() <= worst.table.height
    assert set(causes["cause"]) <= set(CAUSES)


def test_who_loses_whatever_is_done_is_counted(worst):
    last = worst.actions.filter(cause="whatever is done")
    assert 0 < last["n_customers"].item() < worst.table.height
    assert last["frees"].item() < -worst.table["profit"].sum()


def test_acquisition_counts_where_customer_profit_is_asked(sample, pnl):
    found = unprofitable(sample, pnl, "customer_profit")
    assert "acquisition" in set(found.actions["cause"])


def test_without_cost_of_goods_nobody_is_called_unprofitable(shop_of):
    shop = shop_of(orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-01", "gross_list": "1.00"}])
    with pytest.raises(cv.MissingInputError, match="Goods have no cost"):
        unprofitable(shop, cv.customer_profit(shop))
