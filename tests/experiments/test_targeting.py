"""Who should get it: a planted rule is found, its value is honest, and where there is none, none is claimed."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import polars as pl
import pytest

from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError
from custvalue.experiments.targeting import Clause, targeting

ATTRIBUTES = ["distance", "segment", "orders"]


def made(n=4_000, seed=1, *, gain=6.0, loss=-4.0):
    """The measure pays for private customers who live far; for all others it loses."""
    rng = np.random.default_rng(seed)
    distance = rng.gamma(2.0, 30.0, n)
    segment = rng.choice(["private", "trade"], n, p=[0.7, 0.3])
    treated = rng.random(n) < 0.5
    right = (distance >= 60.0) & (segment == "private")
    outcome = 20.0 + 0.1 * distance + np.where(right, gain, loss) * treated + rng.normal(0.0, 8.0, n)
    return pl.DataFrame({
        "arm": treated, "contribution": outcome, "distance": distance, "segment": segment, "orders": rng.poisson(2.0, n),
    }), right  # fmt: skip


def test_the_planted_rule_is_found():
    frame, right = made()
    found = targeting(frame, attributes=ATTRIBUTES)
    treated = found.applies_to(frame).to_numpy()
    assert (treated == right).mean() > 0.9
    assert {c.attribute for c in found.clauses} == {"distance", "segment"}
    assert found.is_better
    assert found.agreement > 0.9
    assert found.title.startswith(f"Give it where {found.rule}: +")


def test_its_value_is_honest():
    """Two roads: the held-out value of the learned rule, and what the rule is worth by the known truth."""
    inside = []
    for seed in range(20):
        frame, right = made(2_000, seed)
        found = targeting(frame, attributes=["distance", "segment"], seed=seed)
        truth = np.where(right, 6.0, -4.0) * found.applies_to(frame).to_numpy()
        row = found.table.row(0, named=True)
        inside.append(row["value_low"] < truth.mean() < row["value_high"])
    assert sum(inside) >= 17


def test_no_rule_is_claimed_where_the_effect_is_the_same_for_all():
    claimed = [targeting(made(1_000, s, gain=0.0, loss=0.0)[0], attributes=ATTRIBUTES).is_better for s in range(20)]
    assert sum(claimed) <= 2


def test_everybody_or_nobody():
    everybody = targeting(made(gain=5.0, loss=5.0)[0], attributes=["segment"])
    assert everybody.rule == "everybody" or not everybody.is_better
    nobody = targeting(made(gain=-5.0, loss=-5.0)[0], attributes=["segment"])
    assert (nobody.rule, nobody.clauses) == ("nobody", ())
    assert "no rule gained" in nobody.title


def test_the_search_misses_nothing():
    """Against all pairs of conditions, valued one by one."""
    frame, _ = made(600, 3)
    found = targeting(frame, attributes=["segment", "orders"], seed=2)
    from custvalue.experiments import targeting as module

    fold = np.random.default_rng(2).permutation(600) % 5
    prepared = frame.select(
        "segment", "orders", pl.col("arm").cast(pl.Float64).alias("__w"), pl.col("contribution").alias("__y")
    )
    scores = module._scores(prepared, ["segment", "orders"], fold, np.full(600, 0.5))
    cuts = [float(frame["orders"].quantile(q, "higher")) for q in module.CUTS]
    orders, trade = frame["orders"].to_numpy(), frame["segment"].to_numpy() == "trade"
    one = [np.ones(600, dtype=bool), np.zeros(600, dtype=bool), trade, ~trade]
    two = [np.ones(600, dtype=bool), *[orders >= c for c in cuts], *[orders < c for c in cuts]]
    between = [(orders >= a) & (orders < b) for a, b in product(cuts, cuts)]
    best = max(float(m @ scores) for m in [*(a & b for a, b in product(one, two)), *between])
    if found.clauses:
        assert float(found.applies_to(frame).to_numpy() @ scores) == pytest.approx(best)


def test_a_budget_limits_how_many_get_it():
    frame, _ = made()
    found = targeting(frame, attributes=ATTRIBUTES, budget_share=0.15)
    assert found.applies_to(frame).mean() <= 0.15
    assert found.table.filter(policy="everybody")["share_treated"][0] == pytest.approx(0.15)


def test_a_launch_that_was_not_randomised():
    rng = np.random.default_rng(5)
    frame, right = made(6_000)
    chance = 1 / (1 + np.exp(-(frame["distance"].to_numpy() - 60.0) / 40.0))
    arm = rng.random(6_000) < chance
    effect = np.where(right, 6.0, -4.0)
    outcome = 20.0 + 0.1 * frame["distance"].to_numpy() + effect * arm + rng.normal(0.0, 8.0, 6_000)
    frame = frame.with_columns(arm=pl.Series(arm), contribution=pl.Series(outcome))
    found = targeting(frame, attributes=["distance", "segment"], planned_share=None)
    assert (found.applies_to(frame).to_numpy() == right).mean() > 0.9
    assert (found.table["gain_low"][1:] > 0.0).all()
    assert not found.is_better
    assert found.title.endswith("not surely better than one answer for all; estimated from a launch, not a test")
    nobody = targeting(
        frame.with_columns(contribution=pl.col("contribution") - 11.0 * pl.col("arm")),
        attributes=["segment"],
        planned_share=None,
    )
    assert nobody.title.startswith("Give it to nobody")
    assert nobody.title.endswith("; estimated from a launch, not a test")


def test_the_chance_of_treatment_in_a_launch_is_that_by_which_it_was_drawn():
    from custvalue.experiments import targeting as module

    rng = np.random.default_rng(11)
    x = rng.normal(0.0, 1.0, 20_000)
    true = 1 / (1 + np.exp(-2.0 * x))
    drawn = pl.DataFrame({"x": x, "__w": (rng.random(20_000) < true) * 1.0})
    apart = module._chance(drawn, ["x"]) - np.clip(true, 0.02, 0.98)
    assert np.abs(apart).mean() < 0.01
    assert np.abs(apart).max() < 0.05


@pytest.mark.parametrize(("steepness", "is_refused"), [(0.5, False), (12.0, True)])
def test_a_launch_whose_arms_hardly_overlap(steepness, is_refused):
    """By the true chance the share that is all but sure is above a tenth in one, far below it in the other."""
    frame = made(6_000)[0]
    orders = np.random.default_rng(7).normal(0.0, 1.0, 6_000)
    chance = 1 / (1 + np.exp(-steepness * orders))
    sure = ((chance < 0.02) | (chance > 0.98)).mean()
    assert sure > 0.5 if is_refused else sure < 0.01
    arm = pl.Series(np.random.default_rng(8).random(6_000) < chance)
    frame = frame.with_columns(arm=arm, orders=pl.Series(orders))
    if is_refused:
        with pytest.raises(DataError, match=r"% of the customers were all but sure to get the measure") as problem:
            targeting(frame, attributes=["orders"], planned_share=None)
        assert float(str(problem.value).split("%")[0]) == pytest.approx(100 * sure, abs=3.0)
    else:
        assert not targeting(frame, attributes=["orders"], planned_share=None).is_better


def test_clauses_say_what_they_do():
    frame = pl.DataFrame({"distance": [10.0, 60.0, 70.0], "segment": ["a", "b", "a"]})
    assert Clause(attribute="distance", sign="at least", value=60.0).holds(frame).tolist() == [False, True, True]
    assert Clause(attribute="distance", sign="under", value=60.0).holds(frame).tolist() == [True, False, False]
    assert Clause(attribute="segment", sign="is not", value="b").holds(frame).tolist() == [True, False, True]
    assert str(Clause(attribute="distance", sign="at least", value=1250.5)) == "distance at least 1,250.5"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"attributes": ["age"]}, "no column 'age'"), ({"attributes": []}, "needs attributes"),
        ({"attributes": ["orders"], "depth": 3}, "depth is 1 or 2"),
        ({"attributes": ["orders"], "budget_share": 0.0}, "budget_share"),
        ({"attributes": ["orders"], "planned_share": 50}, "planned_share=50: a share between 0 and 1"),
        ({"attributes": ["orders"], "level": 95}, "level between 0 and 1, such as 0.95"),
        ({"attributes": "orders"}, "attributes='orders': a list of columns"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(kwargs, message):
    with pytest.raises(DataError, match=message):
        targeting(made(400)[0], **kwargs)


def test_what_it_cannot_use():
    frame = made(400)[0]
    with pytest.raises(DataError, match="too few"):
        targeting(frame.head(100), attributes=["orders"])
    holes = frame.with_columns(orders=pl.when(pl.col("orders") > 1).then(pl.col("orders")))
    with pytest.raises(DataError, match="'orders' is empty"):
        targeting(holes, attributes=["orders"])
    named = frame.with_columns(customer_id=pl.int_range(pl.len()))
    with pytest.raises(DataError, match="5 rows repeat a customer"):
        targeting(pl.concat([named, named.head(5)]), attributes=["orders"])
    endless = frame.with_columns(distance=pl.when(pl.int_range(pl.len()) > 1).then(1.0).otherwise(np.inf))
    with pytest.raises(DataError, match="'distance' is infinite or not a number in 2 rows"):
        targeting(endless, attributes=["distance"])


def test_arms_that_are_not_those_planned_are_refused():
    """A tenth treated where half were planned: the scores would weigh the treated five times too little."""
    rng = np.random.default_rng(3)
    frame = made(4_000)[0]
    few = frame.filter(~pl.col("arm") | pl.Series(rng.random(4_000) < 1 / 9))
    with pytest.raises(DataError, match=r"% of the customers were treated, 50.0% were planned") as problem:
        targeting(few, attributes=["segment"])
    assert "planned_share=0.1" in problem.value.hint
    assert targeting(few, attributes=["segment"], planned_share=0.1).n_customers == few.height


def test_a_share_that_was_stated_covers_the_truth():
    inside = 0
    for seed in range(20):
        rng = np.random.default_rng(1_000 + seed)
        frame, right = made(4_000, seed)
        effect, arm = np.where(right, 6.0, -4.0), rng.random(4_000) < 0.1
        paid = frame["contribution"].to_numpy() + effect * (arm * 1.0 - frame["arm"].to_numpy())
        frame = frame.with_columns(arm=pl.Series(arm), contribution=pl.Series(paid))
        found = targeting(frame, attributes=["segment", "distance"], planned_share=0.1)
        row = found.table.filter(policy="everybody").row(0, named=True)
        inside += row["value_low"] < effect.mean() < row["value_high"]
    assert inside >= 17


def test_the_rule_applies_to_a_pandas_frame():
    frame, _ = made()
    found = targeting(frame, attributes=ATTRIBUTES)
    assert found.clauses
    assert found.applies_to(frame.to_pandas()).equals(found.applies_to(frame))
    with pytest.raises(DataError, match="no column 'distance'"):
        found.applies_to(frame.drop("distance"))
    gap = frame.with_columns(distance=pl.when(pl.int_range(pl.len()) > 2).then(pl.col("distance")))
    with pytest.raises(DataError, match="'distance' is empty in 3 rows"):
        found.applies_to(gap)


def test_figures():
    found = targeting(made()[0], attributes=ATTRIBUTES)
    figure = found.plot()
    assert list(figure.data[0].y) == found.table["policy"].to_list()
    assert "0: nobody gets it" in figure.layout.xaxis.title.text


# the warehouse


@pytest.fixture(scope="module")
def shop(root):
    with open_warehouse() as shop:
        shop.load(root / "sample_data")
        yield shop


def test_a_test_of_the_warehouse_finds_those_it_pays_for(shop, root):
    """By the sample's truth free delivery pays for remote customers and loses on the others but small business."""
    found = targeting(shop, "free_delivery", attributes=["segment"], depth=1)
    assert found.rule == "segment is remote"
    assert found.is_better
    row = found.table.row(0, named=True)
    true = json.loads((root / "sample_data" / "truth.json").read_text())["free_delivery"]["segments"]["remote"]
    share = row["share_treated"]
    assert row["value_low"] < share * true["effect"] < row["value_high"]


