"""What must hold of every test, whatever its figures."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custvalue.config import DecisionSettings
from custvalue.experiments.judge import decide
from custvalue.experiments.money import Belief, FurtherTest, belief, best_further_test, unit_normal_loss
from custvalue.experiments.randomised import Effect, holm
from custvalue.experiments.sequence import sequence_half_width, sequence_p_value, tuning
from custvalue.experiments.verdict import does_it_pay

effects = st.floats(-50.0, 50.0)
errors = st.floats(0.01, 30.0)
DAY = dt.date(2026, 1, 1)


@st.composite
def trials(draw) -> pl.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(200, 600))
    treated = rng.permutation(np.arange(n) % 2 == 0)
    scale = draw(st.floats(0.5, 200.0))
    return pl.DataFrame({
        "customer_id": np.arange(n), "arm": treated, "segment": rng.choice(["a", "b"], n),
        "contribution": scale * rng.poisson(1.5, n) + draw(effects) * treated, "before": scale * rng.poisson(1.5, n),
        "entry_day": rng.integers(0, 14, n),
    })  # fmt: skip


@given(st.floats(-30.0, 30.0))
@settings(deadline=None)
def test_unit_normal_loss_is_positive_falls_and_is_symmetric(z):
    loss = unit_normal_loss(z)
    assert loss >= max(-z, 0.0) - 1e-12
    assert unit_normal_loss(z + 0.5) <= loss + 1e-15
    assert unit_normal_loss(-z) - loss == pytest.approx(z, abs=1e-9)


@given(effects, errors)
@settings(deadline=None)
def test_the_two_losses_differ_by_the_mean(effect, error):
    now = belief(effect, error)
    assert now.loss_if_kept() - now.loss_if_launched() == pytest.approx(effect, abs=1e-8)
    assert now.perfect_information(1) == pytest.approx(min(now.loss_if_kept(), now.loss_if_launched()), abs=1e-9)
    assert 0.0 <= now.p_pays() <= 1.0
    assert belief(-effect, error).p_pays() == pytest.approx(1.0 - now.p_pays(), abs=1e-12)


@given(effects, errors, st.floats(0.1, 20.0))
@settings(deadline=None)
def test_a_prior_shrinks_towards_nothing(effect, error, prior):
    now = belief(effect, error, prior)
    assert abs(now.mean) <= abs(effect)
    assert now.sd < min(error, prior) + 1e-12


@given(effects, errors, st.floats(1.0, 500.0), st.integers(1, 10**6))
@settings(deadline=None)
def test_a_sample_is_worth_less_than_perfect_information_and_more_than_a_smaller_one(effect, error, sd, n):
    now = Belief(mean=effect, sd=error)
    worth = now.sample_information(1_000.0, n, sd)
    assert 0.0 <= worth <= now.perfect_information(1_000.0) * (1 + 1e-9) + 1e-12
    assert now.sample_information(1_000.0, 2 * n, sd) >= worth * (1 - 1e-9)


@given(effects, errors, st.floats(1.0, 500.0), st.floats(10.0, 1e7), st.floats(0.0, 5.0))
@settings(max_examples=40, deadline=None)
def test_the_further_test_is_worth_its_cost(effect, error, sd, customers, cost):
    now = Belief(mean=effect, sd=error)
    best = best_further_test(now, customers=customers, sd_per_customer=sd, cost_per_customer=cost)
    if best.n_per_arm == 0:
        assert best.net_benefit == best.cost == 0.0
        return
    assert best.net_benefit > 0.0
    assert 2 * best.n_per_arm <= customers
    for n in (best.n_per_arm // 2, best.n_per_arm * 2):
        left = customers - 2 * n
        net = now.sample_information(max(left, 0.0), n, sd) - n * abs(effect) - 2 * n * cost
        assert net <= best.net_benefit + 1e-6 * abs(best.net_benefit)


@given(
    effects, errors, st.floats(1.0, 100.0), st.floats(50.0, 400.0), st.floats(0.0, 500.0), st.floats(0.0, 3.0),
    st.floats(10.0, 400.0),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_gains_while_the_test_runs_do_not_count(effect, error, sd, customers, waiting, each, available):
    """Two roads: the search, and every size tried; a result that comes after the horizon is worth nothing."""
    now = Belief(mean=effect, sd=error)
    best = best_further_test(
        now, customers=customers, sd_per_customer=sd, lost_waiting=waiting, lost_per_customer=each, available=available
    )

    def net(n):
        left = customers - waiting - 2.0 * n * (1.0 + each)
        return now.sample_information(left, n, sd) - n * abs(effect)

    tried = [net(n) for n in range(1, int(available / 2.0) + 1) if 2.0 * n * (1.0 + each) <= customers - waiting]
    most = max([0.0, *tried])
    assert best.net_benefit == pytest.approx(most, rel=1e-6, abs=1e-9)
    assert 2 * best.n_per_arm <= available
    if waiting >= customers:
        assert best.n_per_arm == 0


@given(effects, errors, st.integers(10, 100_000), st.sampled_from([0.9, 0.95, 0.99]))
@settings(deadline=None)
def test_the_sequence_is_wider_than_one_look_and_agrees_with_its_p_value(effect, error, n, level):
    from scipy.stats import norm

    rho = tuning(5_000, level)
    half = sequence_half_width(error, n, rho, level)
    assert half > norm.ppf(0.5 + level / 2) * error
    p = sequence_p_value(effect, error, n, rho)
    if abs(abs(effect) - half) > 1e-9:
        assert (p < 1.0 - level) == (abs(effect) > half)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12))
@settings(deadline=None)
def test_holm_levels_agree_with_its_adjusted_p_values(p):
    named = {f"s{i}": value for i, value in enumerate(p)}
    for name, (adjusted, level) in holm(named).items():
        assert adjusted >= named[name]
        if abs(adjusted - 0.05) > 1e-9:
            assert (adjusted < 0.05) == (named[name] < 1.0 - level)


@given(trials(), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_order_of_rows_and_names_do_not_matter(frame, random):
    given_ = {"segment": "segment", "before": "before", "as_of": DAY}
    first = does_it_pay(frame, **given_)
    rows = list(range(frame.height))
    random.shuffle(rows)
    second = does_it_pay(frame[rows], **given_)
    assert second.decision == first.decision
    for column in ("effect", "effect_low", "effect_high", "p_pays"):
        for a, b in zip(first.table[column], second.table[column], strict=True):
            assert (a is None) == (b is None)
            assert a is None or math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-9)


@given(trials())
@settings(max_examples=15, deadline=None)
def test_swapping_the_arms_turns_the_sign(frame):
    first = does_it_pay(frame, before="before", as_of=DAY).table.row(0, named=True)
    swapped = frame.with_columns(~pl.col("arm"))
    second = does_it_pay(swapped, before="before", as_of=DAY).table.row(0, named=True)
    if first["effect"] is None:
        assert second["effect"] is None
        return
    assert second["effect"] == pytest.approx(-first["effect"], rel=1e-9)
    assert second["effect_low"] == pytest.approx(-first["effect_high"], rel=1e-9)
    opposite = {"pays off": "does not pay", "does not pay": "pays off"}
    assert second["decision"] == opposite.get(first["decision"], first["decision"])


@given(trials())
@settings(max_examples=15, deadline=None)
def test_a_final_verdict_leaves_out_break_even_and_keeps_under_the_cap(frame):
    chosen = DecisionSettings(loss_cap=0.5)
    for row in does_it_pay(frame, segment="segment", before="before", settings=chosen, as_of=DAY).table.to_dicts():
        if row["decision"] == "pays off":
            assert row["effect_low"] > 0.0
            assert row["loss_if_launched"] <= 0.5
        if row["decision"] == "does not pay":
            assert row["effect_high"] < 0.0
            assert row["loss_if_kept"] <= 0.5
        if row["decision"] == "keep testing":
            assert row["keep_testing_until"] > DAY
            assert row["testing_gain"] > 0.0


@given(st.floats(0.1, 50.0), st.floats(0.05, 5.0), st.floats(0.0, 2.0))
@settings(deadline=None)
def test_either_mistake_is_held_back_by_the_loss_cap(effect, error, cap):
    """A decision and its mirror image are alike: what holds back a launch holds back a refusal."""
    further = FurtherTest(n_per_arm=1, net_benefit=1.0, cost=1.0)
    chosen = DecisionSettings(loss_cap=cap, neutral_margin=0.0)
    found = {}
    for sign in (1.0, -1.0):
        estimate = Effect(
            n_control=9, n_treated=9, control=0.0, treated=0.0, effect=sign * effect, low=sign * effect - 1.96 * error,
            high=sign * effect + 1.96 * error, level=0.95, standard_error=error, p_value=0.5, relative=None,
            relative_low=None, relative_high=None,
        )  # fmt: skip
        found[sign] = decide(estimate, belief(sign * effect, error), further, chosen)
    mirrored = {"pays off": "does not pay", "keep testing": "keep testing"}
    assert mirrored[found[1.0]] == found[-1.0]
    sure = effect > 1.96 * error and error * unit_normal_loss(effect / error) <= cap
    assert (found[1.0] == "pays off") == sure
