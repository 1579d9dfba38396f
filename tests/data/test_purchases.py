"""The purchase summary: SQL against an independent count in plain Python, and the published CDNOW figures through it."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import custvalue as cv

DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2024, 3, 31))
ROWS = st.lists(st.tuples(st.sampled_from("abcd"), DAYS, st.integers(0, 9_999)), min_size=1, max_size=25)


def by_hand(rows, as_of, days_per_unit):
    """Count as the definitions say, in plain Python."""
    spent = defaultdict(lambda: defaultdict(int))
    for customer, day, cents in rows:
        if day <= as_of:
            spent[customer][day] += cents
    out = {}
    for customer, by_day in spent.items():
        days = sorted(by_day)
        x = len(days) - 1
        mean = sum(by_day[d] for d in days[1:]) / 100 / x if x else None
        logs = sum(math.log((b - a).days / days_per_unit) for a, b in itertools.pairwise(days))
        out[customer] = (
            x,
            (days[-1] - days[0]).days / days_per_unit,
            (as_of - days[0]).days / days_per_unit,
            mean,
            logs,
        )
    return out


@settings(max_examples=25, deadline=None)
@given(ROWS, DAYS, st.sampled_from(["day", "week", "month"]))
def test_summary_equals_a_count_by_hand(rows, as_of, unit):
    frame = pl.DataFrame(
        [(c, d, cents / 100) for c, d, cents in rows], schema=["customer_id", "ordered_at", "amount"], orient="row"
    )
    if min(d for _, d, _ in rows) > as_of:
        with pytest.raises(cv.DataError, match="No order lies on or before"):
            cv.purchase_summary(frame, as_of, unit)
        return
    summary = cv.purchase_summary(frame, as_of, unit)
    expected = by_hand(rows, as_of, {"day": 1, "week": 7, "month": 365 / 12}[unit])
    assert set(summary["customer_id"]) == set(expected)
    for row in summary.table.iter_rows(named=True):
        x, t_x, T, mean, logs = expected[row["customer_id"]]
        assert row["frequency"] == x
        assert (row["recency"], row["T"], row["sum_log_intervals"]) == pytest.approx((t_x, T, logs), abs=1e-12)
        assert row["monetary_value"] == (None if mean is None else pytest.approx(mean, abs=1e-9))


@pytest.fixture(scope="session")
def cdnow(cdnow_file):
    with cv.open() as shop:
        shop.load(cdnow_file, mapping="cdnow")
        yield cv.purchase_summary(shop, as_of="1997-09-30", time_unit="week")


def test_cdnow_summary(cdnow):
    """Fader, Hardie & Lee (2005): 2,357 customers; Fader & Hardie note 025: 946 repeat buyers."""
    assert len(cdnow) == 2_357
    assert (cdnow["frequency"] > 0).sum() == 946
    assert cdnow["T"].max() == pytest.approx(272 / 7)
    assert cdnow["monetary_value"].null_count() == 2_357 - 946


def test_cdnow_from_its_own_file_gives_the_published_fits(cdnow):
    """Fader, Hardie & Lee (2005) Marketing Science 24(2), Table 2; Batislam et al. (2007); Fader & Hardie note 025."""
    bg = cv.fit(cv.BgNbd, cdnow)
    assert (bg.model.r, bg.model.alpha, bg.model.a, bg.model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=6e-4)
    assert bg.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    mbg = cv.fit(cv.MbgNbd, cdnow)
    assert (mbg.model.r, mbg.model.alpha, mbg.model.a, mbg.model.b) == pytest.approx(
        (0.525, 6.183, 0.891, 1.614), abs=6e-4
    )
    assert mbg.log_likelihood == pytest.approx(-9582.1, abs=0.05)
    spend = cv.fit(cv.GammaGamma, cdnow)
    assert (spend.model.p, spend.model.q, spend.model.v) == pytest.approx((6.25, 3.74, 15.44), abs=6e-3)
    assert spend.n_customers == 946


def test_defaults_and_errors(tmp_path):
    frame = pl.DataFrame({"customer_id": ["a", None], "ordered_at": ["2025-01-01", "2025-02-01"], "amount": [1, 2]})
    summary = cv.purchase_summary(frame)
    assert summary.as_of == dt.date(2025, 2, 1)  # the last order's day, whoever placed it
    assert len(summary) == 1
    with pytest.raises(cv.DataError, match="no time unit 'fortnight'"):
        cv.purchase_summary(frame, time_unit="fortnight")
    with pytest.raises(cv.DataError, match="'soon' is not a date"):
        cv.purchase_summary(frame, as_of="soon")
    with cv.open() as shop, pytest.raises(cv.DataError, match="No orders are loaded"):
        cv.purchase_summary(shop)
    with pytest.raises(cv.DataError, match="row 2: ordered_at: 'soon' is not a date"):
        cv.purchase_summary(frame.with_columns(ordered_at=pl.Series(["2025-01-01", "soon"])))
    with pytest.raises(cv.SourceError, match="no column 'amount'"):
        cv.purchase_summary(frame.drop("amount"))
