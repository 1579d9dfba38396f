"""A real randomised programme, money per person, held to its published figures; and the same without the lot."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from custvalue.config import DecisionSettings
from custvalue.experiments.effects import effects
from custvalue.experiments.opt_in import opt_in_effect
from custvalue.experiments.verdict import does_it_pay

# Dehejia & Wahba (1999), Journal of the American Statistical Association 94, table 3, their RE74 subset of LaLonde
# (1986): difference of the means of 1978 earnings, dollars, and its standard error with one variance for both arms
PUBLISHED, PUBLISHED_ERROR = 1794.0, 633.0
# LaLonde's men against CPS-1, same table: the comparison without a lot
PUBLISHED_NAIVE = -8498.0
KNOWN_BEFORE = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def read(name):
    """Read the file as it is: the package's own loaders ask for more libraries."""
    found = find_spec("causaldata")
    assert found is not None
    assert found.origin is not None
    return pd.read_stata(Path(found.origin).parent / name / f"{name}.dta").reset_index(names="customer_id")


@pytest.fixture(scope="module")
def people():
    return read("nsw_mixtape")


def judge(people, **kwargs):
    settings = DecisionSettings(loss_cap=50.0, neutral_margin=50.0)
    given = {"arm": "treat", "outcome": "re78", "planned_share": 185 / 445, "outcome_days": 365, "currency": "USD"}
    return does_it_pay(people, settings=settings, **given, **kwargs)


def test_the_published_difference(people):
    row = judge(people).table.row(0, named=True)
    assert (row["n_control"], row["n_treated"]) == (260, 185)
    assert row["effect"] == pytest.approx(PUBLISHED, abs=0.5)
    assert row["effect_low"] < PUBLISHED - PUBLISHED_ERROR < PUBLISHED + PUBLISHED_ERROR < row["effect_high"]


def test_the_published_standard_error_is_that_of_one_common_variance(people):
    """Two roads: the pooled formula gives the paper's figure, Welch's on the same rows our interval."""
    from scipy import stats

    control, treated = (people.loc[people["treat"] == arm, "re78"].astype(float).to_numpy() for arm in (0, 1))
    pooled = ((control.size - 1) * control.var(ddof=1) + (treated.size - 1) * treated.var(ddof=1)) / 443
    assert (pooled * (1 / 260 + 1 / 185)) ** 0.5 == pytest.approx(PUBLISHED_ERROR, abs=0.5)
    low, high = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(0.95)
    row = judge(people).table.row(0, named=True)
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((low, high), rel=1e-6)


def test_earnings_before_change_little(people):
    plain, adjusted = (judge(people, **k).table.row(0, named=True) for k in ({}, {"before": "re75"}))
    assert adjusted["effect"] == pytest.approx(plain["effect"], abs=100.0)
    assert adjusted["effect_high"] - adjusted["effect_low"] < plain["effect_high"] - plain["effect_low"]


def test_the_verdict_and_what_it_warns_of(people):
    verdict = judge(people, before="re75")
    assert verdict.decision == "pays off"
    assert verdict.blocked_by() == []
    assert verdict.checks.filter(check="missing cost")["status"].to_list() == ["warn"]
    assert verdict.checks.filter(check="before the start")["status"].to_list() == ["ok"]
    assert verdict.title.startswith("Pays off: +1,747.13 USD")


def test_effects_and_quantiles_tell_the_same(people):
    table = effects(people, ["re78", "re75"], arm="treat", currency="USD").table
    assert table["effect"][0] == pytest.approx(PUBLISHED, abs=0.5)
    assert table["p_value"][0] < 0.01 < table["p_value"][1]  # nothing had happened in 1975


def test_without_the_lot_the_naive_comparison_has_the_wrong_sign(people):
    launch = pd.concat([people[people["treat"] == 1], read("cps_mixtape")])
    found = opt_in_effect(launch, arm="treat", outcome="re78", covariates=KNOWN_BEFORE, currency="USD")
    row = found.table.row(0, named=True)
    assert row["naive_difference"] == pytest.approx(PUBLISHED_NAIVE, abs=1.0)
    assert row["effect_low"] < PUBLISHED < row["effect_high"]
    assert row["effect"] == pytest.approx(PUBLISHED, abs=PUBLISHED_ERROR)
    assert row["effect_low"] > 0.0
    assert found.balance["after"].abs().max() < 0.1 < found.balance["before"].abs().max()
