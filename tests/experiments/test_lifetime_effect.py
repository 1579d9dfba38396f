"""The long run through rate and dropout: against MBG/NBD, against simulation, and on the simulated retailer."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import polars as pl
import pytest

from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError
from custvalue.experiments.exposure import (
    DROPOUT,
    PRIORS,
    RATE,
    _data,
    _objective,
    alive_at_start,
    discounted_purchases,
    fit_exposure,
)
from custvalue.experiments.money import long_run_effect
from custvalue.experiments.verdict import does_it_pay
from custvalue.models.mbg_nbd import MbgNbd

R, ALPHA, A, B = 3.0, 1.2, 1.2, 12.0  # time in years
HISTORY_YEARS, TEST_YEARS = 2.0, 1.0


def theta(gamma=0.0, eta=0.0, season=0.0):
    return np.array([math.log(R), math.log(ALPHA), math.log(A / B), math.log(A + B), season, gamma, eta])


def bought(n, gamma=0.0, eta=0.0, season=0.0, seed=1):
    """Simulate purchases one by one: the first two years before the test, the effects from its first day on."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        rate, p, treated = rng.gamma(R) / ALPHA, rng.beta(A, B), i % 2 == 1
        at = -HISTORY_YEARS * rng.random() - 0.01
        days = []
        while at < TEST_YEARS:
            days.append(at)
            within = at >= 0.0
            if rng.random() < p * (math.exp(eta) if treated and within else 1.0):
                break
            fast = rate * math.exp(season + gamma * treated)
            wait = rng.exponential()  # on a clock of its own, which the test makes faster
            before = max(-at, 0.0) * rate
            at = at + wait / rate if wait < before else max(at, 0.0) + (wait - before) / fast
        rows.append((
            f"c{i:06d}", treated, sum(d < 0 for d in days), sum(d >= 0 for d in days), 365 * days[0],
            365 * max(d for d in days if d < 0), 365 * days[-1], 365 * TEST_YEARS,
        ))  # fmt: skip
    names = ("customer_id", "treated", "n_before", "n_within", "first_purchase_days", "last_before_days",
             "last_purchase_days", "observed_days")  # fmt: skip
    return pl.DataFrame(rows, schema=names, orient="row")


def log_likelihood(at, rows):
    prior = sum(((float(at[i]) - mean) / sd) ** 2 for i, mean, sd in PRIORS)
    return -_objective(at, _data(rows)) + 0.5 * prior


def test_without_an_effect_the_likelihood_is_that_of_mbg_nbd():
    """Two roads: quadrature over dropout against the closed form of the model."""
    rows = bought(400)
    x = (rows["n_before"] + rows["n_within"] - 1).to_numpy().astype(float)
    t_x = (rows["last_purchase_days"] - rows["first_purchase_days"]).to_numpy() / 365
    T = (rows["observed_days"] - rows["first_purchase_days"]).to_numpy() / 365
    expected = MbgNbd(r=R, alpha=ALPHA, a=A, b=B).log_likelihood(x, t_x, T)
    assert log_likelihood(theta(), rows) == pytest.approx(float(np.sum(expected)), rel=1e-8)


def test_alive_and_future_purchases_are_those_of_mbg_nbd():
    rows = bought(300)
    history = rows.select(
        "n_before",
        (pl.col("last_before_days") - pl.col("first_purchase_days")) / 365,
        -pl.col("first_purchase_days") / 365,
    ).to_numpy()
    grid = alive_at_start(theta(), history)
    model = MbgNbd(r=R, alpha=ALPHA, a=A, b=B)
    known = history[:, 0] - 1.0, history[:, 1], history[:, 2]
    assert grid[2].sum() == pytest.approx(float(np.mean(model.probability_alive(*known))), rel=0.01)
    delta = math.log(1.1)
    future = discounted_purchases(theta(0.4, -0.5), grid, treated=False, persistence=1.0, delta=delta, years=3)
    expected = np.mean(model.discounted_expected_purchases(delta, *known, horizon=3.0))
    assert future == pytest.approx(float(expected), rel=0.01)


