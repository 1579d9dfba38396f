"""Segments, months, the company, departments, trend and signs: all from the same rows, checked by another road."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv
from custvalue.profit.capacity import capacity_use
from custvalue.profit.departments import courtesy_by_segment, granted_and_borne
from custvalue.profit.inward import inward_signs
from custvalue.profit.trend import courtesy_trend
from custvalue.profit.waterfall import PLAIN_LINES, SUBTOTALS
from custvalue.profit.whale import whale_comparison, whale_curve


@pytest.fixture(scope="module")
def sample(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="module")
def cost(sample):
    return cv.courtesy_cost(sample)


# ------------------------------------------------------------------------------------------------ waterfall


def test_all_views_of_the_waterfall_give_one_total(sample):
    customers = cv.customer_profit(sample)
    for per in ("segment", "month", "company"):
        table = cv.customer_profit(sample, per=per).table
        for line in (*PLAIN_LINES, *SUBTOTALS):
            if line in table.columns:
                assert table[line].sum() == customers.company[line].item(), (per, line)
    orders = cv.customer_profit(sample, per="order").table
    loose = sample.fetch("pnl_entries").filter(pl.col("order_id").is_null())["amount"].sum()
    assert orders["customer_profit"].sum() + loose == customers.company["customer_profit"].item()


def test_the_company_ends_at_the_ledgers_result(sample, root):
    truth = json.loads((root / "sample_data" / "truth.json").read_text())["totals"]["by_account"]
    company = cv.customer_profit(sample, per="company").table.row(0, named=True)
    assert company["result"] == sum(map(Decimal, truth.values()))
    assert company["facility"] == Decimal(truth["9000"])
    parts = ("customer_profit", "facility", "unused_capacity", "without_rule")
    assert company["result"] == sum(company[part] for part in parts)
    months = cv.customer_profit(sample, per="month").table
    ledger = sample.fetch("gl_totals").group_by("period").agg(pl.col("amount").sum()).sort("period")
    assert months["result"].to_list() == ledger["amount"].to_list()


def test_a_month_without_ledger_has_no_result(shop_of):
    shop = shop_of(
        orders=[
            {"order_id": str(m), "customer_id": "ann", "ordered_at": f"2025-0{m}-01", "gross_list": "5.00"}
            for m in (1, 2)
        ],
        gl_accounts=[{"account": "4000", "name": "Sales", "pnl_line": "gross_list", "cost_class": "revenue"}],
        gl_totals=[{"period": "2025-01-01", "account": "4000", "amount": "5.00"}],
    )
    months = cv.customer_profit(shop, per="month").table
    assert months["result"].to_list() == [Decimal("5.00"), None]
    assert "result" not in cv.customer_profit(shop, per="company").table.columns


def test_segments_are_the_declared_ones(sample):
    table = cv.customer_profit(sample, per="segment").table
    declared = {row["customer_id"]: row["segment"] for row in sample.fetch("segments").iter_rows(named=True)}
    profit = defaultdict(Decimal)
    for customer, amount in sample.fetch("pnl_entries").select("customer_id", "amount").rows():
        profit[declared.get(customer, "no customer")] += amount
    assert dict(table.select("segment", "customer_profit").rows()) == dict(profit)


def test_facility_is_allocated_to_the_cent(sample):
    table = cv.customer_profit(sample, per="segment").table
    assert table["allocated_facility"].sum() == Decimal("-122400.00")
    shares = table.select(pl.col("allocated_facility").cast(pl.Float64) / pl.col("net_revenue").cast(pl.Float64))
    assert shares.to_series().to_list() == pytest.approx(
        [-122400 / float(table["net_revenue"].sum())] * table.height, rel=1e-5
    )
    assert (table["after_facility"] == table["customer_profit"] + table["allocated_facility"]).all()
    quarter = cv.customer_profit(sample, "2025-10-01", "2025-12-31", per="segment").table
    assert quarter["allocated_facility"].sum() == 3 * Decimal("-3400.00")


def test_an_unknown_view_is_refused(sample):
    with pytest.raises(cv.DataError, match="no view per 'weekday'"):
        cv.customer_profit(sample, per="weekday")


# ------------------------------------------------------------------------------------------------ whale


def test_deciles_and_courtesy_in_the_whale_curve(sample):
    pnl = cv.customer_profit(sample)
    curve = whale_curve(pnl)
    assert curve.deciles["profit"].sum() == curve.total
    assert curve.deciles["n_customers"].to_list() == [pnl.table.height // 10] * 10
    assert curve.deciles["cumulative"].to_list()[-1] == curve.total
    both = whale_comparison(pnl)
    assert both.without_courtesy.total - both.with_courtesy.total == -pnl.table["courtesy"].sum()
    assert both.n_turned == sum(
        contribution < 0 <= contribution - courtesy
        for contribution, courtesy in pnl.table.select("contribution", "courtesy").rows()
    )
    assert both.table["profit_without"].sum() == both.without_courtesy.total
    with pytest.raises(cv.DataError, match="no line 'luck'"):
        whale_curve(pnl, "luck")


# ------------------------------------------------------------------------------------------------ courtesy


def test_granted_against_borne_is_the_events_own_count(sample, cost):
    matrix = granted_and_borne(cost)
    logged = sample.fetch("courtesy_events")
    pairs = Counter(logged.select("granted_by_dept", "borne_by_dept").rows())
    for row in matrix.table.iter_rows(named=True):
        for bearer in matrix.bearers:
            if pairs[row["granted_by_dept"], bearer] == 0 and row["granted_by_dept"] != bearer:
                assert row[bearer] == 0
    assert matrix.table["total"].sum() == cost.table["accounting"].sum()
    assert "at the expense of other departments" in matrix.title


def test_measures_by_segment_add_up_both_ways(cost):
    table = courtesy_by_segment(cost)
    assert table.table["total"].sum() == cost.table["full"].sum()
    by_segment = dict(cost.by("segment").select("segment", "full").rows())
    assert {name: table.table[name].sum() for name in table.segments} == by_segment


def test_economic_view_with_induced_orders_by_hand(shop_of):
    """One order delivered free: fee 4.90, carrier 6.00. If a quarter of such orders came because of it:
    0.75 x 4.90 lost + 0.25 x 6.00 of carrier = 5.175."""
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[
            {
                "order_id": "1",
                "customer_id": "ann",
                "ordered_at": "2025-01-01",
                "gross_list": "20.00",
                "delivery_fee_charged": "0.00",
            }
        ],
        deliveries=[{"delivery_id": "d", "order_id": "1", "mode": "standard", "carrier_cost": "6.00"}],
        delivery_fees=[
            {"valid_from": "2024-01-01", "mode": "standard", "region": "all", "free_over": "50.00", "fee": "4.90"}
        ],
        courtesy_catalogue=[{"measure_id": "P5b", "name": "free delivery"}],
    )

    def economic(share):
        return cv.courtesy_cost(shop, induced_shares={"P5b": share}).table["economic"].item()

    assert (economic(0.0), economic(0.25), economic(1.0)) == (Decimal("4.90"), Decimal("5.18"), Decimal("6.00"))
    assert cv.courtesy_cost(shop, induced_shares={"P5b": 1.0}).table["accounting"].item() == Decimal("4.90")
    with pytest.raises(cv.DataError, match=r"The induced share of 'P5b' is 1\.5"):
        economic(1.5)


def test_minutes_without_a_rate_are_named(shop_of):
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-01", "gross_list": "20.00"}],
        courtesy_catalogue=[
            {"measure_id": "X", "name": "help", "base_minutes": "5", "resource_id": "desk", "direct_cost": "1.00"}
        ],
        courtesy_events=[{"event_id": "e", "measure_id": "X", "customer_id": "ann", "occurred_at": "2025-01-01"}],
    )
    cost = cv.courtesy_cost(shop)
    assert cost.missing.rows() == [("X", "help", 1)]
    assert "the minutes of 1 measures have no rate and are not in it" in cost.title


def test_trend_finds_what_is_given_less(shop_of):
    """Help: 100 times in the earlier month, 40 in the later; coffee 100 and 100; 100 orders in both."""
    months = ("2025-01", "2025-02")
    given = {"help": (100, 40), "coffee": (100, 100)}
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[
            {"order_id": f"{m} {i}", "customer_id": "ann", "ordered_at": f"{m}-10", "gross_list": "5.00"} for m in months for i in range(100)
        ],
        courtesy_catalogue=[{"measure_id": m, "name": m, "direct_cost": "1.50"} for m in given],
        courtesy_events=[
            {"event_id": f"{measure} {m} {i}", "measure_id": measure, "customer_id": "ann", "occurred_at": f"{m}-10"}
            for measure, counts in given.items() for m, n in zip(months, counts, strict=True) for i in range(n)
        ],
    )  # fmt: skip
    trend = courtesy_trend(shop, months=1)
    rows = {row["measure_id"]: row for row in trend.table.iter_rows(named=True)}
    assert (rows["help"]["per_100_orders"], rows["help"]["per_100_orders_before"]) == (40.0, 100.0)
    assert rows["help"]["change_share"] == pytest.approx(-0.6)
    assert (rows["help"]["has_drifted"], rows["coffee"]["has_drifted"]) == (True, False)
    assert rows["help"]["cost_per_event"] == Decimal("1.50")
    assert trend.title == "1 of 2 courtesies are given otherwise than before: 1 less often, 0 more often an order"


# ------------------------------------------------------------------------------------------------ capacity, signs


def test_the_overloaded_month_is_named(sample):
    """The simulator makes one month of the contact centre too busy (test_simulate counts it from the files)."""
    used = capacity_use(sample)
    assert used.overloaded.select("resource_id").rows() == [("contact_centre",)]
    assert used.overloaded["unused_cost"].item() < 0
    assert used.title.endswith("Contact centre was overloaded in 2025-12, at 121%")
    assert used.by_resource["cost"].sum() == sample.fetch("resources")["cost"].sum()


def test_signs_are_those_of_a_plain_count(sample):
    panel = inward_signs(sample)
    assert (panel.start, panel.end) == (dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    value = dict(panel.table.select("sign", "value").rows())
    contacts = [c for c in sample.fetch("contacts").iter_rows(named=True) if c["opened_at"].year == 2025]
    assert value["complaints"] == pytest.approx(sum(c["complaint"] for c in contacts) / len(contacts))
    assert value["waiting on hold"] == pytest.approx(sum(c["wait_s"] for c in contacts) / len(contacts))
    usual = {}
    for c in contacts:
        usual.setdefault(c["reason"], Counter())[c["answer_code"]] += 1
    same = sum(max(codes.values()) for codes in usual.values())
    assert value["answers that differ from the usual one"] == pytest.approx(1 - same / len(contacts))
    bought = {year: {c for c, at in sample.fetch("int_orders").select("customer_id", "ordered_at").rows() if c and at.year == year}
              for year in (2024, 2025)}  # fmt: skip
    # 2024 has 366 days, the window before 2025 has 365: the first day of 2024 is left out
    first = {
        c
        for c, at in sample.fetch("int_orders").select("customer_id", "ordered_at").rows()
        if at.date() == dt.date(2024, 1, 1)
    }
    gone = bought[2024] - bought[2025]
    assert value["customers who did not come back"] == pytest.approx(
        len(gone) / len(bought[2024]), abs=len(first) / 1000
    )
    assert panel.missing["sign"].to_list() == ["inventory"]
    assert set(panel.table["aspect"]) == {"what customers feel", "operation"}


def test_inventory_is_a_sign_where_stock_is_given(shop_of):
    shop = shop_of(
        orders=[{"order_id": str(y), "customer_id": "ann", "ordered_at": f"{y}-12-31", "gross_list": "5.00"} for y in (2024, 2025)],
        stock=[{"product_id": p, "counted_on": f"{y}-{m:02d}-01", "value": f"{v * (y - 2023)}.00"}
               for y in (2024, 2025) for m in (3, 6, 9) for p, v in (("a", 100 + m), ("b", 50))],
    )  # fmt: skip
    row = inward_signs(shop, "2025-12-31").table.filter(sign="inventory").row(0, named=True)
    assert (row["value"], row["before"], row["n"]) == (312.0, 156.0, 3)
    assert row["is_worse"]


def test_a_sign_without_its_table_is_missing_not_zero(shop_of):
    shop = shop_of(orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-01", "gross_list": "5.00"}])
    panel = inward_signs(shop)
    assert {"complaints", "late deliveries", "orders with goods sent back", "inventory"} <= set(panel.missing["sign"])
    assert panel.table.height == 0
    assert cv.department_against_company(shop).title == "No practice of a department can be compared"
    with cv.open() as empty, pytest.raises(cv.MissingInputError, match="No orders are loaded"):
        inward_signs(empty)


def test_waiting_is_compared_and_said_to_be_chance_where_it_is(sample):
    """In the sample a late delivery changes no later purchase (world.py): the difference is chance."""
    found = cv.department_against_company(sample)
    late = found.table.filter(practice="late delivery").row(0, named=True)
    assert late["n"] + late["n_other"] > 20_000
    assert late["loses_low"] < 0.0 < late["loses_high"]
    assert "None of 5 practices" in found.title
    panel = inward_signs(sample)
    assert set(panel.customer_side["segment"]) == {"bargain", "loyal and near", "remote", "small business"}
