"""NBD: the negative binomial of SciPy as the second road, and the limit of MBG/NBD as nobody leaves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import integrate, stats

import custvalue as cv
from custvalue.models.nbd import Nbd

X, T_X, T = np.array([0.0, 1.0, 4.0, 50.0]), np.array([0.0, 3.0, 30.0, 52.0]), np.array([10.0, 10.0, 38.0, 52.0])
M = Nbd(r=0.8, alpha=10.0)


def test_log_likelihood_is_a_gamma_mixture_of_poisson_histories():
    for x, _t_x, age, value in zip(X, T_X, T, M.log_likelihood(X, T_X, T), strict=True):

        def history(rate, x=x, age=age):
            return rate**x * np.exp(-rate * age) * stats.gamma.pdf(rate, M.r, scale=1 / M.alpha)

        whole = sum(
            integrate.quad(history, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in ((0, 0.05), (0.05, 1), (1, 5), (5, 60))
        )
        assert value == pytest.approx(np.log(whole), rel=1e-8)


def test_is_the_limit_of_mbg_without_dropout():
    near = cv.MbgNbd(r=0.8, alpha=10.0, a=1e-9, b=5.0)
    assert M.log_likelihood(X, T_X, T) == pytest.approx(near.log_likelihood(X, T_X, T), rel=1e-6)
    assert M.expected_purchases(52, X, T_X, T) == pytest.approx(near.expected_purchases(52, X, T_X, T), rel=1e-6)
    args = (0.002, X, T_X, T, 52)
    assert M.discounted_expected_purchases(*args) == pytest.approx(near.discounted_expected_purchases(*args), rel=1e-6)
    assert M.purchase_pmf(np.arange(9), 20) == pytest.approx(near.purchase_pmf(np.arange(9), 20), rel=1e-6)
    assert M.purchase_pmf(np.arange(9), 20) == pytest.approx(stats.nbinom.pmf(np.arange(9), 0.8, 10 / 30), rel=1e-12)


def test_fit_recovers_the_parameters_and_mbg_sends_here():
    rng = np.random.default_rng(7)
    age = rng.uniform(20, 60, 4_000)
    x = rng.poisson(rng.gamma(0.8, 0.1, age.size) * age)
    last = np.where(x > 0, age * rng.random(age.size) ** (1 / np.maximum(x, 1)), 0.0)
    spent = rng.gamma(6.0 * np.maximum(x, 1)) / rng.gamma(4.0, 1 / 15.0, x.size) / np.maximum(x, 1)
    table = pl.DataFrame(
        {"customer_id": range(age.size), "frequency": x, "recency": last, "T": age, "monetary_value": spent}
    )
    fit = cv.fit(Nbd, table, time_unit="week")
    for name, truth in (("r", 0.8), ("alpha", 10.0)):
        assert abs(getattr(fit.model, name) - truth) < 4 * fit.standard_errors[name]
    spend = cv.fit(cv.GammaGamma, table, time_unit="week")
    value = cv.lifetime_value(fit, spend, table, margin_rate=0.4)
    assert (value.table["p_alive"] == 1.0).all()
    inside = value.table.filter((pl.col("clv_low") <= pl.col("clv")) & (pl.col("clv") <= pl.col("clv_high")))
    assert inside.height == table.height
