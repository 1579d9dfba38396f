"""Several outcomes: against the figures of the peers, quantiles in simulation, and areas counted whole."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_ind

from custvalue.errors import DataError
from custvalue.experiments.effects import effects
from custvalue.experiments.randomised import Metric, cells, effect_of, sample_ratio_p_value


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


def test_arms_that_were_not_drawn_as_planned_cannot_be_trusted():
    """The title says so first; the same arms are fine where the plan was another one."""
    rng = np.random.default_rng(5)
    frame = pl.DataFrame({"arm": [0] * 800 + [1] * 200, "spend": rng.normal(50.0, 9.0, 1_000)})
    found = effects(frame.with_columns(spend=pl.col("spend") + 9.0 * pl.col("arm")), ["spend"])
    p = sample_ratio_p_value(800, 200, 0.5)
    assert found.title == f"Cannot be trusted: 20.0% treated, 50.0% planned (p = {p:.2g})."
    assert found.checks.columns == ["check", "status", "detail"]
    assert found.checks.filter(status="block")["check"].to_list() == ["sample ratio"]
    as_planned = effects(frame, ["spend"], planned_share=0.2)
    assert as_planned.checks.filter(status="block").height == 0
    assert as_planned.planned_share == 0.2
    with pytest.raises(DataError, match="planned_share=20: a share between 0 and 1"):
        effects(frame, ["spend"], planned_share=20)


def test_too_few_or_repeated_customers_cannot_be_trusted():
    rng = np.random.default_rng(6)
    few = pl.DataFrame({"arm": [0, 1] * 12, "spend": rng.normal(50.0, 9.0, 24)})
    assert effects(few, ["spend"]).title.startswith("Cannot be trusted: At least 30 customers are needed in each arm.")
    many = pl.DataFrame({"customer_id": np.arange(400) // 2, "arm": np.arange(400) // 2 % 2,
                         "spend": rng.normal(50.0, 9.0, 400)})  # fmt: skip
    twice = effects(many, ["spend"])
    assert twice.title.startswith("Cannot be trusted: 200 customers have several rows")
    assert not effects(many, ["spend"], unit="customer_id").title.startswith("Cannot be trusted")


def test_the_split_of_areas_is_that_of_areas():
    """Ten times as many customers live in treated areas: areas were drawn, and half of them were."""
    area = np.repeat(np.arange(40), [100 if a % 2 else 10 for a in range(40)])
    frame = pl.DataFrame({"area": area, "arm": area % 2, "spend": np.random.default_rng(7).normal(5.0, 1.0, area.size)})
    assert effects(frame, ["spend"]).checks["status"][0] == "block"
    found = effects(frame, ["spend"], unit="area").checks
    assert found.filter(check="sample ratio").rows() == [
        ("sample ratio", "ok", "50.0% treated, 50.0% planned (p = 1).")
    ]
    assert found.filter(status="block").height == 0


@pytest.mark.parametrize("base", [0.0, 0.0005, -0.0005])
@pytest.mark.parametrize("is_treated", [False, True])
def test_a_mean_near_zero_breaks_no_figure(base, is_treated):
    """Against SciPy's Welch: the relative interval would overflow, the absolute one must not suffer."""
    rng = np.random.default_rng(8)
    near, far = rng.normal(0.0, 10.0, 1_000), rng.normal(3.0, 10.0, 1_000)
    near += base - near.mean()
    control, treated = (far, near) if is_treated else (near, far)
    frame = pl.DataFrame({"arm": [False] * 1_000 + [True] * 1_000, "spend": np.concatenate([control, treated])})
    metric = Metric("spend")
    found = effect_of(metric, cells(frame, [metric], arm="arm"))
    welch = ttest_ind(treated, control, equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert found.p_value == pytest.approx(welch.pvalue, rel=1e-9)
    assert found.effect == pytest.approx(treated.mean() - control.mean(), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.effect / found.standard_error == pytest.approx(welch.statistic, rel=1e-9)
    assert (found.relative, found.relative_low, found.relative_high) == (None, None, None)


@pytest.mark.parametrize("metric", [Metric("spend", "x"), Metric("spend", "x", "n"), Metric("spend", per="n")])
def test_a_mean_near_zero_with_covariate_or_ratio_is_that_of_a_shifted_one(metric):
    """A constant (per customer, or per unit of the ratio) added to both arms changes no difference."""
    rng = np.random.default_rng(9)
    arm, n, x = np.arange(2_000) % 2, rng.poisson(3.0, 2_000) + 1, rng.normal(0.0, 8.0, 2_000)
    frame = pl.DataFrame({"arm": arm == 1, "spend": x + rng.normal(0.0, 5.0, 2_000) + 0.5 * arm, "x": x, "n": n})
    by = pl.lit(1.0) if metric.per is None else pl.col("n")
    at = effect_of(metric, cells(frame.with_columns(spend=pl.col("spend") + 100.0 * by), [metric], arm="arm"))
    frame = frame.with_columns(spend=pl.col("spend") + (100.0 - at.control) * by)
    here = effect_of(metric, cells(frame, [metric], arm="arm"))
    assert here.control == pytest.approx(0.0, abs=1e-9)
    assert here.relative is None
    for name in ("effect", "low", "high", "p_value", "standard_error"):
        assert getattr(here, name) == pytest.approx(getattr(at, name), rel=1e-8)
