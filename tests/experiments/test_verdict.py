"""The verdict: figures of the shipped test, broken inputs blocked with their reason, order of decisions."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from custvalue.config import DecisionSettings
from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.judge import decide
from custvalue.experiments.money import FurtherTest, belief
from custvalue.experiments.randomised import Effect
from custvalue.experiments.verdict import does_it_pay

DECISIONS = {
    "cannot be judged",
    "pays only for",
    "pays off",
    "does not pay",
    "practically neutral",
    "keep testing",
    "not worth testing further",
}
COLUMNS = {"arm": "variant", "outcome": "contribution", "segment": "segment", "before": "pre_revenue"}
ELIGIBLE = DecisionSettings(eligible_customers=200_000)
DAY = dt.date(2026, 1, 28)


def made(effects: dict[str, float], n: int = 4_000, seed: int = 1, sd: float = 10.0) -> pl.DataFrame:
    """Make a test with a known effect per segment; contribution 30 on average, half of it foreseeable."""
    rng = np.random.default_rng(seed)
    size = n * len(effects)
    segment = np.repeat(list(effects), n)
    treated = rng.random(size) < 0.5
    before = rng.gamma(4.0, 5.0, size)
    effect = np.array([effects[s] for s in segment])
    noise = rng.normal(0.0, sd, size)
    return pl.DataFrame(
        {
            "customer_id": np.arange(size),
            "arm": np.where(treated, "treatment", "control"),
            "segment": segment,
            "pre_contribution": before,
            "contribution": 20.0 + 0.5 * before + effect * treated + noise,
            "assigned_at": pl.Series(rng.integers(0, 28, size)).cast(pl.Int64),
            "fee_paid": 1.0,
            "carrier_cost": 5.0,
        }
    ).with_columns((pl.lit(dt.date(2026, 1, 1)) + pl.duration(days=pl.col("assigned_at"))).alias("assigned_at"))


def judge(customers, **kwargs):
    given = {
        "segment": "segment",
        "before": "pre_contribution",
        "settings": DecisionSettings(eligible_customers=50_000),
    }
    return does_it_pay(customers, **(given | kwargs))


@pytest.fixture(scope="module")
def verdict(shared):
    return does_it_pay(
        pl.read_csv(shared / "data" / "rct_customers.csv"),
        **COLUMNS,
        planned_share=0.5,
        settings=ELIGIBLE,
        as_of=DAY,
    )


def test_revenue_wins_and_money_loses(verdict):
    """The acceptance of the shipped test: one planned look, 200,000 eligible customers."""
    rows = {r["segment"]: r for r in verdict.table.to_dicts()}
    assert verdict.decision == rows["all"]["decision"] == "does not pay"
    assert rows["all"]["revenue_effect"] > 0 > rows["all"]["effect_high"]
    assert rows["new"]["decision"] == "keep testing"
    assert rows["new"]["keep_testing_until"] > DAY
    assert rows["new"]["testing_cost"] > 0
    assert "pays off" not in verdict.table["decision"].to_list()
    assert verdict.table["segment"].to_list() == ["all", "new", "occasional", "regular", "vip"]


def test_the_sentence_says_money_first(verdict):
    first = "Per customer and 28 days: contribution −2.38 (−4.08 to −0.68), revenue +7.75. "
    assert verdict.sentence.startswith(
        first + "Chance that it pays: 0.3 %. Launching to 200,000 customers is expected to lose"
    )
    assert "It does not pay." in verdict.sentence
    new = verdict.table.row(1, named=True)
    assert (
        f"New customers may break even (needs +42 % orders): keep testing until {new['keep_testing_until']}"
        in verdict.sentence
    )
    assert verdict.title.startswith("Does not pay: −2.38 (−4.08 to −0.68)")


def test_truth_is_inside_the_intervals(verdict, shared):
    import json

    truth = json.loads((shared / "golden" / "experiments.json").read_text())["truth"]["rct"]["population"]["by_segment"]
    for row in verdict.table.filter(pl.col("segment") != "all").to_dicts():
        assert row["effect_low"] < truth[row["segment"]]["contribution"] < row["effect_high"]


def test_what_knowing_more_is_worth(verdict):
    """Two roads: the closed form, and the mean of what the better choice brings over draws of the effect."""
    draws = np.random.default_rng(1).standard_normal(2_000_000)
    total = verdict.table.row(0, named=True)
    for row in verdict.table.to_dicts():
        people = 200_000 * (row["n_control"] + row["n_treated"]) / (total["n_control"] + total["n_treated"])
        windows = people * verdict.settings.horizon_days / verdict.outcome_days
        effects = row["effect"] + row["standard_error"] * draws
        known = windows * (np.maximum(effects, 0.0).mean() - max(row["effect"], 0.0))
        assert row["perfect_information"] == pytest.approx(known, rel=0.02, abs=windows * 1e-3)
        if row["sample_information"] is not None:
            assert 0.0 < row["sample_information"] < row["perfect_information"]
        if row["decision"] == "keep testing":
            worth = row["testing_gain"] + row["testing_cost"]
            assert row["sample_information"] == pytest.approx(worth, rel=1e-9)
    assert {verdict.kinds[c] for c in ("perfect_information", "sample_information")} == {"money"}


def test_the_date_follows_from_the_pace_of_entry(verdict, shared):
    """Two roads: the table's date, and customers to test over those who entered a day in 28 days."""
    customers = pl.read_csv(shared / "data" / "rct_customers.csv")
    for row in verdict.table.filter(pl.col("decision") == "keep testing").to_dicts():
        pace = customers.filter(pl.col("segment") == row["segment"]).height / 28
        days = math.ceil(row["customers_to_test"] / pace) + 28
        assert row["keep_testing_until"] == DAY + dt.timedelta(days=days)


