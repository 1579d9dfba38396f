"""Regular buyers against 40-digit integration over their hidden rates and coins: no closed form of the paper used."""

from __future__ import annotations

import random

import exact_models as exact
import numpy as np
import pytest
from exact_cases import close, grid

from custvalue.models.cnbd_k import BgCnbd, MbgCnbd


@pytest.mark.parametrize("model", [BgCnbd, MbgCnbd])
def test_likelihood_and_alive_of_regular_buyers(model):
    rng = random.Random(8)
    for r, alpha, a, b, x, t_x, T, _, _ in grid(14, 8)[:-6]:
        k = rng.choice([2, 3, 5])
        sums = x * np.log(t_x / x) - 0.1 * x if x else 0.0
        m = model.of(k)(r, alpha, a, b)
        log_likelihood, alive = exact.cnbd(r, alpha, a, b, k, x, t_x, T, sums, model.first_coin)
        assert close(m.log_likelihood(x, t_x, T, sums), log_likelihood, absolute=1e-11), (m, x, t_x, T)
        assert close(m.probability_alive(x, t_x, T), alive, absolute=1e-300), (m, x, t_x, T)
        assert m.probability_alive(x, t_x, T) <= 1.0


@pytest.mark.parametrize("model", [BgCnbd, MbgCnbd])
def test_expected_and_discounted_purchases_of_regular_buyers(model):
    rng, checked = random.Random(9), 0
    for r, alpha, a, b, x, t_x, T, h, delta in grid(6, 9):
        k = rng.choice([2, 3, 5])
        m = model.of(k)(r, alpha, a, b)
        alive = float(m.probability_alive(x, t_x, T))  # compared with 40 digits in the test above
        if min(a, b) < 0.01 or x > 200 or alive == 0.0:
            continue
        checked += 1
        h = min(h, 2.0 * (alpha + T) / (r + k * x + 1.0))  # a few purchases: the sums over events stay short
        wanted = alive * exact.cnbd_purchases(r, alpha, a, b, k, x, t_x, T, model.first_coin, h)
        assert close(m.expected_purchases(h, x, t_x, T), wanted, absolute=1e-300), (m, x, t_x, T, h)
        for end in (h, None):
            wanted = alive * exact.cnbd_discounted(r, alpha, a, b, k, x, t_x, T, model.first_coin, delta, end)
            value = m.discounted_expected_purchases(delta, x, t_x, T, end)
            assert close(value, wanted, absolute=1e-300), (m, x, t_x, T, delta, end)
    assert checked >= 6


def test_discounted_purchases_of_a_steady_buyer():
    """Purchases come nearly at fixed times, and the discount is heavy: the sum has steps."""
    m, history = BgCnbd.of(5)(0.05, 0.05, 1.3, 1.3), (100, 38.86, 38.86)
    wanted = exact.cnbd_discounted(0.05, 0.05, 1.3, 1.3, 5, *history, 0, 2.0, 3.0) * m.probability_alive(*history)
    assert close(m.discounted_expected_purchases(2.0, *history, 3.0), wanted)
