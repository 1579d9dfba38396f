"""The sample against its truth: the verdict by segment, both views of the cost, and the launch to top spenders."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest

from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.design import sample_size
from custvalue.experiments.looks import LOG
from custvalue.experiments.threshold import free_delivery_threshold
from custvalue.experiments.verdict import does_it_pay


@pytest.fixture(scope="module")
def shop(root):
    with open_warehouse() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="module")
def truth(root):
    return json.loads((root / "sample_data" / "truth.json").read_text())


@pytest.fixture(scope="module")
def verdict(shop):
    return does_it_pay(shop, experiment="free_delivery")


def test_the_verdict_by_segment_agrees_with_the_truth(verdict, truth):
    decisions = dict(verdict.table.select("segment", "decision").iter_rows())
    for segment, true in truth["free_delivery"]["segments"].items():
        if true["decided"]:
            assert decisions[segment] == ("pays off" if true["effect"] > 0.0 else "does not pay")
        else:
            assert decisions[segment] == "keep testing"
    assert verdict.decision == "pays only for"
    assert verdict.pays_only_for == ("remote",)


def test_no_interval_is_far_from_the_truth(verdict, truth):
    """Five intervals at 95 % and more: at most one misses."""
    known = {s: t["effect"] for s, t in truth["free_delivery"]["segments"].items()}
    known["all"] = truth["free_delivery"]["overall"]["effect"]
    missed = [
        r["segment"] for r in verdict.table.to_dicts() if not r["effect_low"] < known[r["segment"]] < r["effect_high"]
    ]
    assert len(missed) <= 1


def test_accounting_and_economic_cost_are_both_shown(verdict, truth):
    for row in verdict.costs.to_dicts():
        true = (
            truth["free_delivery"]["overall"]
            if row["segment"] == "all"
            else truth["free_delivery"]["segments"][row["segment"]]
        )
        assert row["accounting_cost"] == pytest.approx(true["accounting_cost"], abs=1.0)
        assert row["economic_cost"] == pytest.approx(true["economic_cost"], abs=1.5)


def test_the_launch_to_top_spenders(shop, truth):
    found = does_it_pay(shop, experiment="vip_gift")
    row, true = found.table.row(0, named=True), truth["vip_gift"]
    assert found.decision == "cannot be judged"
    assert true["effect_on_gifted"] < 0.0 < true["naive_difference"]
    assert row["effect_low"] < true["effect_on_gifted"] < row["effect_high"] < true["naive_difference"]
    assert found.naive["naive_difference"][0] > 5.0
    assert "chance did not choose" in found.sentence


def test_looks_are_logged_in_the_warehouse(shop, verdict):
    again = does_it_pay(shop, experiment="free_delivery")
    assert again.looks == verdict.looks == 1
    assert shop.fetch(LOG).filter(experiment="free_delivery").height == 1


def test_an_unknown_experiment(shop):
    with pytest.raises(DataError, match="free_delivery, vip_gift"):
        does_it_pay(shop, experiment="gift_wrap")


def test_the_verdict_goes_into_a_workbook(verdict, tmp_path):
    import openpyxl
    import xlsxwriter

    file = tmp_path / "verdict.xlsx"
    with xlsxwriter.Workbook(file) as book:
        verdict.to_excel(book, "free delivery")
    sheet = openpyxl.load_workbook(file)["free delivery"]
    cells = [cell.value for row in sheet.iter_rows() for cell in row]
    assert "remote" in cells
    assert not any(isinstance(v, str) and v.startswith("=") for v in cells)


@pytest.fixture(scope="module")
def curve(shop):
    return free_delivery_threshold(shop, experiment="free_delivery", thresholds=[25.0, 80.0])


def test_the_thresholds_of_the_arms_are_compared_in_the_money_of_the_books(shop, curve):
    """Two roads: the curve, and the arms' mean contributions straight from the relation."""
    customers = shop.fetch("experiment_customers", experiment="free_delivery").filter(pl.col("is_mature"))
    means = customers.group_by("segment", "arm").agg(pl.col("contribution").cast(pl.Float64).mean())
    by_hand = {(s, 50.0 if arm == "control" else 0.0): m for s, arm, m in means.iter_rows()}
    tested = curve.table.filter((pl.col("basis") == "tested") & (pl.col("segment") != "all"))
    assert tested.height == len(by_hand) == 8
    for row in tested.to_dicts():
        assert row["profit"] == pytest.approx(by_hand[row["segment"], row["threshold"]], rel=1e-9)
    assert set(curve.table.filter(threshold=25.0)["basis"]) == {"between tested"}
    assert curve.table.filter(threshold=80.0)["profit"].null_count() == 5
    assert (curve.current, curve.currency, curve.fee) == (50.0, "EUR", None)


