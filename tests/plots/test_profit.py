"""Figures of profit drawn from small results whose answer is known by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from custvalue.plots.theme import COLOURS, finish, wrapped
from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.waterfall import CustomerProfit
from custvalue.profit.whale import whale_curve
from custvalue.results import PurchaseSummary

DAYS = {"start": dt.date(2025, 1, 1), "end": dt.date(2025, 12, 31)}


def money(**columns):
    return pl.DataFrame(columns).cast(pl.Decimal(38, 2))


@pytest.fixture
def profit():
    lines = {
        "gross_list": [100.0, 50.0, 20.0], "discounts": [-10.0, 0.0, 0.0], "net_revenue": [90.0, 50.0, 20.0],
        "cost_of_goods": [-40.0, -25.0, -10.0], "gross_margin": [50.0, 25.0, 10.0], "courtesy": [-5.0, -5.0, -25.0],
        "contribution": [45.0, 20.0, -15.0],
    }  # fmt: skip
    table = money(**lines)
    return CustomerProfit(
        table=pl.concat([pl.DataFrame({"customer_id": ["a", "b", "c"]}), table], how="horizontal"),
        company=table.sum(), unattributed=table.clear(1).fill_null(Decimal(0)),
        missing=pl.DataFrame(schema=["pnl_line", "needs", "gives"]), currency="EUR", **DAYS,
    )  # fmt: skip


def test_waterfall_steps_add_up_to_its_totals(profit):
    figure = profit.plot()
    (trace,) = figure.data
    running = 0.0
    for kind, amount in zip(trace.measure, trace.x, strict=True):
        running = running + amount if kind == "relative" else running
        if kind == "total":
            assert running == pytest.approx(amount)
    assert running == 50.0
    assert list(trace.y)[-1] == "<b>contribution</b>"
    assert "EUR" in figure.layout.xaxis.title.text
    assert figure.layout.title.text == wrapped(profit.title)


def test_waterfall_keeps_every_bar_in_view(profit):
    figure = profit.plot()
    low, high = figure.layout.xaxis.range
    assert low <= 0 < 170 < high


def test_whale_marks_its_peak(profit):
    curve = whale_curve(profit)
    line, peak = curve.plot().data
    assert list(line.y) == [0.0, 45.0, 65.0, 50.0]
    assert list(line.x) == pytest.approx([0.0, 33.333, 66.667, 100.0])
    assert (list(peak.x), list(peak.y)) == ([pytest.approx(66.667, abs=0.001)], [65.0])
    assert "65" in curve.plot().layout.annotations[0].text


def test_whale_of_many_customers_stays_small_and_keeps_the_peak():
    rng = np.random.default_rng(1)
    amounts = np.round(np.sort(rng.normal(5.0, 20.0, 20_000))[::-1], 2)
    ids = pl.DataFrame({"customer_id": [f"c{i:05d}" for i in range(20_000)]})
    table = pl.concat([ids, money(contribution=amounts)], how="horizontal")
    company = table.select(pl.col("contribution").sum())
    pnl = CustomerProfit(table=table, company=company, unattributed=company.clear(1), missing=pl.DataFrame(), **DAYS)
    curve = whale_curve(pnl)
    line, peak = curve.plot().data
    assert len(line.x) <= 402
    assert max(line.y) == peak.y[0] == pytest.approx(amounts[amounts > 0].sum())
    assert line.y[-1] == pytest.approx(amounts.sum())


def test_whale_of_nobody_is_an_empty_curve(profit):
    nobody = CustomerProfit(
        table=profit.table.clear(),
        company=profit.company,
        unattributed=profit.unattributed,
        missing=profit.missing,
        **DAYS,
    )
    line, _ = whale_curve(nobody).plot().data
    assert list(line.y) == [0.0]


def costs(n):
    table = pl.DataFrame(
        {
            "measure_id": [f"m{i:02d}" for i in range(n)],
            "measure": [f"measure {i}" for i in range(n)],
            "n_events": [1] * (n - 1) + [0],
            "n_without_rate": [0] * n,
            "full": [Decimal(1000 - 10 * i) for i in range(n - 1)] + [Decimal(0)],
            "avoidable": [Decimal(500 - 10 * i) for i in range(n - 1)] + [Decimal(0)],
        },
        schema_overrides={"full": pl.Decimal(38, 2), "avoidable": pl.Decimal(38, 2)},
    )
    events = table.with_columns(granted=pl.lit("beyond rule"))
    return CourtesyCost(table=table, events=events, gross_margin=10_000.0, **DAYS)


def test_courtesy_draws_full_and_avoidable_side_by_side():
    full, avoidable = costs(5).plot().data
    assert (full.name, avoidable.name) == ("full cost", "avoidable cost")
    assert list(full.y) == list(avoidable.y) == [f"measure {i}" for i in range(4)]  # the fifth never happened
    assert list(full.x) == [1000.0, 990.0, 980.0, 970.0]
    assert list(avoidable.x) == [500.0, 490.0, 480.0, 470.0]


def test_courtesy_of_many_measures_adds_the_rest_up():
    cost = costs(31)
    full, avoidable = cost.plot().data
    assert full.y[-1] == "15 others"
    assert sum(full.x) == float(cost.table["full"].sum())
    assert sum(avoidable.x) == float(cost.table["avoidable"].sum())


def test_purchases_counts_everybody_once():
    frequency = [0] * 5 + [1] * 3 + [2] + [12, 15, 40]
    table = pl.DataFrame({"customer_id": list("abcdefghijkl"), "frequency": frequency})
    (bars,) = PurchaseSummary(table=table, as_of=dt.date(2025, 12, 31)).plot().data
    assert dict(zip(bars.x, bars.y, strict=True)) == {"0": 5, "1": 3, "2": 1, "12 or more": 3}


def test_titles_hold_no_markup_of_a_customer():
    import plotly.graph_objects as go

    figure = finish(go.Figure(), "Pays only for <b>all</b> & <script>")
    assert figure.layout.title.text == "Pays only for &lt;b&gt;all&lt;/b&gt; &amp; &lt;script&gt;"


def test_colours_are_told_apart_by_colour_blind_readers():
    okabe_ito = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
    assert set(COLOURS) <= okabe_ito
    assert len(set(COLOURS)) == len(COLOURS)
