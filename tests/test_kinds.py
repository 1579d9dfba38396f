"""A wrong kind of object given to a public function ends in one message that says what makes the right one."""

from __future__ import annotations

import datetime as dt
import inspect

import polars as pl
import pytest

import custvalue as cv
from custvalue.door import checked
from custvalue.errors import DataError

WRONG = [None, 5, "shop", pl.DataFrame({"a": [1]})]


@pytest.mark.parametrize("wrong", WRONG, ids=["none", "number", "text", "frame"])
@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("customer_profit", "Warehouse"), ("courtesy_cost", "Warehouse"), ("reconcile", "Warehouse"),
        ("capacity_use", "Warehouse"), ("delivered_today", "Warehouse"), ("courtesy_trend", "Warehouse"), ("inward_signs", "Warehouse"),
        ("whale_curve", "CustomerProfit"), ("whale_comparison", "CustomerProfit"),
        ("granted_and_borne", "CourtesyCost"), ("courtesy_by_segment", "CourtesyCost"),
    ],
)  # fmt: skip
def test_one_argument(function, kind, wrong):
    with pytest.raises(DataError, match=rf"{function} takes a {kind}, as made by \w+\(.*\); it got "):
        getattr(cv, function)(wrong)


def test_the_second_argument_and_names():
    with cv.open() as shop, pytest.raises(DataError, match=r"unprofitable takes a CustomerProfit.*got int"):
        cv.unprofitable(shop, 5)
    with pytest.raises(DataError, match="long_run takes a Verdict"):
        cv.long_run(verdict=3, retention=0.8)
    with cv.open() as shop, pytest.raises(DataError, match="analyse takes a Settings, as made by load_settings"):
        cv.analyse(shop, {"company": "x"})


def test_a_missing_argument_is_pythons_own_error_and_the_signature_stays():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'shop'"):
        cv.customer_profit()
    assert next(iter(inspect.signature(cv.customer_profit).parameters)) == "shop"

    class Warehouse(str):
        """A class of that name, as a test's stand-in is."""

    class Sub(Warehouse):
        """And one made from it."""

    @checked
    def count(shop: Warehouse, n: int = 1):
        return n

    assert count(Sub("x"), n=2) == 2


def test_a_plan_refuses_before_it_works():
    with pytest.raises(DataError, match=r"plan_service takes a Warehouse.*got DataFrame"):
        cv.plan_service(pl.DataFrame({"a": [1]}))
    with cv.open() as shop, pytest.raises(DataError, match="budget='x': a number was expected"):
        cv.plan_service(shop, budget="x")


def test_a_frame_without_a_currency_prints_none():
    orders = pl.DataFrame({
        "customer_id": [f"c{i % 40}" for i in range(200)],
        "ordered_at": [dt.date(2025, 1, 1) + dt.timedelta(days=(i * 37) % 300) for i in range(200)],
        "amount": [10.0 + (i * 7) % 13 for i in range(200)],
    })  # fmt: skip
    summary = cv.purchase_summary(orders)
    value = cv.lifetime_value(cv.fit_purchases(summary), cv.fit_spend(summary), summary, margin_rate=0.4)
    assert "EUR" not in value.title + value._repr_html_()
    assert " value expected within" in value.title
    assert "  " not in value.title
    assert "CHF" in cv.lifetime_value(cv.fit_purchases(summary), cv.fit_spend(summary), summary, currency="CHF").title


def test_what_came_from_a_shop_carries_its_currency(tmp_path):
    (tmp_path / "sales.csv").write_text(
        "customer_id,ordered_at,amount\n" + "".join(f"c{i % 9},2025-{i % 12 + 1:02d}-05,{20 + i}\n" for i in range(60))
    )
    (tmp_path / "map.toml").write_text('currency = "CHF"\n[tables.transactions]\nfile = "sales.csv"\n')
    with cv.open() as shop:
        shop.load(tmp_path / "sales.csv", mapping=tmp_path / "map.toml")
        summary = cv.purchase_summary(shop)
        value = cv.lifetime_value(cv.fit_purchases(summary), cv.fit_spend(summary), summary)
        assert "CHF" in value.title
        assert "CHF" in cv.customer_profit(shop).title
