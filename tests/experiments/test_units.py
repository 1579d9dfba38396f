"""Tests that assigned areas, households or periods: who comes new counts, and the units are what is counted."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_ind

from custvalue.config import DecisionSettings
from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError
from custvalue.experiments.verdict import does_it_pay

SETTINGS = DecisionSettings(eligible_customers=50_000)


def areas(n_areas=60, effect=3.0, new_share=0.0, seed=1, spread=4.0, sizes=(20, 80)):
    """Make customers of areas: what an area's customers share is drawn once; a measure also brings new customers."""
    rng = np.random.default_rng(seed)
    size = rng.integers(*sizes, n_areas)
    treated = rng.permutation(np.arange(n_areas) % 2 == 1)
    level = rng.normal(20.0, spread, n_areas)
    frames = []
    for new, n in ((False, size), (True, rng.binomial(size, np.where(treated, new_share, 0.0)))):
        who = np.repeat(np.arange(n_areas), n)
        past = np.zeros(who.size) if new else level[who] + rng.gamma(4.0, 5.0, who.size) - 20.0
        now = level[who] + rng.normal(0.0, 10.0, who.size) + effect * (treated[who] & ~np.full(who.size, new))
        frames.append(pl.DataFrame({
            "area": [f"a{i:02d}" for i in who], "arm": np.where(treated[who], "treatment", "control"),
            "contribution": now + 0.5 * past, "pre_contribution": past, "is_new": np.full(who.size, new),
        }))  # fmt: skip
    return pl.concat(frames).with_row_index("customer_id")


def judged(frame, **kwargs):
    return does_it_pay(frame, **({"unit": "area", "before": "pre_contribution", "settings": SETTINGS} | kwargs))


def test_the_effect_is_a_difference_of_sums_by_hand():
    """Two roads without a covariate: Welch's test by SciPy on the areas' sums over the mean number of customers."""
    frame = areas(new_share=0.3, sizes=(50, 51)).drop("pre_contribution")
    sums = frame.group_by("area", "arm").agg(pl.col("contribution").sum())
    arms = [sums.filter(arm=a)["contribution"].to_numpy() / 50 for a in ("treatment", "control")]
    by_hand = ttest_ind(*arms, equal_var=False)
    row = judged(frame, before=None).table.row(0, named=True)
    assert row["effect"] == pytest.approx(arms[0].mean() - arms[1].mean(), rel=1e-9)
    assert (row["effect_low"], row["effect_high"]) == pytest.approx(tuple(by_hand.confidence_interval(0.95)), rel=1e-9)
    assert row["p_value"] == pytest.approx(by_hand.pvalue, rel=1e-9)
    assert (row["n_control"], row["n_treated"]) == (30, 30)


def test_new_customers_count():
    """A measure that does nothing for those who are there and brings 30 % new ones, worth about 20 each."""
    frame = areas(effect=0.0, new_share=0.3, n_areas=120)
    verdict = judged(frame)
    row = verdict.table.row(0, named=True)
    assert row["effect_low"] < 0.3 * 20.0 < row["effect_high"]
    assert verdict.decision == "pays off"
    assert verdict.sentence.startswith("Per customer (by area, new customers included) and 28 days: contribution +")
    detail = verdict.checks.filter(check="new customers")["detail"][0]
    assert 0.25 < float(detail.split("+")[1].split(" ")[0]) < 0.35
    blind = judged(frame.filter(~pl.col("is_new"))).table.row(0, named=True)
    assert blind["effect_low"] < 0.0 < blind["effect_high"]


def test_intervals_cover_and_a_customer_level_test_does_not():
    """Customers of an area are alike: taken one by one their interval is far too narrow."""
    by_area, one_by_one = 0, 0
    for seed in range(100):
        frame = areas(effect=2.0, seed=seed, n_areas=40, sizes=(50, 51))
        for verdict in (judged(frame), does_it_pay(frame.drop("pre_contribution"), settings=SETTINGS)):
            row = verdict.table.row(0, named=True)
            inside = row["effect_low"] < 2.0 < row["effect_high"]
            by_area += inside and verdict.unit == "area"
            one_by_one += inside and verdict.unit == "customer"
    assert 89 <= by_area <= 99
    assert one_by_one < 75


