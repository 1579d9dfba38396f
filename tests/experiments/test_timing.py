"""When the orders came: an effect that fades, orders that only came earlier, and tests where neither is so."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError
from custvalue.experiments.timing import with_weeks
from custvalue.experiments.trial import trial_from_shop
from custvalue.experiments.verdict import does_it_pay

NOVELTY, PULLED = "novelty by week", "orders pulled forward"
SEASON = np.array([1.4, 1.3, 1.1, 1.0, 0.9, 0.8, 0.8, 0.7])  # fewer orders each week, in both arms


def made(factors, after=1.0, n=6_000, seed=1):
    """Make a test in which orders of week k are multiplied by factors[k], those after it by `after`."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    taste = rng.gamma(4.0, 0.1, n)
    weekly = {
        f"orders_week_{k}": rng.poisson(taste * season * np.where(treated, factor, 1.0))
        for k, (season, factor) in enumerate(zip(SEASON, factors, strict=True), start=1)
    }
    frame = pl.DataFrame({
        "customer_id": np.arange(n), "arm": np.where(treated, "treatment", "control"), **weekly,
        "orders_after": rng.poisson(4.0 * taste * np.where(treated, after, 1.0)),
    })  # fmt: skip
    orders = pl.sum_horizontal(pl.col("^orders_week_.*$")).cast(pl.Float64)
    return frame.with_columns(contribution=10.0 * orders + pl.lit(rng.normal(0.0, 1.0, n)))


def status(found, name):
    rows = found.checks.filter(check=name).to_dicts()
    assert len(rows) == 1
    return rows[0]["status"], rows[0]["detail"]


CONSTANT = np.full(8, 1.3)
FADING = 1.0 + 0.8 * 0.5 ** np.arange(8)


def test_an_effect_that_fades_warns():
    kind, text = status(does_it_pay(made(FADING)), NOVELTY)
    assert kind == "warn"
    assert "shrinks over the weeks" in text


def test_a_constant_effect_does_not_though_orders_fall_in_both_arms():
    """Season alone makes the absolute effect smaller: it must not be taken for novelty."""
    found = made(CONSTANT, n=20_000)
    weekly = found.group_by("arm").agg(pl.col("^orders_week_.*$").mean()).sort("arm").drop("arm").to_numpy()
    difference = weekly[1] - weekly[0]
    assert difference[0] > 1.3 * difference[-1]
    assert status(does_it_pay(found), NOVELTY)[0] == "ok"


def test_false_alarms_are_rare():
    warned = sum(status(does_it_pay(made(CONSTANT, n=2_000, seed=s)), NOVELTY)[0] == "warn" for s in range(100))
    assert warned <= 8  # 2.5 are expected; more than 8 come by chance in 1 of 1,000


def test_the_halves_add_up_to_the_additional_orders():
    frame = made(FADING)
    mean = frame.with_columns(
        early=pl.sum_horizontal(f"orders_week_{k}" for k in range(1, 5)),
        late=pl.sum_horizontal(f"orders_week_{k}" for k in range(5, 9)),
    )
    arms = mean.group_by("arm").agg(pl.col("early", "late").mean()).sort("arm")
    early, late = (arms[c][1] - arms[c][0] for c in ("early", "late"))
    text = status(does_it_pay(frame), NOVELTY)[1]
    assert f"{early:+,.3f} in the first half" in text
    assert f"{late:+,.3f} in the second" in text


def test_no_additional_orders_cannot_fade():
    assert "none can fade" in status(does_it_pay(made(np.full(8, 0.8))), NOVELTY)[1]


def test_orders_that_only_came_earlier_warn():
    """More while it ran, fewer after: the share of the lead that vanished is said."""
    frame = made(CONSTANT, after=0.7, n=20_000)
    kind, text = status(does_it_pay(frame), PULLED)
    arms = frame.group_by("arm").agg(pl.col("^orders_.*$").mean()).sort("arm")
    lost = arms["orders_after"][0] - arms["orders_after"][1]
    gained = sum(arms[f"orders_week_{k}"][1] - arms[f"orders_week_{k}"][0] for k in range(1, 9))
    assert kind == "warn"
    assert f"{lost / gained:.0%} of the additional {gained:,.3f} only came earlier" in text


def test_orders_that_stay_do_not_warn():
    assert status(does_it_pay(made(CONSTANT)), PULLED)[0] == "ok"
    assert status(does_it_pay(made(CONSTANT, after=1.2)), PULLED)[0] == "ok"


def test_a_measure_that_costs_orders_afterwards():
    kind, text = status(does_it_pay(made(np.ones(8) * 0.95, after=0.7)), PULLED)
    assert kind == "warn"
    assert "costs orders afterwards" in text


def test_nothing_is_said_without_the_columns():
    found = does_it_pay(made(CONSTANT).select("customer_id", "arm", "contribution"))
    assert not {NOVELTY, PULLED} & set(found.checks["check"])


