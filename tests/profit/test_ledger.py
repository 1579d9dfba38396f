"""The ledger ties to the cent, and one cent altered anywhere is found with its month and account."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv
from custvalue.profit.ledger import PARTS, reconcile

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def sample(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="module")
def truth(root):
    return json.loads((root / "sample_data" / "truth.json").read_text())["totals"]


@pytest.fixture
def altered(sample):
    """Return a function that changes raw rows, builds anew, and undoes it all after the test."""
    sample._con.execute("begin")

    def change(statement, *, build=True):
        n = sample._con.execute(statement).fetchall()[0][0]
        assert n == 1, f"{n} rows changed"
        if build:
            for relation in sample._relations.values():
                if relation.stored:
                    sample._con.execute(f"create or replace table {relation.qualified} as {relation.sql}")
        return reconcile(sample) if build or "pnl_entries" in statement else None

    yield change
    sample._con.execute("rollback")


def test_every_month_and_account_of_the_sample_ties(sample):
    ledger = reconcile(sample)
    assert ledger.table.height == 36 * 25
    assert set(ledger.table["difference"]) == {Decimal(0)}
    assert ledger.ties
    assert ledger.differences.height == 0
    assert "All 900 months and accounts tie to the cent" in ledger.title
    assert sample.checks()["n_failures"].sum() == 0


def test_totals_are_those_that_the_simulator_booked(sample, truth):
    by_account = reconcile(sample).by("account")
    assert {a: str(v) for a, v in by_account.select("account", "ledger").iter_rows()} == truth["by_account"]
    company = reconcile(sample).by("month").select(pl.col("ledger", *PARTS, "difference").sum()).row(0, named=True)
    assert company["ledger"] == sum(map(Decimal, truth["by_account"].values()))
    assert company["facility"] == Decimal("-122400.00")


def test_unassigned_is_what_guests_left_and_nothing_else(sample, truth):
    ledger = reconcile(sample)
    assert set(ledger.unassigned["reason"]) == {"no customer"}
    # the truth counts the direct money of guests; the time of their returns and goods come from the rows
    guests = sample.fetch("pnl_entries").filter(pl.col("customer_id").is_null())
    by_line = dict(
        guests.filter(pl.col("resource_id").is_null() & ~pl.col("rule_id").str.starts_with("move."))
        .group_by("pnl_line")
        .agg(pl.col("amount").sum())
        .rows()
    )
    assert {line: str(by_line[line]) for line in truth["unattributed"]} == truth["unattributed"]
    assert ledger.table["unassigned"].sum() == guests["amount"].sum()


def test_capacity_is_used_or_unused_to_the_cent(sample):
    """Two roads: entries are differences of running totals, unused is one product per month."""
    time = sample.fetch("pnl_entries").filter(pl.col("resource_id").is_not_null())
    booked = time.group_by("resource_id", "period").agg(-pl.col("amount").sum())
    capacity = sample.fetch("capacity_use").join(booked, on=["resource_id", "period"], how="left")
    left = capacity.select(pl.col("cost") - pl.col("amount").fill_null(0) - pl.col("unused_cost"))
    assert set(left.to_series()) == {Decimal(0)}
    costs = sample.fetch("resources")
    assert capacity["cost"].sum() == costs["cost"].sum()


ROWS = {
    "customers.acquisition_cost": (
        "update raw.customers set acquisition_cost = acquisition_cost + 0.01 where customer_id = 'C00001'", "8000", "2023-01-01", "0.01"),
    "orders.gross_list": ("update raw.orders set gross_list = gross_list + 0.01 where order_id = 'O000001'", "4000", "2023-01-01", "-0.01"),
    "orders.discount": ("update raw.orders set discount = discount + 0.01 where order_id = 'O000001'", "4010", "2023-01-01", "0.01"),
    "orders.delivery_fee_charged": (
        "update raw.orders set delivery_fee_charged = delivery_fee_charged + 0.01 where order_id = 'O000002'", "4100", "2023-01-01", "-0.01"),
    "orders.payment_fee": ("update raw.orders set payment_fee = payment_fee + 0.01 where order_id = 'O000001'", "6100", "2023-01-01", "0.01"),
    "returns.refund": ("update raw.returns set refund = refund + 0.01 where return_id = 'R00001'", "4020", "2023-01-01", "0.01"),
    "returns.cogs_recovered": ("update raw.returns set cogs_recovered = cogs_recovered + 0.01 where return_id = 'R00001'", "5010", "2023-01-01", "-0.01"),
    "returns.write_down": ("update raw.returns set write_down = write_down + 0.01 where return_id = 'R00001'", "5020", "2023-01-01", "0.01"),
    "returns.inbound_freight": ("update raw.returns set inbound_freight = inbound_freight + 0.01 where return_id = 'R00001'", "6200", "2023-01-01", "0.01"),
    "deliveries.carrier_cost": ("update raw.deliveries set carrier_cost = carrier_cost + 0.01 where delivery_id = 'D000001'", "6000", "2023-01-01", "0.01"),
    "courtesy_events.direct_cost": (
        "update raw.courtesy_events set direct_cost = direct_cost + 0.01 where event_id = (select min(event_id) from raw.courtesy_events where direct_cost > 0)",
        "6300", None, "0.01"),
    "courtesy_events.outcome_loss": (
        "update raw.courtesy_events set outcome_loss = outcome_loss + 0.01 where event_id = (select min(event_id) from raw.courtesy_events where outcome_loss > 0)",
        "6410", None, "0.01"),
    "resources.cost": ("update raw.resources set cost = cost + 0.01 where resource_id = 'field' and period = date '2024-05-01'", "7040", "2024-05-01", "0.01"),
    "gl_totals.amount": ("update raw.gl_totals set amount = amount + 0.01 where account = '7060' and period = date '2025-03-01'", "7060", "2025-03-01", "0.01"),
}  # fmt: skip


def test_one_cent_in_one_row_of_each_table_is_found_with_month_and_account(sample, altered):
    """Fourteen cents in fourteen rows: fourteen months and accounts fail, and no other."""
    for statement, *_ in ROWS.values():
        ledger = altered(statement, build=statement == list(ROWS.values())[-1][0])
    found = {row["account"]: row for row in ledger.failing.iter_rows(named=True)}
    assert ledger.failing.height == len(found) == len(ROWS)
    for where, (_, account, month, difference) in ROWS.items():
        assert found[account]["difference"] == Decimal(difference), where
        assert month is None or found[account]["period"] == dt.date.fromisoformat(month), where


def test_a_difference_is_listed_with_its_rows_and_fails_the_check(sample, altered):
    statement, account, _, difference = ROWS["deliveries.carrier_cost"]
    ledger = altered(statement)
    month = dt.date(2023, 1, 1)
    assert f"the first is account {account} in 2023-01, by {difference}" in ledger.title
    rows = ledger.differences
    assert set(rows.select("period", "account").rows()) == {(month, account)}
    # the rows listed are what the difference is made of
    signed = pl.when(pl.col("part") == "ledger").then(pl.col("amount")).otherwise(-pl.col("amount"))
    assert rows.select(signed).to_series().sum() == Decimal(difference)
    assert {"D000001"} <= set(rows.filter(source_table="deliveries")["source_key"])
    check = sample.checks().filter(check="check_ledger_ties").row(0, named=True)
    assert check["n_failures"] == 1
    assert f"'period': {month!r}, 'account': '{account}'" in check["example"]


def test_one_cent_in_an_order_line_is_found(altered):
    own = "(select min(order_id) from raw.order_lines where unit_cost is not null and qty = 1)"
    line = f"order_id = {own} and unit_cost is not null and line_no = (select min(line_no) from raw.order_lines where order_id = {own} and unit_cost is not null)"
    ledger = altered(f"update raw.order_lines set unit_cost = unit_cost + 0.01 where {line}")
    assert ledger.failing.select("account", "difference").rows() == [("5000", CENT)]
    assert ledger.failing["period"].item() >= dt.date(2025, 1, 1)  # only then lines have a cost of their own


@pytest.mark.parametrize(("column", "account"), [("list_price", "4000"), ("discount", "4010")])
def test_one_cent_in_the_price_of_a_line_is_found(sample, altered, column, account):
    first = f"(select min(order_id) from raw.order_lines where {column} > 0)"
    one = f"order_id = {first} and line_no = (select min(line_no) from raw.order_lines where order_id = {first} and {column} > 0)"
    altered(f"update raw.order_lines set {column} = {column} + 0.01 where {one}")
    found = sample.checks().filter(check="check_orders_equal_their_lines").row(0, named=True)
    assert found["n_failures"] == 1
    assert f"'account': '{account}'" in found["example"]
    assert "'period': datetime.date(2023, 1, 1)" in found["example"]


def test_one_cent_in_the_cost_of_a_product_is_found_in_every_month_it_was_sold(sample, altered):
    ledger = altered("update raw.products set unit_cost = unit_cost + 0.01 where product_id = 'P030'")
    sold = sample._con.sql(
        "select date_trunc('month', ordered_at)::date as period, sum(qty) as n from raw.order_lines join raw.orders using (order_id)"
        " where product_id = 'P030' and unit_cost is null group by all order by all"
    ).pl()
    assert set(ledger.failing["account"]) == {"5000"}
    assert ledger.failing["period"].to_list() == sold["period"].to_list()
    assert ledger.failing["difference"].to_list() == [CENT * n for n in sold["n"]]


def test_one_cent_in_an_entry_is_found(altered):
    one = "rowid = (select min(rowid) from marts.pnl_entries where account = '7020' and period = date '2024-02-01')"
    ledger = altered(f"update marts.pnl_entries set amount = amount + 0.01 where {one}", build=False)
    assert ledger.failing.select("period", "account", "difference").rows() == [(dt.date(2024, 2, 1), "7020", -CENT)]


def test_a_lost_entry_is_a_difference_not_unassigned(altered):
    """Unassigned is summed from rows: what is lost is in no row, so the check fails."""
    one = "rowid = (select min(rowid) from marts.pnl_entries where customer_id is null and pnl_line = 'gross_list')"
    ledger = altered(f"delete from marts.pnl_entries where {one}", build=False)
    assert not ledger.ties
    assert ledger.failing["account"].to_list() == ["4000"]
    assert ledger.failing["difference"].item() > 0


def test_a_guest_is_unassigned_and_still_ties(altered):
    before = Decimal("3083.73")
    ledger = altered("update raw.orders set customer_id = null where order_id = 'O000001'")
    assert ledger.ties
    assert ledger.table["unassigned"].sum() != before


def test_an_account_without_a_rule_is_unassigned_from_its_own_row(sample, altered):
    sample._con.execute("insert into raw.gl_accounts values ('6900', 'Legal fees', 'legal', 'direct', null, 1, 99)")
    ledger = altered("insert into raw.gl_totals values (date '2024-02-01', '6900', -250.00, 1, 9999)")
    row = ledger.table.filter(account="6900").row(0, named=True)
    assert (row["ledger"], row["unassigned"], row["difference"]) == (Decimal("-250.00"), Decimal("-250.00"), Decimal(0))
    assert "no rule" in ledger.unassigned.filter(account="6900")["reason"].item()


def test_an_entry_without_an_account_is_a_difference(sample, altered):
    sample._con.execute("delete from raw.gl_totals where account = '6100'")
    ledger = altered("delete from raw.gl_accounts where account = '6100'")
    assert set(ledger.failing["account"]) == {"no account"}
    assert ledger.failing["difference"].sum() == Decimal("25421.69")  # the truth's payment fees
    failed = sample.checks().filter(check="check_entries_carry_an_account")
    assert "payment_fees" in failed["example"].item()


def test_a_month_that_is_not_closed_is_named_and_left_out(sample, altered):
    sample._con.execute("delete from raw.gl_totals where period = date '2025-12-01' and account <> '4000'")
    ledger = altered("delete from raw.gl_totals where period = date '2025-12-01'")
    assert ledger.ties
    assert ledger.table.height == 35 * 25
    assert ledger.open_months["period"].to_list() == [dt.date(2025, 12, 1)]


def test_the_loss_that_came_is_booked_on_the_day_it_was_known(sample, altered):
    """Expected loss at the event, the true-up later; an event of one month may be known in another."""
    event = (
        sample._con.sql(
            "select event_id, date_trunc('month', occurred_at)::date as period from raw.courtesy_events where measure_id = 'C4' and outcome_loss > 0"
            " and occurred_at < date '2025-06-01' order by 1 limit 1"
        )
        .pl()
        .row(0)
    )
    ledger = altered(f"update raw.courtesy_events set outcome_on = date '2025-11-15' where event_id = '{event[0]}'")
    entries = sample.fetch("pnl_entries").filter(source_key=event[0])
    assert dict(entries.select("rule_id", "account").rows())["courtesy.expected_loss"] == "6400"
    true_up = entries.filter(rule_id="courtesy.true_up").row(0, named=True)
    assert (true_up["account"], true_up["period"], true_up["provenance"]) == ("6410", dt.date(2025, 11, 1), "measured")
    assert entries.filter(rule_id="courtesy.expected_loss")["period"].item() == event[1]
    moved = ledger.failing.select("period", "account", "difference").rows()
    assert moved == [(event[1], "6410", true_up["amount"]), (dt.date(2025, 11, 1), "6410", -true_up["amount"])]


def test_two_accounts_for_one_line_are_refused(sample, altered):
    altered("insert into raw.gl_accounts values ('6001', 'Second carrier', 'carrier_cost', 'direct', null, 1, 99)")
    failed = sample.checks().filter(check="check_lines_have_one_account")
    assert "'first_account': '6000', 'last_account': '6001'" in failed["example"].item()


@pytest.mark.parametrize(("charged", "contribution"), [("4.90", "18.90"), ("0.00", "14.00")])
def test_a_fee_charged_or_waived_the_ledger_ties_in_both(shop_of, charged, contribution):
    """A forgone fee is a memo: 20.00 of goods and the carrier's 6.00 stand in both books, the fee in one."""
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-10", "gross_list": "20.00", "delivery_fee_charged": charged}],
        deliveries=[{"delivery_id": "d", "order_id": "1", "mode": "standard", "carrier_cost": "6.00"}],
        delivery_fees=[{"valid_from": "2024-01-01", "mode": "standard", "region": "all", "free_over": "50.00", "fee": "4.90"}],
        courtesy_catalogue=[{"measure_id": "P5b", "name": "free delivery"}],
        gl_accounts=[
            {"account": a, "name": line, "pnl_line": line, "cost_class": "direct"}
            for a, line in (("4000", "gross_list"), ("4100", "delivery_charged"), ("6000", "carrier_cost"), ("6300", "courtesy"))
        ],
        gl_totals=[
            {"period": "2025-01-01", "account": a, "amount": m} for a, m in (("4000", "20.00"), ("4100", charged), ("6000", "-6.00"), ("6300", "0.00"))
        ],
    )  # fmt: skip
    ledger = reconcile(shop)
    assert ledger.ties
    assert ledger.table.height == 4
    assert cv.customer_profit(shop).table["contribution"].item() == Decimal(contribution)
    waived = cv.courtesy_cost(shop).table
    assert waived["forgone_fee"].sum() == Decimal("4.90") - Decimal(charged)


def test_errors(sample):
    with pytest.raises(cv.DataError, match="no view by 'weekday'"):
        reconcile(sample).by("weekday")
    with cv.open() as shop, pytest.raises(cv.MissingInputError, match="gl_totals is not loaded"):
        reconcile(shop)
