"""A measure for chosen customers: the doubly robust estimate against a known truth, and where it must refuse."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError, FitError
from custvalue.experiments.opt_in import _doubly_robust, basis, leverage, opt_in_effect, propensity

TRUTH = -4.0


def chosen(n=2_000, seed=1, *, steep=1.0):
    """Customers with a good year are chosen; they would have brought more anyway, and the measure costs 4."""
    rng = np.random.default_rng(seed)
    spent = rng.gamma(2.0, 20.0, n)
    near = rng.random(n) < 0.4
    treated = rng.random(n) < 1 / (1 + np.exp(-steep * ((spent - 60.0) / 25.0 + near)))
    outcome = 10.0 + 0.6 * spent + 0.004 * spent**2 + 6.0 * near + rng.normal(0.0, 12.0, n) + TRUTH * treated
    return pl.DataFrame({
        "arm": treated, "contribution": outcome, "spent": spent, "where": np.where(near, "near", "far"),
    })  # fmt: skip


def test_it_finds_the_truth_where_the_naive_comparison_says_a_fortune():
    found = opt_in_effect(chosen(8_000), covariates=["spent", "where"])
    row = found.table.row(0, named=True)
    assert row["naive_difference"] > 15.0
    assert row["effect_low"] < TRUTH < row["effect_high"]
    assert row["effect_high"] < 0.0
    assert "which is wrong" in found.title
    assert found.has_overlap
    assert found.balance["after"].abs().max() < 0.2 < 0.5 < found.balance["before"].abs().min()
    assert found.overlap["n_control"].sum() + found.overlap["n_treated"].sum() == 8_000


def test_the_interval_covers_in_95_of_100():
    inside = 0
    for seed in range(200):
        row = opt_in_effect(chosen(seed=seed), covariates=["spent", "where"]).table.row(0, named=True)
        inside += row["effect_low"] < TRUTH < row["effect_high"]
    assert 0.91 <= inside / 200 <= 0.99


def test_it_is_right_if_either_model_is():
    """Doubly robust: with one model reduced to a constant, the other carries the estimate; with both, neither does."""
    frame = chosen(20_000, seed=3)
    w, y = frame["arm"].cast(pl.Float64).to_numpy(), frame["contribution"].to_numpy()
    columns = basis(frame, ["spent", "where"], squares=True)
    chance = propensity(basis(frame, ["spent", "where"]), w)
    nothing, share = np.ones((w.size, 1)), np.full(w.size, w.mean())
    assert _doubly_robust(columns, w, y, chance)[0] == pytest.approx(TRUTH, abs=1.0)
    assert _doubly_robust(columns, w, y, share)[0] == pytest.approx(TRUTH, abs=1.0)
    assert _doubly_robust(nothing, w, y, chance)[0] == pytest.approx(TRUTH, abs=1.0)
    assert _doubly_robust(nothing, w, y, share)[0] > 10.0


def test_a_randomised_measure_is_the_difference_of_means():
    frame = chosen(8_000, steep=0.0)
    row = opt_in_effect(frame, covariates=["spent", "where"]).table.row(0, named=True)
    assert row["effect"] == pytest.approx(row["naive_difference"], abs=2.0)
    assert row["effect_low"] < TRUTH < row["effect_high"]


def test_no_overlap_is_refused():
    frame = chosen(4_000).with_columns(arm=pl.col("spent") > 60.0)
    with pytest.raises(FitError, match="nobody can be compared"):
        opt_in_effect(frame, covariates=["spent"])


def test_little_overlap_is_shown():
    assert not opt_in_effect(chosen(4_000, steep=6.0), covariates=["spent", "where"]).has_overlap


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop("spent"), "no column 'spent'"),
        (lambda f: f.with_columns(spent=pl.when(pl.col("spent") > 20).then(pl.col("spent"))), "'spent' is empty in"),
        (lambda f: f.filter(~pl.col("arm")).vstack(f.filter("arm").head(5)), "30 of each"),
    ],
)
def test_what_it_cannot_use(change, message):
    with pytest.raises(DataError, match=message):
        opt_in_effect(change(chosen()), covariates=["spent"])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"covariates": []}, "Without covariates the effect would be the naive difference"),
        ({"covariates": ["same"]}, "'same': the same for every customer"),
        ({"covariates": ["same", "alike"]}, "'same', 'alike': the same for every customer"),
        ({"covariates": "spent"}, "covariates='spent': a list of columns"),
        ({"covariates": ["endless"]}, "'endless' is infinite or not a number in 1 rows"),
        ({"covariates": ["spent"], "level": 95}, "level between 0 and 1, such as 0.95"),
    ],
)
def test_what_would_give_the_naive_figure_or_none(kwargs, message):
    endless = pl.when(pl.int_range(pl.len()) > 0).then(pl.col("spent")).otherwise(np.inf)
    frame = chosen().with_columns(same=1.5, alike=pl.lit("x"), endless=endless)
    with pytest.raises(DataError, match=message):
        opt_in_effect(frame, **kwargs)


def test_pandas_frames_too():
    found = opt_in_effect(chosen().to_pandas(), covariates=["spent", "where"])
    assert found.table["n_treated"][0] + found.table["n_control"][0] == 2_000


def test_a_column_that_stands_twice_has_no_leverage_of_its_own():
    """A line through 0, 1, 2, 3: leverage 1/4 + (x - 1.5)^2 / 5; the same column again changes nothing."""
    x = np.column_stack([np.ones(4), np.arange(4.0)])
    wanted = [0.7, 0.3, 0.3, 0.7]
    assert leverage(x) == pytest.approx(wanted)
    assert leverage(np.column_stack([x, 2.0 * x[:, 1], x[:, 1] - 1.5])) == pytest.approx(wanted)
