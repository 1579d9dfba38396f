"""Against 40-digit arithmetic on a grid of extremes (numerics.md): nothing lost, no NaN, no warning."""

from __future__ import annotations

import json
import random
from pathlib import Path

import exact_models as exact
import pytest
from exact_cases import AGES, COUNTS, VALUES, close, grid

from custvalue.models.bg_bb import BgBb
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.ggom_nbd import GgomNbd
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
def test_likelihood_and_alive_of_the_beta_geometric_models(model):
    for r, alpha, a, b, x, t_x, T, _, _ in grid(150, 1):
        m = model(r, alpha, a, b)
        log_likelihood, alive = exact.beta_geometric(r, alpha, a, b, x, t_x, T, model.first_coin)
        assert close(m.log_likelihood(x, t_x, T), log_likelihood, absolute=1e-11), (m, x, t_x, T)
        assert close(m.probability_alive(x, t_x, T), alive, absolute=1e-300), (m, x, t_x, T)
        assert m.probability_alive(x, t_x, T) <= 1.0


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
def test_expected_purchases_of_the_beta_geometric_models(model):
    for r, alpha, a, b, x, t_x, T, h, _ in grid(60, 2):
        m = model(r, alpha, a, b)
        wanted = exact.beta_geometric_purchases(r, alpha, a, b, x, T, model.first_coin, h)
        wanted *= exact.beta_geometric(r, alpha, a, b, x, t_x, T, model.first_coin)[1]
        assert close(m.expected_purchases(h, x, t_x, T), wanted, absolute=1e-300), (m, x, t_x, T, h)


def test_discounted_expected_purchases_against_stored_digits():
    golden = json.loads((Path(__file__).resolve().parents[1] / "golden" / "models_discounted.json").read_text())
    for case in golden["cases"]:
        model = MbgNbd if case["first_coin"] else BgNbd
        m = model(case["r"], case["alpha"], case["a"], case["b"])
        history = (case["x"], case["T"] if case["x"] else 0.0, case["T"])
        value = m.discounted_expected_purchases(case["delta"], *history, case["horizon"]) / m.probability_alive(
            *history
        )
        assert close(value, float(case["value"]), relative=golden["tolerance"]), case


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
def test_discounted_expected_purchases_of_the_beta_geometric_models(model):
    m, x, t_x, T, delta = model(0.5, 7.0, 1.0, 1.3), 3, 12.0, 38.86, 0.05
    for horizon in (39.0, None):
        wanted = exact.beta_geometric_discounted(0.5, 7.0, 1.0, 1.3, x, T, model.first_coin, delta, horizon)
        wanted *= exact.beta_geometric(0.5, 7.0, 1.0, 1.3, x, t_x, T, model.first_coin)[1]
        assert close(m.discounted_expected_purchases(delta, x, t_x, T, horizon), wanted), horizon


def test_likelihood_and_alive_of_pareto_nbd():
    for r, alpha, s, beta, x, t_x, T, _, _ in grid(60, 4):
        m = ParetoNbd(r, alpha, s, beta)
        log_likelihood, alive = exact.pareto(r, alpha, s, beta, x, t_x, T)
        assert close(m.log_likelihood(x, t_x, T), log_likelihood, absolute=1e-11), (m, x, t_x, T)
        assert close(m.probability_alive(x, t_x, T), alive, absolute=1e-300), (m, x, t_x, T)
        assert m.probability_alive(x, t_x, T) <= 1.0


def test_expected_and_discounted_purchases_of_pareto_nbd():
    for r, alpha, s, beta, x, t_x, T, h, delta in grid(60, 5):
        m = ParetoNbd(r, alpha, s, beta)
        alive = exact.pareto(r, alpha, s, beta, x, t_x, T)[1]
        wanted = alive * exact.pareto_purchases(r, alpha, s, beta, x, T, h)
        assert close(m.expected_purchases(h, x, t_x, T), wanted, absolute=1e-300), (m, x, t_x, T, h)
        wanted = alive * exact.pareto_discounted(r, alpha, s, beta, x, T, delta)
        assert close(m.discounted_expected_purchases(delta, x, t_x, T), wanted, absolute=1e-300), (m, x, T, delta)


@pytest.mark.parametrize("model", [BgNbd, MbgNbd, ParetoNbd])
def test_alive_is_one_at_the_last_purchase_of_a_repeat_buyer_in_pareto_only(model):
    alive = model(0.5, 10.0, 0.8, 2.0).probability_alive([1, 50], [10.0, 700.0], [10.0, 700.0])
    if model is ParetoNbd:
        assert (alive == 1.0).all()
    else:
        assert ((alive > 0) & (alive < 1)).all()


def test_ggom_nbd():
    rng = random.Random(6)
    for _ in range(12):
        r, alpha, s, beta = (rng.choice(VALUES) for _ in range(4))
        b = rng.choice([1e-3, 0.05, 0.5])
        x, T = rng.choice(COUNTS), rng.choice(AGES[:4])
        t_x = 0.0 if x == 0 else rng.choice([T, 0.3 * T])
        m = GgomNbd(r, alpha, b, s, beta)
        log_likelihood, alive = exact.ggom(r, alpha, b, s, beta, x, t_x, T)
        assert close(m.log_likelihood(x, t_x, T), log_likelihood, absolute=1e-11), (m, x, t_x, T)
        assert close(m.probability_alive(x, t_x, T), alive, absolute=1e-300), (m, x, t_x, T)
        wanted = alive * exact.ggom_purchases(r, alpha, b, s, beta, x, T, 39.0)
        assert close(m.expected_purchases(39.0, x, t_x, T), wanted, absolute=1e-300), (m, x, t_x, T)
        wanted = alive * exact.ggom_purchases(r, alpha, b, s, beta, x, T, 60.0 / 0.05, 0.05)
        assert close(m.discounted_expected_purchases(0.05, x, t_x, T), wanted, absolute=1e-300), (m, x, t_x, T)


def test_bg_bb():
    rng = random.Random(7)
    for _ in range(80):
        parameters = [rng.choice(VALUES) for _ in range(4)]
        n = rng.choice([1, 6, 52, 300])
        t_x = rng.randrange(n + 1)
        x = rng.randint(1, t_x) if t_x else 0
        m = BgBb(*parameters)
        log_likelihood, alive, ahead = exact.bg_bb(*parameters, x, t_x, n)
        assert close(m.log_likelihood(x, t_x, n), log_likelihood, absolute=1e-11), (m, x, t_x, n)
        assert close(m.probability_alive(x, t_x, n), alive, absolute=1e-300), (m, x, t_x, n)
        assert close(m.expected_purchases(5, x, t_x, n), ahead, absolute=1e-300), (m, x, t_x, n)
