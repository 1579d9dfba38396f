"""Exports that overlap, and refunds after the last sale."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv
from custvalue.config import Settings
from custvalue.reports.analysis import analyse

HEAD = "order_id,customer_id,ordered_at,amount\n"
JANUARY = HEAD + "1,A,2024-01-05,10\n2,A,2024-01-31,20\n"


@pytest.fixture
def shop():
    with cv.open() as opened:
        yield opened


def put(folder, name, text):
    (folder / name).write_text(text)
    return folder / name


def total(shop):
    return shop.fetch("raw.transactions")["amount"].sum()


def test_a_line_in_two_exports_is_one_line_and_said(shop, tmp_path):
    files = [
        put(tmp_path, "jan.csv", JANUARY),
        put(tmp_path, "feb.csv", HEAD + "2,A,2024-01-31,20\n3,A,2024-02-03,30\n"),
    ]
    report = shop.load(files)
    assert total(shop) == 60
    assert report.table.row(0)[1:] == (4, 3, 0, 1)
    assert "stands in another file already" in report.reasons["reason"].item()
    assert "jan.csv already" in shop.rejected("transactions")["reason"].item()


def test_lines_repeated_within_a_file_are_kept_and_matched_one_by_one(shop, tmp_path):
    twice = HEAD + "1,A,2024-01-05,10\n1,A,2024-01-05,10\n"
    shop.load(put(tmp_path, "a.csv", twice))
    assert total(shop) == 20
    shop.load(put(tmp_path, "b.csv", twice + "1,A,2024-01-05,10\n"))  # the third is not in the first file
    assert total(shop) == 30


def test_without_an_order_number_nothing_is_guessed(shop, tmp_path):
    text = "customer_id,ordered_at,amount\nA,2024-01-05,10\n"
    shop.load(put(tmp_path, "a.csv", text))
    shop.load(put(tmp_path, "b.csv", text + "B,2024-01-06,5\n"))
    assert total(shop) == 25


def test_an_order_whose_lines_differ_is_kept_and_said(shop, tmp_path):
    shop.load(put(tmp_path, "a.csv", JANUARY))
    report = shop.load(put(tmp_path, "b.csv", HEAD + "2,A,2024-01-31,25\n"))
    assert total(shop) == 55
    assert "1 orders stand in another file, too, with other lines" in " ".join(report.remarks)


def test_loading_a_file_again_replaces_it(shop, tmp_path):
    file = put(tmp_path, "a.csv", JANUARY)
    for _ in range(2):
        report = shop.load(file)
        assert (report.table["accepted"].item(), total(shop)) == (2, 30)


def test_a_refund_after_the_last_sale_counts(shop):
    shop.load(
        pl.DataFrame(
            {
                "customer_id": ["A", "B", "B"],
                "ordered_at": ["2025-09-01", "2025-09-28", "2025-10-05"],
                "amount": [100, 50, -50],
                "kind": ["sale", "sale", "return"],
            }
        )
    )
    profit = analyse(shop, Settings()).results["profit"]
    assert profit.company["net_revenue"].item() == Decimal("100.00")
    until = analyse(shop, Settings(), as_of="2025-09-30").results["profit"]
    assert until.company["net_revenue"].item() == Decimal("150.00")


def test_an_order_number_of_two_customers_is_two_orders(tmp_path):
    """Till numbers start again: 1001 and 1002 are of ann and of bob, 1003 of ann and of nobody; ann returns her 1002."""
    (tmp_path / "sales.csv").write_text(
        "order_id,customer_id,ordered_at,amount,kind\n1001,ann,2024-01-02,10,sale\n1001,bob,2024-03-05,20,sale\n"
        "1002,ann,2024-02-01,30,sale\n1002,bob,2024-04-05,40,sale\n1002,ann,2024-02-09,-5,return\n"
        "1003,ann,2024-05-01,7,sale\n1003,,2024-05-01,3,sale\n"
    )
    with cv.open() as shop:
        report = shop.load(tmp_path / "sales.csv")
        said = "2 order numbers belong to several customers, such as '1001': "
        assert list(report.remarks) == [said + "they are taken for orders of their own, one a customer."]
        days = shop.fetch("int_purchase_days").sort("customer_id", "purchased_on")
        assert [(c, str(d), float(a)) for c, d, a, _ in days.iter_rows()] == [
            ("ann", "2024-01-02", 10.0), ("ann", "2024-02-01", 30.0), ("ann", "2024-05-01", 10.0),
            ("bob", "2024-03-05", 20.0), ("bob", "2024-04-05", 40.0),
        ]  # fmt: skip
        revenue = dict(cv.customer_profit(shop).table.select("customer_id", "net_revenue").iter_rows())
        assert {name: float(money) for name, money in revenue.items()} == {"ann": 45.0, "bob": 60.0}
        assert shop.checks().filter(pl.col("n_failures") > 0).rows() == []


def test_an_order_that_stands_twice_in_orders_is_set_aside_with_its_row(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,gross_list\n1001,ann,2024-01-02,10\n1001,bob,2024-03-05,20\n"
    )
    with cv.open() as shop:
        shop.load(tmp_path / "orders.csv")
        assert shop.rejected("orders")["reason"].to_list() == ["order_id '1001' stands already in row 1"]