def test_costs_two_ways(verdict, shared):
    """Economic cost less the margin of the induced orders is the effect: the two views agree on the money."""
    customers = pl.read_csv(shared / "data" / "rct_customers.csv")
    means = {v: customers.filter(pl.col("variant") == v).mean().row(0, named=True) for v in (0, 1)}
    cost = verdict.costs.filter(pl.col("segment") == "all").row(0, named=True)
    margin = means[1]["gross_margin"] - means[0]["gross_margin"]
    plain = means[1]["contribution"] - means[0]["contribution"]
    assert margin - cost["economic_cost"] == pytest.approx(plain, abs=0.05)
    free = customers.filter(pl.col("variant") == 1)
    assert cost["accounting_total"] == pytest.approx(free["delivery_cost"].sum() - free["delivery_fee_paid"].sum())
    assert verdict.costs["segment"].to_list() == ["all", "new", "occasional", "regular", "vip"]


def test_costs_are_null_without_their_columns():
    bare = made({"a": 0.0}).drop("fee_paid", "carrier_cost")
    costs = judge(bare).costs
    assert costs["accounting_cost"].to_list() == costs["economic_cost"].to_list() == [None, None]


def test_pandas_and_polars_agree(verdict, shared):
    import pandas as pd

    frame = pd.read_csv(shared / "data" / "rct_customers.csv")
    other = does_it_pay(frame, **COLUMNS, planned_share=0.5, settings=ELIGIBLE, as_of=DAY)
    assert other.table.equals(verdict.table)
    assert other.sentence == verdict.sentence


@pytest.mark.parametrize(
    ("values", "control", "treated"),
    [
        ((0, 1), "0", "1"),
        ((False, True), "False", "True"),
        (("control", "free"), "control", "free"),
        (("free", "Control"), "Control", "free"),
        (("A", "B"), "A", "B"),
        ((0.0, 1.0), "0", "1"),
    ],
)
def test_which_arm_is_control(values, control, treated):
    first = made({"a": 2.0})
    is_treated = pl.col("arm") == "treatment"
    low, high = (values[1], values[0]) if values == ("free", "Control") else values
    arm = first.select(is_treated).to_series().to_list()
    renamed = first.with_columns(arm=pl.Series([high if t else low for t in arm]))
    found = judge(renamed)
    assert (found.control_arm, found.treated_arm) == (control, treated)
    assert found.table["effect"][0] == pytest.approx(2.0, abs=0.7)


# broken inputs: each blocked with its reason