def test_the_threshold_curve_agrees_with_the_truth(curve, truth):
    for segment, true in truth["free_delivery"]["segments"].items():
        row = curve.table.filter(segment=segment, threshold=0.0).row(0, named=True)
        assert row["gain_low"] < true["effect"] < row["gain_high"]
        if true["decided"]:
            assert (row["gain_low"] > 0.0, row["gain_high"] < 0.0) == (true["effect"] > 0.0, true["effect"] < 0.0)
    assert "always free is better for remote" in curve.title


def test_split_orders_are_told_from_more_orders(curve, truth):
    """Bargain hunters split their baskets, those far away order more: both have more orders."""
    for segment, true in truth["free_delivery"]["segments"].items():
        row = curve.table.filter(segment=segment, threshold=0.0).row(0, named=True)
        more = true["orders_with"] - true["orders_without"]
        planted = more if segment == "bargain" else 0.0
        assert row["orders_split_low"] < planted < row["orders_split_high"]
        if segment in ("bargain", "remote"):
            assert more > 0.9
    assert curve.table.filter(segment="bargain", threshold=0.0)["orders_split_low"][0] > 1.0


def test_what_a_comparison_of_thresholds_needs_of_a_shop(shop, root):
    with pytest.raises(DataError, match="Name the experiment"):
        free_delivery_threshold(shop)
    with pytest.raises(DataError, match=r"(?s)no experiment 'nothing'.*free_delivery, vip_gift"):
        free_delivery_threshold(shop, experiment="nothing")
    with pytest.raises(MissingInputError, match="experiment_arms"):
        free_delivery_threshold(shop, experiment="vip_gift")
    with open_warehouse() as other:
        other.load(root / "sample_data")
        other.load(
            pl.DataFrame({"experiment_id": [2], "arm": ["control"], "free_over": [50.0]}), table="experiment_arms"
        )
        with pytest.raises(DataError, match="Arm 'treatment' of 'vip_gift' has no row"):
            free_delivery_threshold(other, experiment="vip_gift")


def test_a_test_is_planned_on_the_companys_own_past(shop):
    """Two roads: the plan's history, and the same window cut from the books here."""
    days, back = 28, 30
    last = shop.fetch("data_span")["last_day"][0]
    ago = (pl.lit(last) - pl.col("on")).dt.total_days()
    entries = shop.fetch("pnl_entries").filter(pl.col("pnl_line") != "acquisition").with_columns(on="attributed_on")
    orders = shop.fetch("int_orders").drop_nulls("customer_id").with_columns(on="ordered_on")
    known = orders.filter(ago >= days + back)["customer_id"].unique()
    by = entries.filter(pl.col("customer_id").is_in(known.to_list())).group_by("customer_id")
    amount = pl.col("amount").cast(pl.Float64)
    by_hand = by.agg(
        contribution=amount.filter(ago.is_between(back, back + days - 1)).sum(),
        before=amount.filter(ago.is_between(back + days, back + 2 * days - 1)).sum(),
    )  # fmt: skip
    everybody = pl.DataFrame({"customer_id": known}).join(by_hand, on="customer_id", how="left").fill_null(0.0)
    plan = sample_size(shop, effect=2.0, outcome_days=days, return_days=back)
    same = sample_size(everybody, before="before", effect=2.0, outcome_days=days, return_days=back)
    columns = ["n_customers", "smallest_effect", "smallest_effect_adjusted"]
    assert plan.table.select(columns).equals(same.table.select(columns), null_equal=True) or (
        plan.table["smallest_effect_adjusted"].to_list()
        == pytest.approx(same.table["smallest_effect_adjusted"].to_list())
    )
    assert plan.n_customers == same.n_customers
    history = shop.fetch("customer_history", outcome_days=days, return_days=back)
    window = orders.filter(ago.is_between(back, back + days - 1) & pl.col("customer_id").is_in(known.to_list()))
    assert (history.height, history["n_orders"].sum()) == (len(known), window.height)


def test_known_customers_enter_on_the_first_day(shop):
    plan = sample_size(shop, outcome_days=28, return_days=30, effect=1.0)
    days = dict(plan.table.select("n_customers", "days").iter_rows())
    assert plan.at_once == 3_939
    assert days[1_000] == days[2_000] == 58
    new = (4_000 - 3_939) / 58
    assert plan.entered_per_day == pytest.approx(new)
    assert days[5_000] == math.ceil((5_000 - 3_939) / new) + 58
    slow = sample_size(shop, outcome_days=28, return_days=30, entered_per_day=100.0)
    assert dict(slow.table.select("n_customers", "days").iter_rows())[1_000] == 68
    with pytest.raises(DataError, match="0 customers bought before the last 2000"):
        sample_size(shop, outcome_days=2_000)
    with pytest.raises(DataError, match="A window has a day or more"):
        sample_size(shop, outcome_days=0)
