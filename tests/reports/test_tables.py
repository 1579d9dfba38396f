"""Which tables the report shows of a verdict."""

from __future__ import annotations

import numpy as np
import polars as pl

from custvalue.config import DecisionSettings
from custvalue.experiments.verdict import does_it_pay
from custvalue.reports.tables import views


def customers(noise):
    rng = np.random.default_rng(1)
    treated = np.arange(800) % 2 == 1
    return pl.DataFrame({
        "customer_id": range(800), "arm": np.where(treated, "treatment", "control"),
        "contribution": 10.0 + 0.1 * treated + rng.normal(0.0, noise, 800),
    })  # fmt: skip


def knowing(verdict):
    return [view for view in views(verdict) if view.caption.startswith("What knowing more is worth")]


def test_the_worth_of_knowing_more_is_shown():
    verdict = does_it_pay(customers(5.0), settings=DecisionSettings(eligible_customers=50_000, horizon_days=730))
    assert verdict.decision == "keep testing"
    (view,) = knowing(verdict)
    assert view.caption == "What knowing more is worth, over 730 days"
    row = view.frame.row(0, named=True)
    assert row["perfect_information"] > row["sample_information"] > row["testing_gain"] > 0.0
    assert row["keep_testing_until"] == verdict.table["keep_testing_until"][0]
    assert {view.kinds[c] for c in ("perfect_information", "sample_information", "testing_cost")} == {"money"}


def test_without_a_judgement_there_is_none():
    assert knowing(does_it_pay(pl.concat([customers(5.0), customers(5.0)]))) == []
