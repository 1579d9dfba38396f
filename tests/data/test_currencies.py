"""Money of different currencies is never added: refused, kept to one, or converted at stated rates."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv

ORDERS = "order_id,customer_id,ordered_at,currency,gross_list\n"
THREE = ORDERS + "1,ann,2024-01-03,EUR,10\n2,ann,2024-02-03,USD,20\n3,bob,2024-02-03,JPY,3000\n"


@pytest.fixture
def load(tmp_path):
    def loaded(*, mapping=None, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text)
        if mapping is not None:
            (tmp_path / "map.toml").write_text(mapping)
        shop = cv.open()
        report = shop.load(
            [tmp_path / f"{name}.csv" for name in files], mapping=tmp_path / "map.toml" if mapping is not None else None
        )
        return shop, report

    return loaded


def test_three_currencies_are_refused_with_the_first_row_of_each(load):
    with pytest.raises(cv.SourceError) as refused:
        load(orders=THREE)
    assert refused.value.message == (
        "orders.csv: money of orders comes in 3 currencies, EUR (row 1), USD (row 2), JPY (row 3); they are never added."
    )
    assert "rates.USD = 0.9" in refused.value.hint
    assert '[tables.orders]: keep = [{ column = "currency", values = "EUR" }]' in refused.value.hint


@pytest.mark.parametrize("heading", ["Currency", "currency_code", "WÄHRUNG"])
def test_a_column_of_a_flat_export_says_so_too(load, heading):
    rows = f"customer_id,ordered_at,amount,{heading}\nann,2024-01-03,10,EUR\nann,2024-02-03,20,usd\n"
    with pytest.raises(cv.SourceError, match=r"transactions comes in 2 currencies, EUR \(row 1\), USD \(row 2\)"):
        load(sales=rows)
    shop, _ = load(sales=rows.replace("usd", "eur "))
    assert shop.fetch("transactions")["amount"].sum() == Decimal(30)


def test_one_of_them_is_kept_by_a_rule(load):
    keep = '[tables.orders]\nfile = "orders.csv"\nkeep = [{ column = "currency", values = "USD" }]\n'
    shop, report = load(mapping=keep, orders=THREE)
    assert shop.currency == "USD"
    assert shop.fetch("orders")["gross_list"].to_list() == [Decimal("20.00")]
    assert report.table["left_out"].to_list() == [2]


def test_stated_rates_convert_and_say_what(load):
    """10 EUR + 20 USD at 0.92 from February + 3000 JPY at 0.006: 10 + 18.40 + 18.00 = 46.40."""
    rates = (
        'currency = "EUR"\n[rates]\nUSD = { "2024-01-01" = 0.91, "2024-02-01" = 0.92 }\nJPY = 0.006\n[tables.orders]\n'
    )
    shop, report = load(mapping=rates + 'file = "orders.csv"\n', orders=THREE)
    assert shop.fetch("orders")["gross_list"].to_list() == [Decimal("10.00"), Decimal("18.40"), Decimal("18.00")]
    assert sorted(report.remarks) == [
        "orders.csv: 1 row in JPY converted at the mapping's rates, 18.00 in all.",
        "orders.csv: 1 row in USD converted at the mapping's rates, 18.40 in all.",
    ]
    assert cv.customer_profit(shop).company["gross_list"].item() == Decimal("46.40")


def test_a_currency_without_a_rate_is_set_aside_with_its_reason(load):
    rates = (
        'currency = "EUR"\n[rates]\nUSD = { "2024-03-01" = 0.91 }\nJPY = 0.006\n[tables.orders]\nfile = "orders.csv"\n'
    )
    shop, _ = load(mapping=rates, orders=THREE)
    assert shop.rejected("orders")["reason"].to_list() == ["the mapping has no rate for USD on this day"]


def test_one_other_currency_is_the_shops(load):
    shop, report = load(
        customers="customer_id\nann\nbob\n",
        orders=THREE.replace("EUR", "CHF").replace("USD", "CHF").replace("JPY", "CHF"),
    )
    assert (shop.currency, report.currency) == ("CHF", "CHF")
    assert "CHF" in cv.customer_profit(shop).title


def test_what_the_mapping_the_database_or_another_file_says_is_not_overruled(load):
    chf = ORDERS + "1,ann,2024-01-03,CHF,10\n"
    with pytest.raises(cv.DataError, match=r"orders\.csv is in CHF, the mapping says EUR"):
        load(mapping='currency = "EUR"\n', orders=chf)
    with pytest.raises(
        cv.DataError, match=r"sales\.csv is in EUR, the database holds CHF|orders\.csv is in CHF, the database"
    ):
        load(orders=chf, sales="customer_id,ordered_at,amount,currency\nann,2024-01-03,10,EUR\n")
    shop, _ = load(orders=chf)
    with pytest.raises(cv.DataError, match="frame is in USD, the database holds CHF"):
        shop.load(
            pl.DataFrame({"customer_id": ["ann"], "ordered_at": ["2024-01-03"], "amount": [1.0], "currency": ["USD"]})
        )
    shop.load(pl.DataFrame({"customer_id": ["ann"], "ordered_at": ["2024-01-03"], "amount": [1.0]}))  # it says none
    assert shop.currency == "CHF"


def test_rows_that_were_set_aside_say_nothing_of_the_currency(load):
    shop, _ = load(orders=ORDERS + "1,ann,2024-01-03,EUR,10\n2,ann,not a day,USD,20\n")
    assert shop.currency == "EUR"
