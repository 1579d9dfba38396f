"""Amounts as bookkeepers write them are read, and a currency beside them is minded."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

import custvalue as cv
from custvalue.data.written import as_bare, bare, currency_named

REFUNDS = 'kinds = [{ column = "amount", below = 0, kind = "return" }]\n'
GERMAN = 'decimal = ","\n'


def load(tmp_path, amounts, mapping="", top=""):
    """Load one order an amount; return the amounts of the books, the reasons, and the currency."""
    lines = [f"c{i};2024-01-05;{amount}" for i, amount in enumerate(amounts)]
    (tmp_path / "sales.csv").write_text("\n".join(["customer_id;ordered_at;amount", *lines, ""]))
    (tmp_path / "map.toml").write_text(f'{top}[tables.transactions]\nfile = "*"\n{REFUNDS}{mapping}')
    with cv.open() as shop:
        report = shop.load(tmp_path / "sales.csv", mapping=tmp_path / "map.toml")
        books = shop.fetch("raw.transactions").sort("customer_id")["amount"].to_list()
        return books, report.reasons["reason"].to_list(), report.currency


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("(12.50)", "-12.50"), ("12.50-", "-12.50"), ("- 12.50", "-12.50"), ("\u221212.50", "-12.50"),
        ("\u201312.50", "-12.50"), ("12.50 -", "-12.50"), ("€12.50", "12.50"), ("12.50 €", "12.50"),
        ("EUR 12.50", "12.50"), ("12.50\u00a0EUR", "12.50"), ("-€12.50", "-12.50"), ("€-12.50", "-12.50"),
        ("(€12.50)", "-12.50"), ("(12.50) €", "-12.50"), ("€ (12.50)", "-12.50"), ("12.50- EUR", "-12.50"), ("12.50 €-", "-12.50"), ("+€12.50", "12.50"), ("€ .5", "0.50"), ('="12.50"', "12.50"),
        ("'12.50", "12.50"), ("12.50", "12.50"), ("-12.50", "-12.50"), ("1e3", "1000.00"),
    ],
)  # fmt: skip
def test_signs_brackets_and_currencies_are_read(tmp_path, text, amount):
    assert load(tmp_path, [text]) == ([Decimal(amount)], [], "EUR")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1.234,50 €", "1234.50"), ("(7,00 €)", "-7.00"), ("1.234,5-", "-1234.50"), ("€ -0,05", "-0.05")],
)
def test_the_marks_of_the_mapping_hold_beside_a_currency(tmp_path, text, amount):
    assert load(tmp_path, [text], GERMAN) == ([Decimal(amount)], [], "EUR")


@pytest.mark.parametrize(
    "text", ["(-5)", "--5", "5--", "(5", "5)", "€", "EUR", "XYZ 5", "5 kg", "€5 net", "3.-", "12.50%", "5 5-5"]
)
def test_what_is_no_amount_is_set_aside(tmp_path, text):
    books, reasons, _ = load(tmp_path, [text, "7"])
    assert books == [Decimal("7.00")]
    assert reasons == ["amount is not a number"]


@pytest.mark.parametrize("amounts", [["€1.234", "€2.500"], ["1.234 €", "(2.500 €)"], ["EUR 1.234-", "EUR 2.500"]])
def test_a_point_that_may_mark_thousands_is_not_guessed_beside_a_currency(tmp_path, amounts):
    books, reasons, _ = load(tmp_path, amounts)
    assert books == []
    assert all("points may mark thousands here" in reason for reason in reasons)


@pytest.mark.parametrize("amounts", [["10", "€20", "$30"], ["CHF 1", "2 EUR"], ["£5", "5 USD", "5"]])
def test_currencies_beside_amounts_are_never_added(tmp_path, amounts):
    with pytest.raises(cv.SourceError, match="comes in 2 currencies"):
        load(tmp_path, amounts)


def test_currencies_beside_amounts_are_converted_by_the_rates(tmp_path):
    top = 'currency = "EUR"\nrates = { USD = 0.5, GBP = 2 }\n'
    books, _, currency = load(tmp_path, ["12 USD", "10", "£1", "$3"], top=top)
    assert (books, currency) == ([Decimal(6), Decimal(10), Decimal(2), Decimal("1.50")], "EUR")


@pytest.mark.parametrize(
    ("amount", "stated", "meant"),
    [
        ("$12", "CAD", "CAD"),
        ("$12", None, "USD"),
        ("12 kr", "NOK", "NOK"),
        ("¥12", "CNY", "CNY"),
        ("Fr. 12", None, "CHF"),
    ],
)
def test_a_sign_of_several_currencies_is_the_one_that_is_said(tmp_path, amount, stated, meant):
    top = f'currency = "{stated}"\n' if stated else ""
    assert load(tmp_path, [amount], top=top) == ([Decimal(12)], [], meant)


def test_a_sign_that_does_not_tell_is_asked_for(tmp_path):
    with pytest.raises(cv.DataError, match="may be SEK, NOK, DKK, ISK"):
        load(tmp_path, ["12 kr"])
    with pytest.raises(cv.DataError, match=r"is in USD, the mapping says EUR"):
        load(tmp_path, ["$12"], top='currency = "EUR"\n')


@pytest.mark.parametrize(
    ("ours", "rates", "text", "amount"),
    [("CAD", "USD = 1.35", "$12", "12.00"), ("EUR", "USD = 0.5", "$12", "6.00"), ("EUR", "CAD = 0.6", "$12", "7.20"),
     ("EUR", "NOK = 0.1", "12 kr", "1.20")],
)  # fmt: skip
def test_with_rates_a_sign_is_ours_or_the_only_one_with_a_rate(tmp_path, ours, rates, text, amount):
    top = f'currency = "{ours}"\nrates = {{ {rates} }}\n'
    assert load(tmp_path, [text], top=top)[0] == [Decimal(amount)]


def test_with_several_rates_a_sign_that_does_not_tell_is_set_aside(tmp_path):
    top = 'currency = "EUR"\nrates = { USD = 0.9, CAD = 0.6 }\n'
    books, reasons, _ = load(tmp_path, ["$12", "7"], top=top)
    assert books == [Decimal(7)]
    assert reasons == ["the mapping has no rate for $ on this day"]


@pytest.mark.parametrize(
    ("column", "amount", "is_one"),
    [
        ("USD", "$5", True),
        ("CAD", "$5", True),
        ("EUR", "€5", True),
        ("EUR", "$5", False),
        ("CHF", "5 EUR", False),
        ("", "£5", True),
    ],
)
def test_a_currency_in_a_column_and_one_beside_the_amount_are_one_or_refused(tmp_path, column, amount, is_one):
    file = tmp_path / "sales.csv"
    file.write_text(f"customer_id;ordered_at;amount;currency\na;2024-01-05;{amount};{column}\n")
    with cv.open() as shop:
        if is_one:
            assert shop.load(file).currency == (column or "GBP")
        else:
            with pytest.raises(cv.SourceError, match="comes in 2 currencies"):
                shop.load(file)


@pytest.mark.parametrize("text", ["(12,50) €", "12.50-", "€-5", "kr 7", "n/a", "5 kg", "1 234,50 CHF", "--5", "12.50"])
def test_python_and_sql_read_a_number_alike(text):
    """Two roads: init reads by the one, load by the other."""
    with duckdb.connect(":memory:") as con:
        digits, named = con.execute(
            f"select {bare('t')}, {currency_named('t')} from (select $1 as t)", [text]
        ).fetchall()[0]
    assert as_bare(text) == (text if digits is None else digits, named)
