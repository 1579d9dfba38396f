"""The whale curve against the example of decision-chain's tests (golden/worked_examples.json, whale_tiny)."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from custvalue.profit.waterfall import CustomerProfit
from custvalue.profit.whale import whale_curve


def profit_of(values):
    table = pl.DataFrame({"customer_id": [str(i) for i in range(len(values))], "contribution": values}).with_columns(
        pl.col("contribution").cast(pl.Decimal(18, 2))
    )
    return CustomerProfit(
        table=table, company=table.select(pl.sum("contribution")), unattributed=table.clear(), missing=table.clear(),
        start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31),
    )  # fmt: skip


def test_tiny_whale(shared):
    """Kisimov, decision-chain repository, tests of order_costs.py."""
    examples = json.loads((shared / "golden" / "worked_examples.json").read_text())["examples"]
    expected = next(e for e in examples if e["id"] == "whale_tiny")["expected"]
    curve = whale_curve(profit_of(expected["gap"]))
    assert curve.table["cumulative"].cast(pl.Float64).to_list() == expected["cumulative"]
    assert (float(curve.peak), curve.peak_rank, float(curve.total)) == (
        expected["peak"],
        expected["peak_n"],
        expected["end"],
    )
    assert float(curve.erosion) == expected["erosion"]


def test_no_customer_and_ties_keep_an_order():
    assert whale_curve(profit_of([])).total == 0
    assert whale_curve(profit_of([1, 1, 1])).table["customer_id"].to_list() == ["0", "1", "2"]
