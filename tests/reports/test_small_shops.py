"""Small and even shops keep what can be answered: each question fails alone, and customers are always written."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

import custvalue as cv
from custvalue.reports.run import run

START = dt.date(2024, 1, 1)


def day(n: int) -> dt.date:
    return START + dt.timedelta(days=n)


def even_shop(amount: float) -> list[tuple[str, dt.date, float]]:
    """200 customers who come and go, and always spend the same; a day holds one order a customer."""
    rng, rows = np.random.default_rng(4), []
    for i in range(200):
        at, rate, leaves = rng.uniform(0, 300), rng.gamma(1.5, 1 / 25), rng.beta(1, 4)
        days = set()
        while at < 700:
            days.add(int(at))
            if rng.random() < leaves:
                break
            at += rng.exponential(1 / rate)
        rows += [(f"C{i}", day(d), amount) for d in days]
    return rows


REGULAR = [
    (f"C{i}", day(i % 42 + 42 * k + (i * 7 + k * 5) % 9), 20.0 + 5 * (i % 6) + k % 3)
    for i in range(500)
    for k in range(16)
]
SHOPS = {
    "one price": even_shop(29.90),
    "regular buyers": REGULAR,
    "one customer": [("A", day(0), 10.0), ("A", day(40), 12.0), ("A", day(90), 9.0)],
    "two customers": [("A", day(0), 10.0), ("A", day(40), 12.0), ("B", day(10), 20.0)],
    "all repeat": [(f"C{i}", day(i % 20 + k * 30), 10.0 + i % 7 + k) for i in range(100) for k in range(3)],
    "one order each": [(f"C{i}", day(i % 200), 10.0 + i) for i in range(300)],
    "one day": [(f"C{i}", day(0), 10.0 + i) for i in range(50)],
    "free goods": [(f"C{i % 20}", day(3 * i), 0.0) for i in range(90)],
}
VALUED = ("one price", "regular buyers", "one customer", "two customers", "all repeat")


def run_on(rows, out):
    orders = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount"], orient="row")
    with cv.open() as shop:
        shop.load(orders, table="transactions")
        return run(shop, cv.Settings(), out).analysis


@pytest.mark.parametrize("name", SHOPS)
def test_what_can_be_answered_is_and_the_rest_is_named(name, tmp_path):
    analysis = run_on(SHOPS[name], tmp_path)
    customers = pl.read_parquet(tmp_path / "customers.parquet")
    assert customers["customer_id"].to_list() == sorted({row[0] for row in SHOPS[name]})
    named = {question for question, _ in analysis.missing}
    for key, question in (
        ("value", "What is each customer worth from now on?"),
        ("segments", "Which customers are alike?"),
    ):
        assert (key in analysis.results) == (name in VALUED), key
        assert (question in named) == (name not in VALUED), question
    assert "What should each segment get, and what should be tested first?" in named  # nothing was tested
    assert not any(customers[c].is_nan().any() for c, t in customers.schema.items() if t.is_float())
    report = (tmp_path / "report.html").read_text()
    for question in named:
        assert question in report


def test_one_price_is_the_spend_of_everybody(tmp_path):
    analysis = run_on(SHOPS["one price"], tmp_path)
    table = analysis.results["value"].table
    shares = table["revenue_value"] / table["expected_purchases"]
    assert shares.max() <= 29.90  # discounting takes from it, nothing adds to it
    assert shares.min() > 29.90 / 1.10
    why = dict(analysis.missing)["Spend customer by customer"]
    assert "everybody spends 29.9, so everybody gets the mean spend" in why
    assert analysis.results["value"].spend_model == "MeanSpend(mean=29.9, variation=0.0)"


def test_regular_buyers_who_do_not_leave_are_active_and_in_segments(tmp_path):
    analysis = run_on(SHOPS["regular buyers"], tmp_path)
    assert (analysis.results["value"].table["p_alive"] == 1.0).all()
    expected = analysis.results["value"].table["expected_purchases"]
    assert expected.min() == pytest.approx(365 / 42, rel=0.1)  # about every six weeks
    assert {"high value, active", "middle value, active", "low value, active"} == set(
        analysis.results["segments"].table["segment"]
    )
    assert "everybody counts as active" in dict(analysis.missing)["Churn"]


def test_settings_with_a_cost_but_no_margin_still_give_revenue(tmp_path):
    orders = pl.DataFrame(SHOPS["one price"], schema=["customer_id", "ordered_at", "amount"], orient="row")
    with cv.open() as shop:
        shop.load(orders, table="transactions")
        revenue = cv.analyse(shop, cv.Settings(service_cost_per_order=3.0)).results["value"]
        value = cv.analyse(shop, cv.Settings(service_cost_per_order=3.0, margin_rate=0.5)).results["value"]
    assert revenue.value_column == "revenue_value"
    assert value.table["clv"].sum() == pytest.approx(revenue.table["revenue_value"].sum() * (0.5 - 3.0 / 29.90))