def test_the_warehouse_and_a_frame_of_it_tell_the_same(shop):
    frame = shop.fetch("experiment_customers", experiment="free_delivery")
    kept = {"attributes": ["segment", "pre_revenue"], "depth": 1}
    one, other = targeting(shop, "free_delivery", **kept), targeting(frame, **kept)
    assert one.rule == other.rule
    assert one.table.equals(other.table)


def test_only_what_was_known_before_may_decide(shop):
    with pytest.raises(DataError, match="'revenue' is not known before the measure"):
        targeting(shop, "free_delivery", attributes=["revenue"])
    with pytest.raises(DataError, match="Name the experiment"):
        targeting(shop)


def test_a_launch_of_the_warehouse_is_refused(shop):
    """The gift costs more than it brings on those who got it, and the best got it: it would seem to pay for all."""
    with pytest.raises(DataError, match="The design of 'vip_gift' is 'observational': chance did not choose who got"):
        targeting(shop, "vip_gift", depth=1)


class Changed:
    """The sample with its customers of the test changed."""

    currency = "EUR"

    def __init__(self, shop, change):
        self.shop, self.change = shop, change

    def fetch(self, relation, **parameters):
        found = self.shop.fetch(relation, **parameters)
        return self.change(found) if relation == "experiment_customers" else found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.with_columns(carrier_cost=pl.lit(None, pl.Float64)), "missing cost: A cost is missing: carrier_cost"),
        (lambda f: f.with_columns(n_arms=pl.lit(2)), "customer in both arms: [0-9,]+ customers are in both arms"),
        (lambda f: f.filter((pl.col("arm") == "control") | (pl.int_range(pl.len()) % 2 == 0)), "sample ratio: "),
    ],
)  # fmt: skip
def test_what_blocks_a_verdict_blocks_a_rule(shop, change, message):
    with pytest.raises(DataError, match=f"No rule can be learned from 'free_delivery'. Blocked by .*{message}"):
        targeting(Changed(shop, change), "free_delivery", attributes=["segment"], depth=1)


def test_customers_whose_window_is_not_over_are_left_out(shop):
    young = pl.int_range(pl.len()) % 10 == 0
    kept = {"attributes": ["segment"], "depth": 1}
    one = targeting(Changed(shop, lambda f: f.with_columns(is_mature=~young)), "free_delivery", **kept)
    other = targeting(Changed(shop, lambda f: f.filter(~young)), "free_delivery", **kept)
    assert one.n_customers == other.n_customers
    assert one.table.equals(other.table)
    with pytest.raises(DataError, match="Nobody's window and returns of 'free_delivery' are over"):
        targeting(Changed(shop, lambda f: f.with_columns(is_mature=False)), "free_delivery", **kept)
