"""The sample's test of free delivery: the verdict by segment against the truth that the simulator knows."""

from __future__ import annotations

import json

import pytest

import custvalue as cv


@pytest.fixture(scope="module")
def sample(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="module")
def verdict(sample):
    return cv.does_it_pay(sample, experiment="free_delivery")


@pytest.fixture(scope="module")
def truth(root):
    return json.loads((root / "sample_data" / "truth.json").read_text())


def test_each_segment_gets_the_verdict_that_the_truth_asks_for(verdict, truth):
    for name, so in truth["free_delivery"]["segments"].items():
        row = verdict.table.filter(segment=name).row(0, named=True)
        if so["decided"]:
            assert row["decision"] == ("pays off" if so["effect"] > 0 else "does not pay"), name
            assert row["effect"] * so["effect"] > 0, name
        else:
            assert row["decision"] == "keep testing", name
            assert row["keep_testing_until"] is not None
        assert row["effect_low"] <= so["effect"] <= row["effect_high"], name


def test_giving_it_to_all_or_to_nobody_would_both_be_wrong(verdict):
    assert verdict.decision == "pays only for"
    assert verdict.pays_only_for == ("remote",)
    assert "block" not in verdict.checks["status"].to_list()


def test_both_costs_are_shown_and_near_the_truth(verdict, truth):
    for name, so in truth["free_delivery"]["segments"].items():
        row = verdict.costs.filter(segment=name).row(0, named=True)
        assert row["accounting_cost"] == pytest.approx(so["accounting_cost"], rel=0.25), name
        # few orders a customer: with half a thousand customers the estimate has a standard error of about one
        assert row["economic_cost"] == pytest.approx(so["economic_cost"], rel=0.25, abs=1.5), name


def test_the_launch_to_top_spenders_gets_no_naive_answer(sample, truth):
    gift = cv.does_it_pay(sample, experiment="vip_gift")
    assert gift.decision == "cannot be judged"
    assert truth["vip_gift"]["effect_on_gifted"] < 0 < truth["vip_gift"]["naive_difference"]
    assert gift.naive is not None
    assert gift.table["effect_low"][0] <= truth["vip_gift"]["effect_on_gifted"] <= gift.table["effect_high"][0]
    assert gift.table["effect_high"][0] < truth["vip_gift"]["naive_difference"]