def test_future_purchases_with_a_fading_effect_against_simulation():
    rng = np.random.default_rng(5)
    rate, p, gamma, eta, persistence, delta = 3.0, 0.15, 0.5, -0.6, 0.5, math.log(1.1)
    one = (np.array([rate]), np.array([p]), np.array([1.0]))
    expected = discounted_purchases(theta(gamma, eta), one, treated=True, persistence=persistence, delta=delta, years=3)
    worth = np.zeros(20_000)
    for i in range(worth.size):
        alive, at = True, 0.0
        for year in range(3):
            share = persistence**year
            at = float(year)
            while alive:
                at += rng.exponential(1.0 / (rate * math.exp(share * gamma)))
                if at >= year + 1.0:
                    break
                worth[i] += math.exp(-delta * at)
                alive = rng.random() >= p * math.exp(share * eta)
    assert expected == pytest.approx(worth.mean(), abs=4.0 * worth.std() / math.sqrt(worth.size))


def test_known_effects_are_found_and_their_intervals_hold_them():
    z, inside, rates, dropouts = 1.96, [0, 0], [], []
    for seed in range(8):
        fit = fit_exposure(bought(1_500, gamma=0.4, eta=-0.5, season=-0.1, seed=seed))
        for k, (place, true) in enumerate(((RATE, 0.4), (DROPOUT, -0.5))):
            _, low, high = fit.factor(place, z)
            inside[k] += low < math.exp(true) < high
        rates.append(fit.theta[RATE])
        dropouts.append(fit.theta[DROPOUT])
    assert min(inside) >= 6
    assert np.mean(rates) == pytest.approx(0.4, abs=4 * np.std(rates) / math.sqrt(8))
    assert np.mean(dropouts) < 0.0


def test_no_effect_is_not_found():
    fit = fit_exposure(bought(2_000, seed=9))
    for place in (RATE, DROPOUT):
        _, low, high = fit.factor(place, 2.6)
        assert low < 1.0 < high


def test_too_few_customers_or_no_purchases():
    with pytest.raises(DataError, match="200 are needed"):
        fit_exposure(bought(100))
    with pytest.raises(DataError, match="no column 'n_within'"):
        fit_exposure(bought(10).drop("n_within"))


# from the warehouse


def test_purchases_are_counted_from_the_first_day_and_silence_no_longer_than_the_data():
    """Worked by hand: the test is planned until April, the data end on 11 March."""
    with open_warehouse() as shop:
        shop.load(pl.DataFrame({"customer_id": ["a", "b", "c"]}), table="customers")
        shop.load(
            pl.DataFrame(
                {
                    "order_id": list("123456"),
                    "customer_id": ["a", "a", "a", "b", "b", "c"],
                    "gross_list": [20.0] * 6,
                    "ordered_at": [
                        dt.date(2024, 12, 2),
                        dt.date(2024, 12, 30),
                        dt.date(2025, 3, 11),
                        dt.date(2025, 1, 5),
                        dt.date(2025, 1, 5),
                        dt.date(2024, 12, 31),
                    ],
                }
            ),
            table="orders",
        )
        shop.load(
            pl.DataFrame(
                {
                    "experiment_id": [1],
                    "name": ["gift"],
                    "design": ["rct"],
                    "starts": [dt.date(2025, 1, 1)],
                    "ends": [dt.date(2025, 4, 30)],
                    "planned_share": [0.5],
                }
            ),
            table="experiments",
        )
        shop.load(pl.DataFrame({
            "assignment_id": [1, 2, 3], "experiment_id": [1, 1, 1], "customer_id": ["a", "b", "c"],
            "arm": ["control", "treatment", "control"], "assigned_at": [dt.date(2024, 12, 31)] * 3,
        }), table="assignments")  # fmt: skip
        found = shop.fetch("experiment_purchases", experiment="gift")
    assert found.drop("segment").rows() == [
        ("a", "control", 2, 1, -30, -2, 69, 70),
        ("b", "treatment", 0, 1, 4, None, 4, 70),  # two orders of a day are one purchase
        ("c", "control", 1, 0, -1, -1, -1, 70),
    ]


