"""What holds for every customer model, whatever the numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custvalue.errors import DataError
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import fit
from custvalue.models.ggom_nbd import GgomNbd
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd
from tests.benchmarks.models import simulate_histories

MODELS = (BgNbd, MbgNbd, ParetoNbd)
TIMES = {"alpha", "beta"}
positive = st.floats(0.05, 20.0)
histories = st.tuples(st.integers(0, 60), st.floats(0.0, 1.0), st.floats(0.5, 200.0)).map(
    lambda h: (float(h[0]), h[1] * h[2] if h[0] else 0.0, h[2])
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MODELS), st.tuples(positive, positive, positive, positive), histories, st.floats(0.01, 400.0))
def test_the_time_unit_moves_alpha_and_beta_and_the_likelihood_by_x_ln_u(model, parameters, history, u):
    x, t_x, T = history
    names = model.parameter_names()
    one = model(*parameters)
    two = model(*(v * u if n in TIMES else v for n, v in zip(names, parameters, strict=True)))
    scaled = (x, t_x * u, T * u)
    assert two.log_likelihood(*scaled) == pytest.approx(
        one.log_likelihood(*history) - x * np.log(u), rel=1e-9, abs=1e-9
    )
    assert two.probability_alive(*scaled) == pytest.approx(one.probability_alive(*history), rel=1e-9)
    assert two.expected_purchases(7.0 * u, *scaled) == pytest.approx(one.expected_purchases(7.0, *history), rel=1e-9)
    discounted = one.discounted_expected_purchases(0.03, *history)
    assert two.discounted_expected_purchases(0.03 / u, *scaled) == pytest.approx(discounted, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from((*MODELS, GgomNbd)), st.data(), histories, st.floats(0.1, 50.0))
def test_alive_is_a_probability_that_falls_with_silence(model, data, history, wait):
    m = model(*(data.draw(positive) for _ in model.parameter_names()))
    x, t_x, T = history
    now, later = (float(m.probability_alive(x, t_x, age)) for age in (T, T + wait))
    assert 0.0 <= later <= now + 1e-12
    assert now <= 1.0


@settings(max_examples=40, deadline=None)
@given(st.sampled_from((*MODELS, GgomNbd)), st.data(), histories, st.floats(0.5, 100.0))
def test_discounting_lowers_and_infinity_bounds(model, data, history, horizon):
    m = model(*(data.draw(positive) for _ in model.parameter_names()))
    expected = float(m.expected_purchases(horizon, *history))
    undiscounted = float(m.discounted_expected_purchases(0.0, *history, horizon))
    some = float(m.discounted_expected_purchases(0.02, *history, horizon))
    endless = float(m.discounted_expected_purchases(0.02, *history))
    assert undiscounted == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert some <= expected * (1 + 1e-9)
    assert some <= endless * (1 + 1e-9)
    assert some >= np.exp(-0.02 * horizon) * expected * (1 - 1e-9)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from((*MODELS, GgomNbd)), st.data(), st.floats(0.5, 60.0))
def test_the_distribution_of_purchases_has_the_expected_mean(model, data, horizon):
    m = model(*(data.draw(st.floats(0.3, 4.0)) for _ in model.parameter_names()))
    n = np.arange(0.0, 4000.0)
    pmf = m.purchase_pmf(n, horizon)
    assert (pmf >= 0).all()
    if pmf[-1] * n.size < 1e-9:  # all of the mass is in sight
        assert pmf.sum() == pytest.approx(1.0, abs=1e-7)
        assert pmf @ n == pytest.approx(m.expected_purchases_new(horizon), rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from((*MODELS, GgomNbd)), st.data(), histories, st.floats(0.5, 100.0))
def test_churn_within_a_horizon_starts_at_churn_now_and_rises(model, data, history, horizon):
    m = model(*(data.draw(positive) for _ in model.parameter_names()))
    now = 1.0 - float(m.probability_alive(*history))
    assert m.churn_probability(0.0, *history) == pytest.approx(now, abs=1e-9)
    half, whole = (float(m.churn_probability(h, *history)) for h in (horizon / 2, horizon))
    assert now - 1e-9 <= half <= whole + 1e-9
    assert whole <= 1.0 + 1e-12


@pytest.mark.parametrize("model", MODELS)
def test_weighted_and_unweighted_fits_agree_and_so_do_time_units(model):
    truth = model(0.5, 8.0, 0.8, 2.5) if model is not ParetoNbd else model(0.6, 8.0, 0.6, 12.0)
    rng = np.random.default_rng(5)
    T = rng.integers(26, 104, 3000).astype(float)
    x, t_x, _ = simulate_histories(truth, T, rng)
    frame = pl.DataFrame({"frequency": x, "recency": np.ceil(t_x), "T": T})
    counted = frame.group_by(frame.columns).agg(pl.len().alias("n"))
    plain, weighted = fit(model, frame, time_unit="week"), fit(model, counted, weights="n", time_unit="week")
    np.testing.assert_allclose(plain.model.log_parameters, weighted.model.log_parameters, atol=1e-6)
    assert plain.n_customers == weighted.n_customers == 3000
    assert isinstance(plain.n_customers, int)
    days = fit(model, frame.with_columns(pl.col("recency", "T") * 7), time_unit="day")
    for name, value in plain.model.parameters.items():
        assert days.model.parameters[name] == pytest.approx(value * (7 if name in TIMES else 1), rel=1e-5)
    assert days.log_likelihood == pytest.approx(plain.log_likelihood - x.sum() * np.log(7), abs=1e-6)


@pytest.mark.parametrize("model", [BgNbd, MbgNbd, ParetoNbd, GgomNbd])
def test_the_analytic_gradient_is_that_of_the_likelihood(model):
    from custvalue.models.base import count_rows

    rng = np.random.default_rng(6)
    T = rng.uniform(10, 100, 400)
    x, t_x, _ = simulate_histories(BgNbd(0.7, 8.0, 0.5, 2.0), T, rng)
    data = count_rows(pl.DataFrame({"frequency": x, "recency": t_x, "T": T}), model.data_columns)
    objective = model.objective(data)
    for theta in np.log([[0.5, 9.0, 0.9, 3.0], [2.0, 1.0, 5.0, 40.0], [0.05, 300.0, 0.3, 0.5]]):
        theta = np.insert(theta, 2, np.log(0.02)) if model is GgomNbd else theta
        value, gradient = objective(theta)
        assert value == pytest.approx(data.count @ model.from_log(theta).log_likelihood(*data.history()), rel=1e-11)
        steps = np.eye(theta.size) * 1e-5
        differences = [(objective(theta + h)[0] - objective(theta - h)[0]) / 2e-5 for h in steps]
        np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-3)


def test_weights_may_be_parts_of_a_customer_but_not_below_nought():
    rng = np.random.default_rng(8)
    T = rng.integers(26, 104, 1000).astype(float)
    x, t_x, _ = simulate_histories(BgNbd(0.5, 8.0, 0.8, 2.5), T, rng)
    frame = pl.DataFrame({"frequency": x, "recency": t_x, "T": T})
    plain = fit(BgNbd, frame, time_unit="week")
    quarter = fit(BgNbd, frame.with_columns(w=pl.lit(0.2504)), weights="w", time_unit="week")
    assert quarter.n_customers == 250
    np.testing.assert_allclose(quarter.model.log_parameters, plain.model.log_parameters, atol=1e-6)
    assert quarter.log_likelihood == pytest.approx(0.2504 * plain.log_likelihood, rel=1e-9)
    with pytest.raises(DataError, match="'w' holds a weight below 0"):
        fit(BgNbd, frame.with_columns(w=pl.col("T") - 50.0), weights="w", time_unit="week")
