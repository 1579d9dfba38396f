"""Horngren, Datar & Rajan, Cost Accounting, 14th ed., chapter 15: plant maintenance and information systems."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.profit.allocation import allocate_departments

COSTS = pl.DataFrame(
    {
        "department": ["maintenance", "systems", "machining", "assembly"],
        "cost": [6_300_000, 1_452_150, 4_000_000, 2_000_000],
    }
)
USE = pl.DataFrame(
    [("maintenance", "systems", 1600), ("maintenance", "machining", 2400), ("maintenance", "assembly", 4000),
     ("systems", "maintenance", 200), ("systems", "machining", 1600), ("systems", "assembly", 200)],
    schema=["from_department", "to_department", "units"], orient="row",
)  # fmt: skip


@pytest.mark.parametrize(
    ("method", "machining", "assembly"),
    [
        ("direct", 7_653_300, 6_098_850),
        ("step_down", 8_300_800, 5_451_350),
        ("reciprocal", 8_187_025, 5_565_125),
    ],
)
def test_the_textbook_is_reproduced(method, machining, assembly):
    table = allocate_departments(COSTS, USE, method=method).table
    assert table["full_cost"].to_list() == [0, 0, machining, assembly]


def test_every_cent_is_passed_on():
    costs = pl.DataFrame({"department": ["a", "b", "x", "y", "z"], "cost": ["100.00", "0.01", "0", "0", "0"]})
    use = pl.DataFrame({"from_department": list("aaabbb"), "to_department": list("xyzayz"), "units": [1] * 6})
    for method in ("direct", "step_down", "reciprocal"):
        table = allocate_departments(costs, use, method=method).table
        assert table["full_cost"].sum() == Decimal("100.01")


def test_departments_that_serve_only_each_other_end_in_one_message():
    use = pl.DataFrame(
        {"from_department": ["maintenance", "systems"], "to_department": ["systems", "maintenance"], "units": [1, 1]}
    )
    with pytest.raises(DataError, match="serve only each other"):
        allocate_departments(COSTS, use)
