"""plan_service: what was measured decides, what was not is tested first."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from custvalue.data.purchases import purchase_summary
from custvalue.data.warehouse import Warehouse
from custvalue.errors import DataError, MissingInputError, PlanError
from custvalue.experiments.verdict import does_it_pay
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.service.gates import shut_levels, shut_measures
from custvalue.service.measured import aged, combined, effects_from, prior_spread
from custvalue.service.plan import plan_service
from tests.service.own_shop import TRUE_YEAR, own_shop

DAY = dt.date(2025, 12, 31)


class Changed(Warehouse):
    """A shop some of whose tables are replaced; nothing is stored in it."""

    def __init__(self, shop: Warehouse, tables: dict[str, pl.DataFrame]) -> None:
        self.__dict__.update(shop.__dict__)
        self.tables = tables

    def fetch(self, relation, **params):
        return self.tables[relation] if relation in self.tables else super().fetch(relation, **params)


@pytest.fixture(scope="module")
def shop(root):
    with Warehouse() as warehouse:
        warehouse.load(root / "sample_data")
        yield warehouse


@pytest.fixture(scope="module")
def known(shop):
    """Fit, value and judge once for all tests."""
    summary = purchase_summary(shop)
    purchases = fit(MbgNbd, summary)
    value = lifetime_value(
        purchases, fit(GammaGamma, summary), summary, margin_rate=0.4, service_cost_per_order=5.0, level=None
    )
    verdict = does_it_pay(shop, experiment="free_delivery")
    return {"shop": shop, "summary": summary, "purchases": purchases, "value": value, "effects": [verdict]}


def planned(known, tables=None, **options):
    pieces = {k: v for k, v in known.items() if k != "shop"}
    return plan_service(Changed(known["shop"], tables or {}), **pieces | options)


@pytest.fixture(scope="module")
def plan(known):
    return planned(known)


def actions(plan, measure="P5b") -> dict[str, str]:
    return dict(plan.table.filter(measure=measure).select("segment", "action").iter_rows())


# ------------------------------------------------------------------------------------------------- measured


def test_free_delivery_goes_where_the_test_says_that_it_pays_and_nowhere_else(plan):
    assert actions(plan) == {
        "remote": "give", "bargain": "withdraw", "loyal and near": "withdraw", "small business": "test",
    }  # fmt: skip
    assert plan.basis == "measured"
    assert plan.title.startswith("Give free delivery to remote; withdraw free delivery from")
    assert plan.as_of == DAY


def test_a_rows_gain_is_the_verdicts_effect_by_hand(known, plan):
    """Effect per window × 365 / 334 days, shrunk by the spread, × 95 % of the eligible 4,000 · 834 / 3,128."""
    verdict = known["effects"][0]
    measured = verdict.table.filter(segment="remote").row(0, named=True)
    mean, sd = measured["effect"] * 365 / 334, measured["standard_error"] * 365 / 334
    believed = mean * plan.prior_spread**2 / (plan.prior_spread**2 + sd**2)
    row = plan.table.filter(measure="P5b", segment="remote").row(0, named=True)
    assert row["effect"] == pytest.approx(believed)
    assert row["effect_low"] == pytest.approx(measured["effect_low"] * 365 / 334)
    assert row["gain"] == pytest.approx(0.95 * 4000 * 834 / 3128 * believed, abs=0.01)
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    assert "test free_delivery" in row["why"]


def test_the_net_is_the_sum_of_the_rows(plan):
    assert plan.net == pytest.approx(plan.table["gain"].sum(), abs=0.05)
    assert plan.risk["net_low"].item() < plan.net < plan.risk["net_high"].item()
    assert plan.optimality_gap == 0.0


def test_only_a_verdict_makes_an_effect_measured(known):
    """A typed word does not: what stands in effect_draws as measured is tested first like any prior."""
    typed = known["shop"].fetch("effect_draws").with_columns(provenance=pl.lit("measured"), d_log_spend=pl.lit(0.5))
    found = planned(known, {"effect_draws": typed})
    assert found.table.filter(pl.col("action") == "give")["basis"].to_list() == ["measured"]


def test_a_verdict_that_could_not_be_judged_measures_nothing(known):
    verdict = known["effects"][0]
    with pytest.raises(DataError, match="could not be judged"):
        effects_from(replace(verdict, decision="cannot be judged"))
    with pytest.raises(DataError, match="provisional"):
        effects_from(replace(verdict, is_provisional=True))
    with pytest.raises(DataError, match="not of a randomised test"):
        effects_from(replace(verdict, design="observational"))


def test_effects_keep_their_evidence(known):
    table = effects_from(known["effects"][0], measure="P5b").table
    row = table.filter(segment="remote", channel="contribution").row(0, named=True)
    assert (row["experiment"], row["provenance"], row["window_days"]) == ("free_delivery", "measured", 334)
    rate = table.filter(segment="remote", channel="rate").row(0, named=True)
    assert rate["low"] < rate["mean"] < rate["high"]


def test_an_old_measurement_weighs_half_after_its_half_life():
    assert aged(2.0, 3.0, half_life=3.0) ** 2 == pytest.approx(8.0)
    assert aged(2.0, -1.0) == 2.0


def measured(*tests):
    """Effects of one measure on one segment: mean, sd, decision, years ago."""
    rows = [
        {"measure": "m", "segment": "s", "channel": "contribution", "mean": mean, "sd": sd, "low": mean - 2 * sd,
         "high": mean + 2 * sd, "decision": decision, "experiment": f"t{i}",
         "measured_on": DAY - dt.timedelta(days=round(365 * years))}
        for i, (mean, sd, decision, years) in enumerate(tests)
    ]  # fmt: skip
    return combined(pl.DataFrame(rows), as_of=DAY, spread=1e6)["m", "s"]


@pytest.mark.parametrize(
    ("tests", "mean", "low", "decision"),
    [
        ([(10.0, 3.0, "pays off", 0.0)], 10.0, 4.0, "pays off"),
        # a second, sharper test against the first: (10/9 - 8/4) / (1/9 + 1/4) = -2.46, error 1.66: undecided
        ([(10.0, 3.0, "pays off", 1.0), (-8.0, 2.0, "does not pay", 0.0)], None, None, "keep testing"),
        # the newest alone is undecided, both together are sure
        ([(10.0, 3.0, "pays off", 0.0), (5.0, 3.0, "keep testing", 0.0)], 7.5, 7.5 - 2 * 3 / 2**0.5, "pays off"),
        ([(-9.0, 4.0, "does not pay", 0.0), (-3.0, 4.0, "keep testing", 0.0)], -6.0, None, "does not pay"),
        # nine years old: three half-lives, the error is sqrt(8) times as wide
        ([(10.0, 3.0, "pays off", 9.0)], 10.0, 10.0 - 6.0 * 8**0.5, "keep testing"),
        ([(10.0, 1.0, "pays off", 9.0)], 10.0, 10.0 - 2.0 * 8**0.5, "pays off"),
        ([(0.1, 1.0, "practically neutral", 9.0)], 0.1, None, "practically neutral"),
    ],
)
def test_all_tests_of_a_measure_decide_together(tests, mean, low, decision):
    found = measured(*tests)
    assert found.decision == decision
    if mean is not None:
        assert found.belief.mean == pytest.approx(mean, rel=1e-4)
    if low is not None:
        assert found.low == pytest.approx(low, rel=1e-3)
    assert found.experiments[-1] == f"t{len(tests) - 1}"


def test_the_spread_of_effects_comes_from_past_tests_and_the_stated_one():
    """Stated 3 counts twice; effects 5 and 1 with errors 3 and 2: 16 and nothing. √((2·9 + 16 + 0) / 4) = √8.5."""
    found = pl.DataFrame({"mean": [5.0, 1.0], "sd": [3.0, 2.0]})
    assert prior_spread(found, 3.0) == pytest.approx(8.5**0.5)
    assert prior_spread(found.clear(), 3.0) == pytest.approx(3.0)


# ------------------------------------------------------------------------------------------ not measured


def test_what_was_not_measured_is_tested_and_ranked_by_what_the_result_is_worth(plan):
    started = plan.tests.filter("is_started")
    assert started.filter(pl.col("measure") != "P5b").height == 3
    assert plan.tests["worth"].is_sorted(descending=True)
    assert (plan.tests["worth"] <= plan.tests["perfect_information"]).all()
    assert plan.table.filter(action="give")["basis"].to_list() == ["measured"]


def test_priors_that_are_accepted_say_how_much_of_the_gain_is_belief(known):
    found = planned(known, accept_priors=True)
    assert found.basis == "mixed"
    assert 0.0 < found.belief_share < 1.0
    assert f"{found.belief_share:.0%} of it is belief" in found.title
    none = planned(known, accept_priors=True, effects=[])
    assert none.basis == "prior"
    assert none.belief_share == 1.0
    assert none.risk["p_beats_today"].item() < 0.995  # the priors may be wrong altogether


def test_without_a_test_nothing_is_given_and_the_plan_says_what_to_test(known):
    found = planned(known, effects=[])
    assert set(found.table["action"]) == {"keep", "test"}
    assert found.title.startswith("Keep today's service: nothing measured says that a change pays. Put 3 measures")
    assert found.risk["p_beats_today"].item() is None


# ------------------------------------------------------------------------------------------------- limits


def test_a_budget_that_is_too_small_keeps_a_measure_out_and_the_row_says_so(known):
    found = planned(known, budget=0.0)
    assert actions(found)["remote"] == "keep"
    why = found.table.filter(measure="P5b", segment="remote")["why"].item()
    assert why.endswith("but too little is left of the budget.")
    assert planned(known, budget=20_000.0).net >= planned(known, budget=10_000.0).net >= found.net


def test_a_promise_is_kept_and_one_that_money_can_not_keep_is_refused(known):
    found = planned(known, promised={"P5b": ["small business"]})
    assert actions(found)["small business"] == "give"
    with pytest.raises(PlanError, match=r"a budget of 10\.00") as error:
        planned(known, promised={"P5b": ["small business"]}, budget=10.0)
    assert "raise the budget by" in error.value.hint.lower()
    with pytest.raises(PlanError, match="no such pair"):
        planned(known, promised={"P5b": ["nowhere"]})


def test_a_shut_gate_keeps_a_measure_closed(known):
    gates = known["shop"].fetch("stage_gates").with_columns(actual=pl.lit(0.0))
    catalogue = known["shop"].fetch("courtesy_catalogue").with_columns(needs_stage=pl.lit(1))
    tables = {"stage_gates": gates, "courtesy_catalogue": catalogue}
    assert actions(planned(known, tables))["remote"] == "keep"
    with pytest.raises(PlanError, match="behind a gate that stays shut"):
        planned(known, tables, promised={"P5b": ["remote"]})


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"budget": -1.0}, "budget must be a number of 0 or more"),
        ({"reserve": 5.0}, "needs a budget"),
        ({"budget": 10.0, "reserve": 15.0}, "more than the budget"),
        ({"staff_hours": {"nobody": 5.0}}, "names resource 'nobody'"),
        ({"staff_hours": {"field": -5.0}}, "field must be a number"),
    ],
)
def test_limits_that_make_no_sense_are_named(known, limits, says):
    with pytest.raises(PlanError, match=says):
        planned(known, **limits)


def test_hours_are_kept_by_resource(known):
    found = planned(known, accept_priors=True, staff_hours={"contact_centre": 4.0})
    used = found.shadow_prices.filter(constraint="hours of contact_centre").row(0, named=True)
    assert (used["limit"], used["used"] <= 4.0) == (4.0, True)
    wider = planned(known, accept_priors=True)
    assert wider.net >= found.net


# --------------------------------------------------------------------------------------------------- little


def test_one_test_and_orders_are_enough(tmp_path):
    """Free delivery earns 19.16 a customer and year in segment far and loses 29.81 in segment near."""
    for name, frame in own_shop(1).items():
        frame.write_csv(tmp_path / f"{name}.csv")
    with Warehouse() as shop:
        shop.load(tmp_path)
        found = plan_service(shop)
    rows = {row["segment"]: row for row in found.table.iter_rows(named=True)}
    assert (rows["far"]["action"], rows["near"]["action"]) == ("give", "withdraw")
    assert rows["far"]["effect_low"] < TRUE_YEAR["far"] < rows["far"]["effect_high"]
    assert rows["near"]["effect_low"] < TRUE_YEAR["near"] < rows["near"]["effect_high"]
    assert found.basis == "measured"
    assert "courtesy_catalogue (measures that nobody tested" in found.note


def test_without_a_test_and_a_catalogue_there_is_nothing_to_plan(known):
    with pytest.raises(MissingInputError, match="No test is judged") as error:
        planned(known, {"courtesy_catalogue": known["shop"].fetch("courtesy_catalogue").clear()}, effects=[])
    assert "would give a verdict" in error.value.hint


# -------------------------------------------------------------------------------------------------- gates

LEVELS = pl.DataFrame({
    "level": [0, 1, 2], "name": ["base", "quality", "professional"], "min_stage": [0, 1, 2], "setup_cost": [0, 1, 2],
})  # fmt: skip


def test_a_level_needs_the_gates_of_its_stage_and_of_those_before():
    gates = pl.DataFrame({
        "stage": [1, 1, 2, 2], "requirement": ["x", "x", "y", "z"], "target": [0.9, 0.9, 0.5, 0.5],
        "actual": [0.2, 0.95, 0.4, None], "as_of": [dt.date(2024, 1, 1), DAY, DAY, dt.date(2026, 1, 1)],
    })  # fmt: skip
    assert shut_levels(LEVELS, gates, as_of=DAY)["gate"].to_list() == [None, None, "y is 0.4, stage 2 asks for 0.5"]
    earlier = shut_levels(LEVELS, gates, as_of=dt.date(2025, 1, 1))["gate"].to_list()
    assert earlier == [None, *["x is 0.2, stage 1 asks for 0.9"] * 2]
    later = shut_levels(LEVELS, gates.filter(requirement="z"), as_of=dt.date(2026, 2, 1))["gate"].to_list()
    assert later == [None, None, "z is not known, stage 2 asks for 0.5"]
    assert shut_levels(LEVELS, gates.clear(), as_of=DAY)["gate"].null_count() == 3
    measures = pl.DataFrame({"measure_id": ["a", "b"], "needs_stage": [2, None]})
    assert shut_measures(measures, gates, as_of=DAY) == {"a": "y is 0.4, stage 2 asks for 0.5"}
