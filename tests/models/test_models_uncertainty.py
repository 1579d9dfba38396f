"""Intervals hold what they say: parameters, customers' futures, totals; and the posterior."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from custvalue.models.base import Past
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd
from custvalue.models.posterior import draw_posterior, fit_generalised_pareto
from tests.benchmarks.models import coverage, simulate_histories

TRUTHS = (BgNbd(0.5, 8.0, 0.8, 2.5), MbgNbd(0.5, 8.0, 0.8, 2.5), ParetoNbd(0.6, 8.0, 0.6, 12.0))
HORIZON = 52.0


@pytest.mark.slow
def test_parameter_intervals_cover_the_truth():
    """60 replications (30 of BG/BB) of the models that are fast; the benchmark runs 2,000 of all."""
    quick = ("BG/NBD", "MBG/NBD", "Pareto/NBD", "NBD", "Gamma-Gamma", "BG/BB", "Shifted beta-geometric")
    table = coverage(60, customers=2000, labels=quick)
    assert set(table["model"]) == set(quick)
    assert table["failed"].sum() == 0
    assert 0.92 <= table["coverage"].mean() <= 0.98
    assert table["coverage"].min() >= 0.85


def future(truth, hidden, T, rng):
    """What customers do in (T, T + HORIZON], from their hidden rates and dropouts."""
    wanted = rng.poisson(hidden["rate"] * HORIZON)
    if hasattr(truth, "first_coin"):
        made = np.minimum(wanted, rng.geometric(np.maximum(hidden["leave"], 1e-12)))
        return np.where(np.isinf(hidden["life"]), made, 0)
    window = np.clip(hidden["life"] - T, 0.0, HORIZON)
    return rng.poisson(hidden["rate"] * window)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda m: m.label)
def test_forecasts_of_customers_are_calibrated(truth):
    """The randomised probability integral transform of what they then did is uniform (Kolmogorov, 1 %)."""
    rng = np.random.default_rng(11)
    T = rng.uniform(26.0, 104.0, 3000)
    x, t_x, hidden = simulate_histories(truth, T, rng)
    did = future(truth, hidden, T, rng)
    f = fit(type(truth), pl.DataFrame({"frequency": x, "recency": t_x, "T": T}), time_unit="week")
    parameters = {c: v.to_numpy() for c, v in f.posterior(400).table.to_dict().items()}
    u = np.empty(T.size)
    for i in range(0, T.size, 25):
        j = slice(i, i + 25)
        drawn, _ = type(truth).draw_purchases(parameters, HORIZON, Past(x[j], t_x[j], T[j]), rng)
        drawn = drawn * (rng.random(drawn.shape) < f.model.probability_alive(x[j], t_x[j], T[j])[:, None])
        below, same = (drawn < did[j, None]).sum(axis=1), (drawn == did[j, None]).sum(axis=1)
        u[j] = (below + rng.random(below.size) * (same + 1)) / (drawn.shape[1] + 1)
    assert np.abs(np.sort(u) - (np.arange(u.size) + 0.5) / u.size).max() < 1.63 / np.sqrt(u.size)


@pytest.fixture(scope="module")
def shop():
    """4,000 simulated customers with spend, their true value in the year that follows, and the value computed."""
    truth, rng = TRUTHS[1], np.random.default_rng(4)
    T = rng.uniform(26.0, 104.0, 4000)
    x, t_x, hidden = simulate_histories(truth, T, rng)
    nu = rng.gamma(3.7, 1 / 15.0, T.size)
    m = np.where(x > 0, rng.gamma(6.0 * np.maximum(x, 1)) / nu / np.maximum(x, 1), 0.0)
    did = future(truth, hidden, T, rng)
    spent = np.where(did > 0, rng.gamma(6.0 * np.maximum(did, 1)) / nu, 0.0)
    table = pl.DataFrame({
        "customer_id": np.arange(T.size), "frequency": x.astype(int), "recency": t_x, "T": T,
        "monetary_value": pl.Series(m).set(pl.Series(x == 0), None),
    })  # fmt: skip
    purchases, spend = fit(MbgNbd, table, time_unit="week"), fit(GammaGamma, table)
    value = lifetime_value(purchases, spend, table, horizon_days=HORIZON * 7, annual_discount_rate=0.0,
                           margin_rate=0.4, service_cost_per_order=1.5)  # fmt: skip
    return 0.4 * spent - 1.5 * did, value


def test_bounds_of_customers_hold_what_they_turned_out_to_be_worth(shop):
    truth, value = shop
    low, high = value.table["clv_low"].to_numpy(), value.table["clv_high"].to_numpy()
    assert 0.94 <= ((low <= truth) & (truth <= high)).mean() <= 0.99  # above 95 %: many are worth exactly nought
    above = (truth > high).mean()
    assert 0.015 <= above <= 0.035


def test_the_interval_of_a_total_holds_it_and_is_narrower_than_the_customers_bounds(shop):
    truth, value = shop
    total = value.total_by().table.row(0, named=True)
    sd = np.hypot(total["clv_parameter_sd"], total["clv_own_sd"])
    assert abs(truth.sum() - total["clv"]) < 3.3 * sd  # one shop in a thousand is outside
    assert total["clv_high"] - total["clv"] == pytest.approx(1.96 * sd, rel=1e-3)
    assert total["clv"] == pytest.approx(value.table["clv"].sum())
    assert total["clv_high"] - total["clv_low"] < 0.1 * (value.table["clv_high"] - value.table["clv_low"]).sum()


def test_totals_by_group_add_up(shop):
    _, value = shop
    groups = value.table.select("customer_id", (pl.col("customer_id") % 3).cast(pl.String).alias("segment"))
    table = value.total_by(groups, "segment").table
    assert table["n_customers"].sum() == value.table.height
    assert table["clv"].sum() == pytest.approx(value.table["clv"].sum())


def test_parameter_intervals_are_narrower_and_named_apart(shop):
    _, value = shop
    own = value.intervals()
    assert own.columns[1:4] == ["churn_probability", "churn_probability_low", "churn_probability_high"]
    width = (own["clv_high"] - own["clv_low"]).mean()
    assert 0 < width < 0.5 * (value.table["clv_high"] - value.table["clv_low"]).mean()
    assert own.select((pl.col("clv_low") <= pl.col("clv")).all() & (pl.col("clv") <= pl.col("clv_high")).all()).item()


def test_identical_customers_have_identical_bounds(mbg_fit, spend_fit, cdnow):
    value = lifetime_value(mbg_fit, spend_fit, cdnow, margin_rate=0.4)
    once = cdnow.table.select("customer_id", "frequency", "T").join(value.table, on="customer_id").filter(frequency=0)
    assert once.group_by("T").agg(pl.col("clv_high").n_unique())["clv_high"].max() == 1


def test_posterior_agrees_with_long_chains_of_pymc_marketing(cdnow, golden):
    """Its default priors of BG/NBD: alpha ~ Weibull(2, 10), r ~ Weibull(2, 1), phi ~ U(0, 1), kappa ~ Pareto(1, 1)
    with a = phi kappa, b = (1 - phi) kappa (its source, BetaGeoModel.default_model_config)."""

    def prior(p):
        kappa = p["a"] + p["b"]
        weibull = np.log(p["alpha"]) - (p["alpha"] / 10) ** 2 + np.log(p["r"]) - p["r"] ** 2
        return weibull - 2 * np.log(kappa) - np.log(kappa) + np.where(kappa >= 1, 0.0, -np.inf)

    peer = golden["pymc_marketing_0_19_2"]["bgnbd_mcmc_defaultprior"]
    posterior = draw_posterior(fit(BgNbd, cdnow), draws=20_000, prior=prior)
    assert posterior.pareto_k < 0.7
    for row in posterior.diagnostics.iter_rows(named=True):
        wanted, size = peer["params"][row["parameter"]], peer["ess_bulk"][row["parameter"]]
        assert abs(row["mean"] - wanted["mean"]) < 3.5 * wanted["sd"] / np.sqrt(size)
        assert row["sd"] == pytest.approx(wanted["sd"], rel=3.5 / np.sqrt(2 * size) + 0.02)


def test_posterior_is_reproducible_and_its_mode_is_the_optimum(bg_fit):
    one, two = bg_fit.posterior(2000, seed=7), bg_fit.posterior(2000, seed=7)
    assert one.table.equals(two.table)
    assert one.table.columns == ["r", "alpha", "a", "b"]
    assert one.diagnostics["pareto_k"][0] < 0.7
    assert "reliable" in one.title
    sd = np.array([one.table[c].std() for c in one.table.columns])
    assert (np.abs(sd / np.array(list(bg_fit.standard_errors.values())) - 1) < 0.8).all()


def test_generalised_pareto_estimate_finds_the_shape_of_its_draws():
    rng = np.random.default_rng(2)
    for k in (0.2, 0.6, 1.0):
        draws = np.sort((rng.random(4000) ** -k - 1) / k)
        assert fit_generalised_pareto(draws)[0] == pytest.approx(k, abs=0.1)
