"""What must hold of any shop's profit: one total whichever way it is added up, shares that miss no cent."""

from __future__ import annotations

import itertools
import tempfile
from decimal import Decimal
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import custvalue as cv
from custvalue.profit.costing import shares
from custvalue.profit.ledger import reconcile
from custvalue.profit.whale import gini

CENTS = st.integers(0, 999_999).map(lambda cents: Decimal(cents) / 100)
PEOPLE = ["ann", "bob", "cis", None]
ORDER = st.fixed_dictionaries(
    {"who": st.sampled_from(PEOPLE), "day": st.integers(0, 300), "gross": CENTS, "off": st.floats(0, 1), "fee": CENTS, "pay": CENTS,
     "qty": st.integers(1, 9), "unit": st.integers(0, 99_999), "carrier": CENTS, "refund": st.floats(0, 1), "minutes": st.integers(0, 40),
     "calls": st.integers(0, 900), "units": st.integers(0, 9)}
)  # fmt: skip
SHOP = st.tuples(
    st.lists(ORDER, min_size=1, max_size=12), st.integers(1, 99_999), st.integers(60, 9_000), st.floats(0.1, 1.0)
)


def day(n):
    return f"2025-{1 + n // 28:02d}-{1 + n % 28:02d}"


def opened(orders, cost, minutes, practical):
    """Load a shop of these orders, each with a line, a delivery, a return, a contact and a courtesy."""
    rows = list(enumerate(orders))
    months = [f"2025-{m:02d}-01" for m in range(1, 13)]
    named = [(i, o) for i, o in rows if o["who"]]
    tables = {
        "customers": [{"customer_id": c, "acquired_on": "2025-01-01", "acquisition_cost": "3.33"} for c in PEOPLE if c],
        "segments": [{"snapshot": "2025-01-01", "customer_id": c, "segment": s, "method": "declared"} for c, s in (("ann", "a"), ("bob", "b"))],
        "orders": [
            {"order_id": str(i), "customer_id": o["who"], "ordered_at": day(o["day"]), "gross_list": str(o["gross"]),
             "discount": str((o["gross"] * Decimal(o["off"])).quantize(Decimal("0.01"), "ROUND_DOWN")),
             "delivery_fee_charged": str(o["fee"]), "payment_fee": str(o["pay"])} for i, o in rows
        ],
        "order_lines": [
            {"order_id": str(i), "line_no": 1, "qty": o["qty"], "list_price": "1.00", "unit_cost": f"{o['unit'] / 10_000:.4f}"} for i, o in rows
        ],
        "deliveries": [{"delivery_id": f"d{i}", "order_id": str(i), "mode": "standard", "carrier_cost": str(o["carrier"])} for i, o in rows],
        "delivery_fees": [{"valid_from": "2024-01-01", "mode": "standard", "region": "all", "free_over": "5000.00", "fee": "4.90"}],
        "returns": [
            {"return_id": f"r{i}", "order_id": str(i), "returned_at": day(o["day"] + 20), "inspect_min": str(o["minutes"]),
             "refund": str((o["gross"] * Decimal(o["refund"])).quantize(Decimal("0.01"), "ROUND_DOWN")), "within_policy": str(i % 2 == 0)} for i, o in rows
        ],
        "contacts": [{"contact_id": f"k{i}", "customer_id": o["who"], "opened_at": day(o["day"]), "handle_s": str(o["calls"])} for i, o in rows],
        "resources": [
            {"resource_id": r, "period": m, "theoretical_min": str(minutes), "practical_share": f"{practical:.4f}", "cost": f"{cost / 100:.2f}",
             "avoidable_share": "0.37"} for r in ("desk", "calls") for m in months
        ],
        "activities": [{"activity_id": "inspection", "resource_id": "desk", "base_min": 5}, {"activity_id": "contact", "resource_id": "calls", "base_min": 5}],
        "courtesy_catalogue": [
            {"measure_id": "X", "name": "help", "minutes_per_unit": "1.7", "driver_rate": "0.333333", "resource_id": "calls",
             "expected_loss_rate": "0.013", "loss_base": "7.77"},
            {"measure_id": "P5b", "name": "free delivery"}, {"measure_id": "P4", "name": "refund", "base_minutes": "3", "resource_id": "desk"},
        ],
        "gl_accounts": [
            *({"account": line, "pnl_line": line, "cost_class": "direct"} for line in (
                "gross_list", "discounts", "refunds", "cost_of_goods", "delivery_charged", "carrier_cost", "payment_fees", "courtesy",
                "courtesy_loss", "courtesy_true_up", "acquisition")),
            {"account": "time of desk", "pnl_line": "returns_handling", "cost_class": "time", "resource_id": "desk"},
            {"account": "time of calls", "pnl_line": "support", "cost_class": "time", "resource_id": "calls"},
        ],
    }  # fmt: skip
    if named:
        tables["courtesy_events"] = [
            {"event_id": f"e{i}", "measure_id": "X", "customer_id": o["who"], "occurred_at": day(o["day"]), "units": str(o["units"]),
             "outcome_loss": "5.55" if i % 3 == 0 else None} for i, o in named
        ]  # fmt: skip
    shop = cv.open()
    with tempfile.TemporaryDirectory() as folder:
        for name, data in tables.items():
            pl.DataFrame(data, infer_schema_length=None).write_csv(Path(folder) / f"{name}.csv")
        report = shop.load(folder)
    assert report.table["rejected"].sum() == 0, report.reasons
    return shop


