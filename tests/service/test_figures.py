"""The figures show what the results hold."""

from __future__ import annotations

import polars as pl
import pytest

from custvalue.plots.service import figure_for
from custvalue.service.choice import choose_levels
from custvalue.service.segments import segment_customers

OPTIONS = pl.DataFrame(
    [
        ("near & <dear>", 0, "base", 0.0, 0.0, 0.0, 0.0, 0.0), ("near & <dear>", 1, "quality", 900.0, 400.0, 1500.0, 300.0, 10.0),
        ("far", 0, "base", 0.0, 0.0, 0.0, 0.0, 0.0), ("far", 1, "quality", 100.0, 50.0, 200.0, 300.0, 9.0),
    ],
    schema=["segment", "level", "name", "gain", "gain_low", "gain_high", "cost", "staff_hours"], orient="row",
)  # fmt: skip


def test_the_plan_shows_one_arrow_per_step_and_the_net_gain_with_its_interval():
    plan = choose_levels(OPTIONS, current=0)
    figure = figure_for(plan)
    (arrow,) = [a for a in figure.layout.annotations if a.showarrow]
    assert (arrow.ax, arrow.x, arrow.y) == (0, 1, "near &amp; &lt;dear&gt;")
    raised = figure.data[1]
    assert (raised.x, raised.error_x.array, raised.error_x.arrayminus) == ((600.0,), (600.0,), (500.0,))
    assert figure.data[2].text == ("  +600",)
    assert figure.data[5].text == ("  stays",)
    assert figure.layout.title.text.replace("<br>", " ") == plan.title
    assert figure.layout.xaxis2.title.text.endswith("a year")


def test_a_plan_without_a_step_still_has_a_figure():
    plan = choose_levels(OPTIONS.filter(segment="far"), current=0, horizon_days=90)
    figure = figure_for(plan)
    assert len(figure.layout.annotations) == 0
    assert figure.layout.xaxis2.title.text.endswith("in 90 days")


@pytest.mark.parametrize(("worth", "bars"), [(10.0, 2), (-10.0, 1)])
def test_segments_show_customers_beside_value(worth, bars):
    people = pl.DataFrame({
        "customer_id": ["a", "b", "c", "d", "e"], "clv": [worth] * 5, "churn_probability": [0.1, 0.9, 0.1, 0.1, 0.1],
    })  # fmt: skip
    found = segment_customers(people)
    figure = figure_for(found)
    assert len(figure.data) == bars  # without value there is no share of it to show
    assert figure.data[0].x == pytest.approx(found.table["customer_share"].to_list())
    assert list(figure.data[0].y) == found.table["segment"].to_list()
    assert figure.layout.title.text.replace("<br>", " ") == found.title
