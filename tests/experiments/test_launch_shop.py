"""A launch to some regions of a warehouse: the panel against sums made here, and what new customers bring."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.launch import launch_effect
from custvalue.experiments.verdict import does_it_pay

STARTS, LAUNCH = dt.date(2024, 1, 1), dt.date(2024, 10, 7)  # ten periods of 28 days before the launch
N_DAYS = 16 * 28 + 5  # sixteen periods, and five days that make no whole one


def launched(shop, launches, n_regions=30, effect=4.0, new=0, seed=1, goods=True):
    """Load a shop whose regions buy alike; in a launched one every purchase is larger and new customers come."""
    rng = np.random.default_rng(seed)
    people, sales = [], []
    for r in range(n_regions):
        day = launches.get(r)
        people += [(f"c{r}-{i}", f"r{r:02d}", dt.date(2023, 6, 1)) for i in range(20)]
        n_new = 0 if day is None else new
        people += [(f"n{r}-{i}", f"r{r:02d}", LAUNCH + dt.timedelta(days=3)) for i in range(n_new)]
        season = 5.0 * np.sin(np.arange(16) / 2.0)
        for period in range(16):
            for name, _, since in (p for p in people if p[1] == f"r{r:02d}"):
                at = STARTS + dt.timedelta(days=period * 28 + int(rng.integers(28)))
                if at >= since:
                    lift = effect if day is not None and at >= LAUNCH + dt.timedelta(days=day) else 0.0
                    sales.append((name, at, 30.0 + r % 5 + season[period] + rng.normal(0.0, 2.0) + lift))
    customers = pl.DataFrame(people, schema=["customer_id", "region", "acquired_on"], orient="row")
    shop.load(customers, table="customers")
    edges = [(f"c0-{i}", STARTS + dt.timedelta(days=d), 1.0) for i, d in enumerate((0, N_DAYS - 1))]
    orders = pl.DataFrame([*edges, *sales], schema=["customer_id", "ordered_at", "gross_list"], orient="row")
    orders = orders.with_columns(pl.col("gross_list").round(2)).with_row_index("order_id")
    shop.load(orders, table="orders")
    if goods:
        lines = {"order_id": [0], "line_no": [1], "qty": [1], "list_price": [1.0], "unit_cost": [0.0]}
        shop.load(pl.DataFrame(lines), table="order_lines")
    shop.load(pl.DataFrame({
        "experiment_id": [1], "name": ["lockers"], "design": ["staggered"], "unit": ["region"], "starts": [LAUNCH],
        "ends": [STARTS + dt.timedelta(days=N_DAYS - 1)],
    }), table="experiments")  # fmt: skip
    got = customers.filter(pl.col("customer_id").str.ends_with("-0") & pl.col("customer_id").str.starts_with("c"))
    days = {f"r{r:02d}": LAUNCH + dt.timedelta(days=d) for r, d in launches.items()}
    shop.load(got.select(
        "customer_id", assignment_id="customer_id", experiment_id=pl.lit(1), assigned_at=pl.lit(LAUNCH),
        arm=pl.when(pl.col("region").is_in(list(days))).then(pl.lit("treatment")).otherwise(pl.lit("control")),
        exposed_at=pl.col("region").replace_strict(days, default=None, return_dtype=pl.Date),
    ), table="assignments")  # fmt: skip
    return customers, orders


@pytest.fixture
def shop():
    with open_warehouse() as shop:
        yield shop


def test_the_panel_is_the_sums_of_the_orders(shop):
    """Two roads: the relation, and the same sums from the orders that were loaded."""
    customers, orders = launched(shop, {0: 0, 1: 30}, n_regions=4, new=3)
    found = shop.fetch("region_periods", experiment="lockers", period_days=28)
    assert sorted(found["period"].unique().to_list()) == list(range(-10, 6))
    since = (pl.col("ordered_at") - pl.lit(LAUNCH)).dt.total_days()
    by_hand = (
        orders.join(customers, on="customer_id").with_columns(period=since // 28).filter(pl.col("period") < 6)
        .group_by("region", "period").agg(pl.col("gross_list").sum())
    )  # fmt: skip
    both = found.join(by_hand, on=["region", "period"])
    assert both.height == found.height == 4 * 16
    assert (both["contribution"].cast(pl.Float64) - both["gross_list"]).abs().max() < 0.005
    assert found["n_customers"].unique().to_list() == [20]
    first = found.filter("is_exposed").group_by("region").agg(pl.col("period").min()).sort("region").rows()
    assert first == [("r00", 0), ("r01", 1)]


def test_a_launch_is_judged_with_what_new_customers_bring(shop):
    """Every period a known customer buys for 4 more, and a fifth as many new ones buy for about 36 each."""
    launched(shop, dict.fromkeys(range(12), 0), new=4)
    found = launch_effect(shop, "lockers")
    row = found.table.row(0, named=True)
    truth = 4.0 + 0.2 * 36.0
    assert row["effect_low"] < truth < row["effect_high"]
    assert found.decision == "pays off"
    assert (found.n_units, found.n_treated, found.n_cohorts, found.currency) == (30, 12, 1, "EUR")
    blocked = does_it_pay(shop, experiment="lockers")
    assert blocked.decision == "cannot be judged"
    assert "launch_effect" in blocked.sentence


def test_one_region_alone_against_the_others(shop):
    launched(shop, {3: 0}, effect=6.0)
    found = launch_effect(shop, "lockers")
    assert found.rests_on_synthetic_control
    assert found.table["effect_low"][0] < 6.0 < found.table["effect_high"][0]


def test_several_days(shop):
    launched(shop, {r: 0 if r < 8 else 56 for r in range(16)}, effect=5.0)
    found = launch_effect(shop, "lockers")
    assert found.n_cohorts == 2
    assert found.table["effect_low"][0] < 5.0 < found.table["effect_high"][0]


def test_revenue_alone_is_no_contribution(shop):
    launched(shop, {0: 0}, n_regions=3, goods=False)
    with pytest.raises(DataError, match="No cost of goods is loaded"):
        launch_effect(shop, "lockers")


def test_what_it_needs(shop):
    launched(shop, {}, n_regions=3)
    with pytest.raises(MissingInputError, match="exposed_at"):
        launch_effect(shop, "lockers")
    with pytest.raises(DataError, match="Name the experiment"):
        launch_effect(shop)
    with pytest.raises(DataError, match=r"(?s)no experiment 'x'.*lockers"):
        launch_effect(shop, "x")
    with pytest.raises(DataError, match="A period has a day or more"):
        launch_effect(shop, "lockers", period_days=0)
