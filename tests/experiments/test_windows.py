"""Whose days count in a test of the warehouse: windows, segments as they were, costs that are there; skewed arms."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from custvalue.config import DecisionSettings
from custvalue.data.warehouse import open_warehouse
from custvalue.experiments.verdict import does_it_pay

STARTS, ENDS = dt.date(2025, 3, 1), dt.date(2025, 3, 28)


def load(shop, *, n=400, entry_days=28, outcome_days=28, last=90, goods=True, carrier=None, seed=1):
    """Load a test whose customers enter day by day; every customer buys for 10 each day of data."""
    rng = np.random.default_rng(seed)
    entered = rng.integers(0, entry_days, n)
    ids = [f"c{i}" for i in range(n)]
    day = np.arange(-30, last + 1)
    orders = pl.DataFrame({"customer_id": np.repeat(ids, day.size), "day": np.tile(day, n)}).with_row_index("order_id")
    orders = orders.with_columns(ordered_at=pl.lit(STARTS) + pl.duration(days=pl.col("day")), gross_list=pl.lit(10.0))
    shop.load(pl.DataFrame({"customer_id": ids}), table="customers")
    shop.load(orders.drop("day"), table="orders")
    carried = orders.select("order_id", delivery_id="order_id", mode=pl.lit("standard"), carrier_cost=pl.lit(1.0))
    shop.load(carried if carrier is None else carried.with_columns(carrier_cost=carrier), table="deliveries")
    if goods:
        lines = {"order_id": ["0"], "line_no": [1], "qty": [1], "list_price": [10.0], "unit_cost": [0.0]}
        shop.load(pl.DataFrame(lines), table="order_lines")
    shop.load(pl.DataFrame({
        "experiment_id": [1], "name": ["gift"], "design": ["rct"], "starts": [STARTS], "ends": [ENDS],
        "planned_share": [0.5], "outcome_days": [outcome_days], "return_days": [5],
    }), table="experiments")  # fmt: skip
    shop.load(pl.DataFrame({
        "assignment_id": ids, "experiment_id": [1] * n, "customer_id": ids,
        "arm": ["treatment" if i % 2 else "control" for i in range(n)],
        "assigned_at": [STARTS + dt.timedelta(days=int(d)) for d in entered],
    }), table="assignments")  # fmt: skip
    return dict(zip(ids, entered.tolist(), strict=True))


def declared(on, names):
    """Return a snapshot of segments; who has none is left out."""
    rows = [(on, f"c{i}", name, "declared") for i, name in enumerate(names) if name is not None]
    return pl.DataFrame(rows, schema=["snapshot", "customer_id", "segment", "method"], orient="row")


@pytest.fixture
def shop():
    with open_warehouse() as shop:
        yield shop


def test_every_customer_is_counted_for_his_whole_window(shop):
    """Who enters on the last day has 28 days of his own: 28 orders of 10 less 1, as everybody."""
    load(shop)
    found = shop.fetch("experiment_customers", experiment="gift")
    assert found["contribution"].cast(pl.Float64).unique().to_list() == [28 * 9.0]
    assert found["n_orders"].unique().to_list() == [28]
    assert found["is_mature"].all()
    assert found["days_after"].unique().to_list() == [28]
    assert found["n_orders_after"].unique().to_list() == [28]
    orders = shop.fetch("experiment_orders", experiment="gift")
    assert orders.height == 28 * found.height
    bought = shop.fetch("experiment_purchases", experiment="gift")
    assert (bought["n_within"].unique().to_list(), bought["observed_days"].unique().to_list()) == ([28], [28])


def test_who_is_mature_follows_from_his_own_first_day(shop):
    """Data end 40 days after the start: windows of 28 days and 5 for returns are over for those of the first 8 days."""
    entered = load(shop, last=40)
    found = shop.fetch("experiment_customers", experiment="gift")
    mature = dict(found.select("customer_id", "is_mature").iter_rows())
    assert mature == {who: 40 - day >= 28 - 1 + 5 for who, day in entered.items()}
    assert shop.fetch("experiment_purchases", experiment="gift")["observed_days"].max() == 28
    verdict = does_it_pay(shop, experiment="gift")
    assert "mature customers" in verdict.blocked_by()
    assert verdict.as_of == STARTS + dt.timedelta(days=40)


def test_a_window_that_is_not_stated_is_the_experiment(shop):
    load(shop, outcome_days=None, entry_days=1)
    verdict = does_it_pay(shop, experiment="gift")
    assert verdict.outcome_days == 28 == (ENDS - STARTS).days + 1
    assert shop.fetch("experiment_customers", experiment="gift")["n_orders"].unique().to_list() == [28]


def test_segments_are_those_of_before_the_start(shop):
    """What was declared during the test may follow from the measure; it serves only who had no segment before."""
    early = [(None, "heavy", "light", "light")[i % 4] for i in range(400)]
    during = declared(STARTS + dt.timedelta(days=40), ["moved"] * 400)
    load(shop)
    shop.load(during, table="segments")
    late = does_it_pay(shop, experiment="gift").checks.filter(check="segments before the start")
    assert late["status"].to_list() == ["warn"]
    shop.load(pl.concat([during, declared(STARTS - dt.timedelta(days=10), early)]), table="segments")
    found = shop.fetch("experiment_customers", experiment="gift").sort(
        pl.col("customer_id").str.slice(1).cast(pl.Int64)
    )
    assert found["segment"].to_list() == [name or "moved" for name in early]
    assert found["segment_is_late"].to_list() == [name is None for name in early]


def test_without_the_cost_of_goods_there_is_no_verdict(shop):
    load(shop, goods=False)
    verdict = does_it_pay(shop, experiment="gift")
    assert verdict.decision == "cannot be judged"
    assert "No cost of goods is loaded" in verdict.sentence


@pytest.mark.parametrize(
    ("carrier", "n_unknown"),
    [
        (pl.when(pl.col("order_id").cast(pl.Int64) % 1_000 > 0).then(1.0), None),  # of some orders it is not known
        (pl.when(pl.col("order_id").cast(pl.Int64) < 0).then(1.0), 400),
        (pl.lit(0.0), 0),
    ],
)
def test_one_order_without_its_cost_leaves_the_whole_unknown(shop, carrier, n_unknown):
    """Two roads: the customers whose cost is empty, and those with such an order in their window, counted here."""
    entered = load(shop, carrier=carrier)
    found = shop.fetch("experiment_customers", experiment="gift")
    orders = shop.fetch("stg_orders").join(shop.fetch("stg_deliveries"), on="order_id", how="left")
    first = pl.lit(STARTS) + pl.duration(days=pl.col("customer_id").replace_strict(entered))
    days = (pl.col("ordered_on") - first).dt.total_days()
    unknown = orders.filter(days.is_between(0, 27) & pl.col("carrier_cost").is_null())["customer_id"].unique()
    assert set(found.filter(pl.col("carrier_cost").is_null())["customer_id"]) == set(unknown)
    assert n_unknown is None or len(unknown) == n_unknown
    if len(unknown):
        assert f"carrier_cost in {len(unknown)} rows" in does_it_pay(shop, experiment="gift").sentence


def test_what_the_books_do_not_know_is_said(shop):
    """No returns are loaded; once they are, nothing is booked of the measure."""
    load(shop)
    checks = does_it_pay(shop, experiment="gift").checks
    assert "No returns are loaded" in checks.filter(check="missing cost", status="warn")["detail"][0]
    back = {"return_id": ["r"], "order_id": ["0"], "returned_at": [STARTS], "qty": [1], "refund": [1.0]}
    shop.load(pl.DataFrame(back), table="returns")
    checks = does_it_pay(shop, experiment="gift").checks
    assert "no cost of the measure" in checks.filter(check="missing cost", status="warn")["detail"][0]


def test_whether_the_windows_of_a_frame_are_over():
    """A day of entry and a day of analysis tell; without them nothing is certified."""
    rng = np.random.default_rng(2)
    frame = pl.DataFrame({
        "customer_id": np.arange(2_000), "arm": np.arange(2_000) % 2 == 0, "contribution": rng.normal(10.0, 5.0, 2_000),
        "assigned_at": [STARTS + dt.timedelta(days=i % 28) for i in range(2_000)],
    })  # fmt: skip
    mature = lambda **kw: does_it_pay(frame, **kw).checks.filter(check="mature customers")["status"][0]  # noqa: E731
    assert mature(as_of=STARTS + dt.timedelta(days=27)) == "block"
    assert mature(as_of=STARTS + dt.timedelta(days=27 + 27)) == "ok"
    assert mature() == "warn"


# skewed outcomes


def drawn(n, n_treated, sigma, seed):
    """Draw a test of no effect: 30 % buy, for log-normal amounts."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({
        "customer_id": np.arange(n), "arm": np.arange(n) < n_treated,
        "contribution": (rng.random(n) < 0.3) * rng.lognormal(3.0, sigma, n),
    })  # fmt: skip


