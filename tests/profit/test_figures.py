"""Figures of the new results: what is drawn are the result's own numbers, with units and a finding as title."""

from __future__ import annotations

import pytest

import custvalue as cv
from custvalue.plots.theme import wrapped
from custvalue.profit.actions import unprofitable
from custvalue.profit.capacity import capacity_use
from custvalue.profit.departments import courtesy_by_segment, granted_and_borne
from custvalue.profit.explain import explain
from custvalue.profit.inward import inward_signs
from custvalue.profit.ledger import PARTS, reconcile
from custvalue.profit.trend import courtesy_trend
from custvalue.profit.whale import whale_comparison


@pytest.fixture(scope="module")
def results(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        pnl, cost = cv.customer_profit(shop), cv.courtesy_cost(shop)
        losing = unprofitable(shop, pnl)
        return {
            "ledger": reconcile(shop), "capacity": capacity_use(shop), "matrix": granted_and_borne(cost),
            "segments": courtesy_by_segment(cost), "losing": losing, "why": explain(shop, losing.table["customer_id"][0]),
            "trend": courtesy_trend(shop), "signs": inward_signs(shop), "whale": whale_comparison(pnl),
            "company": cv.customer_profit(shop, per="company"), "today": cv.delivered_today(shop),
        }  # fmt: skip


NAMES = ("ledger", "capacity", "matrix", "segments", "losing", "why", "trend", "signs", "whale", "company", "today")


@pytest.mark.parametrize("name", NAMES)
def test_the_title_is_the_finding_and_axes_have_titles(results, name):
    figure = results[name].plot()
    assert figure.layout.title.text == wrapped(results[name].title)
    assert figure.layout.xaxis.title.text
    assert len(figure.data) > 0
    assert figure.to_json() == results[name].plot().to_json()


@pytest.mark.parametrize("name", NAMES)
def test_results_show_as_tables(results, name):
    assert "<table" in results[name]._repr_html_()


def test_months_of_the_ledger_are_drawn_as_they_add_up(results):
    figure = results["ledger"].plot()
    parts, line = figure.data[: len(PARTS)], figure.data[-1]
    for i, ledger in enumerate(line.y):
        assert sum(trace.y[i] for trace in parts) == pytest.approx(ledger, abs=1e-6)


def test_capacity_bars_add_up_to_what_was_paid(results):
    used, unused = results["capacity"].plot().data
    assert sum(used.x) + sum(unused.x) == pytest.approx(float(results["capacity"].table["cost"].sum()))


def test_the_matrix_is_drawn_whole(results):
    (heat,) = results["matrix"].plot().data
    drawn = sum(sum(row) for row in heat.z)
    assert drawn == pytest.approx(float(results["matrix"].table["total"].sum()))


def test_a_customers_waterfall_ends_at_his_profit(results):
    (trace,) = results["why"].plot().data
    assert sum(trace.x[:-1]) == pytest.approx(trace.x[-1]) == pytest.approx(float(results["why"].customer_profit))


def test_the_companys_waterfall_ends_at_the_ledgers_result(results):
    (trace,) = results["company"].plot().data
    assert trace.x[-1] == pytest.approx(float(results["ledger"].table["ledger"].sum()))
    assert trace.y[-1] == "<b>result</b>"
