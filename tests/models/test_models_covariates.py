"""Covariates: recovered from simulated customers, tested, refused with a reason."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd
from tests.benchmarks.models import simulate_histories

GAMMA, ETA = 0.5, -0.4


def shop(model, seed: int = 3, n: int = 6000) -> pl.DataFrame:
    """Half the customers came through the app: they buy e^0.5 as often and leave less; `coin` does nothing."""
    rng, parts = np.random.default_rng(seed), []
    for app in (False, True):
        if model is ParetoNbd:
            truth = model(0.8, 8.0 * np.exp(-GAMMA * app), 0.8, 20.0 * np.exp(-ETA * app))
        else:
            truth = model(0.8, 8.0 * np.exp(-GAMMA * app), 0.9 * np.exp(ETA * app), 2.5)
        T = rng.uniform(40.0, 104.0, n // 2 + 1 - app)
        x, t_x, _ = simulate_histories(truth, T, rng)
        parts.append(pl.DataFrame({"frequency": x, "recency": t_x, "T": T, "channel": "app" if app else "shop"}))
    table = pl.concat(parts)
    return table.with_columns(pl.Series("coin", rng.integers(0, 2, table.height)))


@pytest.mark.parametrize("model", [BgNbd, MbgNbd, ParetoNbd])
def test_coefficients_are_recovered_and_tested(model):
    f = fit(model, shop(model), time_unit="week", covariates=["channel", "coin"])
    effects = {(r["process"], r["covariate"]): r for r in f.effects.iter_rows(named=True)}
    for key, truth in ((("purchase rate", "channel=app"), GAMMA), (("dropout", "channel=app"), ETA)):
        assert abs(effects[key]["estimate"] - truth) < 3 * effects[key]["standard_error"]
        assert effects[key]["standard_error"] < 0.3
    assert abs(effects["purchase rate", "coin"]["estimate"]) < 3 * effects["purchase rate", "coin"]["standard_error"]
    tests = dict(zip(f.tests["covariate"], f.tests["p_value"], strict=True))
    assert tests["channel"] < 1e-6
    assert tests["coin"] > 0.001
    assert f.tests["degrees_of_freedom"].to_list() == [2, 2]
    assert f.n_parameters == 8
    assert f.reference == "channel shop"
    assert "what matters is channel" in f.title


def test_two_groups_with_all_parameters_tied_equal_the_sum_of_group_likelihoods():
    table = shop(BgNbd, n=2000)
    f = fit(BgNbd, table, time_unit="week", covariates=["channel"])
    total = 0.0
    for channel in ("shop", "app"):
        part = table.filter(channel=channel)
        arrays = (part[c].to_numpy() for c in ("frequency", "recency", "T"))
        total += f.model_for(channel=channel).log_likelihood(*arrays).sum()
    assert total == pytest.approx(f.log_likelihood, rel=1e-10)
    assert f.log_likelihood >= fit(BgNbd, table, time_unit="week").log_likelihood
    assert f.model_for() == f.model_for(channel="shop") == f.model


def test_standard_errors_agree_with_the_spread_of_replications():
    found = [fit(BgNbd, shop(BgNbd, seed, 2000), time_unit="week", covariates=["channel"]) for seed in range(30)]
    estimates = np.array([f.effects["estimate"].to_numpy() for f in found])
    errors = np.array([f.effects["standard_error"].to_numpy() for f in found])
    np.testing.assert_allclose(estimates.std(axis=0), np.sqrt((errors**2).mean(axis=0)), rtol=0.45)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("channel"), "no column 'channel'"),
        (lambda t: t.with_columns(pl.lit("shop").alias("channel")), "the same for everybody"),
        (lambda t: t.with_columns(pl.when(pl.col("T") > 50).then("channel").alias("channel")), "is empty for"),
        (lambda t: t.with_columns(pl.col("T").alias("channel")), "groups of customers"),
    ],
)
def test_a_covariate_that_cannot_serve_is_one_clear_error(change, message):
    with pytest.raises(DataError, match=message):
        fit(MbgNbd, change(shop(MbgNbd, n=1000)), time_unit="week", covariates=["channel"])


def test_spend_takes_no_covariates(cdnow):
    table = cdnow.table.with_columns(pl.col("customer_id").str.slice(0, 1).alias("first"))
    with pytest.raises(DataError, match="takes no covariates"):
        fit(GammaGamma, table, covariates=["first"])


def test_lifetime_value_with_covariates_is_that_of_each_group(spend_fit):
    table = shop(MbgNbd, n=2000).with_row_index("customer_id").with_columns(monetary_value=pl.lit(20.0))
    f = fit(MbgNbd, table, time_unit="week", covariates=["channel"])
    mixed = table.sample(fraction=1.0, shuffle=True, seed=1)
    value = lifetime_value(f, spend_fit, mixed, margin_rate=0.4)
    assert value.table["customer_id"].equals(mixed["customer_id"])
    app = mixed.filter(channel="app")
    alone = f.model_for(channel="app").probability_alive(*(app[c].to_numpy() for c in ("frequency", "recency", "T")))
    joined = app.select("customer_id").join(value.table, on="customer_id", maintain_order="left")
    np.testing.assert_allclose(joined["p_alive"], alone, rtol=1e-12)
    totals = value.total_by(mixed, "channel").table
    whole = value.total_by().table.row(0, named=True)
    assert totals["clv"].sum() == pytest.approx(whole["clv"])
    sd = totals["clv_parameter_sd"]
    assert np.sqrt((sd**2).sum()) * 0.7 < whole["clv_parameter_sd"] <= sd.sum() + 1e-9
    assert (value.table["clv_low"] <= value.table["clv_high"]).all()


UNITS = [(1000.0, 100.0), (2000.0, 10.0), (0.0, 1e-6), (-5e6, 1e4), (1e9, 1.0)]


@pytest.fixture(scope="module")
def measured() -> tuple[pl.DataFrame, object]:
    """Customers with a number that moves how they buy, to one decimal, and its fit."""
    table = shop(MbgNbd, n=2000)
    z = np.round(np.random.default_rng(5).normal(size=table.height) + 0.5 * (table["channel"] == "app").to_numpy(), 1)
    table = table.with_columns(pl.Series("z", z))
    return table, fit(MbgNbd, table, time_unit="week", covariates=["z"])


@pytest.mark.parametrize(("mean", "unit"), UNITS)
def test_a_number_in_any_unit_is_the_same_model(measured, mean, unit):
    table, plain = measured
    scaled = fit(MbgNbd, table.with_columns(z=mean + unit * pl.col("z")), time_unit="week", covariates=["z"])
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-5)
    np.testing.assert_allclose(scaled.effects["estimate"] * unit, plain.effects["estimate"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        scaled.effects["standard_error"] * unit, plain.effects["standard_error"], rtol=1e-3, atol=1e-5
    )
    for at in (-1.0, 0.0, 2.0):  # the model of the same customer, in either unit
        there, here = scaled.model_for(z=mean + unit * at), plain.model_for(z=at)
        np.testing.assert_allclose(list(there.parameters.values()), list(here.parameters.values()), rtol=2e-3)


def test_the_parameters_hold_at_0_where_the_data_reach_it_else_at_the_mean(measured):
    table, plain = measured
    assert plain.reference == ""
    assert plain.model_for(z=0.0) == plain.model
    income = fit(MbgNbd, table.with_columns(z=1000.0 + 100.0 * pl.col("z")), time_unit="week", covariates=["z"])
    mean = 1000.0 + 100.0 * float(table["z"].mean())
    assert income.reference == f"z {mean:,.6g}"
    assert income.model_for(z=mean).parameters == pytest.approx(income.model.parameters)


def test_value_does_not_depend_on_the_unit_of_a_covariate(measured, spend_fit):
    table, plain = measured
    people = table.with_row_index("customer_id").with_columns(monetary_value=pl.lit(20.0))
    in_years = people.with_columns(z=2000.0 + 10.0 * pl.col("z"))
    scaled = fit(MbgNbd, in_years, time_unit="week", covariates=["z"])
    mine = lifetime_value(plain, spend_fit, people, margin_rate=0.4, draws=200).table
    theirs = lifetime_value(scaled, spend_fit, in_years, margin_rate=0.4, draws=200).table
    np.testing.assert_allclose(theirs["clv"], mine["clv"], rtol=1e-3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (float("nan"), "empty, infinite or not a number for 3 customers"),
        (float("inf"), "empty, infinite or not a number for 3 customers"),
        (-float("inf"), "empty, infinite or not a number for 3 customers"),
        (None, "empty, infinite or not a number for 3 customers"),
    ],
)
def test_a_number_that_is_none_is_told_as_an_empty_value_is(measured, bad, message):
    table, _ = measured
    gaps = table.with_columns(z=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit(bad)).otherwise(pl.col("z")))
    with pytest.raises(DataError, match=f"Covariate 'z' is {message}"):
        fit(MbgNbd, gaps, time_unit="week", covariates=["z"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.with_columns(z=pl.lit(7.0)), "the same for everybody"),
        (lambda t: t.with_columns(z=1.0 + 1e-15 * pl.col("z").round(0)), "the same for everybody"),
        (lambda t: t.with_columns(z=pl.concat_list("z")), "holds List"),
    ],
)
def test_a_number_that_says_nothing_is_refused(measured, change, message):
    with pytest.raises(DataError, match=message):
        fit(MbgNbd, change(measured[0]), time_unit="week", covariates=["z"])
    with pytest.raises(DataError, match=r"covariates=.*: a list of columns was expected"):
        fit(MbgNbd, measured[0], time_unit="week", covariates="z")
