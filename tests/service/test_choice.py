"""choose_levels: the rules, the limits, the sentences."""

from __future__ import annotations

import polars as pl
import pytest

from custvalue.errors import DataError, PlanError
from custvalue.service.choice import choose_levels

NAMES = {0: "base", 1: "quality", 2: "professional", 3: "service centre"}


def options(rows: list[tuple], **extra) -> pl.DataFrame:
    """Rows of segment, level, gain, cost, staff_hours."""
    schema = ["segment", "level", "gain", "cost", "staff_hours"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    named = frame.with_columns(name=pl.col("level").replace_strict(NAMES, return_dtype=pl.String))
    return named.with_columns(**{k: pl.lit(v) for k, v in extra.items()})


TWO = options([
    ("A", 0, 0.0, 0.0, 0.0), ("A", 1, 900.0, 300.0, 10.0), ("A", 2, 5000.0, 600.0, 20.0),
    ("B", 0, 0.0, 0.0, 0.0), ("B", 1, 500.0, 200.0, 30.0), ("B", 2, 700.0, 500.0, 60.0),
])  # fmt: skip


def levels(plan) -> dict[str, int]:
    return dict(plan.table.select("segment", "level").iter_rows())


def test_without_limits_every_step_that_pays_is_taken():
    plan = choose_levels(TWO, current=0)
    assert levels(plan) == {"A": 1, "B": 1}
    assert plan.net == 900.0


def test_the_budget_alone_changes_the_plan():
    assert levels(choose_levels(TWO, current=0, budget=500.0)) == {"A": 1, "B": 1}
    assert levels(choose_levels(TWO, current=0, budget=499.99)) == {"A": 1, "B": 0}
    assert levels(choose_levels(TWO, current=0, budget=299.99)) == {"A": 0, "B": 1}


def test_the_staff_hours_alone_change_the_plan():
    assert levels(choose_levels(TWO, current=0, staff_hours=40.0)) == {"A": 1, "B": 1}
    assert levels(choose_levels(TWO, current=0, staff_hours=39.99)) == {"A": 1, "B": 0}


def test_the_reserve_alone_changes_the_plan():
    assert levels(choose_levels(TWO, current=0, budget=500.0, reserve=0.0)) == {"A": 1, "B": 1}
    plan = choose_levels(TWO, current=0, budget=500.0, reserve=0.01)
    assert levels(plan) == {"A": 1, "B": 0}
    assert "reserve" in plan.table.filter(segment="B")["why"].item()


def test_one_step_alone_changes_the_plan():
    today_one_higher = choose_levels(TWO, current={"A": 1, "B": 0})
    assert levels(choose_levels(TWO, current=0))["A"] == 1  # level 2 earns 4,400, and is two steps away
    assert levels(today_one_higher)["A"] == 2


def test_nobody_down_alone_changes_the_plan():
    dear = options([("A", 0, 400.0, 0.0, 0.0), ("A", 1, 0.0, 100.0, 0.0)])
    assert levels(choose_levels(dear, current=1)) == {"A": 1}
    assert levels(choose_levels(dear, current=0)) == {"A": 0}


def test_the_third_level_stays_closed_unless_it_is_opened():
    centre = options([("A", 2, 0.0, 0.0, 0.0), ("A", 3, 900.0, 1.0, 0.0)])
    closed = choose_levels(centre, current=2)
    assert levels(closed) == {"A": 2}
    assert "not open" in closed.table["why"].item()
    assert levels(choose_levels(centre, current=2, highest_level=3)) == {"A": 3}


def test_set_up_is_paid_once_for_a_level_however_many_segments_use_it():
    alone = TWO.filter(pl.col("segment") == "A").with_columns(setup_cost=pl.lit(650.0))
    shared = TWO.with_columns(setup_cost=pl.when(pl.col("level") == 1).then(650.0).otherwise(0.0))
    stays = choose_levels(alone, current=0)
    assert levels(stays) == {"A": 0}  # 600 net does not earn back 650
    assert stays.table["why"].item().endswith("10 hours, which does not earn back its set-up of 650.")
    short = choose_levels(alone, current=0, budget=900.0).table["why"].item()
    assert short.endswith("but with its set-up of 650 that is more than the budget leaves.")
    plan = choose_levels(shared, current=0)
    assert levels(plan) == {"A": 1, "B": 1}
    assert (plan.setup_cost, plan.net) == (650.0, 250.0)
    assert "250 net a year for 1,150 (set-up of 650 included)" in plan.title


def test_a_level_in_use_today_needs_no_set_up():
    frame = options([("A", 0, 0.0, 0.0, 0.0), ("A", 1, 10.0, 1.0, 0.0), ("B", 1, 0.0, 0.0, 0.0)])
    plan = choose_levels(frame.with_columns(setup_cost=pl.lit(1e6)), current={"A": 0, "B": 1})
    assert levels(plan) == {"A": 1, "B": 1}
    assert plan.setup_cost == 0.0


def test_set_up_counts_against_the_budget():
    frame = TWO.with_columns(setup_cost=pl.when(pl.col("level") == 1).then(100.0).otherwise(0.0))
    assert levels(choose_levels(frame, current=0, budget=600.0)) == {"A": 1, "B": 1}
    assert levels(choose_levels(frame, current=0, budget=599.0)) == {"A": 1, "B": 0}


def test_of_equally_good_plans_the_one_with_fewest_steps_is_taken():
    even = options([("A", 0, 0.0, 0.0, 0.0), ("A", 1, 50.0, 50.0, 1.0)])
    assert levels(choose_levels(even, current=0)) == {"A": 0}


def test_the_order_of_the_rows_does_not_matter():
    plans = [choose_levels(TWO.sample(fraction=1.0, shuffle=True, seed=s), current=0) for s in range(5)]
    assert all(plan.table.equals(plans[0].table) for plan in plans)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"budget": 99.0}, "budget"),
        ({"budget": 150.0, "reserve": 51.0}, "budget"),
        ({"staff_hours": 4.0}, "staff hours"),
    ],
)
def test_a_limit_that_cannot_be_met_is_named(limits, named):
    costly = options([("A", 1, 0.0, 100.0, 5.0), ("A", 2, 500.0, 300.0, 9.0)])
    with pytest.raises(PlanError, match=named):
        choose_levels(costly, current=1, **limits)