def blocked(verdict, *names):
    assert verdict.decision == "cannot be judged"
    assert set(names) <= set(verdict.blocked_by())
    reasons = verdict.checks.filter(pl.col("status") == "block").to_dicts()
    assert all(r["detail"] in verdict.sentence and r["check"] in verdict.sentence for r in reasons)
    assert set(verdict.table["decision"]) == {"cannot be judged"}
    return reasons[0]["detail"]


def test_skewed_sample_ratio(shared):
    lost = pl.read_csv(shared / "data" / "rct_customers.csv").filter(pl.col("lost_in_log") == 0)
    found = does_it_pay(lost, **COLUMNS, settings=ELIGIBLE)
    assert "47.6% treated, 50.0% planned" in blocked(found, "sample ratio")
    assert found.table["effect"].to_list() == [None] * 5


def test_sample_ratio_is_against_the_planned_split():
    rng = np.random.default_rng(3)
    customers = made({"a": 0.0}).filter(pl.col("arm").eq("treatment") | pl.Series(rng.random(4_000) < 0.25))
    assert judge(customers, planned_share=0.8).decision != "cannot be judged"
    blocked(judge(customers), "sample ratio")


def test_sample_ratio_broken_in_one_segment_or_on_one_day():
    rng = np.random.default_rng(4)
    customers = made({"a": 0.0, "b": 0.0, "c": 0.0})
    keep = pl.Series(rng.random(customers.height) < 0.75)
    # what one segment loses in one arm, another loses in the other, so the whole looks right
    skew = pl.when(pl.col("segment") == "a").then(keep | (pl.col("arm") == "control"))
    skew = skew.when(pl.col("segment") == "b").then(keep | (pl.col("arm") == "treatment")).otherwise(True)
    found = judge(customers.filter(skew))
    blocked(found, "sample ratio by segment")
    assert "sample ratio" not in found.blocked_by()
    day = pl.col("assigned_at") == dt.date(2026, 1, 9)
    blocked(judge(customers.filter(~day | (pl.col("arm") == "treatment"))), "sample ratio by day")


def test_customer_in_both_arms():
    customers = made({"a": 0.0})
    twice = customers.head(3).with_columns(
        arm=pl.when(pl.col("arm") == "control").then(pl.lit("treatment")).otherwise(pl.lit("control"))
    )
    assert "3 customers are in both arms" in blocked(judge(pl.concat([customers, twice])), "customer in both arms")
    counted = customers.with_columns(n_arms=pl.when(pl.col("customer_id") < 2).then(2).otherwise(1))
    assert "2 customers are in both arms" in blocked(judge(counted), "customer in both arms")


def test_unit_of_analysis_other_than_the_unit_of_assignment():
    customers = made({"a": 0.0})
    assert "5 customers have several rows" in blocked(
        judge(pl.concat([customers, customers.head(5)])), "one row per customer"
    )


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
@pytest.mark.parametrize("column", ["contribution", "pre_contribution"])
def test_nulls(column, value):
    customers = made({"a": 0.0}).with_columns(
        pl.when(pl.col("customer_id") < 7).then(pl.lit(value, dtype=pl.Float64)).otherwise(pl.col(column)).alias(column)
    )
    assert f"{column} in 7 rows" in blocked(judge(customers), "nulls")


@pytest.mark.parametrize("column", ["arm", "segment"])
def test_nulls_in_arm_or_segment(column):
    customers = made({"a": 0.0}).with_columns(pl.when(pl.col("customer_id") >= 7).then(pl.col(column)).alias(column))
    assert f"{column} in 7 rows" in blocked(judge(customers), "nulls")


def test_immature_customers_are_provisional_at_one_planned_look():
    customers = made({"a": 3.0}).with_columns(is_mature=pl.col("customer_id") >= 500)
    found = judge(customers)
    assert "500 of 4,000 customers are still within" in blocked(found, "mature customers")
    assert found.is_provisional
    assert "Provisional: Per customer and 28 days" in found.sentence
    assert found.table["n_control"][0] + found.table["n_treated"][0] == 3_500
    running = judge(customers, settings=DecisionSettings(eligible_customers=50_000, planned_looks=8), looks=2)
    assert running.decision == "pays off"
    assert not running.is_provisional