@settings(max_examples=6, deadline=None)
@given(SHOP)
def test_one_total_whichever_way_it_is_added_up(data):
    shop = opened(*data)
    entries = shop.fetch("pnl_entries")
    assert entries["amount"].dtype == pl.Decimal(18, 2)
    total = entries["amount"].sum()
    for key in ("order_id", "customer_id", "period", "pnl_line", "account"):
        assert entries.group_by(key).agg(pl.col("amount").sum())["amount"].sum() == total
    for per in ("customer", "segment", "month", "company"):
        pnl = cv.customer_profit(shop, per=per)
        nobody = pnl.unattributed["customer_profit"].item() if per == "customer" else 0
        assert pnl.table["customer_profit"].sum() + nobody == total, per
    orders = cv.customer_profit(shop, per="order").table["customer_profit"].sum()
    assert orders + entries.filter(pl.col("order_id").is_null())["amount"].sum() == total
    # and by a road without the package: direct money of orders, in Decimal
    direct = sum(o["gross"] + o["fee"] - o["pay"] - o["carrier"] for o in data[0])
    lines = entries.filter(
        pl.col("rule_id").is_in(
            [
                "orders.gross_list",
                "orders.delivery_fee",
                "orders.payment_fee",
                "deliveries.carrier_cost",
                "courtesy.carrier",
            ]
        )
    )
    assert lines["amount"].sum() == direct
    capacity_ties(shop)
    shop.close()


def capacity_ties(shop):
    """Book a ledger of what each month must hold; every month and account ties, however the shares fall."""
    time = shop.fetch("resources").select(
        "period", pl.format("time of {}", "resource_id").alias("account"), -pl.col("cost")
    )
    booked = (
        shop.fetch("pnl_entries")
        .filter(pl.col("resource_id").is_null())
        .group_by("period", "account")
        .agg(pl.col("amount").sum())
    )
    ledger = pl.concat([booked, time.rename({"cost": "amount"}).select(booked.columns)], how="vertical_relaxed")
    shop.load(ledger.with_columns(pl.all().cast(pl.String)), table="gl_totals")
    found = reconcile(shop)
    assert found.ties, found.failing
    # capacity was given by the month, so time ties to what was paid for it and not to what was used
    assert (
        found.table.filter(pl.col("account").str.starts_with("time"))["ledger"].sum()
        == -shop.fetch("resources")["cost"].sum()
    )


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_shares_add_up_and_none_is_a_cent_off(cents, weights):
    parts = shares(Decimal(cents) / 100, weights)
    assert sum(parts) * 100 == cents
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * 100 - Decimal(cents) * weight / sum(weights)) < 1
    # more weight, no less money
    ordered = sorted(zip(weights, map(abs, parts), strict=True))
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(ordered) if a[0] < b[0])


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any))
def test_gini_is_half_the_mean_difference(values):
    n = len(values)
    mean_difference = sum(abs(a - b) for a in values for b in values) / n**2
    assert abs(gini(values) - mean_difference / (2 * sum(values) / n)) < 1e-9
