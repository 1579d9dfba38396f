"""What models are given: any table, each customer once, amounts that are none left out and counted."""

from __future__ import annotations

import datetime as dt

import duckdb
import polars as pl
import pytest

import custvalue as cv
from custvalue.errors import DataError
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.mbg_nbd import MbgNbd


@pytest.fixture(scope="module")
def table(cdnow) -> pl.DataFrame:
    return cdnow.table


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), None, 0.0, -5.0, 1e300])
def test_one_customer_without_a_usable_spend_is_left_out_and_counted(table, bad):
    first = int((table["frequency"].to_numpy() > 0).argmax())
    gone = pl.int_range(pl.len()) == first
    found = cv.fit(
        GammaGamma, table.with_columns(monetary_value=pl.when(gone).then(pl.lit(bad)).otherwise("monetary_value"))
    )
    without = cv.fit(GammaGamma, table.filter(~gone))
    assert found.excluded == "1 repeat buyers whose mean spend is missing or not above 0"
    assert found.n_customers == without.n_customers
    assert found.log_likelihood == pytest.approx(without.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_lifetime_value_gives_such_a_customer_the_mean_spend(table, mbg_fit, spend_fit, bad):
    first = int((table["frequency"].to_numpy() > 0).argmax())
    broken = table.with_columns(
        monetary_value=pl.when(pl.int_range(pl.len()) == first).then(pl.lit(bad)).otherwise("monetary_value")
    )
    value = cv.lifetime_value(mbg_fit, spend_fit, broken, level=None)
    row = value.table.row(first, named=True)
    assert value.n_without_spend == 1
    assert value.table["revenue_value"].is_finite().all()
    assert row["revenue_value"] / row["expected_purchases"] == pytest.approx(spend_fit.model.population_mean, rel=0.1)


@pytest.mark.parametrize("kind", ["pandas", "lazy", "arrow", "duckdb"])
def test_every_kind_of_table_gives_the_same_fit_and_value(table, mbg_fit, spend_fit, kind):
    con = duckdb.connect()
    con.register("t", table.to_arrow())
    other = {
        "pandas": table.to_pandas(), "lazy": table.lazy(), "arrow": table.to_arrow(), "duckdb": con.sql("from t"),
    }[kind]  # fmt: skip
    assert cv.fit(MbgNbd, other, time_unit="week").model == cv.fit(MbgNbd, table, time_unit="week").model
    mine = cv.lifetime_value(mbg_fit, spend_fit, table, level=None).table
    assert cv.lifetime_value(mbg_fit, spend_fit, other, level=None).table.equals(mine)
    churn = cv.churn_within(mbg_fit, other).table
    assert churn.equals(cv.churn_within(mbg_fit, table).table)


@pytest.mark.parametrize("ask", ["fit", "value", "churn", "spend"])
def test_a_customer_listed_twice_is_one_message(table, mbg_fit, spend_fit, ask):
    twice = pl.concat([table, table.head(1)])
    who = table["customer_id"][0]
    asked = {
        "fit": lambda: cv.fit(MbgNbd, twice), "value": lambda: cv.lifetime_value(mbg_fit, spend_fit, twice),
        "churn": lambda: cv.churn_within(mbg_fit, twice), "spend": lambda: cv.spend_independence(twice),
    }  # fmt: skip
    with pytest.raises(DataError, match=f"1 rows repeat a customer, such as {who}: each"):
        asked[ask]()


@pytest.mark.parametrize(
    ("column", "bad", "message"),
    [
        ("frequency", "twice", "'frequency' holds text such as 'twice', a number was expected"),
        ("T", [1.0, 2.0], r"'T' holds List\(Float64\), a number was expected"),
        ("recency", None, "'recency' is empty or not a number in 1 of"),
        ("recency", float("nan"), "'recency' is empty or not a number in 1 of"),
        ("T", float("inf"), "'T' is empty or not a number in 1 of"),
        ("frequency", 1e8, "frequency and T can be at most 1,000,000"),
        ("frequency", 1.5, "frequency must be a whole number"),
    ],
)
def test_a_history_that_can_be_none_names_its_column(table, column, bad, message):
    if isinstance(bad, (str, list)):
        broken = table.with_columns(pl.lit(bad).alias(column))
    else:
        first = pl.int_range(pl.len()) == 0
        broken = table.with_columns(pl.when(first).then(pl.lit(bad)).otherwise(pl.col(column)).alias(column))
    with pytest.raises(DataError, match=message):
        cv.fit(MbgNbd, broken, time_unit="week")


ORDERS = pl.DataFrame({
    "customer_id": ["A", "A", "B", None, "", "  "],
    "ordered_at": ["2024-01-01", "2024-02-01", "2024-06-01", "2024-01-02", "2024-01-03", "2024-01-04"],
    "amount": [10.0, 20.0, 5.0, 7.0, 8.0, 9.0],
})  # fmt: skip


def split_of(orders):
    return cv.split_at(orders, "2024-03-01").table.select("customer_id", "frequency", "recency", "T")


def test_a_split_takes_the_days_that_a_summary_takes_and_nobody_is_no_customer():
    expected = [("A", 1, 31 / 7, 60 / 7)]
    assert split_of(ORDERS).rows() == expected
    day = pl.col("ordered_at").str.to_date()
    others = {
        "dates": ORDERS.with_columns(ordered_at=day),
        "times": ORDERS.with_columns(ordered_at=day.cast(pl.Datetime) + pl.duration(hours=10)),
        "text with times": ORDERS.with_columns(ordered_at=pl.col("ordered_at") + " 10:30:00"),
        "short months": ORDERS.with_columns(ordered_at=pl.col("ordered_at").str.replace_all("-0", "-")),
        "text amounts": ORDERS.with_columns(amount=pl.col("amount").cast(pl.String)),
        "pandas": ORDERS.to_pandas(),
        "arrow": ORDERS.to_arrow(),
        "lazy": ORDERS.lazy(),
    }
    for name, orders in others.items():
        assert split_of(orders).rows() == expected, name


def test_a_split_takes_the_day_in_utc_of_a_time_with_a_zone():
    late = ORDERS.with_columns(ordered_at=pl.col("ordered_at") + "T00:30:00+02:00")
    table = cv.split_at(late, "2024-03-01").table
    assert table.row(0, named=True)["T"] == pytest.approx(61 / 7)  # the first order was on 31 December in UTC
    assert cv.purchase_summary(late, as_of="2024-03-01").table["T"].to_list() == table["T"].to_list()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ordered_at": "01.02.2024"}, "'ordered_at' holds '01.02.2024': a day such as"),
        ({"ordered_at": 20240101}, "'ordered_at' holds numbers, a day such as"),
        ({"amount": "ten"}, "'amount' of the orders holds String"),
        ({"amount": float("nan")}, "'amount' of the orders is infinite or not a number in 3 rows"),
        ({"ordered_at": None}, "'ordered_at' of the orders is empty in 3 rows"),
    ],
)
def test_orders_that_can_not_be_split_name_the_column(change, message):
    with pytest.raises(DataError, match=message):
        split_of(ORDERS.with_columns(**{name: pl.lit(value) for name, value in change.items()}))


def test_numbers_of_customers_ids_read_as_floats_are_the_same_customers():
    ids = ORDERS.head(3).with_columns(customer_id=pl.Series([17850.0, 17850.0, 4.0]))
    assert split_of(ids)["customer_id"].to_list() == ["17850"]


def test_a_history_of_days_as_text(mbg_fit):
    text = cv.customer_history(mbg_fit, ["2024-01-01", "2024-03-01"], as_of="2024-06-01")
    days = cv.customer_history(mbg_fit, [dt.date(2024, 3, 1), dt.date(2024, 1, 1)], as_of=dt.date(2024, 6, 1))
    assert text.table.equals(days.table)
    assert text.table["p_alive"].is_finite().all()