@pytest.mark.parametrize("column", ["carrier_cost", "fee_paid", "measure_cost"])
def test_missing_cost(column):
    customers = made({"a": 3.0}).with_columns(measure_cost=1.0)
    customers = customers.with_columns(pl.when(pl.col("customer_id") >= 9).then(pl.col(column)).alias(column))
    assert f"{column} in 9 rows" in blocked(judge(customers), "missing cost")


def test_revenue_is_not_an_outcome():
    customers = made({"a": 3.0}).rename({"contribution": "revenue"})
    assert "revenue bears no cost" in blocked(judge(customers, outcome="revenue"), "missing cost")


def test_assignment_after_exposure():
    customers = made({"a": 3.0}).with_columns(exposed_at=pl.col("assigned_at") + pl.duration(hours=1))
    assert judge(customers).decision == "pays off"
    late = customers.with_columns(
        exposed_at=pl.when(pl.col("customer_id") < 11)
        .then(pl.col("assigned_at") - pl.duration(days=1))
        .otherwise(pl.col("exposed_at"))
    )
    assert "11 customers were assigned after" in blocked(judge(late), "assignment before exposure")


@pytest.mark.parametrize("arm", ["control", "treatment"])
def test_one_arm_empty(arm):
    found = judge(made({"a": 3.0}).filter(pl.col("arm") == arm))
    assert "An arm is empty" in blocked(found, "both arms")


def test_too_few_customers():
    assert "At least 30 customers" in blocked(judge(made({"a": 3.0}).head(40)), "both arms")


def test_imbalance_before_the_start():
    customers = made({"a": 3.0}).with_columns(
        pre_contribution=pl.col("pre_contribution") + pl.when(pl.col("arm") == "treatment").then(2.0).otherwise(0.0)
    )
    assert "pre_contribution" in blocked(judge(customers), "before the start")


def test_an_outcome_that_never_varies():
    customers = made({"a": 3.0}).with_columns(contribution=pl.lit(0.0))
    assert "the same for every customer" in blocked(judge(customers), "estimate")


def test_several_faults_are_named_together():
    customers = made({"a": 3.0}).with_columns(n_arms=pl.lit(2), carrier_cost=pl.lit(None, dtype=pl.Float64))
    blocked(judge(customers), "customer in both arms", "missing cost")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arm": "group"}, "no column 'group'"),
        ({"outcome": "profit"}, "no column 'profit'"),
        ({"planned_share": 1.0}, "planned_share"),
        ({"looks": 0}, "looks"),
        ({"outcome": "segment"}, "a number was expected"),
        ({"arm": "customer_id"}, "must name two arms"),
    ],
)
def test_what_a_user_can_get_wrong(change, message):
    with pytest.raises(DataError, match=message):
        judge(made({"a": 1.0}), **change)


def test_no_frame_at_all():
    with pytest.raises(DataError, match="it is list"):
        judge([1, 2, 3])


def test_an_empty_frame():
    with pytest.raises(DataError, match="empty"):
        judge(made({"a": 1.0}).clear())


# decisions


def test_pays_only_for_is_tried_first():
    found = judge(made({"far": 3.0, "near": -3.0, "small": 0.0}, n=3_000))
    assert (found.decision, found.pays_only_for) == ("pays only for", ("far",))
    assert "It pays only for far: launching to them alone is expected to gain" in found.sentence
    assert "It does not pay for near." in found.sentence
    assert found.title.startswith("Pays only for far")


def test_pays_off_for_all():
    found = judge(made({"far": 3.0, "near": 3.0}))
    assert found.decision == "pays off"
    assert "It pays off." in found.sentence


def test_practically_neutral_and_not_worth_testing_further():
    settings = DecisionSettings(eligible_customers=50_000, neutral_margin=2.0)
    assert judge(made({"a": 0.0}), settings=settings).decision == "practically neutral"
    dear = DecisionSettings(eligible_customers=9_000, cost_per_test_day=1e6)
    found = judge(made({"a": 0.0}), settings=dear)
    assert found.decision == "not worth testing further"
    assert "the better mean" in found.sentence