def test_limits_that_clash_are_named_together():
    frame = options([("A", 0, 0.0, 100.0, 1.0), ("A", 1, 0.0, 10.0, 9.0)])
    with pytest.raises(PlanError, match="can't be met together"):
        choose_levels(frame, current=0, budget=50.0, staff_hours=5.0)


def test_a_reserve_needs_a_budget():
    with pytest.raises(PlanError, match="needs a budget"):
        choose_levels(TWO, current=0, reserve=1.0)


@pytest.mark.parametrize("limit", [{"budget": -1.0}, {"budget": 1.0, "reserve": -1.0}])
def test_a_limit_must_be_a_number(limit):
    with pytest.raises(PlanError, match="0 or more"):
        choose_levels(TWO, current=0, **limit)


def test_a_segment_without_a_level_today_is_an_error():
    with pytest.raises(PlanError, match="'B'"):
        choose_levels(TWO, current={"A": 0})
    with pytest.raises(PlanError, match="level 3 today"):
        choose_levels(TWO, current=3)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (TWO.drop("cost"), "cost"),
        (TWO.clear(), "no row"),
        (pl.concat([TWO, TWO.head(1)]), "more than once"),
        (TWO.with_columns(cost=pl.when(pl.col("level") == 1).then("cost")), "empty in 4 rows"),
        (TWO.with_columns(gain=pl.lit(float("inf"))), "not finite"),
    ],
)
def test_bad_options_are_refused_by_name(frame, message):
    with pytest.raises(DataError, match=message):
        choose_levels(frame, current=0)


def test_a_step_whose_effect_nobody_stated_is_not_taken():
    frame = TWO.with_columns(gain=pl.when(pl.col("level") != 1).then("gain"), basis=pl.lit("none"))
    plan = choose_levels(frame, current=0)
    assert levels(plan) == {"A": 0, "B": 0}
    assert "no effect of quality is stated" in plan.table["why"][0]
    assert plan.title.startswith("Keep today's")


