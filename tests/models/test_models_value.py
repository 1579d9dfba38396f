"""Lifetime value, churn and spend: units, rules for odd rows, and one clear error each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from cdnow import CALIBRATION_END, summarise

import custvalue.plots.models  # noqa: F401 - registers the figures
from custvalue.errors import DataError, FitError
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.churn import churn_within
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.holdout import split_at
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.spend import spend_independence, spend_per_customer
from custvalue.results import PurchaseSummary


def value(mbg_fit, spend_fit, summary, **settings):
    return lifetime_value(mbg_fit, spend_fit, summary, **({"margin_rate": 0.4, "level": None} | settings))


def test_columns_are_those_of_the_contract(mbg_fit, spend_fit, cdnow):
    names = ["customer_id", "p_alive", "churn_probability", "expected_purchases", "clv", "clv_low", "clv_high"]
    assert value(mbg_fit, spend_fit, cdnow, level=0.9).table.columns == names
    revenue = value(mbg_fit, spend_fit, cdnow, level=0.9, margin_rate=None)
    assert revenue.table.columns[4:] == ["revenue_value", "revenue_value_low", "revenue_value_high"]


def test_value_is_purchases_times_spend_times_margin_less_service(mbg_fit, spend_fit, cdnow):
    v = value(mbg_fit, spend_fit, cdnow, horizon_days=364, annual_discount_rate=0.0, service_cost_per_order=2.0)
    x = cdnow.table["frequency"].to_numpy()
    spend = spend_fit.model.expected_value(x, cdnow.table["monetary_value"].fill_null(1.0).to_numpy())
    bought = mbg_fit.model.expected_purchases(52.0, *cdnow.arrays())
    np.testing.assert_allclose(v.table["expected_purchases"], bought, rtol=1e-12)
    np.testing.assert_allclose(v.table["clv"], bought * (0.4 * spend - 2.0), rtol=1e-9)


def test_weeks_and_days_give_the_same_value(cdnow_transactions, mbg_fit, spend_fit, cdnow):
    days = PurchaseSummary(
        table=summarise(cdnow_transactions, CALIBRATION_END, 1.0), as_of=CALIBRATION_END, time_unit="day"
    )
    by_day = value(fit(MbgNbd, days), spend_fit, days)
    np.testing.assert_allclose(by_day.table["clv"], value(mbg_fit, spend_fit, cdnow).table["clv"], rtol=1e-6)
    with pytest.raises(DataError, match="in weeks, the summary is in days"):
        value(mbg_fit, spend_fit, days)


def test_a_year_of_discounting_costs_less_than_a_years_rate(mbg_fit, spend_fit, cdnow):
    free, dear = (value(mbg_fit, spend_fit, cdnow, annual_discount_rate=d).table["clv"].sum() for d in (0.0, 0.10))
    assert 1 / 1.10 < dear / free < 1.0


def test_margin_and_cost_can_be_columns(mbg_fit, spend_fit, cdnow):
    table = cdnow.table.with_columns(margin=pl.lit(0.4), cost=pl.lit(1.5))
    by_column = value(
        mbg_fit, spend_fit, replace(cdnow, table=table), margin_rate="margin", service_cost_per_order="cost"
    )
    by_number = value(mbg_fit, spend_fit, cdnow, service_cost_per_order=1.5)
    assert by_column.table.equals(by_number.table)
    assert by_column.margin_rate == "margin"


def test_repeat_buyers_without_spend_get_the_population_mean_and_are_counted(mbg_fit, spend_fit, cdnow):
    odd = cdnow.table.filter(frequency=3).head(3).with_columns(monetary_value=pl.Series([0.0, -5.0, None]))
    v = value(mbg_fit, spend_fit, replace(cdnow, table=odd), annual_discount_rate=0.0)
    assert v.n_without_spend == 3
    np.testing.assert_allclose(v.table["clv"] / v.table["expected_purchases"], 0.4 * spend_fit.model.population_mean)


def test_spend_fit_counts_the_customers_it_cannot_use(cdnow):
    table = cdnow.table.with_columns(
        pl.when(pl.col("frequency") == 5).then(0.0).otherwise("monetary_value").alias("monetary_value")
    )
    f = fit(GammaGamma, table)
    assert f.n_customers == cdnow.table.filter((pl.col("frequency") > 0) & (pl.col("frequency") != 5)).height
    assert f.excluded.startswith(f"{cdnow.table.filter(frequency=5).height} repeat buyers")


def test_margins_at_or_below_zero_are_counted_and_kept(mbg_fit, spend_fit, cdnow):
    table = cdnow.table.with_row_index("i").with_columns(margin=pl.when(pl.col("i") < 7).then(-0.1).otherwise(0.4))
    v = value(mbg_fit, spend_fit, replace(cdnow, table=table), margin_rate="margin", level=0.95)
    assert v.n_margin_not_positive == 7
    assert (v.table["clv"][:7] < 0).all()
    assert (v.table["clv_low"] <= v.table["clv_high"]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon_days": 0}, "horizon_days"),
        ({"annual_discount_rate": -0.1}, "annual_discount_rate"),
        ({"annual_discount_rate": 10}, "0.10 for 10 %"),
        ({"margin_rate": 45}, "at most 1"),
        ({"margin_rate": "nothing"}, "no column 'nothing'"),
        ({"margin_rate": None, "service_cost_per_order": 2.0}, "no margin rate"),
        ({"level": 95}, "between 0 and 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_clear_error(mbg_fit, spend_fit, cdnow, settings, message):
    with pytest.raises(DataError, match=message):
        value(mbg_fit, spend_fit, cdnow, **settings)


@pytest.mark.parametrize(
    ("x", "t_x", "T", "message"),
    [([1.0, -1.0], [1.0, 0.0], [2.0, 2.0], "1 of 2 customers .* row 1"), ([1.5], [1.0], [2.0], "whole number"),
     ([1.0], [3.0], [2.0], "between 0 and T"), ([0.0], [1.0], [2.0], "never came back"), ([1.0], [np.nan], [2.0], "between 0 and T")],
)  # fmt: skip
def test_an_impossible_history_is_one_clear_error(x, t_x, T, message):
    with pytest.raises(DataError, match=message):
        MbgNbd(0.5, 6.0, 0.9, 1.6).probability_alive(x, t_x, T)


@pytest.mark.parametrize("parameter", [0.0, -1.0, np.nan, np.inf])
def test_a_parameter_is_a_positive_number(parameter):
    with pytest.raises(DataError, match="alpha"):
        BgNbd(0.5, parameter, 0.9, 1.6)


def test_data_that_cannot_tell_end_in_one_error_that_says_what_to_try(cdnow):
    with pytest.raises(FitError, match="none of the 1,411 customers bought again"):
        fit(MbgNbd, cdnow.table.filter(frequency=0), time_unit="week")
    with pytest.raises(FitError, match="no customers"):
        fit(MbgNbd, cdnow.table.clear(), time_unit="week")
    same_day = cdnow.table.with_columns(frequency=pl.lit(0), recency=pl.lit(0.0), T=pl.lit(0.0))
    with pytest.raises(FitError, match="bought again"):
        fit(BgNbd, same_day, time_unit="week")
    with pytest.raises(FitError, match="repeat buyers with spend"):
        fit(GammaGamma, cdnow.table.filter(frequency=20))
    with pytest.raises(FitError, match=r"q = 0\.9"):
        _ = GammaGamma(6.0, 0.9, 15.0).population_mean
    with pytest.raises(DataError, match="no column 'T'"):
        fit(MbgNbd, cdnow.table.drop("T"), time_unit="week")
    nobody_leaves = pl.DataFrame({"frequency": [3, 4, 5, 6] * 50, "recency": [9.9] * 200, "T": [10.0] * 200})
    with pytest.raises(FitError, match=r"(?s)not identified.*Try|did not converge"):
        fit(BgNbd, nobody_leaves, time_unit="week")


def test_churn_over_a_horizon_starts_from_churn_now(mbg_fit, pareto_fit, cdnow):
    for f in (mbg_fit, pareto_fit):
        churn = churn_within(f, cdnow, 90)
        table = churn.table
        assert churn.column == "churn_probability_90d"
        assert (table["churn_probability_90d"] >= 1 - table["p_alive"] - 1e-12).all()
        assert (table["churn_probability_90d_low"] <= table["churn_probability_90d"]).all()
        assert (table["churn_probability_90d"] <= table["churn_probability_90d_high"]).all()
        assert table["days_to_next_purchase"].null_count() < table.height
        assert churn.plot().layout.title.text
    wait = churn_within(mbg_fit, cdnow).table["days_to_next_purchase"].to_numpy()
    x, _, T = cdnow.arrays()
    R = mbg_fit.model.r + x
    np.testing.assert_allclose(wait[R > 1], (7 * (mbg_fit.model.alpha + T) / (R - 1))[R > 1])
    assert np.isnan(wait[R <= 1]).all()


def test_waiting_time_of_pareto_nbd_against_simulation(pareto_fit):
    m, rng = pareto_fit.model, np.random.default_rng(8)
    rate = rng.gamma(m.r + 6, 1 / (m.alpha + 30), 400_000)
    life = rng.exponential(1.0, rate.size) / rng.gamma(m.s, 1 / (m.beta + 30), rate.size)
    wait = rng.exponential(1.0, rate.size) / rate
    assert m.expected_time_to_next_purchase(6, 28, 30) == pytest.approx(wait[wait < life].mean(), rel=0.02)


def test_spend_with_the_first_purchase_and_its_independence(cdnow_transactions, cdnow, spend_fit):
    purchases = split_at(cdnow_transactions, CALIBRATION_END).purchases.filter(pl.col("day") <= CALIBRATION_END)
    without = spend_per_customer(purchases, include_first=False)
    assert without.select("frequency", "monetary_value").equals(cdnow.table.select("frequency", "monetary_value"))
    everybody = fit(GammaGamma, spend_per_customer(purchases))
    assert everybody.n_customers == spend_per_customer(purchases).filter(pl.col("monetary_value") > 0).height
    assert everybody.model.population_mean == pytest.approx(spend_fit.model.population_mean, rel=0.1)
    test = spend_independence(cdnow)
    assert test.table["n_customers"].sum() == test.n_customers == 946
    assert test.holds == ("may be used" in test.title)
    assert test.plot().layout.title.text
    tied = cdnow.table.with_columns(monetary_value=pl.col("frequency") * 10.0)
    assert not spend_independence(tied).holds
