"""Split, comparison, tracking and calibration on CDNOW."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from cdnow import CALIBRATION_END

import custvalue.plots.models  # noqa: F401 - registers the figures
from custvalue.errors import DataError
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.holdout import (
    compare_models,
    frequency_calibration,
    randomised_transform,
    split_at,
    tracking,
    value_by_decile,
)
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.nbd import Nbd


@pytest.fixture(scope="module")
def split(cdnow_transactions):
    return split_at(cdnow_transactions.rename({"day": "ordered_at"}), CALIBRATION_END)


@pytest.fixture(scope="module")
def comparison(split):
    return compare_models(split)


def test_split_agrees_with_the_summary_and_with_clvtools_holdout(split, cdnow, golden):
    assert split.table.select(cdnow.table.columns).equals(cdnow.table)
    totals = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]["cdnow_pnbd_clv_totals"]
    assert split.table["holdout_purchases"].sum() == totals["actual.x"]
    assert split.table["holdout_spend"].sum() == pytest.approx(totals["actual.period.spending"])
    assert split.horizon == 39.0


def test_tracking_of_weeks_20_to_25_as_in_the_btyd_walkthrough(comparison, split, golden):
    published = golden["published"]["tracking_cdnow_weeks_20_25"]
    weeks = tracking(comparison.fits["Pareto/NBD"], split).table.filter(pl.col("period").is_between(20, 25))
    assert weeks["cumulative_actual"].to_list() == published["actual_cum"]
    assert weeks["cumulative_expected"].round(0).to_list() == published["expected_cum"]


def test_tracking_adds_up_to_what_was_bought(comparison, split):
    t = tracking(comparison.fits["MBG/NBD"], split).table
    repeats = split.purchases.height - split.purchases["customer_id"].n_unique()
    assert t["actual"].sum() == repeats
    in_holdout = t.filter("is_holdout")["actual"].sum()
    assert abs(in_holdout - split.table["holdout_purchases"].sum()) <= 20  # weeks do not end on the day of the split


def test_comparison_recommends_the_least_error_and_says_why(comparison, golden):
    assert {"MBG/NBD", "BG/NBD", "Pareto/NBD"} < set(comparison.table["model"])
    assert comparison.table.height == 6
    assert comparison.table["root_mean_squared_error"].is_sorted()
    assert comparison.title.startswith(f"Use {comparison.recommended}: ")
    expected = dict(zip(comparison.table["model"], comparison.table["purchases_expected"], strict=True))
    totals = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]["cdnow_pnbd_clv_totals"]
    assert expected["Pareto/NBD"] == pytest.approx(totals["CET"], rel=1e-3)


def test_frequency_calibration_counts_every_customer(comparison, split):
    table = frequency_calibration(comparison.fits["MBG/NBD"], split).table
    assert table["customers_actual"].sum() == split.table.height
    assert table["customers_expected"].sum() == pytest.approx(split.table.height)
    gap = (table["customers_expected"] - table["customers_actual"]).abs().max()
    assert gap < 0.01 * split.table.height


def test_value_by_decile_adds_up_and_ranks(comparison, split):
    days = (split.holdout_end - split.as_of).days
    revenue = lifetime_value(comparison.fits["MBG/NBD"], fit(GammaGamma, split), split,
                             horizon_days=days, annual_discount_rate=0.0, level=None)  # fmt: skip
    table = value_by_decile(revenue, split).table
    assert table["n_customers"].sum() == split.table.height
    assert table["actual"].sum() == pytest.approx(split.table["holdout_spend"].sum())
    assert table["forecast"].is_sorted(descending=True)
    assert table["actual"][0] > 3 * table["actual"][4]


def test_a_split_outside_the_orders_is_one_clear_error(cdnow_transactions):
    with pytest.raises(DataError, match="1997-01-01 to 1998-06-30"):
        split_at(cdnow_transactions, dt.date(1999, 1, 1))


def test_the_split_is_at_three_quarters_unless_a_day_is_given(cdnow_transactions):
    assert split_at(cdnow_transactions).as_of == dt.date(1998, 2, 13)
    assert split_at(cdnow_transactions, "1997-09-30").as_of == CALIBRATION_END
    with pytest.raises(DataError, match="a day such as 2026-01-31 was expected"):
        split_at(cdnow_transactions, "30.9.1997")
    with pytest.raises(DataError, match="no order with a customer"):
        split_at(cdnow_transactions.clear())


def test_randomised_transform_is_uniform_for_draws_from_the_forecast():
    rng = np.random.default_rng(3)
    outcome = rng.binomial(4, 0.3, 20_000)
    pmf = np.array([0.2401, 0.4116, 0.2646, 0.0756, 0.0081])
    u = randomised_transform(np.cumsum(pmf)[outcome], pmf[outcome])
    assert np.abs(np.sort(u) - np.linspace(0, 1, u.size)).max() < 1.63 / np.sqrt(u.size)  # Kolmogorov, 1 %


@pytest.fixture(scope="module")
def online_retail(shared):
    """Orders of goods of Online Retail: no postage, fees or corrections, no cancellations."""
    raw = pl.read_csv(shared / "data" / "online_retail.csv.gz", encoding="utf8-lossy", infer_schema_length=0)
    not_goods = ["POST", "DOT", "C2", "M", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK"]
    goods = raw.filter(
        pl.col("CustomerID").str.len_chars() > 0,
        ~pl.col("InvoiceNo").str.starts_with("C"), ~pl.col("StockCode").is_in(not_goods),
    )  # fmt: skip
    return goods.select(
        pl.col("CustomerID").alias("customer_id"), pl.col("InvoiceDate").str.slice(0, 10).str.to_date().alias("ordered_at"),
        (pl.col("Quantity").cast(pl.Float64) * pl.col("UnitPrice").cast(pl.Float64)).alias("amount"),
    )  # fmt: skip


def test_online_retail_is_forecast_by_models_that_can_be_told_there(online_retail):
    """Nobody is seen to leave in seven months: BG/NBD and its like are refused, regular buying is recognised."""
    page = compare_models(split_at(online_retail, dt.date(2011, 6, 30)))
    assert set(page.table["model"]) == {"BG/CNBD-2", "MBG/CNBD-2", "NBD"}
    assert page.not_fitted == "MBG/NBD, BG/NBD, Pareto/NBD: not identified on these data"
    assert page.title.startswith("Use BG/CNBD-2: ")
    assert page.table["total_error_rate"].abs().max() < 0.15
    assert page.caution == ""
    assert page.plot().layout.title.text


def test_a_total_that_every_model_misses_at_christmas_is_said_in_the_title_and_the_notes(online_retail):
    page = compare_models(split_at(online_retail))
    assert page.table["total_error_rate"].max() < -0.2
    assert page.title.endswith("it misses the total by -24.1%, and no model comes within 15%: a season may be why")
    assert page.caution == (
        "Between 2011-09-06 and 2011-12-09 customers bought more than any model expects: this may be a season, "
        "and the orders, from 2010-12-01 on, do not hold the one before."
    )
    assert f"caution: {page.caution}" in page.notes()


def steady_shop(boost: float, years: float) -> pl.DataFrame:
    """600 customers who buy every 60 days on average, in the last quarter `boost` times as often."""
    rng, rows, start, days = np.random.default_rng(6), [], dt.date(2020, 1, 1), int(365 * years)
    for customer in range(600):
        rate = rng.gamma(2.0, 1 / 120.0) * np.where(np.arange(days) > days * 3 // 4, boost, 1.0)
        bought = np.flatnonzero(rng.random(days) < rate)
        rows += [(customer, start + dt.timedelta(days=int(d)), 10.0) for d in bought]
    return pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount"], orient="row")


@pytest.mark.parametrize(
    ("boost", "years", "said"),
    [(1.0, 1.0, None), (2.0, 1.0, "do not hold the one before"), (0.4, 2.0, "bought less .* a year before")],
)
def test_a_miss_is_explained_only_where_it_is_large(boost, years, said):
    page = compare_models(split_at(steady_shop(boost, years)), [Nbd])
    if said is None:
        assert page.caution == ""
        assert page.title.endswith(f"it misses the total by {page.table['total_error_rate'][0]:+.1%}")
    else:
        assert re.search(said, page.caution)
        assert "a season may be why" in page.title


def test_the_model_that_is_right_about_the_total_is_named(comparison):
    """The recommended one is made to miss the total by half; the others keep their forecasts."""
    table = comparison.table.with_columns(
        pl.when(pl.col("model") == comparison.recommended)
        .then(0.5)
        .otherwise("total_error_rate")
        .alias("total_error_rate")
    )
    best = table.sort(pl.col("total_error_rate").abs())["model"][0]
    assert f"; for totals {best} is nearer (" in replace(comparison, table=table).title