# on the verdict


@pytest.fixture(scope="module")
def verdict(root):
    with open_warehouse() as shop:
        shop.load(root / "sample_data")
        yield does_it_pay(shop, experiment="free_delivery")


def test_the_simulated_retailer(verdict, root):
    """Remote customers buy more often and leave less; the truth lies in both intervals."""
    true = json.loads((root / "sample_data" / "truth.json").read_text())["world"]["segments"]["remote"]
    row = verdict.long_run.filter(segment="remote", persistence=1.0).row(0, named=True)
    assert row["basis"] == "rate and dropout"
    assert row["rate_factor_low"] < true["free_rate"] < row["rate_factor_high"]
    assert row["dropout_factor_low"] < true["free_dropout"] < row["dropout_factor_high"]
    assert row["rate_factor_low"] > 1.0 > row["dropout_factor"]
    near = verdict.long_run.filter(segment="loyal and near", persistence=1.0).row(0, named=True)
    assert near["rate_factor_low"] < 1.0 < near["rate_factor_high"]


def test_the_more_persists_the_better_for_those_who_respond(verdict):
    remote = verdict.long_run.filter(segment="remote")
    assert remote["persistence"].to_list() == sorted(remote["persistence"].to_list())
    assert remote["effect"].is_sorted()
    assert remote["effect_low"].min() > 0.0
    assert verdict.long_run.filter(segment="bargain")["effect_high"].max() < 0.0


def test_without_persistence_the_first_year_is_the_measured_effect_and_the_cost_stays(verdict):
    """The measured effect is inside what the first year can be: three years at no effect cost more than one."""
    measured = {r["segment"]: r for r in verdict.table.to_dicts()}
    for row in verdict.long_run.filter(segment="loyal and near").to_dicts():
        assert row["effect"] < measured["loyal and near"]["effect"] < 0.0


def test_all_customers_are_the_average_of_the_segments(verdict):
    shares = dict(verdict.table.select("segment", pl.col("n_control") + pl.col("n_treated")).iter_rows())
    for persistence in (0.0, 0.5, 1.0):
        rows = {r["segment"]: r["effect"] for r in verdict.long_run.filter(persistence=persistence).to_dicts()}
        mean = sum(rows[s] * n for s, n in shares.items() if s != "all") / shares["all"]
        assert rows["all"] == pytest.approx(mean)


def test_a_frame_carries_the_effect_on():
    rng = np.random.default_rng(2)
    treated = np.arange(4_000) % 2 == 1
    frame = pl.DataFrame({
        "customer_id": range(4_000), "arm": treated, "contribution": 20.0 + 3.0 * treated + rng.normal(0.0, 10.0, 4_000),
    })  # fmt: skip
    found = does_it_pay(frame, outcome_days=73)
    yearly = found.table["effect"][0] * 5.0
    for row in found.long_run.to_dicts():
        factor = long_run_effect(
            1.0, retention=1.0, persistence=row["persistence"], discount_rate=0.10, periods=row["horizon_years"]
        )
        assert row["basis"] == "effect carried on"
        assert row["effect"] == pytest.approx(yearly * factor)
        assert row["rate_factor"] is None
    assert found.long_run["effect"][0] == pytest.approx(yearly)


def test_what_cannot_be_judged_has_no_long_run(root):
    frame = pl.DataFrame({"customer_id": range(200), "arm": [0] * 20 + [1] * 180, "contribution": [1.0, 2.0] * 100})
    found = does_it_pay(frame)
    assert found.decision == "cannot be judged"
    assert found.long_run is None
