"""Closing times as people write them, after midnight, at several sites; what is no time is set aside with its reason."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv

CATALOGUE = [{"measure_id": "late", "name": "late", "rule": "last_minutes", "direct_cost": "5.00"}]
NO_TIME = "is not a time of day such as 18:00"


@pytest.fixture(scope="module")
def served_late(shop_of):
    """Return a function from opening hours and contacts to the contacts that were served in the last five minutes."""

    def ask(hours, contacts):
        shop = shop_of(
            customers=[{"customer_id": "c"}],
            opening_hours=hours,
            contacts=[{"customer_id": "c", "handle_s": "300", **contact} for contact in contacts],
            courtesy_catalogue=CATALOGUE,
            orders=[{"order_id": "o", "customer_id": "c", "ordered_at": "2025-03-10", "gross_list": "9.00"}],
        )
        return shop, shop.fetch("int_late_contacts").sort("contact_id")["contact_id"].to_list()

    return ask


@pytest.mark.parametrize(
    ("closes", "late", "early"),
    [
        ("18:00", "2025-03-10 17:57", "2025-03-10 17:54"),
        ("18:00:00", "2025-03-10 17:57", "2025-03-10 18:00"),
        ("6 pm", "2025-03-10 17:57", "2025-03-10 05:57"),
        ("6:30 p.m.", "2025-03-10 18:27", "2025-03-10 17:57"),
        ("12 pm", "2025-03-10 11:57", "2025-03-10 23:57"),
        ("18.30 Uhr", "2025-03-10 18:27", "2025-03-10 17:57"),
        ("18h30", "2025-03-10 18:27", "2025-03-10 17:57"),
        ("9:30", "2025-03-10 09:27", "2025-03-10 09:57"),
        ("24:00", "2025-03-10 23:57", "2025-03-10 00:02"),
        ("00:00", "2025-03-10 23:57", "2025-03-09 23:57"),
        ("12 am", "2025-03-10 23:57", "2025-03-10 11:57"),
        ("02:00", "2025-03-11 01:57", "2025-03-10 01:57"),
    ],
)
def test_a_closing_time_is_read_as_it_is_written(served_late, closes, late, early):
    """A site that opens on Monday 10 March at 8:00; what is not later than that is on Tuesday."""
    hours = [{"site": "x", "weekday": "1", "opens": "8 am", "closes": closes}]
    contacts = [{"contact_id": "late", "opened_at": late}, {"contact_id": "early", "opened_at": early}]
    assert served_late(hours, contacts)[1] == ["late"]


@pytest.mark.parametrize("closes", ["2023-02-29", "x", "25:00", "24:30", "18:60", "18 pm", "1800", "soon"])
def test_what_is_no_time_is_set_aside_with_its_reason(closes):
    hours = {"site": ["a", "b"], "weekday": [1, 1], "opens": ["9:00", "9:00"], "closes": [closes, "18:00"]}
    with cv.open() as shop:
        shop.load(pl.DataFrame(hours), table="opening_hours")
        assert shop.rejected("opening_hours")["reason"].to_list() == [f"closes {NO_TIME}"]
        assert shop.fetch("stg_opening_hours").rows() == [("b", 1, 540, 1080)]


def test_a_weekday_counts_from_monday():
    hours = {"site": ["a"], "weekday": [0], "opens": ["9:00"], "closes": ["18:00"]}
    with cv.open() as shop:
        shop.load(pl.DataFrame(hours), table="opening_hours")
        reason = shop.rejected("opening_hours")["reason"].item()
        assert reason == "weekday is not between 1 (Monday) and 7 (Sunday)"


def test_a_site_that_never_closes_has_no_last_minutes(served_late):
    hours = [{"site": "x", "weekday": "1", "opens": "00:00", "closes": "24:00"}]
    assert served_late(hours, [{"contact_id": "k", "opened_at": "2025-03-10 23:57"}])[1] == []


HOURS = [
    {"site": site, "weekday": "1", "opens": "9:00", "closes": closes}
    for site, closes in (("north", "18:00"), ("south", "20:00"))
]
CONTACTS = [
    {"contact_id": "six", "opened_at": "2025-03-10 17:57"},
    {"contact_id": "eight", "opened_at": "2025-03-10 19:57"},
]


def test_a_contact_that_names_its_site_goes_by_its_hours(served_late):
    contacts = [{**contact, "site": "north"} for contact in CONTACTS]
    shop, late = served_late(HOURS, contacts)
    assert late == ["six"]
    assert not shop.fetch("book_gaps")["why"].str.contains("names no site").any()
    assert cv.courtesy_cost(shop).table["full"].sum() == Decimal("5.00")


def test_a_contact_without_a_site_goes_by_the_last_to_close_and_that_is_said(served_late):
    """North closes at six, south at eight: only the contact at 19:57 is late, once, and the gap is named."""
    shop, late = served_late(HOURS, CONTACTS)
    assert late == ["eight"]
    said = cv.control_totals(shop).gaps.filter(pl.col("why").str.contains("names no site")).row(0, named=True)
    assert (said["source_table"], said["n_rows"]) == ("contacts", 1)
    assert cv.courtesy_cost(shop).table["full"].sum() == Decimal("5.00")
