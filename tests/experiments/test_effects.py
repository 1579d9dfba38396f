"""Several outcomes: against the figures of the peers, quantiles in simulation, and areas counted whole."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.experiments.effects import effects
from custvalue.experiments.randomised import Metric


@pytest.fixture(scope="module")
def customers(shared):
    return pl.read_csv(shared / "data" / "rct_customers.csv")


def test_side_by_side(customers, shared):
    cases = {c["id"]: c["expected"] for c in json.loads((shared / "golden" / "experiments.json").read_text())["cases"]}
    metrics = ["revenue", Metric("contribution", "pre_revenue"), Metric("revenue", per="orders"), "orders"]
    found = effects(customers, metrics, arm="variant", segment="segment")
    assert found.table.height == 4 * 5
    whole = {r["metric"]: r for r in found.table.filter(segment="all").to_dicts()}
    for name, case in (("revenue", "rct.revenue.welch"), ("contribution", "rct.contribution.cuped"),
                       ("revenue / orders", "rct.aov.delta")):  # fmt: skip
        assert whole[name]["effect"] == pytest.approx(cases[case]["effect_size"], rel=1e-8)
        assert whole[name]["p_value"] == pytest.approx(cases[case]["pvalue"], rel=1e-8)
    assert found.title == "Changed: revenue, contribution, revenue / orders, orders"
    assert found.plot().layout.title.text == found.title
    plain = effects(customers, ["contribution"], arm="variant", segment="segment").table.filter(
        pl.col("segment") != "all"
    )
    assert plain["p_value_adjusted"].to_list() == pytest.approx(cases["rct.segments.multiplicity"]["holm"], rel=1e-6)


def test_quantiles_hold_the_truth():
    rng = np.random.default_rng(1)
    n = 3_000
    treated = rng.random(n) < 0.5
    spend = rng.normal(50.0, 10.0, n) + np.where(treated, 4.0, 0.0)
    frame = pl.DataFrame({"arm": treated, "spend": spend})
    table = effects(frame, ["spend"], quantiles=(0.5, 0.9)).table.filter(pl.col("metric").str.contains("quantile"))
    assert table["metric"].to_list() == ["spend, quantile 0.5", "spend, quantile 0.9"]
    for row in table.to_dicts():
        assert row["effect_low"] < 4.0 < row["effect_high"]
        assert row["control"] == pytest.approx(float(np.quantile(spend[~treated], float(row["metric"][-3:]))))
    again = effects(frame, ["spend"], quantiles=(0.5, 0.9)).table
    assert again.filter(pl.col("metric").str.contains("quantile")).equals(table)


def test_areas_count_the_customers_that_a_measure_brings():
    """Per customer nothing changes; per area there are more of them."""
    rng = np.random.default_rng(2)
    rows = []
    for area in range(120):
        treated = area % 2 == 0
        n = rng.poisson(24 if treated else 20)
        rows.append(pl.DataFrame({"area": [area] * n, "arm": [treated] * n, "contribution": rng.normal(10.0, 3.0, n)}))
    frame = pl.concat(rows)
    each = effects(frame, ["contribution"]).table.row(0, named=True)
    area = effects(frame, ["contribution"], unit="area").table.row(0, named=True)
    assert each["effect_low"] < 0.0 < each["effect_high"]
    assert area["effect_low"] < 40.0 < area["effect_high"]
    assert area["effect_low"] > 0.0
    assert (area["n_control"], area["n_treated"]) == (60, 60)


def test_a_clustered_unit_is_honest_where_customers_are_alike():
    """A/A by area: customers of an area are alike, so counting them one by one finds effects that are not there."""
    rng = np.random.default_rng(3)
    wrong = {None: 0, "area": 0}
    for _ in range(150):
        level = rng.normal(0.0, 3.0, 40)
        area = np.repeat(np.arange(40), 25)
        frame = pl.DataFrame(
            {"area": area, "arm": area % 2 == 0, "contribution": 20.0 + level[area] + rng.normal(0.0, 4.0, 1000)}
        )
        for unit in wrong:
            wrong[unit] += effects(frame, ["contribution"], unit=unit).table["p_value"][0] < 0.05
    assert wrong["area"] / 150 <= 0.05 + 2 * (0.05 * 0.95 / 150) ** 0.5
    assert wrong[None] / 150 > 0.2


@pytest.mark.parametrize(
    ("change", "kwargs", "message"),
    [
        (lambda f: f.drop("spend"), {}, "no column 'spend'"),
        (lambda f: f.with_columns(spend=pl.when(pl.col("spend") > 0).then(pl.col("spend"))), {}, "'spend' is empty in"),
        (lambda f: f.with_columns(spend=pl.when(pl.col("spend") > 0).then(pl.col("spend"))), {"unit": "area"}, "'spend' is empty"),
        (lambda f: f.with_columns(area=pl.lit(1)), {"unit": "area"}, "stand in two arms"),
        (lambda f: f.with_columns(arm=pl.when(pl.col("spend") > 0).then(pl.col("arm"))), {}, "'arm' is empty"),
    ],
)  # fmt: skip
def test_what_it_cannot_use(change, kwargs, message):
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"arm": np.arange(200) % 2, "area": np.arange(200), "spend": rng.normal(0.0, 1.0, 200)})
    with pytest.raises(DataError, match=message):
        effects(change(frame), ["spend"], **kwargs)


def test_a_ratio_that_is_the_same_for_everybody_has_no_effect():
    """Every order brings 20: rounding makes a variance just under 0, which must not end in a traceback."""
    orders = np.random.default_rng(1).poisson(2.0, 2_000)
    frame = pl.DataFrame({"arm": np.arange(2_000) % 2, "orders": orders, "revenue": 20.0 * orders + 0.1 * orders})
    with pytest.raises(DataError, match="the same for every customer"):
        effects(frame, [Metric("revenue", per="orders")])
    with pytest.raises(DataError, match="'orders' is 0 for every customer of an arm"):
        effects(frame.with_columns(orders=pl.col("orders") * pl.col("arm")), [Metric("revenue", per="orders")])