def test_households_keep_their_segments():
    rng = np.random.default_rng(4)
    n = 6_000
    home = np.arange(n) // 3
    treated = (rng.random(n // 3) < 0.5)[home]
    near = home % 2 == 0
    frame = pl.DataFrame({
        "customer_id": np.arange(n), "household": home, "arm": np.where(treated, "treatment", "control"),
        "segment": np.where(near, "near", "far"),
        "contribution": 20.0 + rng.normal(0.0, 3.0, n // 3)[home] + rng.normal(0.0, 8.0, n) + 3.0 * treated * np.where(near, 1, -1),
    })  # fmt: skip
    verdict = does_it_pay(frame, unit="household", segment="segment", settings=SETTINGS)
    assert (verdict.decision, verdict.pays_only_for) == ("pays only for", ("near",))
    rows = {r["segment"]: r for r in verdict.table.to_dicts()}
    assert rows["near"]["effect_low"] < 3.0 < rows["near"]["effect_high"]
    assert rows["all"]["n_control"] + rows["all"]["n_treated"] == n // 3
    assert verdict.customers_per_unit == 3.0
    mixed = frame.with_columns(segment=pl.when(pl.col("customer_id") % 2 == 0).then(pl.lit("x")).otherwise(pl.lit("y")))
    assert does_it_pay(mixed, unit="household", segment="segment").table["segment"].to_list() == ["all"]


def test_periods_that_take_turns():
    """The measure is switched on and off week by week in each area: area and week is what was assigned."""
    rng = np.random.default_rng(5)
    week, area = (a.ravel() for a in np.meshgrid(np.arange(20), np.arange(12), indexing="ij"))
    treated = rng.random(week.size) < 0.5
    frame = pl.DataFrame({
        "area_week": [f"{a}-{w}" for a, w in zip(area, week, strict=True)], "arm": treated, "n_customers": 50,
        "pre_contribution": 1_000.0 + 20.0 * area,
        "contribution": 1_000.0 + 20.0 * area + 50.0 * 1.5 * treated + rng.normal(0.0, 60.0, week.size),
    })  # fmt: skip
    verdict = does_it_pay(frame, unit="area_week", before="pre_contribution", outcome_days=7, settings=SETTINGS)
    row = verdict.table.row(0, named=True)
    assert row["effect_low"] < 1.5 < row["effect_high"]
    assert verdict.decision == "pays off"
    assert row["annual_impact"] == pytest.approx(row["effect"] * 50_000 * 365 / 7)


def test_size_alone_is_no_effect():
    """Without a covariate the number of customers serves: arms of unequal areas differ by it, not by the measure."""
    rng = np.random.default_rng(6)
    size = rng.integers(10, 400, 60)
    frame = pl.DataFrame({
        "area": np.arange(60), "arm": np.arange(60) % 2 == 1, "n_customers": size,
        "contribution": size * (20.0 + rng.normal(0.0, 0.5, 60)),
    })  # fmt: skip
    verdict = judged(frame, before=None)
    assert verdict.before == "n_customers"
    row = verdict.table.row(0, named=True)
    assert row["effect_high"] - row["effect_low"] < 1.0
    assert row["effect_low"] < 0.0 < row["effect_high"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.with_columns(arm=pl.when(pl.col("customer_id") == 0).then(pl.lit("treatment"))
                                  .when(pl.col("area") == "a00").then(pl.lit("control")).otherwise("arm")),
         "customers in both arms"),
        (lambda f: f.filter(pl.col("area").is_in([f"a{i:02d}" for i in range(8)])), "At least 5 units"),
        (lambda f: f.with_columns(contribution=pl.when(pl.col("customer_id") > 0).then("contribution")),
         "contribution in 1 rows"),
    ],
)  # fmt: skip
def test_units_that_cannot_be_judged(change, reason):
    verdict = judged(change(areas()))
    assert verdict.decision == "cannot be judged"
    assert reason in verdict.sentence


def test_what_is_empty_is_refused():
    frame = areas()
    with pytest.raises(DataError, match="Column 'area' is empty in 1 rows"):
        judged(frame.with_columns(area=pl.when(pl.col("customer_id") > 0).then("area")))
    with pytest.raises(DataError, match="No unit has a customer who was known"):
        judged(frame.with_columns(is_new=pl.lit(value=True)))
    with pytest.raises(DataError, match="no column 'town'"):
        judged(frame, unit="town")


# the warehouse


def regional_shop(shop, n_regions=24, unit="region", seed=2, acquired=True, design="rct", goods=True):
    """Load a shop whose regions were assigned; the measure brings new customers to the treated ones."""
    rng = np.random.default_rng(seed)
    starts, ends = dt.date(2025, 3, 1), dt.date(2025, 3, 28)
    people = []
    for r in range(n_regions):
        known, new = 30 + 2 * r, 12 if r % 2 else 2
        people += [(f"k{r}-{i}", f"r{r:02d}", dt.date(2024, 1, 1), i % 5 > 0) for i in range(known)]
        people += [(f"n{r}-{i}", f"r{r:02d}", dt.date(2025, 3, 10), True) for i in range(new)]
    names = ["customer_id", "region", "acquired_on", "consent_experiment"]
    customers = pl.DataFrame(people, schema=names, orient="row")
    shop.load(customers if acquired else customers.drop("acquired_on"), table="customers")
    new = np.array([c[0][0] == "n" for c in people])
    day = np.where(new, rng.integers(10, 28, new.size), rng.integers(-28, 28, new.size))
    orders = customers.select(
        "customer_id", order_id=pl.lit("o") + pl.col("customer_id"),
        ordered_at=pl.Series([starts + dt.timedelta(days=int(d)) for d in day]),
        gross_list=pl.Series(rng.integers(10, 60, new.size).astype(float)),
    )  # fmt: skip
    shop.load(orders, table="orders")
    carried = orders.select("order_id", delivery_id="order_id", mode=pl.lit("standard"), carrier_cost=pl.lit(0.0))
    shop.load(carried, table="deliveries")
    lines = {"order_id": [orders["order_id"][0]], "line_no": [1], "qty": [1], "list_price": [0.0], "unit_cost": [0.0]}
    if goods:
        shop.load(pl.DataFrame(lines), table="order_lines")
    assigned = customers.filter(~pl.Series(new) & pl.col("consent_experiment"))
    shop.load(pl.DataFrame({
        "experiment_id": [1], "name": ["radio"], "design": [design], "unit": [unit], "starts": [starts], "ends": [ends],
        "planned_share": [0.5], "outcome_days": [28], "return_days": [0],
    }), table="experiments")  # fmt: skip
    odd = pl.col("region").str.slice(1).cast(pl.Int64) % 2 == 1
    shop.load(assigned.select(
        "customer_id", assignment_id="customer_id", experiment_id=pl.lit(1), assigned_at=pl.lit(starts),
        arm=pl.when(odd).then(pl.lit("treatment")).otherwise(pl.lit("control")),
    ), table="assignments")  # fmt: skip
    return customers, orders.with_columns(day=pl.Series(day))


def test_regions_of_a_warehouse_count_all_their_customers():
    """Two roads: the verdict's means, and the same sums from the orders that were loaded."""
    with open_warehouse() as shop:
        customers, orders = regional_shop(shop)
        verdict = does_it_pay(shop, experiment="radio", settings=SETTINGS)
        found = shop.fetch("experiment_customers", experiment="radio")
    known = customers.filter(pl.col("customer_id").str.starts_with("k"))
    assert found.height == customers.height
    assert found["is_new"].sum() == customers.height - known.height
    assert verdict.customers_per_unit == known.height / 24
    sold = orders.join(customers.select("customer_id", "region"), on="customer_id")
    sold = sold.with_columns(treated=pl.col("region").str.slice(1).cast(pl.Int64) % 2 == 1)
    window = sold.filter(pl.col("day") >= 0).group_by("treated").agg(pl.col("gross_list").sum())
    by_arm = {t: total / 12 / verdict.customers_per_unit for t, total in window.iter_rows()}
    row = verdict.table.row(0, named=True)
    assert (row["n_control"], row["n_treated"]) == (12, 12)
    assert verdict.before == "pre_contribution"
    plain = by_arm[True] - by_arm[False]
    assert row["effect"] == pytest.approx(plain, abs=(row["effect_high"] - row["effect_low"]))  # less the covariate's
    detail = verdict.checks.filter(check="new customers")["detail"][0]
    assert f"{(12 - 2) / verdict.customers_per_unit:+,.3f}" in detail
    assert verdict.long_run["basis"].unique().to_list() == ["effect carried on"]
    assert math.isfinite(row["annual_impact"])


def test_customers_without_a_region_are_not_lost():
    with open_warehouse() as shop:
        regional_shop(shop)
        shop.load(pl.DataFrame({"customer_id": ["lost"], "acquired_on": [dt.date(2024, 1, 1)]}), table="customers")
        shop.load(pl.DataFrame({
            "assignment_id": ["lost"], "customer_id": ["lost"], "experiment_id": [1], "arm": ["control"],
            "assigned_at": [dt.date(2025, 3, 1)],
        }), table="assignments")  # fmt: skip
        with pytest.raises(DataError, match="'region' is empty in 1 rows"):
            does_it_pay(shop, experiment="radio")


def test_a_unit_that_the_warehouse_does_not_know_is_blocked():
    with open_warehouse() as shop:
        regional_shop(shop, unit="household")
        verdict = does_it_pay(shop, experiment="radio", settings=SETTINGS)
    assert verdict.blocked_by() == ["unit of assignment"]
    assert "Assigned was the household" in verdict.sentence
    assert "unit=" in verdict.sentence


def test_without_a_day_of_acquisition_the_first_order_tells_who_is_new():
    with open_warehouse() as shop:
        customers, _ = regional_shop(shop)
        known = does_it_pay(shop, experiment="radio", settings=SETTINGS)
    with open_warehouse() as shop:
        regional_shop(shop, acquired=False)
        found = shop.fetch("experiment_customers", experiment="radio")
        same = does_it_pay(shop, experiment="radio", settings=SETTINGS)
    new = set(found.filter("is_new")["customer_id"])
    assert {c for c in customers["customer_id"] if c.startswith("n")} <= new
    assert same.customers_per_unit < known.customers_per_unit  # of the known some ordered first in the window


def test_capitals_are_read_and_goods_without_cost_block_regions_too():
    with open_warehouse() as shop:
        regional_shop(shop, unit="Region", design="RCT", goods=False)
        verdict = does_it_pay(shop, experiment="radio", settings=SETTINGS)
    assert (verdict.unit.lower(), verdict.design) == ("region", "rct")
    assert verdict.blocked_by() == ["missing cost"]
    assert "No cost of goods" in verdict.sentence


def test_who_comes_after_the_window_is_no_new_customer_of_the_test():
    with open_warehouse() as shop:
        customers, _ = regional_shop(shop)
        late = pl.DataFrame({"customer_id": ["late"], "region": ["r01"], "acquired_on": [dt.date(2025, 4, 20)]})
        shop.load(late, table="customers")
        found = shop.fetch("experiment_customers", experiment="radio")
    assert set(found["customer_id"]) == set(customers["customer_id"])
