"""Free over X: the formula against a closed form, top-ups planted and found, and no guessing beyond what was tested."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_ind

from custvalue.errors import DataError
from custvalue.experiments.randomised import sample_ratio_p_value
from custvalue.experiments.threshold import free_delivery_threshold
from custvalue.experiments.threshold_checks import split_p_value

COSTS = {"margin_rate": 0.45, "fee": 4.9, "carrier_cost": 5.9}


def made(rates: dict[float | None, float], n=4_000, seed=1, top_up=0.0):
    """Make a test of thresholds with a known number of orders per customer; a share of baskets is topped up."""
    rng = np.random.default_rng(seed)
    people, orders = [], []
    for i, (threshold, rate) in enumerate(rates.items()):
        ids = np.arange(i * n, (i + 1) * n)
        people.append(pl.DataFrame({"customer_id": ids, "threshold": pl.Series([threshold] * n, dtype=pl.Float64),
                                    "segment": np.where(ids % 2 == 0, "near", "far")}))  # fmt: skip
        who = np.repeat(ids, rng.poisson(rate, n))
        basket = rng.lognormal(math.log(42.0) - 0.125, 0.5, who.size)
        if threshold:
            lifted = (basket > threshold - 10) & (basket < threshold) & (rng.random(who.size) < top_up)
            basket = np.where(lifted, threshold + 2.0 * rng.random(who.size), basket)
            returned = np.where(lifted, 15.0, 0.0)
        else:
            returned = np.zeros(who.size)
        orders.append(pl.DataFrame({"customer_id": who, "basket": basket, "returned": returned}))
    return pl.concat(people), pl.concat(orders)


def share_under(x: float) -> float:
    """P(b < x) of the baskets made here."""
    z = (math.log(x) - math.log(42.0) + 0.125) / 0.5
    return 0.5 * math.erfc(-z / math.sqrt(2))


def test_profit_is_the_formula():
    """The intervals hold the closed form in about 95 of 100."""
    paying = {0.0: 0.0, 50.0: share_under(50.0), None: 1.0}
    rate = {0.0: 1.4, 50.0: 1.0, None: 0.9}
    inside = []
    for seed in range(40):
        people, orders = made({0.0: 1.4, 50.0: 1.0, None: 0.9}, seed=seed)
        found = free_delivery_threshold(people, orders, current=50.0, **COSTS)
        assert found.table["basis"].to_list() == ["tested"] * 3
        for row in found.table.to_dicts():
            x = row["threshold"]
            expected = rate[x] * (0.45 * 42.0 + 4.9 * paying[x] - 5.9)
            inside.append(row["profit_low"] < expected < row["profit_high"])
            assert row["paying_share"] == pytest.approx(paying[x], abs=0.03)
    assert 0.90 <= sum(inside) / len(inside) <= 0.99


def test_the_golden_curve_without_demand_response(shared):
    """Where the number of orders does not respond, the curve of the golden file follows from its shares of payers."""
    cases = json.loads((shared / "golden" / "experiments.json").read_text())["cases"]
    money = next(c["expected"] for c in cases if c["id"] == "money.decision")
    stored = money["threshold_profit_per_order_expected_no_demand_response"]
    points = [float(k) for k in stored if k != "none"]
    n = 40_000
    under = [(stored[f"{x:g}"] - stored["0"]) / COSTS["fee"] for x in points]
    basket = np.repeat(
        np.array([*(x - 1.0 for x in points[1:]), 90.0]),
        np.diff([0, *np.round(np.array(under[1:]) * n), n]).astype(int),
    )
    mean = (stored["0"] + COSTS["carrier_cost"]) / COSTS["margin_rate"]
    # the formula sees the basket only through its mean and on which side of X it lies; the stored shares are of no
    # whole number of orders, so the fees of the fraction of an order that is cut off are added
    for x, share in zip(points, under, strict=True):
        people = pl.DataFrame({"customer_id": np.arange(2 * n), "threshold": [x] * n + [None] * n})
        orders = pl.DataFrame({"customer_id": np.arange(2 * n), "basket": np.tile(basket, 2)})
        found = free_delivery_threshold(people, orders, current=None, **COSTS)
        shift = COSTS["margin_rate"] * (mean - float(basket.mean()))
        profit = dict(found.table.select("threshold", "profit").iter_rows())
        cut_off = COSTS["fee"] * (share - float((basket < x).mean()))
        assert abs(cut_off) < COSTS["fee"] / n
        assert profit[x] + shift + cut_off == pytest.approx(stored[f"{x:g}"], rel=1e-9)
        assert profit[None] + shift == pytest.approx(stored["none"], rel=1e-9)
    curve = [stored[f"{x:g}"] for x in points]
    assert curve == sorted(curve)
    assert curve[-1] < stored["none"]  # the trap: without demand response "never free" always wins


def test_which_threshold_is_better():
    people, orders = made({30.0: 1.35, 50.0: 1.0, None: 0.95}, n=12_000)
    found = free_delivery_threshold(people, orders, current=50.0, **COSTS)
    best = found.table.filter(is_best=True, segment="all").row(0, named=True)
    assert best["threshold"] == 30.0
    assert best["gain_low"] > 0.0
    assert found.title.startswith("Free over 30 is surely better than today's free over 50: +")
    today = found.table.filter(threshold=50.0).row(0, named=True)
    assert (today["gain"], today["gain_low"], today["gain_high"]) == (0.0, 0.0, 0.0)
    same = free_delivery_threshold(people, orders, current=30.0, **COSTS)
    assert same.title == "No tested threshold is better than today's (free over 30)"


def test_by_segment():
    people, orders = made({30.0: 1.35, 50.0: 1.0})
    found = free_delivery_threshold(people, orders, current=50.0, segment="segment", **COSTS)
    assert found.table["segment"].unique(maintain_order=True).to_list() == ["all", "far", "near"]
    parts = found.table.filter(pl.col("segment") != "all")
    assert parts["n_customers"].sum() == people.height
    by = parts.group_by("threshold").agg((pl.col("profit") * pl.col("n_customers")).sum() / pl.col("n_customers").sum())
    whole = dict(found.table.filter(segment="all").select("threshold", "profit").iter_rows())
    for threshold, profit in by.iter_rows():
        assert profit == pytest.approx(whole[threshold], rel=1e-9)


def test_beyond_the_tested_thresholds_nothing_is_said():
    people, orders = made({30.0: 1.2, 50.0: 1.0})
    found = free_delivery_threshold(people, orders, current=50.0, thresholds=[20.0, 40.0, 80.0, None], **COSTS)
    rows = {r["threshold"]: r for r in found.table.to_dicts()}
    assert {t: r["basis"] for t, r in rows.items()} == {
        20.0: "not tested", 30.0: "tested", 40.0: "between tested", 50.0: "tested", 80.0: "not tested",
        None: "not tested",
    }  # fmt: skip
    assert rows[20.0]["profit"] is rows[80.0]["profit"] is rows[None]["profit"] is None
    assert rows[40.0]["profit"] == pytest.approx((rows[30.0]["profit"] + rows[50.0]["profit"]) / 2)
    assert rows[40.0]["profit_low"] is None


def test_top_ups_and_their_returns_are_found():
    people, orders = made({30.0: 1.0, 50.0: 1.0, None: 1.0}, n=8_000, top_up=0.3)
    found = free_delivery_threshold(people, orders, current=50.0, **COSTS).top_ups
    for row in found.to_dicts():
        planted = 0.3 * (share_under(row["threshold"]) - share_under(row["threshold"] - 10))
        assert row["top_up_share_low"] < planted * 1.15
        assert row["top_up_share_high"] > planted * 0.85
        assert 0.2 < row["returned_share"] < 0.8
    flat = made({30.0: 1.0, 50.0: 1.0, None: 1.0}, n=8_000)
    none = free_delivery_threshold(flat[0], flat[1].drop("returned"), current=50.0, **COSTS).top_ups
    assert (none["top_up_share_low"] < 0.005).all()
    assert none["returned_share"].to_list() == [None, None]


def test_split_baskets_are_counted():
    """A share of baskets bought as two orders: as many split orders as were planted, and none where none were."""
    people, orders = made({30.0: 1.3, 50.0: 1.0}, n=10_000)
    free = orders.filter(pl.col("customer_id") < 10_000)
    cut = free.filter(pl.int_range(pl.len()) % 4 == 0)
    halves = pl.concat([cut, cut]).with_columns(pl.col("basket") / 2.0)
    rest = free.join(cut.unique(), on=free.columns, how="anti")
    baskets = pl.concat([orders.filter(pl.col("customer_id") >= 10_000), rest, halves])
    for given, planted in ((orders, 0.0), (baskets, cut.height / 10_000)):
        row = free_delivery_threshold(people, given, current=50.0, **COSTS).table.row(0, named=True)
        assert row["orders_split_low"] < planted < row["orders_split_high"]
        assert row["orders_split_high"] - row["orders_split_low"] < 0.1


def test_the_interval_of_split_orders_holds():
    """Without a split basket the interval holds 0 in about 95 of 100, whatever the number of orders does."""
    inside = 0
    for seed in range(60):
        people, orders = made({30.0: 1.4, 50.0: 1.0}, n=600, seed=seed)
        row = free_delivery_threshold(people, orders, current=50.0, **COSTS).table.row(0, named=True)
        inside += row["orders_split_low"] < 0.0 < row["orders_split_high"]
    assert inside >= 52


def test_contribution_that_is_known_is_not_guessed():
    people, orders = made({30.0: 1.3, 50.0: 1.0}, n=500)
    known = people.with_columns(contribution=pl.col("threshold") / 10.0 + pl.col("customer_id") % 2)
    found = free_delivery_threshold(known, orders, current=50.0)
    assert found.table["profit"].to_list() == [3.5, 5.5]
    assert found.profit_basis == "contribution of each customer"
    with pytest.raises(DataError, match="State all three"):
        free_delivery_threshold(people, orders, current=50.0, fee=4.9)
    with pytest.raises(DataError, match="'contribution' of the customers is empty in 1 rows"):
        free_delivery_threshold(
            known.with_columns(contribution=pl.when(pl.col("customer_id") > 0).then(1.0)), orders, current=50.0
        )


def test_todays_threshold_is_that_of_the_control_arm():
    people, orders = made({30.0: 1.3, 50.0: 1.0}, n=500)
    named = people.with_columns(
        arm=pl.when(pl.col("threshold") == 30.0).then(pl.lit("low")).otherwise(pl.lit("Control"))
    )
    assert free_delivery_threshold(named, orders, **COSTS).current == 50.0
    with pytest.raises(DataError, match="unknown: no arm is called control"):
        free_delivery_threshold(people, orders, **COSTS)
    with pytest.raises(DataError, match="The orders of the test are missing"):
        free_delivery_threshold(people, **COSTS)


def test_more_comparisons_widen_the_interval_of_a_segment():
    people, orders = made({30.0: 1.3, 50.0: 1.0})
    both = people.with_columns(segment=pl.lit("one"))
    alone = free_delivery_threshold(both, orders, current=50.0, segment="segment", **COSTS).table
    whole, part = (alone.filter(segment=s, threshold=30.0).row(0, named=True) for s in ("all", "one"))
    assert part["gain_low"] == pytest.approx(whole["gain_low"])
    split = free_delivery_threshold(people, orders, current=50.0, segment="segment", **COSTS).table
    near = split.filter(segment="near", threshold=30.0).row(0, named=True)
    plain = free_delivery_threshold(
        people.filter(segment="near"), orders.filter(pl.col("customer_id") % 2 == 0), current=50.0, **COSTS
    ).table.filter(threshold=30.0).row(0, named=True)  # fmt: skip
    ratio = (near["gain_high"] - near["gain_low"]) / (plain["gain_high"] - plain["gain_low"])
    assert ratio == pytest.approx(2.2414 / 1.9600, rel=1e-3)  # normal quantiles of 0.9875 and 0.975


def test_a_customers_orders_are_not_independent():
    """Each order written four times: the share stays, and so must its interval."""
    people, orders = made({30.0: 1.0, 50.0: 1.0}, top_up=0.3)
    once, often = (
        free_delivery_threshold(people, pl.concat([orders] * k), current=50.0, **COSTS).top_ups.to_dicts()
        for k in (1, 4)
    )
    for a, b in zip(once, often, strict=True):
        assert a == pytest.approx(b)


def test_one_threshold_alone_is_refused():
    people, orders = made({50.0: 1.0})
    with pytest.raises(DataError, match="always say 'never free'"):
        free_delivery_threshold(people, orders, current=50.0, **COSTS)
    people, orders = made({30.0: 1.0, 50.0: 1.0})
    with pytest.raises(DataError, match="today: never free"):
        free_delivery_threshold(people, orders, current=None, **COSTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, o: (p.drop("threshold"), o), "no column 'threshold'"),
        (lambda p, o: (p, o.drop("basket")), "no column 'basket'"),
        (lambda p, o: (p, o.with_columns(basket=pl.lit(None, pl.Float64))), "'basket' of the orders is empty"),
        (lambda p, o: (p.tail(-1), o), "belong to no customer"),
        (lambda p, o: (p, o.head(0)), "frame of orders is empty"),
        (lambda p, o: (p.head(0), o), "frame of customers is empty"),
        (lambda p, o: (p.with_columns(contribution=1.0), o), "the same for every customer"),
        (lambda p, o: (p.with_columns(threshold=-pl.col("threshold")), o), "'threshold' of the customers is negative in 400"),
        (lambda p, o: (p.with_columns(threshold=pl.lit("30")), o), "holds String, money was expected"),
        (lambda p, o: (p.with_columns(customer_id=pl.when(pl.col("customer_id") > 1).then(pl.col("customer_id"))), o), "'customer_id' of the customers is empty in 2"),
        (lambda p, o: (pl.concat([p, p.head(3)]), o), "3 customers stand in the test more than once"),
        (lambda p, o: (p.with_columns(threshold=pl.when(pl.int_range(pl.len()) < 5).then(10.0).otherwise(pl.col("threshold"))), o), "5 customers; 30"),
    ],
)  # fmt: skip
def test_what_it_cannot_use(change, message):
    with pytest.raises(DataError, match=message):
        free_delivery_threshold(*change(*made({30.0: 3.0, 50.0: 3.0}, n=200)), current=50.0, **COSTS)


def test_the_figure_draws_only_what_is_known():
    people, orders = made({30.0: 1.2, 50.0: 1.0})
    found = free_delivery_threshold(people, orders, current=50.0, thresholds=[20.0, 40.0], **COSTS)
    figure = found.plot()
    assert list(figure.data[0].x) == ["free over 30", "free over 40", "free over 50"]
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open", "circle"]
    assert figure.layout.title.text == found.title


# checks as of a verdict


def halved(people, orders, threshold, share):
    """Keep a share of one arm, those with the fewest orders."""
    n_orders = people.join(orders.group_by("customer_id").len(), on="customer_id", how="left").select(
        "customer_id", "threshold", n=pl.col("len").fill_null(0)
    )
    arm = n_orders.filter(threshold=threshold).sort("n", "customer_id")
    gone = arm.tail(arm.height - int(share * arm.height))["customer_id"].implode()
    return people.filter(~pl.col("customer_id").is_in(gone)), orders.filter(~pl.col("customer_id").is_in(gone))


def test_arms_that_are_not_those_drawn_cannot_be_judged():
    """The best customers of one arm are gone: its share says so, and no gain is shown."""
    people, orders = made({30.0: 1.35, 50.0: 1.0, 80.0: 0.95}, n=2_000)
    whole = free_delivery_threshold(people, orders, current=50.0, **COSTS)
    assert whole.checks.filter(check="sample ratio")["status"].to_list() == ["ok"]
    found = free_delivery_threshold(*halved(people, orders, 80.0, 0.6), current=50.0, **COSTS)
    assert found.checks["check"][0] == "sample ratio"
    assert found.title.startswith("Cannot be judged: Shares of the customers: free over 30: 38.5% (33.3% planned)")
    assert found.table["gain_low"].null_count() == found.table.height
    assert not found.table["is_best"].any()
    assert found.plot().layout.title.text.startswith("Cannot be judged")


def test_shares_that_were_planned_are_no_fault():
    people, orders = halved(*made({30.0: 1.35, 50.0: 1.0, None: 0.95}, n=2_000), 30.0, 0.25)
    assert free_delivery_threshold(people, orders, current=50.0, **COSTS).title.startswith("Cannot be judged")
    planned = {30.0: 1 / 9, 50: 4 / 9, None: 4 / 9}
    found = free_delivery_threshold(people, orders, current=50.0, planned_shares=planned, **COSTS)
    assert found.checks.filter(check="sample ratio")["status"].to_list() == ["ok"]
    for wrong, message in (
        ({30.0: 0.5, 50.0: 0.5}, "other thresholds than those tested"),
        ({30.0: 30, 50.0: 50, None: 20}, "add up to 100"),
        ({30.0: -0.5, 50.0: 1.0, None: 0.5}, "above 0 was expected"),
    ):
        with pytest.raises(DataError, match=message):
            free_delivery_threshold(people, orders, current=50.0, planned_shares=wrong, **COSTS)


def test_the_split_of_two_arms_is_that_of_a_verdict_and_of_three_chi_square():
    assert split_p_value({30.0: 480, 50.0: 520}, {30.0: 0.5, 50.0: 0.5}) == sample_ratio_p_value(480, 520, 0.5)
    sizes, shares = {1.0: 90, 2.0: 60, 3.0: 50}, {1.0: 0.5, 2.0: 0.25, 3.0: 0.25}
    statistic = 10**2 / 100 + 10**2 / 50 + 0.0
    assert split_p_value(sizes, shares) == pytest.approx(math.exp(-statistic / 2))  # χ² with 2 degrees of freedom


def test_a_small_segment_is_left_out_and_said():
    people, orders = made({30.0: 1.35, 50.0: 1.0}, n=1_000)
    small = people.with_columns(
        segment=pl.when(pl.col("customer_id") % 50 == 0).then(pl.lit("tiny")).otherwise(pl.col("segment"))
    )
    found = free_delivery_threshold(small, orders, current=50.0, segment="segment", **COSTS)
    assert found.table["segment"].unique(maintain_order=True).to_list() == ["all", "far", "near"]
    assert found.table.filter(segment="all")["n_customers"].sum() == people.height
    said = found.checks.filter(check="small segments").row(0, named=True)
    assert said["status"] == "warn"
    assert "tiny (20)" in said["detail"]
    two = free_delivery_threshold(people, orders, current=50.0, segment="segment", **COSTS)
    assert found.table.filter(segment="far").equals(two.table.filter(segment="far"))
    with pytest.raises(DataError, match="stands for all customers"):
        free_delivery_threshold(people.with_columns(segment=pl.lit("all")), orders, segment="segment", current=50.0)


@pytest.mark.parametrize("kind", [pl.Float64, pl.String])
def test_ids_that_pandas_read_as_floats_are_the_same_customers(kind):
    people, orders = made({30.0: 1.35, 50.0: 1.0}, n=300)
    same = free_delivery_threshold(people, orders, current=50.0, **COSTS)
    other = free_delivery_threshold(
        people.with_columns(pl.col("customer_id").cast(kind)),
        orders.with_columns(pl.col("customer_id").cast(pl.Float64)), current=50.0, **COSTS,
    )  # fmt: skip
    assert other.table.equals(same.table)


def test_an_infinite_figure_is_named():
    people, orders = made({30.0: 1.35, 50.0: 1.0}, n=300)
    big = pl.when(pl.int_range(pl.len()) < 2).then(math.inf).otherwise(1.0)
    for name, frames in (
        ("'basket' of the orders", (people, orders.with_columns(basket=big))),
        ("'returned' of the orders", (people, orders.with_columns(returned=big))),
        ("'contribution' of the customers", (people.with_columns(contribution=big), orders)),
    ):
        with pytest.raises(DataError, match=f"Column {name} is infinite or not a number in 2 rows"):
            free_delivery_threshold(*frames, current=50.0, **COSTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 95}, "level between 0 and 1, such as 0.95"),
        ({"margin_rate": 30}, "margin_rate=30: a share between 0 and 1"),
        ({"fee": -4.9}, "fee=-4.9: a number of 0 or more"),
        ({"carrier_cost": math.nan}, "carrier_cost=nan: a number was expected"),
        ({"current": "A"}, "current='A': a basket such as 50"),
        ({"thresholds": 40}, "thresholds=40: a list of numbers"),
        ({"thresholds": ["40"]}, "a list of numbers"),
        ({"window": 0}, "window=0: a number above 0"),
    ],
)
def test_what_makes_no_sense(change, message):
    people, orders = made({30.0: 1.35, 50.0: 1.0}, n=100)
    with pytest.raises(DataError, match=message):
        free_delivery_threshold(people, orders, **({"current": 50.0} | COSTS | change))


class Stub:
    """A shop with one test of thresholds."""

    currency = "EUR"

    def __init__(self, rates, *, arms=None, n=400, **changes):
        people, orders = made(rates, n=n)
        names = arms or ["control", "treatment", "third"]
        arm_of = dict(zip(rates, names, strict=False))
        self.row = {"name": "free", "design": "rct", "unit": "customer", "planned_share": 0.5}
        self.row |= {k: v for k, v in changes.items() if k in ("design", "unit", "control_arm", "planned_share")}
        self.arms = pl.DataFrame({"arm": list(arm_of.values()), "free_over": list(rates)})
        self.orders = orders.with_columns(pl.col("customer_id").cast(pl.String))
        value = orders.group_by("customer_id").agg(
            (0.4 * pl.col("basket")).sum().alias("contribution"), pl.len().alias("n_orders")
        )
        self.customers = people.join(value, on="customer_id", how="left").select(
            pl.col("customer_id").cast(pl.String),
            pl.col("threshold").replace_strict(list(arm_of), list(arm_of.values())).alias("arm"),
            pl.col("contribution", "n_orders").fill_null(0), "segment", is_mature=True, n_arms=1,
            carrier_cost=5.5, has_goods_cost=True,
        )  # fmt: skip

    def fetch(self, relation, **_):
        tables = {"experiments": pl.DataFrame([self.row]), "experiment_arm_thresholds": self.arms,
                  "experiment_customers": self.customers, "experiment_orders": self.orders}  # fmt: skip
        return tables[relation]


def test_the_control_arm_of_a_warehouse_is_that_of_its_row():
    rates = {50.0: 1.0, 30.0: 1.2, 80.0: 0.9}
    with pytest.raises(DataError, match="unknown: no arm is called control") as problem:
        free_delivery_threshold(Stub(rates, arms=["A", "B", "C"]), experiment="free")
    assert "`control_arm`" in problem.value.hint
    assert "Two" not in str(problem.value)
    found = free_delivery_threshold(Stub(rates, arms=["A", "B", "C"], control_arm="A"), experiment="free")
    assert found.current == 50.0
    with pytest.raises(DataError, match="control_arm of 'free' is 'Z'"):
        free_delivery_threshold(Stub(rates, arms=["A", "B", "C"], control_arm="Z"), experiment="free")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"design": "observational"}, "The design of 'free' is 'observational': chance did not choose"),
        ({"design": "staggered"}, "chance did not choose"),
        ({"unit": "region"}, "Assigned was the region"),
    ],
)
def test_a_test_that_was_not_drawn_by_customer_is_refused(change, message):
    with pytest.raises(DataError, match=message):
        free_delivery_threshold(Stub({50.0: 1.0, 30.0: 1.2}, **change), experiment="free")


def test_a_contribution_without_its_costs_is_refused():
    shop = Stub({50.0: 1.0, 30.0: 1.2})
    whole = shop.customers
    shop.customers = whole.with_columns(has_goods_cost=False)
    with pytest.raises(DataError, match="bears no cost of goods"):
        free_delivery_threshold(shop, experiment="free")
    shop.customers = whole.with_columns(carrier_cost=pl.lit(None, pl.Float64))
    with pytest.raises(DataError, match="carrier cost of 'free' is empty for every customer"):
        free_delivery_threshold(shop, experiment="free")
    some = pl.when(pl.int_range(pl.len()) >= 10).then(5.5)
    shop.customers = whole.filter(pl.col("n_orders") > 0).with_columns(carrier_cost=some)
    found = free_delivery_threshold(shop, experiment="free")
    assert found.title.startswith("Cannot be judged: A cost is missing: carrier_cost of 10 customers")


def test_arms_that_differed_before_the_start_cannot_be_judged():
    shop = Stub({50.0: 1.0, 30.0: 1.2})
    plain = free_delivery_threshold(shop, experiment="free").checks.filter(check="before the start")
    assert (plain["status"][0], plain["detail"][0][:16]) == ("warn", "Nothing is known")
    rng = np.random.default_rng(2)
    noise = pl.Series(rng.gamma(2.0, 10.0, shop.customers.height))
    same = shop.customers.with_columns(pre_contribution=noise)
    shop.customers = same
    assert free_delivery_threshold(shop, experiment="free").checks["status"].to_list() == ["ok"] * 6
    shop.customers = same.with_columns(pre_contribution=noise + 5.0 * (pl.col("arm") == "control"))
    found = free_delivery_threshold(shop, experiment="free")
    assert found.title.startswith("Cannot be judged: Contribution of the arms before the start: p = ")
    # of two arms the analysis of variance is Student's t test
    arms = [shop.customers.filter(arm=a)["pre_contribution"].to_numpy() for a in ("control", "treatment")]
    assert f"p = {ttest_ind(*arms).pvalue:.2g}." in found.title


def test_customers_whose_window_is_not_over_are_left_out_and_counted():
    shop = Stub({50.0: 1.0, 30.0: 1.2})
    shop.customers = shop.customers.with_columns(is_mature=pl.int_range(pl.len()) % 10 > 0)
    found = free_delivery_threshold(shop, experiment="free")
    said = found.checks.filter(check="mature customers").row(0, named=True)
    assert (said["status"], said["detail"].split()[0]) == ("warn", "80")
    assert found.table.filter(segment="all")["n_customers"].sum() == 720
    shop.customers = shop.customers.with_columns(is_mature=False)
    with pytest.raises(DataError, match="nobody's window and returns are over"):
        free_delivery_threshold(shop, experiment="free")


def test_a_planned_share_of_a_warehouse_is_that_of_the_other_arm():
    """A quarter treated: planned so it is fine, planned as half it is not; whatever the arms are called."""
    for arms, current in ((["control", "treatment"], "control"), (["A", "B"], 50.0)):
        shop = Stub({50.0: 1.0, 30.0: 1.2}, arms=arms, planned_share=0.25)
        keep = (pl.col("arm") == arms[0]) | (pl.int_range(pl.len()) % 3 == 0)
        shop.customers = shop.customers.filter(keep)
        found = free_delivery_threshold(shop, experiment="free", current=current)
        assert found.checks.filter(check="sample ratio")["status"].to_list() == ["ok"]
        shop.row["planned_share"] = 0.5
        found = free_delivery_threshold(shop, experiment="free", current=current)
        assert found.checks["status"][0] == "block"


def test_a_planned_share_is_of_the_arm_that_is_not_control_whatever_is_today():
    """Control is free over 50, four fifths got 30, which is in force by now."""
    shop = Stub({50.0: 1.0, 30.0: 1.2}, planned_share=0.8)
    shop.customers = shop.customers.filter((pl.col("arm") == "treatment") | (pl.int_range(pl.len()) % 4 == 0))
    for current in ("control", 50.0, 30.0):
        found = free_delivery_threshold(shop, experiment="free", current=current)
        said = found.checks.filter(check="sample ratio").row(0, named=True)
        assert said["status"] == "ok"
        assert "free over 30: 80.0% (80.0% planned)" in said["detail"]
