"""Refunds count whenever they come, goods without a cost have no margin, and results carry the shop's currency."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv

FLAT = ("customer_id", "ordered_at", "amount", "kind")
SALES = [("a", "2025-09-01", 100, "sale"), ("b", "2025-09-28", 50, "sale")]


def flat(shop, *later):
    shop.load(pl.DataFrame([*SALES, *later], schema=FLAT, orient="row"))


def tables(shop, *returns):
    orders = [("1", "a", "2025-09-01", 100), ("2", "b", "2025-09-28", 50)]
    shop.load(
        pl.DataFrame(orders, schema=["order_id", "customer_id", "ordered_at", "gross_list"], orient="row"),
        table="orders",
    )
    frame = pl.DataFrame(returns, schema=["return_id", "order_id", "returned_at", "refund"], orient="row")
    shop.load(frame, table="returns")


@pytest.mark.parametrize(
    ("load", "later", "net"),
    [
        (flat, [("b", "2025-10-05", -50, "return")], "100.00"),
        (flat, [("b", "2025-10-05", 50, "return")], "100.00"),  # a return may be written with either sign
        (flat, [("b", "2026-09-01", -50, "return")], "100.00"),  # a year after the last sale
        (flat, [("b", "2025-10-05", -20, "return"), ("a", "2025-12-05", -30, "return")], "100.00"),
        (tables, [("r1", "2", "2025-10-05", 50)], "100.00"),
        (tables, [("r1", "2", "2025-10-05", 20), ("r2", "1", "2026-03-05", 30)], "100.00"),
    ],
)
def test_a_refund_after_the_last_sale_is_in_the_books_of_a_run(load, later, net):
    with cv.open() as shop:
        load(shop, *later)
        analysis = cv.analyse(shop, cv.Settings())
        assert analysis.results["profit"].company["net_revenue"].item() == Decimal(net)
        totals = analysis.results["control_totals"].table  # the files' own sums against the books
        assert (totals["difference"].fill_null(0) == 0).all()


@pytest.mark.parametrize(
    ("costs", "margins"),
    [
        ({"1": 60, "2": None}, {"a": 40, "b": None}),
        ({"1": None, "2": 10}, {"a": None, "b": 40}),
        ({"1": 0, "2": 10}, {"a": 100, "b": 40}),  # goods that cost nothing are no goods without a cost
        ({"1": 60, "2": 50}, {"a": 40, "b": 0}),
    ],
)
def test_what_lacks_a_cost_has_no_margin_and_is_named(costs, margins):
    with cv.open() as shop:
        tables(shop)
        lines = [(order, 1, 1, {"1": 100, "2": 50}[order], cost) for order, cost in costs.items()]
        names = ["order_id", "line_no", "qty", "list_price", "unit_cost"]
        shop.load(pl.DataFrame(lines, schema=names, orient="row"), table="order_lines")
        profit = cv.customer_profit(shop)
        found = dict(profit.table.select("customer_id", "gross_margin").iter_rows())
        assert {c: None if m is None else float(m) for c, m in found.items()} == margins
        lacking = any(cost is None for cost in costs.values())
        named = profit.missing.filter(pl.col("pnl_line") == "cost_of_goods")
        assert named.height == lacking


@pytest.mark.parametrize("currency", ["CHF", "USD", "SEK"])
def test_every_result_of_a_shop_carries_its_currency(currency):
    with cv.open() as shop:
        shop.load(cv.sample_data())
        shop._con.execute("update meta.load_log set currency = $code", {"code": currency})
        results = cv.analyse(shop, cv.Settings()).results
        money = [r for r in results.values() if r.currency]
        assert {r.currency for r in money} == {currency}
        assert not [name for name, r in results.items() if "EUR" in r.title]
        assert len(money) > 15
