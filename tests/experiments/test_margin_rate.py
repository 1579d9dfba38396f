"""A stated margin stands in for costs of goods that are not loaded, and nowhere else."""

from __future__ import annotations

import polars as pl
import pytest

import custvalue as cv


def shop_files(folder, *, unit_cost=None):
    """Write a test of 120 customers in March 2025: control buys for 19 or 21, the treated for ten more."""
    n = 120
    treated = [i % 2 for i in range(n)]
    frames = {
        "customers": pl.DataFrame({"customer_id": [f"c{i}" for i in range(n)]}),
        "orders": pl.DataFrame({
            "order_id": [f"o{i}" for i in range(n)], "customer_id": [f"c{i}" for i in range(n)],
            "ordered_at": ["2025-03-05"] * n, "gross_list": [20.0 + 10.0 * t + (1 if i % 4 < 2 else -1) for i, t in enumerate(treated)],
        }),
        "assignments": pl.DataFrame({
            "assignment_id": [str(i) for i in range(n)], "experiment_id": [1] * n, "customer_id": [f"c{i}" for i in range(n)],
            "arm": ["treatment" if t else "control" for t in treated], "assigned_at": ["2025-03-01"] * n,
        }),
        "experiments": pl.DataFrame([{"experiment_id": 1, "name": "march", "measure_id": "X", "design": "rct", "unit": "customer",
                                      "starts": "2025-03-01", "ends": "2025-03-28", "outcome_days": 28}]),
    }  # fmt: skip
    later = {"order_id": "last", "customer_id": "c0", "ordered_at": "2025-06-30", "gross_list": 1.0}
    frames["orders"] = pl.concat([frames["orders"], pl.DataFrame([later])])
    frames["deliveries"] = frames["orders"].select(
        delivery_id="order_id", order_id="order_id", carrier_cost=pl.lit(0.0)
    )
    if unit_cost is not None:
        frames["order_lines"] = frames["orders"].select(
            "order_id",
            line_no=pl.lit(1),
            qty=pl.lit(1),
            list_price="gross_list",
            unit_cost=pl.col("gross_list") * unit_cost,
        )
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv")
    return folder


def effect(shop, margin_rate):
    return cv.does_it_pay(shop, "march", settings=cv.DecisionSettings(margin_rate=margin_rate)).table["effect"][0]


def test_ten_more_at_forty_per_cent_are_four(tmp_path):
    with cv.open() as shop:
        shop.load(shop_files(tmp_path))
        assert effect(shop, 0.4) == pytest.approx(4.0)
        without = cv.does_it_pay(shop, "march")
        assert without.decision == "cannot be judged"
        assert effect(shop, 1.0) == pytest.approx(10.0)


def test_costs_that_are_loaded_are_not_overruled(tmp_path):
    with cv.open() as shop:
        shop.load(shop_files(tmp_path, unit_cost=0.7))
        assert effect(shop, 0.4) == pytest.approx(3.0)


def test_a_run_takes_the_margin_of_its_settings(tmp_path):
    with cv.open() as shop:
        shop.load(shop_files(tmp_path))
        verdict = cv.analyse(shop, cv.Settings(margin_rate=0.25)).results["verdict march"]
        assert verdict.table["effect"][0] == pytest.approx(2.5)
