"""Which questions a run asks, and which it leaves out and why."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import custvalue as cv
from custvalue.experiments.targeting import TargetingRule
from custvalue.experiments.threshold import ThresholdCurve


def test_a_test_that_can_be_judged_is_asked_three_questions(analysis):
    about = [name for name in analysis.results if name.split(" ")[-1] in ("free_delivery", "vip_gift")]
    assert about == ["verdict free_delivery", "targeting free_delivery", "threshold free_delivery", "verdict vip_gift"]
    assert isinstance(analysis.results["targeting free_delivery"], TargetingRule)
    assert isinstance(analysis.results["threshold free_delivery"], ThresholdCurve)


def test_more_arms_than_two_are_compared_as_thresholds():
    """The sample's test with its customers dealt to three arms: no verdict of yes or no, but a curve."""
    number = pl.col("customer_id").str.slice(1).cast(pl.Int64) % 3
    dealt = number.replace_strict({0: "control", 1: "free over 30", 2: "never"}, return_dtype=pl.String)
    arms = pl.DataFrame(
        {"experiment_id": [1] * 3, "arm": ["control", "free over 30", "never"], "free_over": [50.0, 30.0, None]}
    )
    files = {file.name.split(".")[0]: file for file in Path(cv.sample_data()).glob("*.csv*")}
    read = {name: pl.read_csv(files.pop(name), infer_schema=False) for name in ("assignments", "experiments")}
    del files["experiment_arms"]
    with cv.open() as shop:
        shop.load([str(file) for file in files.values()])
        shop.load(read["experiments"].filter(name="free_delivery"), table="experiments")
        shop.load(read["assignments"].filter(experiment_id="1").with_columns(arm=dealt), table="assignments")
        shop.load(arms, table="experiment_arms")
        found = cv.analyse(shop, cv.Settings())
    assert [name for name in found.results if "free_delivery" in name] == ["threshold free_delivery"]
    curve = found.results["threshold free_delivery"].table.filter(segment="all")
    assert curve["delivery"].to_list() == ["free over 30", "free over 50", "never free"]
    assert not [question for question, _ in found.missing if "free delivery" in question]