def an_effect(low, high):
    return Effect(
        n_control=9,
        n_treated=9,
        control=0.0,
        treated=0.0,
        effect=(low + high) / 2,
        low=low,
        high=high,
        level=0.95,
        standard_error=(high - low) / 3.92,
        p_value=0.5,
        relative=None,
        relative_low=None,
        relative_high=None,
    )


@pytest.mark.parametrize(
    ("low", "high", "n", "expected"),
    [
        (0.2, 1.0, 5, "pays off"),
        (-1.0, -0.2, 5, "does not pay"),
        (0.01, 0.05, 5, "pays off"),
        (-0.05, 0.05, 5, "practically neutral"),
        (-1.0, 1.2, 5, "keep testing"),
        (-1.0, 1.2, 0, "not worth testing further"),
    ],
)
def test_the_order_of_decisions(low, high, n, expected):
    effect = an_effect(low, high)
    now = belief(effect.effect, effect.standard_error)
    further = FurtherTest(n_per_arm=n, net_benefit=1.0, cost=1.0)
    assert decide(effect, now, further, DecisionSettings()) == expected


def test_the_loss_cap_holds_a_decision_back():
    effect = an_effect(1.0, 200.0)
    now = belief(effect.effect, effect.standard_error)
    assert now.p_pays() > 0.97
    further = FurtherTest(n_per_arm=5, net_benefit=1.0, cost=1.0)
    assert decide(effect, now, further, DecisionSettings(loss_cap=0.1)) == "keep testing"
    assert decide(effect, now, further, DecisionSettings(loss_cap=5.0)) == "pays off"


def test_the_interval_matches_how_often_it_was_looked_at(shared):
    customers = pl.read_csv(shared / "data" / "rct_customers.csv")
    once = does_it_pay(customers, **COLUMNS, settings=ELIGIBLE)
    often = does_it_pay(customers, **COLUMNS, settings=ELIGIBLE.model_copy(update={"planned_looks": 4}), looks=2)
    secret = does_it_pay(customers, **COLUMNS, settings=ELIGIBLE, looks=3)
    assert (once.interval, often.interval, secret.interval) == ("fixed", "always-valid", "always-valid")
    widths = [v.table["effect_high"][0] - v.table["effect_low"][0] for v in (once, often, secret)]
    assert widths[0] < widths[1] == widths[2]
    assert secret.checks.filter(pl.col("check") == "looks")["status"].to_list() == ["warn"]


def test_a_small_segment_is_not_judged_alone():
    customers = pl.concat(
        [made({"a": 3.0}), made({"tiny": 3.0}, n=40, seed=2).with_columns(pl.col("customer_id") + 9_000)]
    )
    found = judge(customers)
    assert dict(found.table.select("segment", "decision").iter_rows())["tiny"] == "cannot be judged"
    assert "small segments" in found.checks.filter(pl.col("status") == "warn")["check"]
    assert found.decision == "pays off"


