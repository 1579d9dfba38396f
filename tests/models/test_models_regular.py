"""BG/CNBD-k and MBG/CNBD-k: k = 1 is the model without k; regular buyers are recognised."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
from cdnow import CALIBRATION_END

from custvalue.errors import DataError
from custvalue.models import cnbd_k
from custvalue.models.base import Past
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.cnbd_k import BgCnbd, MbgCnbd
from custvalue.models.fitting import fit
from custvalue.models.holdout import split_at
from custvalue.models.mbg_nbd import MbgNbd


@pytest.fixture(scope="module")
def split(cdnow_transactions):
    return split_at(cdnow_transactions, CALIBRATION_END)


@pytest.mark.parametrize(("regular", "plain"), [(BgCnbd, BgNbd), (MbgCnbd, MbgNbd)])
def test_k_of_one_is_the_plain_model(split, regular, plain):
    one, other = regular.of(1)(0.5, 6.0, 0.9, 1.6), plain(0.5, 6.0, 0.9, 1.6)
    x, t_x, T = split.arrays()
    sums = split.table["sum_log_intervals"].to_numpy()
    np.testing.assert_allclose(one.log_likelihood(x, t_x, T, sums), other.log_likelihood(x, t_x, T), rtol=1e-11)
    np.testing.assert_allclose(one.probability_alive(x, t_x, T), other.probability_alive(x, t_x, T), rtol=1e-11)
    np.testing.assert_allclose(
        one.expected_purchases(52, x, t_x, T), other.expected_purchases(52, x, t_x, T), rtol=1e-10
    )
    np.testing.assert_allclose(one.purchase_pmf(np.arange(9), 30), other.purchase_pmf(np.arange(9), 30), rtol=1e-10)
    for horizon in (52.0, None):
        some = (x[:60], t_x[:60], T[:60])
        mine = one.discounted_expected_purchases(0.02, *some, horizon)
        np.testing.assert_allclose(mine, other.discounted_expected_purchases(0.02, *some, horizon), rtol=1e-9)


def regular_shop(k: int, n: int = 4000, seed: int = 9) -> pl.DataFrame:
    """Customers whose times between purchases are Erlang-k, summarised, with what they did next."""
    rng, rows = np.random.default_rng(seed), []
    for rate, leave, T in zip(rng.gamma(0.8, 1 / 2.0, n), rng.beta(0.7, 3.0, n), rng.uniform(40, 104, n), strict=True):
        times, t, alive = [0.0], 0.0, rng.random() >= leave
        while alive:
            t += rng.gamma(k, 1 / max(rate, 1e-9))
            if t > T + 52:
                break
            times.append(t)
            alive = rng.random() >= leave
        seen = [u for u in times if u <= T]
        gaps = np.diff(seen)
        rows.append((len(seen) - 1, seen[-1], T, float(np.log(gaps).sum()), len(times) - len(seen)))
    schema = ["frequency", "recency", "T", "sum_log_intervals", "next"]
    return pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)


def test_regular_buyers_are_recognised_and_forecast():
    table = regular_shop(3)
    fits = {k: fit(MbgCnbd.of(k), table, time_unit="week") for k in (1, 2, 3, 4)}
    assert max(fits, key=lambda k: fits[k].log_likelihood) == 3
    for (name, value), truth in zip(fits[3].model.parameters.items(), (0.8, 2.0, 0.7, 3.0), strict=True):
        assert abs(value - truth) < 3.5 * fits[3].standard_errors[name]
    history = (table[c].to_numpy() for c in ("frequency", "recency", "T"))
    expected = fits[3].model.expected_purchases(52, *history).sum()
    assert expected == pytest.approx(table["next"].sum(), rel=0.05)


def test_distribution_adds_up_to_the_expected_number():
    m = MbgCnbd.of(3)(0.6, 4.0, 0.8, 2.5)
    n = np.arange(300)
    pmf = m.purchase_pmf(n, 60.0)
    assert pmf.sum() == pytest.approx(1.0, abs=1e-10)
    assert pmf @ n == pytest.approx(m.expected_purchases_new(60.0), rel=1e-9)


def test_k_is_a_whole_number_from_one():
    with pytest.raises(DataError, match="k must be"):
        MbgCnbd.of(0)
    assert MbgCnbd.of(4).label == "MBG/CNBD-4"
    assert MbgCnbd.of(4) is MbgCnbd.of(4)
    with pytest.raises(AttributeError, match="MbgCnbd0"):
        cnbd_k.MbgCnbd0  # noqa: B018


def test_a_model_of_any_k_can_be_sent_to_another_process():
    m = MbgCnbd.of(3)(0.6, 4.0, 0.8, 2.5)
    again = pickle.loads(pickle.dumps(m))
    assert again == m
    assert type(again) is MbgCnbd.of(3)
    assert str(m).startswith("MbgCnbd3(r=0.6")


def test_forecasts_of_regular_buyers_are_calibrated():
    """The randomised probability integral transform of what they then bought is uniform (Kolmogorov, 1 %)."""
    table, rng = regular_shop(3, n=3000, seed=21), np.random.default_rng(5)
    f = fit(MbgCnbd.of(3), table, time_unit="week")
    parameters = {c: v.to_numpy() for c, v in f.posterior(300).table.to_dict().items()}
    x, t_x, T, did = (table[c].to_numpy().astype(float) for c in ("frequency", "recency", "T", "next"))
    u = np.empty(T.size)
    for i in range(0, T.size, 25):
        j = slice(i, i + 25)
        drawn, _ = type(f.model).draw_purchases(parameters, 52.0, Past(x[j], t_x[j], T[j]), rng)
        drawn = drawn * (rng.random(drawn.shape) < f.model.probability_alive(x[j], t_x[j], T[j])[:, None])
        below, same = (drawn < did[j, None]).sum(axis=1), (drawn == did[j, None]).sum(axis=1)
        u[j] = (below + rng.random(below.size) * (same + 1)) / (drawn.shape[1] + 1)
    assert np.abs(np.sort(u) - (np.arange(u.size) + 0.5) / u.size).max() < 1.63 / np.sqrt(u.size)
