"""plan_service on the sample shop, and the small steps between a shop and its options."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import polars as pl
import pytest

from custvalue.data.purchases import purchase_summary
from custvalue.data.warehouse import Warehouse
from custvalue.errors import DataError, MissingInputError, PlanError
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.service.gates import shut_levels
from custvalue.service.plan import plan_service
from custvalue.service.response import value_response
from custvalue.service.today import with_level_today

DAY = dt.date(2025, 12, 31)


@dataclass
class Changed:
    """A shop some of whose tables are replaced."""

    shop: Warehouse
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    def fetch(self, relation, **params):
        return self.tables[relation] if relation in self.tables else self.shop.fetch(relation, **params)


@pytest.fixture(scope="module")
def shop(root):
    with Warehouse() as warehouse:
        warehouse.load(root / "sample_data")
        yield warehouse


@pytest.fixture(scope="module")
def known(shop):
    """Fit and value once for all tests."""
    summary = purchase_summary(shop)
    purchases = fit(MbgNbd, summary)
    value = lifetime_value(
        purchases, fit(GammaGamma, summary), summary, margin_rate=0.4, service_cost_per_order=5.0, level=None
    )
    declared = shop.fetch("customer_segments")
    return {"shop": shop, "summary": summary, "purchases": purchases, "value": value, "segments": declared}


def planned(known, tables=None, **options):
    pieces = {k: v for k, v in known.items() if k != "shop"}
    return plan_service(Changed(known["shop"], tables or {}), **pieces | options)


def test_a_whole_plan_from_nothing_but_the_shop(shop):
    plan = plan_service(shop, budget=5000.0, staff_hours=180.0, reserve=500.0)
    assert plan.as_of == DAY
    assert plan.costing == "avoidable"
    assert plan.table["n_customers"].sum() == 4000
    spent = plan.table["cost"].sum() + plan.setup_cost
    assert 0 < spent <= 4500.0
    assert plan.table["staff_hours"].sum() <= 180.0
    assert ((plan.table["level"] - plan.table["level_today"]).is_between(0, 1)).all()
    assert plan.table["level"].max() <= 2
    assert plan.table["why"].str.len_chars().min() > 20
    assert 0.5 < plan.regret["p_beats_today"].item() <= 1.0
    assert plan.regret["regret"].item() >= 0
    # the sample's levels hold measures whose effects are stated priors: the plan must say so
    assert plan.basis == "prior"
    assert plan.title.endswith("resting on a stated prior, not on a measured effect")


def test_declared_segments_and_known_values_can_be_given(known):
    policy_history = policy(("all", 0, DAY, None), ("small business", 1, DAY, None))
    plan = planned(known, {"policy_history": policy_history})
    assert set(plan.table["segment"]) == {"loyal and near", "bargain", "remote", "small business"}
    today = dict(plan.table.select("segment", "level_today").iter_rows())
    assert today == {"loyal and near": 0, "bargain": 0, "remote": 0, "small business": 1}
    assert plan.costing == "full"


def test_an_option_is_the_sum_done_by_hand_from_the_raw_tables(known):
    """Level 1 made of one measure, W1: 1.5 minutes of the contact centre, two events a year."""
    shop = known["shop"]
    bundle = shop.fetch("bundle_items").filter(level=1, measure_id="W1").with_columns(dose=pl.lit(2.0))
    option = planned(known, {"bundle_items": bundle}).options.filter(segment="remote", level=1).row(0, named=True)
    people = shop.fetch("customer_segments").filter(segment="remote").join(known["value"].table, on="customer_id")
    minutes = people["p_alive"].sum() * 2 * 1.5
    assert option["staff_hours"] == pytest.approx(minutes / 60, abs=0.005)
    months = shop.fetch("resources").filter(pl.col("period").dt.year() == 2025, resource_id="contact_centre")
    practical = (months["theoretical_min"] * months["practical_share"].cast(pl.Float64)).sum()
    assert option["cost"] == pytest.approx(minutes * float(months["cost"].sum()) / practical, abs=0.005)
    answer = people.join(
        value_response(known["purchases"], known["summary"], horizon_days=365), on="customer_id"
    ).select(r=pl.col("clv").dot("rate_elasticity"), d=pl.col("clv").dot("dropout_elasticity"))
    draws = shop.fetch("effect_draws").filter(measure_id="W1").select(pl.col("d_log_rate", "d_log_dropout"))
    first_order = answer["r"].item() * draws["d_log_rate"].mean() + answer["d"].item() * draws["d_log_dropout"].mean()
    assert option["gain"] == pytest.approx(first_order, rel=0.02)


def test_free_delivery_costs_the_fees_it_gives_up(known):
    """Against the same plan with a fee of 0: the difference is dose × fee × customers alive, to the cent."""
    shop = known["shop"]
    catalogue = shop.fetch("courtesy_catalogue")
    is_free = pl.col("measure_id") == "P5b"
    no_fee = catalogue.with_columns(forgone_fee=pl.when(is_free).then(pl.lit(0)).otherwise("forgone_fee"))
    with_fee, without = (
        planned(known, {"courtesy_catalogue": table}).options.filter(segment="remote", level=2).row(0, named=True)
        for table in (catalogue, no_fee)
    )
    assert without["forgone_fee"] == 0.0
    assert with_fee["forgone_fee"] > 0
    assert without["gain"] - with_fee["gain"] == pytest.approx(with_fee["forgone_fee"], abs=0.02)
    assert with_fee["cost"] == without["cost"]


@pytest.mark.parametrize("name", ["effect_draws", "service_levels", "bundle_items", "courtesy_catalogue"])
def test_a_missing_table_is_named_with_what_it_would_give(known, name):
    with pytest.raises(MissingInputError, match=name) as error:
        planned(known, {name: known["shop"].fetch(name).clear()})
    assert "would give" in error.value.hint


def test_all_missing_tables_are_named_at_once(known):
    bare = {name: known["shop"].fetch(name).clear() for name in ("effect_draws", "service_levels")}
    with pytest.raises(MissingInputError, match="Tables service_levels, effect_draws are not loaded"):
        planned(known, bare)


def test_without_a_margin_there_is_no_plan(known):
    revenue = lifetime_value(
        known["purchases"],
        fit(GammaGamma, purchase_summary(known["shop"])),
        purchase_summary(known["shop"]),
        level=None,
    )
    with pytest.raises(MissingInputError, match="margin"):
        planned(known, value=revenue)


def test_without_priors_only_measured_steps_are_taken_and_without_any_it_refuses(known):
    assumed = known["shop"].fetch("effect_draws").with_columns(provenance=pl.lit("assumed"))
    with pytest.raises(PlanError, match="measured"):
        planned(known, {"effect_draws": assumed}, accept_priors=False)
    nothing = known["shop"].fetch("effect_draws").with_columns(measure_id=pl.lit("P5d"))
    with pytest.raises(PlanError, match="stated"):
        planned(known, {"effect_draws": nothing})
    measured = known["shop"].fetch("effect_draws").with_columns(provenance=pl.lit("measured"))
    plan = planned(known, {"effect_draws": measured}, accept_priors=False)
    assert plan.basis == "measured"
    assert "prior" not in plan.title


def test_a_shut_gate_keeps_a_level_closed(known):
    gates = known["shop"].fetch("stage_gates").with_columns(actual=pl.lit(0.0))
    plan = planned(known, {"stage_gates": gates})
    assert (plan.table["level"] == plan.table["level_today"]).all()
    assert "is shut: share of" in " ".join(plan.table["why"])


def test_minutes_of_a_resource_that_is_not_loaded_are_an_error(known):
    with pytest.raises(DataError, match="resources"):
        planned(known, {"resources": known["shop"].fetch("resources").clear()})


# ------------------------------------------------------------------------------------------------- today

LEVELS = pl.DataFrame({
    "level": [0, 1, 2], "name": ["base", "quality", "professional"], "min_stage": [0, 1, 2], "setup_cost": [0, 1, 2],
})  # fmt: skip


def policy(*rows) -> pl.DataFrame:
    schema = {"segment": pl.String, "level": pl.Int16, "valid_from": pl.Date, "valid_to": pl.Date}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


PEOPLE = pl.DataFrame({
    "customer_id": ["a", "b", "c"], "segment": ["high", "high", "low"], "effect_segment": ["near", "firm", None],
})  # fmt: skip


def levels_of(*rows) -> dict[str, tuple[str, int]]:
    table = with_level_today(PEOPLE, policy(*rows), LEVELS, as_of=DAY)
    return {r["customer_id"]: (r["segment"], r["level_today"]) for r in table.to_dicts()}


def test_without_a_policy_everybody_is_served_at_the_lowest_level():
    assert set(levels_of().values()) == {("high", 0), ("low", 0)}


def test_the_segments_own_row_comes_first_then_the_declared_ones_then_all():
    start = dt.date(2025, 1, 1)
    assert levels_of(("all", 1, start, None))["c"] == ("low", 1)
    found = levels_of(("all", 0, start, None), ("firm", 2, start, None), ("low", 1, start, None))
    assert found == {"a": ("high", 0), "b": ("high (now professional)", 2), "c": ("low", 1)}


def test_only_spells_that_hold_on_the_day_count():
    ended = ("all", 2, dt.date(2024, 1, 1), dt.date(2025, 6, 30))
    later = ("all", 2, dt.date(2026, 1, 1), None)
    assert levels_of(ended, later, ("all", 1, dt.date(2025, 7, 1), None))["a"][1] == 1
    assert levels_of(("all", 1, dt.date(2025, 7, 1), DAY))["a"][1] == 1


def test_a_policy_with_an_unknown_level_is_an_error():
    with pytest.raises(DataError, match="level 7"):
        levels_of(("all", 7, dt.date(2025, 1, 1), None))


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