def test_households_in_both_arms_warn():
    customers = made({"a": 3.0}).with_columns(household=pl.col("customer_id") // 2)
    warned = judge(customers).checks.filter(pl.col("status") == "warn")
    assert "interference in households" in warned["check"]
    apart = judge(customers.with_columns(household=pl.col("customer_id"))).checks
    assert apart.filter(check="interference in households")["status"].to_list() == ["ok"]


def test_a_few_customers_carry_the_result():
    customers = made({"a": 0.0}, n=3_000).with_columns(
        contribution=pl.when((pl.col("arm") == "treatment") & (pl.col("customer_id") < 6))
        .then(20_000.0)
        .otherwise(pl.col("contribution"))
    )
    warned = judge(customers).checks.filter(pl.col("status") == "warn")["check"]
    assert "without the top 0.1 %" in warned


# the warehouse


class FakeShop:
    """Gives frames under the warehouse's names."""

    def __init__(self, customers: pl.DataFrame, design: str = "rct") -> None:
        self.customers = customers
        self.plan = pl.DataFrame(
            {
                "experiment_id": [1],
                "name": ["free_delivery"],
                "design": [design],
                "planned_share": [0.5],
                "outcome_days": [28],
                "return_days": [14],
                "eligible_customers": [50_000],
                "planned_looks": [1],
                "starts": [dt.date(2026, 1, 1)],
                "ends": [dt.date(2026, 2, 28)],
            }
        )

    def fetch(self, relation, **parameters):
        return self.plan if relation == "experiments" else self.customers


def test_a_test_of_the_warehouse():
    found = does_it_pay(FakeShop(made({"a": 3.0, "b": 0.0})), experiment="free_delivery")
    assert found.decision == "pays only for" or found.decision == "pays off"
    assert (found.experiment, found.return_days, found.as_of) == ("free_delivery", 14, dt.date(2026, 2, 28))
    assert found.settings.eligible_customers == 50_000
    said = does_it_pay(FakeShop(made({"a": 3.0})), "free_delivery", settings=DecisionSettings(eligible_customers=7))
    assert said.settings.eligible_customers == 7


def test_a_test_by_area_is_not_counted_by_customers():
    shop = FakeShop(made({"a": 3.0}))
    shop.plan = shop.plan.with_columns(unit=pl.lit("area"))
    assert "Assigned was the area" in blocked(does_it_pay(shop, "free_delivery"), "unit of assignment")


def test_an_unknown_experiment_names_those_there_are():
    with pytest.raises(DataError, match="free_delivery"):
        does_it_pay(FakeShop(made({"a": 3.0})), experiment="gift_wrap")
    with pytest.raises(DataError, match="Name the experiment"):
        does_it_pay(FakeShop(made({"a": 3.0})))


def test_no_experiment_loaded():
    shop = FakeShop(made({"a": 3.0}))
    shop.plan = shop.plan.clear()
    with pytest.raises(MissingInputError, match="No experiments"):
        does_it_pay(shop, experiment="free_delivery")


def launch(n=6_000, effect=-5.0, seed=1):
    """Choose the best customers for a measure: they would have brought more anyway."""
    rng = np.random.default_rng(seed)
    before = rng.gamma(3.0, 10.0, n)
    treated = rng.random(n) < 1.0 / (1.0 + np.exp(-(before - 40.0) / 20.0))
    outcome = 5.0 + 0.9 * before + rng.normal(0.0, 15.0, n) + effect * treated
    return pl.DataFrame({
        "customer_id": np.arange(n), "arm": np.where(treated, "treatment", "control"), "segment": ["all of them"] * n,
        "contribution": outcome, "pre_contribution": before,
    })  # fmt: skip


def test_a_launch_to_chosen_customers_gets_no_naive_answer():
    found = does_it_pay(FakeShop(launch(), design="observational"), experiment="free_delivery")
    assert "chance did not choose" in blocked(found, "randomised")
    naive = found.naive["naive_difference"][0]
    assert naive > 5.0
    assert all(why.startswith("Wrong") for why in found.naive["why_it_is_wrong"])
    assert f"{naive:.2f}" not in found.sentence
    row = found.table.row(0, named=True)
    assert row["effect_low"] < -5.0 < row["effect_high"] < 0.0
    assert "if nothing but contribution before and segment decided who they were" in found.sentence
    assert found.costs["economic_cost"].null_count() == found.costs.height


def test_a_launch_of_which_nothing_was_known_before_has_no_estimate():
    alike = launch().with_columns(pre_contribution=pl.lit(1.0))
    found = does_it_pay(
        FakeShop(
            alike.drop("pre_contribution").with_columns(pre_contribution=pl.lit(None, pl.Float64)),
            design="observational",
        ),
        experiment="free_delivery",
    )
    assert found.launch is None
    assert found.table["effect"].to_list() == [None, None]


# the result


def test_a_verdict_is_one_of_seven_and_shows_its_settings(verdict):
    assert verdict.decision in DECISIONS
    assert set(verdict.table["decision"]) <= DECISIONS
    shown = verdict.assumptions
    for name in (
        "loss_cap",
        "neutral_margin",
        "eligible_customers",
        "cost_per_test_day",
        "planned_looks",
        "planned_share",
    ):
        assert name in shown
    html = verdict._repr_html_()
    assert "loss cap: 0.5" in html
    assert "Does not pay" in html


def test_names_in_data_are_escaped():
    found = judge(made({"<script>alert(1)</script>": 3.0}))
    assert "<script>alert" not in found._repr_html_()
