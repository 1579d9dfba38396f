"""Amounts as bookkeepers write them are read, and a currency beside them is minded."""

from __future__ import annotations

from decimal import Decimal

import pytest

import custvalue as cv

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