def skewed(n, n_treated, sigma, seed=1):
    verdict = does_it_pay(drawn(n, n_treated, sigma, seed), planned_share=n_treated / n)
    return verdict.checks.filter(check="skewed outcome")["status"][0], verdict.decision


def test_a_small_arm_of_a_skewed_outcome_is_blocked():
    """Forty treated of 3,000 made one test of five err; equal arms bear the same outcome."""
    assert {skewed(3_000, 40, 1.3, seed) for seed in range(10)} == {("block", "cannot be judged")}
    assert {skewed(3_000, 1_500, 1.3, seed)[0] for seed in range(10)} == {"ok"}
    assert skewed(30_000, 3_000, 1.0)[0] == "warn"


def test_what_is_not_blocked_errs_seldom():
    """With unequal arms and no effect, at most about 5 % of the tests that are judged end in a verdict."""
    wrong = judged = 0
    for seed in range(150):
        status, decision = skewed(3_000, (100, 300, 600)[seed % 3], 1.0, seed)
        judged += status != "block"
        wrong += decision in ("pays off", "does not pay")
    assert judged > 80
    assert wrong <= 0.1 * judged


def test_a_further_test_ends_before_the_decision_does():
    """Undecided, with millions of customers to gain on: however much a test is worth, it comes while it still matters."""
    rng = np.random.default_rng(3)
    frame = pl.DataFrame({
        "customer_id": np.arange(4_000), "arm": np.arange(4_000) % 2 == 0, "contribution": rng.normal(10.0, 20.0, 4_000),
    })  # fmt: skip
    for horizon in (60, 200, 1_095):
        chosen = DecisionSettings(eligible_customers=5_000_000, neutral_margin=0.0, horizon_days=horizon)
        row = does_it_pay(frame, settings=chosen, as_of=STARTS).table.row(0, named=True)
        assert row["decision"] in ("keep testing", "not worth testing further")
        if row["keep_testing_until"] is not None:
            assert (row["keep_testing_until"] - STARTS).days <= horizon
            assert row["customers_to_test"] <= 5_000_000
    assert row["decision"] == "keep testing"


def test_a_segment_too_skewed_for_its_arm_is_not_judged_alone():
    frame = pl.concat([
        drawn(20_000, 2_000, 0.3, 1).with_columns(pl.col("contribution") * 50.0, segment=pl.lit("large")),
        drawn(400, 40, 1.5, 2).with_columns(pl.col("customer_id") + 20_000, segment=pl.lit("small")),
    ])  # fmt: skip
    verdict = does_it_pay(frame, segment="segment", planned_share=0.1)
    assert verdict.table.filter(segment="small")["effect"].to_list() == [None]
    assert verdict.table.filter(segment="large")["effect"].null_count() == 0
    assert "small" in verdict.checks.filter(check="small segments")["detail"][0]
