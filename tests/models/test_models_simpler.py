"""What small or even shops get: a simpler model where the usual one is not identified, and the reason."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import custvalue as cv
from custvalue.errors import DataError, FitError
from custvalue.models.mean_spend import MeanSpend
from custvalue.models.poisson import Poisson


def spenders(amounts, counts=None):
    counts = counts or [2] * len(amounts)
    return pl.DataFrame({"frequency": counts, "monetary_value": amounts})


def buyers(frequency, recency, T):
    n = range(len(frequency))
    return pl.DataFrame({"customer_id": n, "frequency": frequency, "recency": recency, "T": T, "monetary_value": 10.0})


def test_gamma_gamma_where_it_is_identified_and_nothing_is_said(cdnow):
    spend = cv.fit_spend(cdnow)
    assert spend.model == cv.fit(cv.GammaGamma, cdnow).model
    assert spend.note == ""


@pytest.mark.parametrize(
    ("amounts", "why"),
    [
        ([29.90] * 20, "everybody spends 29.9"), ([9.90] * 12, "everybody spends 9.9"),
        ([10.0, 20.0, 30.0], "only 3 repeat buyers"), ([5.0], "only 1 repeat buyers"),
        ([20.0, 20.0 + 1e-7] * 10, "not identified"),
    ],
)  # fmt: skip
def test_the_mean_where_amounts_do_not_tell_customers_apart(amounts, why):
    spend = cv.fit_spend(spenders(amounts))
    assert isinstance(spend.model, MeanSpend)
    assert spend.model.population_mean == pytest.approx(np.mean(amounts))
    assert why in spend.note
    assert "so everybody gets the mean spend" in spend.note


def test_the_mean_is_that_of_all_purchases_with_its_error():
    spend = cv.fit_spend(spenders([10.0, 40.0], [3, 1]))
    # (3·10 + 1·40)/4 = 17.5; variance of a purchase (3·7.5² + 22.5²)/(2 − 1) = 675, of the mean 675/4
    assert spend.model.population_mean == 17.5
    assert spend.standard_errors["mean"] == pytest.approx(math.sqrt(675 / 4))
    assert spend.model.variation == pytest.approx(math.sqrt(675) / 17.5)


def test_an_amount_that_is_given_is_taken_without_error(cdnow, mbg_fit):
    spend = cv.fit_spend(cdnow, amount=9.90)
    assert spend.model == MeanSpend(9.90)
    value = cv.lifetime_value(mbg_fit, spend, cdnow, annual_discount_rate=0.0, draws=200)
    row = value.table.row(0, named=True)
    assert row["revenue_value"] == pytest.approx(9.90 * row["expected_purchases"])
    purchases = value.table["revenue_value_high"] / 9.90  # draws of whole purchases at one price
    assert (value.table["revenue_value_low"] >= 0).all()
    assert purchases.is_finite().all()
    for wrong in (0, -1, math.nan, math.inf, "9.90", [9.9], 1e300):
        with pytest.raises(DataError, match=r"amount=.*: a number"):
            cv.fit_spend(cdnow, amount=wrong)


def test_nobody_who_came_back_gives_no_mean_but_takes_an_amount():
    never = pl.DataFrame(
        {"frequency": [0, 0], "monetary_value": [None, None]}, schema_overrides={"monetary_value": pl.Float64}
    )
    with pytest.raises(FitError, match="no mean spend can be told"):
        cv.fit_spend(never)
    assert cv.fit_spend(never, amount=5.0).model.population_mean == 5.0


def test_totals_are_drawn_with_the_mean_and_the_variation():
    rng = np.random.default_rng(1)
    drawn = MeanSpend(20.0, 0.5).draw_totals(
        {"mean": np.full(20_000, 20.0)}, np.full((1, 20_000), 16.0), np.zeros(1), np.ones(1), rng
    )
    assert drawn.mean() == pytest.approx(320.0, rel=0.01)
    assert drawn.std() == pytest.approx(0.5 * 20.0 * 4.0, rel=0.03)


@pytest.mark.parametrize(
    "table",
    [
        buyers([2], [12.0], [13.0]), buyers([1, 0], [5.0, 0.0], [8.0, 7.0]), buyers([2] * 50, [8.0] * 50, [9.0] * 50),
        buyers([8, 9, 8, 8] * 100, [50.0, 51.0, 49.0, 52.0] * 100, [52.0] * 400),
    ],
    ids=["one customer", "two customers", "all alike", "regular buyers"],
)  # fmt: skip
def test_where_nobody_is_seen_to_leave_everybody_counts_as_active(table):
    fitted = cv.fit_purchases(table, time_unit="week")
    rate = table["frequency"].sum() / table["T"].sum()
    assert fitted.model.expected_purchases(1.0, *fitted.data.history()) == pytest.approx(rate, rel=1e-3)
    assert "does not show that anybody left" in fitted.note
    value = cv.lifetime_value(fitted, cv.fit_spend(table, amount=10.0), table, annual_discount_rate=0.0, draws=400)
    assert value.table["p_alive"].to_list() == [1.0] * table.height
    assert value.table["revenue_value"].to_list() == pytest.approx([10.0 * rate * 365 / 7] * table.height, rel=1e-3)
    assert cv.churn_within(fitted, table).table["churn_probability_90d"].max() < 1e-9


def test_customers_who_differ_but_do_not_leave_get_nbd():
    rng = np.random.default_rng(3)
    rate, T = rng.gamma(0.8, 0.3, 400), np.full(400, 60.0)
    x = rng.poisson(rate * T)
    last = np.where(x > 0, T * rng.uniform(size=400) ** (1 / np.maximum(x, 1)), 0.0)  # the latest of x uniform times
    fitted = cv.fit_purchases(buyers(x, last, T), time_unit="week")
    assert fitted.model.label in ("NBD", "MBG/NBD")
    assert (fitted.note != "") == (fitted.model.label == "NBD")


def test_nobody_came_back_is_said():
    with pytest.raises(FitError, match="none of the 3 customers bought again"):
        cv.fit_purchases(buyers([0, 0, 0], [0.0] * 3, [9.0] * 3), time_unit="week")


def test_poisson_is_the_limit_of_nbd():
    x, t_x, T = np.array([0.0, 3.0, 9.0]), np.array([0.0, 8.0, 30.0]), np.array([20.0, 10.0, 31.0])
    limit, near = Poisson(0.2), cv.Nbd(r=0.2 * 1e9, alpha=1e9)
    np.testing.assert_allclose(
        near.expected_purchases(26.0, x, t_x, T), limit.expected_purchases(26.0, x, t_x, T), rtol=1e-6
    )
    np.testing.assert_allclose(near.purchase_pmf(np.arange(9), 26.0), limit.purchase_pmf(np.arange(9), 26.0), rtol=1e-5)
    assert limit.purchase_pmf(np.arange(60), 26.0).sum() == pytest.approx(1.0)
    assert limit.discounted_expected_purchases(0.01, 0, 0, 5.0) == pytest.approx(20.0)
    assert limit.discounted_expected_purchases(0.0, 0, 0, 5.0, horizon=10.0) == pytest.approx(2.0)
    np.testing.assert_allclose(limit.log_likelihood(x, t_x, T), x * math.log(0.2) - 0.2 * T)
