"""segment_customers: bands by rank, risk and cost; nothing lost."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custvalue.errors import DataError
from custvalue.service.segments import segment_customers


def people(n: int = 10, **columns) -> pl.DataFrame:
    """Customers c0, c1, … whose value falls from n × 100 by 100 a head."""
    frame = pl.DataFrame({
        "customer_id": [f"c{k}" for k in range(n)],
        "clv": [100.0 * (n - k) for k in range(n)],
        "churn_probability": [0.9 if k % 2 else 0.1 for k in range(n)],
    })  # fmt: skip
    return frame.with_columns(**columns)


def test_value_bands_are_the_best_fifth_the_next_three_tenths_and_the_rest():
    found = segment_customers(people())
    bands = dict(found.customers.group_by("value_band").len().iter_rows())
    assert bands == {"high value": 2, "middle value": 3, "low value": 5}
    high = found.customers.filter(value_band="high value")
    assert sorted(high["customer_id"]) == ["c0", "c1"]


def test_equal_values_go_by_customer_id_whatever_the_order():
    flat = people(clv=pl.lit(7.0))
    first = segment_customers(flat).customers
    again = segment_customers(flat.sample(fraction=1.0, shuffle=True, seed=3)).customers
    assert first.equals(again)
    assert first.filter(value_band="high value")["customer_id"].to_list() == ["c0", "c1"]


def test_risk_begins_at_the_threshold():
    edge = people(3, churn_probability=pl.Series([0.49, 0.5, 0.51]))
    assert segment_customers(edge).customers["risk_band"].to_list() == ["active", "at risk", "at risk"]


def test_without_costs_the_cost_axis_is_left_out_and_said():
    found = segment_customers(people())
    assert found.cost_basis == "none"
    assert "cost" not in found.table["segment"].str.join(" ").item()
    assert "not split" in found.note
    nothing = segment_customers(people(cost_to_serve=pl.lit(None, dtype=pl.Float64)))
    assert nothing.cost_basis == "none"


def test_costly_is_more_of_the_margin_than_the_company_spends():
    # margins 100 each, cost 5 but 55 for one: the company spends 100 of 1,000, a tenth
    cost = pl.Series([55.0] + [5.0] * 9)
    found = segment_customers(people(cost_to_serve=cost, gross_margin=pl.lit(100.0)))
    assert (found.cost_basis, found.costly_above) == ("gross_margin", pytest.approx(0.10))
    assert found.customers.filter(cost_band="costly to serve")["customer_id"].to_list() == ["c0"]
    assert "high value, active, costly to serve" in found.table["segment"].to_list()


def test_costs_without_any_margin_are_costly():
    found = segment_customers(
        people(3, cost_to_serve=pl.Series([5.0, 0.0, None]), gross_margin=pl.Series([-1.0, 0.0, 50.0]))
    )
    assert found.customers.sort("customer_id")["cost_band"].to_list() == [
        "costly to serve", "cheap to serve", "cheap to serve",
    ]  # fmt: skip


def test_without_margins_the_median_cost_divides():
    found = segment_customers(people(5, cost_to_serve=pl.Series([1.0, 2.0, 3.0, 4.0, 50.0])))
    assert (found.cost_basis, found.costly_above) == ("median", 3.0)
    assert found.customers.filter(cost_band="costly to serve").height == 2


def test_the_table_sums_the_customers():
    found = segment_customers(people(expected_purchases=pl.lit(2.0), cost_to_serve=pl.lit(4.0)))
    row = found.table.row(1, named=True)
    assert row["segment"] == "high value, active, cheap to serve"
    assert (row["n_customers"], row["clv"], row["clv_mean"]) == (1, 1000.0, 1000.0)
    assert (row["cost_to_serve"], row["expected_purchases"]) == (4.0, 2.0)
    assert row["value_share"] == pytest.approx(1000 / 5500)
    assert found.title == "20% of customers hold 35% of future value; 1 of them at risk, with 16% of it"


def test_a_band_is_not_split_into_splinters():
    # 200 customers, smallest part 2: of the 40 best one is at risk, of the others every second one
    churn = pl.Series([0.9] + [0.1] * 39 + [0.9, 0.1] * 80)
    found = segment_customers(people(200, churn_probability=churn))
    assert found.table["segment"].to_list() == [
        "high value", "middle value, at risk", "middle value, active", "low value, at risk", "low value, active",
    ]  # fmt: skip
    assert found.table["risk_band"].to_list() == [None, "at risk", "active", "at risk", "active"]
    assert found.customers["risk_band"][0] == "at risk"
    assert "1 of them at risk" in found.title
    whole = segment_customers(people(200, churn_probability=churn), smallest_share=0.0)
    assert whole.table.height == 6


def test_revenue_is_called_revenue():
    found = segment_customers(people().rename({"clv": "revenue_value"}), value="revenue_value")
    assert "future revenue" in found.title
    assert "clv" not in found.table.columns


def test_customers_without_value_make_no_shares():
    found = segment_customers(people(clv=pl.lit(-1.0)))
    assert found.table["value_share"].null_count() == found.table.height
    assert "no value left" in found.title


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (people().drop("churn_probability"), {}, "churn_probability"),
        (people(clv=pl.lit(None, dtype=pl.Float64)), {}, "'clv' is empty for 10 of 10"),
        (people(clv=pl.lit(float("nan"))), {}, "'clv' is empty"),
        (people().clear(), {}, "no customer"),
        (pl.concat([people(), people(1)]), {}, "more than once"),
        (people(), {"high_share": 0.8, "middle_share": 0.3}, "at most 1 together"),
        (people(), {"at_risk_above": 1.0}, "at_risk_above"),
    ],
)
def test_bad_input_is_refused_by_name(frame, options, message):
    with pytest.raises(DataError, match=message):
        segment_customers(frame, **options)


histories = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1), st.none() | st.floats(0, 1e4), st.floats(-1e4, 1e5)),
    min_size=1, max_size=40,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(rows=histories)
def test_every_customer_is_in_one_segment_and_the_sums_hold(rows):
    value, churn, cost, margin = zip(*rows, strict=True)
    frame = pl.DataFrame({
        "customer_id": [f"{k:03}" for k in range(len(rows))], "clv": value, "churn_probability": churn,
        "cost_to_serve": pl.Series(cost, dtype=pl.Float64), "gross_margin": margin,
    })  # fmt: skip
    found = segment_customers(frame)
    assert found.customers.height == found.table["n_customers"].sum() == len(rows)
    assert found.table["clv"].sum() == pytest.approx(sum(value), abs=1e-3)
    worst_high = found.customers.filter(value_band="high value")["clv"].min()
    best_low = found.customers.filter(value_band="low value")["clv"].max()
    assert best_low is None or worst_high >= best_low
