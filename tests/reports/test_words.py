"""Numbers in sentences are rounded as people say them."""

from __future__ import annotations

import datetime as dt

import pytest

from custvalue.reports.words import about, day, for_people, listed, money, share, within


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"), (3.214, "3.21"), (52.0, "52"), (664.7, "665"), (1_763.0, "1,800"), (9_567.0, "9,600"),
        (21_796.49, "22,000"), (25_500.0, "26,000"), (99_600.0, "100,000"), (243_031.0, "243,000"), (999_700.0, "1\xa0million"),
        (1_433_557.0, "1.43\xa0million"), (-16_420.0, "−16,000"), (-3.2, "−3.20"), (25_000_000.0, "25\xa0million"),
    ],
)  # fmt: skip
def test_amounts(value, said):
    assert about(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.156, "16%"), (0.0, "0%"), (0.002, "0.2%"), (0.0001, "under 0.1%"), (0.997, "over 99%"), (1.0, "100%")],
)
def test_shares(value, said):
    assert share(value) == said


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("41 % of 1,433,557 EUR", "41% of 1.43\xa0million EUR"),
        ("81 of 4,000 customers lose 1,763 EUR", "81 of 4,000 customers lose 1,800 EUR"),
        ("334,215.59 EUR, -84,822.44 unused", "334,000 EUR, -85,000 unused"),
        ("−3.21 EUR (−8.40 to 1.97)", "−3.21 EUR (−8.40 to 1.97)"),
        ("15.6% of gross margin since 2025-10-01", "16% of gross margin since 2025-10-01"),
        ("customer A1,234 and file-1,000", "customer A1,234 and file-1,000"),
        ("over 99 % sure", "over 99% sure"),
    ],
)
def test_sentences(written, read):
    assert for_people(written) == read


def test_money_times_and_lists():
    assert money(21_796.49, "EUR") == "22,000\xa0EUR"
    assert money(5.0, "") == "5"
    assert within(365) == "in the next 12 months"
    assert within(730) == "in the next 2 years"
    assert within(90) == "in the next 90 days"
    assert day(dt.date(2025, 12, 31)) == "31 December 2025"
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