def test_nothing_is_known_while_there_is_no_day_after_the_end():
    found = does_it_pay(made(CONSTANT).with_columns(days_after=0))
    assert status(found, PULLED) == ("ok", "No order after the end is known yet: judge again when there are some.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop("orders_week_3"), "orders_week_1 to orders_week_8 were expected"),
        (lambda f: f.with_columns(orders_week_2=pl.lit("two")), "'orders_week_2' holds text such as 'two'"),
        (lambda f: f.with_columns(orders=pl.lit(99)), "6,000 customers the weeks do not add up to 'orders'"),
    ],
)
def test_weeks_that_cannot_be_read(change, message):
    with pytest.raises(DataError, match=message):
        does_it_pay(change(made(CONSTANT)))


def test_an_empty_week_is_not_taken_for_no_order():
    frame = made(CONSTANT).with_columns(orders_week_2=pl.when(pl.col("customer_id") > 5).then("orders_week_2"))
    assert with_weeks(frame)["order_weeks"].null_count() == 6
    assert NOVELTY not in does_it_pay(frame).checks["check"]


# the warehouse


def small_shop(shop, fading=True, after_factor=1.0, n=1_200, seed=3):
    """Load orders of a test from 1 January to 25 February 2025, and of the two months after it."""
    rng = np.random.default_rng(seed)
    starts, ends = dt.date(2025, 1, 1), dt.date(2025, 2, 25)
    arm = np.where(np.arange(n) % 2 == 1, "treatment", "control")
    day = np.arange(112)
    lead = 1.6 * 0.5 ** (day / 7) if fading else 0.6
    factor = np.where(day < 56, 1.0 + lead, after_factor)
    chance = 0.05 * np.where((arm == "treatment")[:, None], factor, 1.0)
    customer, at = np.nonzero(rng.random((n, day.size)) < chance)
    orders = pl.DataFrame({
        "order_id": [f"o{i}" for i in range(at.size)], "customer_id": [f"c{i}" for i in customer],
        "day": [starts + dt.timedelta(days=int(d)) for d in at],
    })  # fmt: skip
    customers = pl.DataFrame({"customer_id": [f"c{i}" for i in range(n)], "acquired_on": [dt.date(2024, 1, 1)] * n})
    shop.load(customers, table="customers")
    sold = orders.select("order_id", "customer_id", ordered_at="day", gross_list=pl.lit(20.0))
    shop.load(sold, table="orders")
    carried = orders.select("order_id", delivery_id="order_id", mode=pl.lit("standard"), carrier_cost=pl.lit(5.0))
    shop.load(carried, table="deliveries")
    goods = {"order_id": [orders["order_id"][0]], "line_no": [1], "qty": [1], "list_price": [0.0], "unit_cost": [0.0]}
    shop.load(pl.DataFrame(goods), table="order_lines")
    shop.load(pl.DataFrame({
        "experiment_id": [1], "name": ["gift"], "design": ["rct"], "starts": [starts], "ends": [ends],
        "planned_share": [0.5], "outcome_days": [56], "return_days": [0],
    }), table="experiments")  # fmt: skip
    shop.load(pl.DataFrame({
        "assignment_id": list(range(n)), "experiment_id": [1] * n, "customer_id": [f"c{i}" for i in range(n)], "arm": arm,
        "assigned_at": [dt.datetime(2024, 12, 31)] * n,
    }), table="assignments")  # fmt: skip
    return orders


def test_the_warehouse_counts_as_polars_does():
    with open_warehouse() as shop:
        orders = small_shop(shop, after_factor=0.5)
        found = shop.fetch("experiment_customers", experiment="gift").sort("customer_id")
        trial, _ = trial_from_shop(shop, "gift")
        verdict = does_it_pay(shop, experiment="gift")
    day = (pl.col("day") - dt.date(2025, 1, 1)).dt.total_days()
    expected = (
        orders.with_columns(at=day)
        .group_by("customer_id")
        .agg(
            order_weeks=(pl.col("at") // 7 + 1).filter(pl.col("at") < 56).sum(),
            n_orders_late=((pl.col("at") >= 28) & (pl.col("at") < 56)).sum(),
            n_orders_after=(pl.col("at") >= 56).sum(),
        )
    )
    both = found.select("customer_id").join(expected, on="customer_id", how="left").fill_null(0)
    for column in ("order_weeks", "n_orders_late", "n_orders_after"):
        assert found[column].to_list() == both[column].to_list()
    assert found["days_after"].unique().to_list() == [56]
    assert trial.customers["order_weeks"].sum() == expected["order_weeks"].sum()
    assert status(verdict, NOVELTY)[0] == "warn"
    kind, text = status(verdict, PULLED)
    assert kind == "warn"
    assert "(56 days known)" in text


def test_a_steady_effect_in_a_warehouse_without_segments():
    with open_warehouse() as shop:
        small_shop(shop, fading=False)
        verdict = does_it_pay(shop, experiment="gift")
    assert [status(verdict, name)[0] for name in (NOVELTY, PULLED)] == ["ok", "ok"]
    assert verdict.table["segment"].to_list() == ["all"]
    assert verdict.blocked_by() == []


def test_the_sample_neither_fades_nor_borrows(root):
    """By the generator the effect is a constant factor, and what comes after is not taken from anywhere."""
    with open_warehouse() as shop:
        shop.load(root / "sample_data")
        verdict = does_it_pay(shop, experiment="free_delivery")
    assert [status(verdict, name)[0] for name in (NOVELTY, PULLED)] == ["ok", "ok"]
    assert "(31 days known)" in status(verdict, PULLED)[1]