def test_a_plan_on_priors_says_so_and_can_be_refused():
    prior = TWO.with_columns(basis=pl.lit("prior"))
    plan = choose_levels(prior, current=0)
    assert plan.basis == "prior"
    assert "not on a measured effect" in plan.title
    assert "not a measured effect" in plan.table["why"][0]
    assert levels(choose_levels(prior, current=0, accept_priors=False)) == {"A": 0, "B": 0}
    half = choose_levels(TWO.with_columns(basis=pl.when(segment="A").then(pl.lit("prior"))
                         .otherwise(pl.lit("measured"))), current=0)  # fmt: skip
    assert half.basis == "mixed"
    assert "in part" in half.title


def test_the_sentences_hold_the_money():
    plan = choose_levels(TWO, current=0, budget=300.0)
    why = dict(plan.table.select("segment", "why").iter_rows())
    assert why["A"] == (
        "Goes from base to quality: brings 900 for 300 and 10 hours; professional only after a period at quality."
    )
    assert why["B"] == (
        "Stays at base: quality would bring 500 for 200 and 30 hours, but that is more than the budget leaves."
    )
    assert plan.title == "Raise the service of 1 of 2 segments: 600 net a year for 300 and 10 staff hours"


def test_a_step_that_loses_money_is_told_with_its_loss():
    frame = options([("A", 0, 0.0, 0.0, 0.0), ("A", 1, 120.0, 340.0, 10.0)])
    why = choose_levels(frame, current=0).table["why"].item()
    assert why == "Stays at base: quality would bring 120 for 340 and 10 hours, a loss of 220."


def test_shadow_prices_say_what_more_would_bring():
    plan = choose_levels(TWO, current=0, budget=400.0, staff_hours=1000.0)
    budget, hours = plan.shadow_prices.sort("constraint").to_dicts()
    # A is taken (300), B needs 200: 100 more money brings 300 more; one unit brings nothing
    assert (budget["used"], budget["left"], budget["one_more"]) == (300.0, 100.0, 0.0)
    assert (budget["more_needed"], budget["net_then"]) == (100.0, 300.0)
    # the relaxation gives B half its step: 300 net for 200 money, 1.50 a unit
    assert budget["relaxed_price"] == pytest.approx(1.5)
    assert (hours["relaxed_price"], hours["more_needed"]) == (0.0, None)


def test_without_limits_there_is_nothing_to_price():
    assert choose_levels(TWO, current=0).shadow_prices.is_empty()


def test_the_roadmap_has_this_plan_then_the_next_steps_with_their_gates():
    road = choose_levels(TWO, current=0, budget=300.0).roadmap
    assert road.select("when", "segment", "to_name", "net", "gate").rows() == [
        ("now", "A", "quality", 600.0, "open"),
        ("later", "A", "professional", 3800.0, "after a period at quality"),
        ("later", "B", "quality", 300.0, "budget"),
    ]


def test_only_a_segment_that_loses_on_every_level_is_a_candidate_for_withdrawal():
    assert choose_levels(TWO, current=0).withdrawals.is_empty()
    worth = TWO.with_columns(value=pl.when(segment="A").then(-10_000.0).otherwise(-200.0))
    plan = choose_levels(worth, current=0)
    assert plan.withdrawals.select("segment", "value", "best_net").rows() == [("A", -10_000.0, -5_600.0)]
    assert levels(plan) == {"A": 1, "B": 1}  # a candidate is listed, nothing is done to it


def test_regret_is_what_knowing_the_draw_would_have_brought():
    # A's step brings 100 or −60 for 10: on average it pays; knowing the draw one would skip it half the time
    frame = options([("A", 0, 0.0, 0.0, 0.0), ("A", 1, 20.0, 10.0, 0.0)])
    drawn = frame.with_columns(gain_draws=pl.Series([[0.0, 0.0], [100.0, -60.0]]))
    plan = choose_levels(drawn, current=0)
    row = plan.regret.row(0, named=True)
    assert (row["n_draws"], row["p_beats_today"], row["regret"]) == (2, 0.5, 35.0)
    assert row["net_low"] == pytest.approx(-70 + 0.025 * 160)
    assert "gain_draws" not in plan.options.columns
    assert choose_levels(frame, current=0).regret.is_empty()
