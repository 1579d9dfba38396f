"""The loop: a plan is rolled out with a hold-out, reviewed after a quarter, and planned anew."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

import custvalue as cv
from custvalue.errors import MissingInputError, PlanError
from custvalue.service.review import QUARTER_DAYS
from tests.service.own_shop import BASKET, CARRIER, DAYS, FEE, RATES, START, TRUE_YEAR, UNIT_COST, own_shop

HELD_BACK = 0.1


def next_quarter(seed, tables, out, rates=RATES):
    """Let customers buy for a quarter: those who are given free delivery as its treated did."""
    rng = np.random.default_rng([seed, 7])
    starts = START + dt.timedelta(days=DAYS)
    segments = dict(tables["segments"].select("customer_id", "segment").iter_rows())
    given = set(out.table.filter(arm="treatment")["customer_id"])
    ids = list(segments)
    means = np.array([rates[segments[i]][int(i in given)] for i in ids]) * QUARTER_DAYS / DAYS
    counts = rng.poisson(means * rng.gamma(2.0, 0.5, len(ids)))
    who = np.repeat(np.array(ids), counts)
    days = [starts + dt.timedelta(days=int(d)) for d in rng.integers(0, QUARTER_DAYS, who.size)]
    fee = np.where([i in given for i in who], 0.0, FEE)
    orders = pl.DataFrame({
        "order_id": [f"Q{i:06d}" for i in range(who.size)], "customer_id": who, "ordered_at": days,
        "gross_list": BASKET, "discount": 0.0, "delivery_fee_charged": fee,
    })  # fmt: skip
    last = orders.row(0, named=True) | {"order_id": "last", "ordered_at": starts + dt.timedelta(days=QUARTER_DAYS),
                                        "customer_id": next(i for i in ids if segments[i] == "near")}  # fmt: skip
    orders = pl.concat([orders, pl.DataFrame([last], schema=orders.schema)])
    return {
        "orders": orders,
        "order_lines": orders.select("order_id", line_no=pl.lit(1), qty=pl.lit(1), list_price=pl.lit(BASKET),
                                     unit_cost=pl.lit(UNIT_COST)),
        "deliveries": orders.select(pl.concat_str(pl.lit("D"), "order_id").alias("delivery_id"), "order_id",
                                    mode=pl.lit("standard"), carrier_cost=pl.lit(CARRIER)),
        "experiments": out.experiments, "assignments": out.table,
    }  # fmt: skip


def looped(seed, rates=RATES, n_per_segment=700):
    """Plan, roll out, wait a quarter, review and plan again."""
    tables = own_shop(seed, n_per_segment)
    with cv.open() as shop:
        for name, table in tables.items():
            shop.load(table, table=name)
        first = cv.plan_service(shop, holdout=HELD_BACK)
        out = cv.roll_out(first, shop)
        for name, table in next_quarter(seed, tables, out, rates).items():
            shop.load(table, table=name)
        return first, out, cv.review(first, shop), cv.plan_service(shop, holdout=HELD_BACK)


@pytest.fixture(scope="module")
def loop():
    return looped(11)


def test_a_step_is_drawn_with_its_hold_out(loop):
    first, out, _, _ = loop
    assert first.table.filter(action="give")["segment"].to_list() == ["far"]
    assert out.table["arm"].value_counts().sort("arm").rows() == [("control", 70), ("treatment", 630)]
    step = out.experiments.row(0, named=True)
    assert (step["measure_id"], step["starts"], step["planned_share"]) == (
        "free_delivery",
        first.as_of + dt.timedelta(1),
        0.9,
    )
    assert out.title == f"free_delivery to far from {step['starts']}: 630 customers get it, 70 are held back"


def test_a_review_sets_what_was_earned_beside_what_was_planned(loop):
    first, _, found, _ = loop
    row = found.table.row(0, named=True)
    planned = first.table.filter(segment="far")["effect"].item()
    assert (row["n_given"], row["n_held_back"], row["leaked"]) == (630, 70, 0.0)
    assert row["planned"] == pytest.approx(planned * 630 * QUARTER_DAYS / 365, abs=0.01)
    assert row["earned"] == pytest.approx(row["effect"] * 630 * QUARTER_DAYS / 365, abs=0.01)
    assert row["effect_low"] < TRUE_YEAR["far"] < row["effect_high"]
    assert found.title.startswith("Earned +")
    assert f"{row['planned']:,.0f}" in row["says"]


def test_the_next_plan_counts_both_tests_and_what_is_given_already(loop):
    first, _, found, second = loop
    row = second.table.filter(segment="far").row(0, named=True)
    assert (row["action"], row["given_today"]) == ("keep", 0.9)
    assert "2 tests" in row["why"]
    before = first.table.filter(segment="far").row(0, named=True)
    assert row["effect_high"] - row["effect_low"] < before["effect_high"] - before["effect_low"]
    assert found.effects[0].table["segment"].unique().to_list() == ["far"]


def test_a_measure_that_stopped_working_is_found_out():
    """Once everybody's neighbours have it too, it brings no orders: the hold-out says so, and the plan follows."""
    _, _, found, second = looped(12, rates={"far": (3.9, 3.9), "near": (3.0, 3.0)}, n_per_segment=2000)
    row = found.table.row(0, named=True)
    assert (row["decision"], row["drift"] < -2) == ("does not pay", True)
    assert "less than planned, by more than chance explains" in row["says"]
    assert second.table.filter(segment="far")["action"].item() != "give"


def test_what_was_not_rolled_out_is_not_reviewed():
    with cv.open() as shop:
        for name, table in own_shop(11).items():
            shop.load(table, table=name)
        plan = cv.plan_service(shop)
        with pytest.raises(MissingInputError, match="No step of the plan was rolled out"):
            cv.review(plan, shop)
        with pytest.raises(PlanError, match="gives nothing in quarter 3"):
            cv.roll_out(plan, shop, quarter=3)
        out = cv.roll_out(plan, shop)
        for name, table in (("experiments", out.experiments), ("assignments", out.table)):
            shop.load(table, table=name)
        found = cv.review(plan, shop)  # the day after: no window is full
        assert found.table["decision"].to_list() == ["cannot be judged"]
        assert found.title == "Nothing can be reviewed yet: no hold-out has a full window"
