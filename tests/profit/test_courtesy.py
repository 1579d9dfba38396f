"""Cost of courtesy: every measure its own line, the views add up, and the sample's truth."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv


@pytest.fixture(scope="module")
def sample(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="module")
def cost(sample):
    return cv.courtesy_cost(sample)


@pytest.fixture(scope="module")
def truth(root):
    return json.loads((root / "sample_data" / "truth.json").read_text())["courtesies"]


def test_every_measure_of_the_catalogue_has_its_line(sample, cost, truth):
    assert set(cost.table["measure_id"]) == set(sample.fetch("courtesy_catalogue")["measure_id"])
    assert dict(cost.table.select("measure_id", "n_events").rows()) == {
        m: t["events"] for m, t in truth["by_measure"].items()
    }
    assert cost.table.height == 30


def test_derived_events_are_found_in_the_transactions(sample, truth):
    derived = sample.fetch("int_courtesy_events").filter(detected="derived")
    assert dict(derived.group_by("measure_id").len().rows()) == truth["derived"]


def test_minutes_of_each_measure(cost, truth):
    for measure, minutes in cost.table.select("measure_id", "minutes").rows():
        assert minutes == pytest.approx(truth["by_measure"][measure]["minutes"], abs=0.51), measure


def test_views_add_up_and_tie_to_the_sub_ledger(sample, cost):
    total = -sample.fetch("pnl_entries").filter(pnl_line="courtesy")["amount"].sum()
    for view in ("measure", "segment", "customer", "department"):
        table = cost.by(view)
        assert table["accounting"].sum() == total
        assert table["n_events"].sum() == cost.table["n_events"].sum()
    assert cost.table["full"].sum() == total
    assert (cost.table.filter(cost.table["minutes"] >= 0).select("full").to_series() >= 0).all()


def test_free_delivery_in_both_views(cost):
    row = cost.table.filter(measure_id="P5b").row(0, named=True)
    assert row["economic"] == row["forgone_fee"] > 0
    assert Decimal(0) < row["accounting"] <= row["economic"]


def test_ratio_and_window(sample, cost):
    pnl = cv.customer_profit(sample)
    assert cost.courtesy_ratio == pytest.approx(
        float(cost.table["full"].sum()) / float(pnl.company["gross_margin"].item())
    )
    years = [cv.courtesy_cost(sample, f"{y}-01-01", f"{y}-12-31").table["full"].sum() for y in (2023, 2024, 2025, 2026)]
    assert sum(years) == cost.table["full"].sum()


def test_errors(sample, cost):
    with pytest.raises(cv.DataError, match="no view by 'weekday'"):
        cost.by("weekday")
    with cv.open() as shop, pytest.raises(cv.MissingInputError, match="No orders are loaded"):
        cv.courtesy_cost(shop)
    with cv.open() as shop:
        shop.load(pl.DataFrame({"customer_id": ["a"], "ordered_at": ["2025-01-05"], "amount": [9.0]}))
        with pytest.raises(cv.MissingInputError, match="courtesy_catalogue is not loaded"):
            cv.courtesy_cost(shop)
