"""Profit and loss: hand-computed orders, and every view adds up to the cent."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import custvalue as cv
from custvalue.profit.waterfall import SUBTOTALS

LEAVES = [part for parts in SUBTOTALS.values() for part in parts if part not in SUBTOTALS]


@pytest.fixture(scope="session")
def sample(root):
    with cv.open() as shop:
        shop.load(root / "sample_data")
        yield shop


@pytest.fixture(scope="session")
def retail(shared):
    with cv.open() as shop:
        shop.load(shared / "data" / "online_retail.csv.gz", mapping="online_retail")
        yield shop


def tables(**changes):
    """Return a shop small enough to compute by hand; money in EUR."""
    shop = {
        "customers": [{"customer_id": "ann", "acquired_on": "2025-01-01", "acquisition_cost": "12.00"}],
        "products": [{"product_id": "p", "unit_cost": "3.3333"}],
        "orders": [{
            "order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-10 12:00", "gross_list": "40.00", "discount": "4.00",
            "delivery_fee_charged": "4.90", "payment_fee": "0.72",
        }],
        "order_lines": [{"order_id": "1", "line_no": 1, "product_id": "p", "qty": 4, "list_price": "10.00"}],
        "returns": [{
            "return_id": "r", "order_id": "1", "returned_at": "2025-02-03 09:00", "refund": "9.00", "cogs_recovered": "3.33",
            "write_down": "1.00", "inbound_freight": "2.10", "inspect_min": 5, "within_policy": True,
        }],
        "deliveries": [{"delivery_id": "d", "order_id": "1", "mode": "standard", "carrier_cost": "5.60"}],
        "contacts": [{"contact_id": "c", "customer_id": "ann", "order_id": "1", "opened_at": "2025-01-12 10:00", "handle_s": 300}],
        "resources": [
            {"resource_id": "desk", "period": "2025-02-01", "theoretical_min": 1000, "practical_share": "0.8", "cost": "400.00", "avoidable_share": "0.5"},
            {"resource_id": "calls", "period": "2025-01-01", "theoretical_min": 1000, "practical_share": "0.8", "cost": "480.00", "avoidable_share": "0.25"},
        ],
        "activities": [
            {"activity_id": "inspection", "resource_id": "desk", "base_min": 5},
            {"activity_id": "contact", "resource_id": "calls", "base_min": 5},
        ],
        "courtesy_catalogue": [
            {"measure_id": "P5b", "name": "free delivery", "accounting_view": "marketing", "default_bearer": "marketing", "provenance": "measured"},
            {"measure_id": "S2", "name": "help", "base_minutes": 2, "minutes_per_unit": 1, "driver_rate": "0.50", "direct_cost": "1.25",
             "resource_id": "calls", "expected_loss_rate": "0.1", "loss_base": "7.00", "accounting_view": "cost_to_serve",
             "default_bearer": "service", "provenance": "standard"},
        ],
        "courtesy_events": [
            {"event_id": "e", "measure_id": "S2", "customer_id": "ann", "order_id": "1", "occurred_at": "2025-01-15", "units": 3},
        ],
        "delivery_fees": [{"valid_from": "2024-01-01", "mode": "standard", "region": "all", "free_over": "50.00", "fee": "4.90"}],
    }  # fmt: skip
    return {**shop, **changes}


def opened(data):
    """Load all tables at once: views are built once, not after each table."""
    shop = cv.open()
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in data.items():
            if rows:
                pl.DataFrame(rows, infer_schema_length=None).write_csv(Path(folder) / f"{name}.csv")
        report = shop.load(folder)
    assert report.table["rejected"].sum() == 0, report.reasons
    return shop


def money(frame):
    return {name: value for name, value in frame.row(0, named=True).items() if isinstance(value, Decimal)}


BY_HAND = {
    "gross_list": "40.00", "discounts": "-4.00", "refunds": "-9.00", "net_revenue": "27.00",
    "cost_of_goods": "-13.33",      # 4 x 3.3333
    "goods_recovered": "3.33", "write_down": "-1.00", "gross_margin": "16.00",
    "delivery_charged": "4.90", "carrier_cost": "-5.60", "payment_fees": "-0.72",
    "returns_handling": "-4.60",    # freight 2.10, 5 min x 400 / 800
    "support": "-3.00",             # 5 min x 480 / 800
    "courtesy": "-6.45",            # direct 1.25, driver 3 x 0.50, (2 + 3 x 1) min x 0.60, 10 % of 7.00
    "contribution": "0.53", "acquisition": "-12.00", "customer_profit": "-11.47",
}  # fmt: skip


def test_one_order_by_hand():
    pnl = cv.customer_profit(opened(tables()))
    assert money(pnl.table) == {name: Decimal(value) for name, value in BY_HAND.items()}
    assert money(pnl.company) == money(pnl.table)
    assert pnl.missing.height == 0


def test_one_order_per_order_leaves_acquisition_to_the_customer():
    row = cv.customer_profit(opened(tables()), per="order").table.row(0, named=True)
    assert row["contribution"] == Decimal("0.53")
    assert row["acquisition"] == Decimal(0)


def test_waived_fee_differs_from_charged_fee_by_the_fee_once():
    """A forgone fee is a memo entry, never subtracted: the fee is already missing from income."""
    waived = tables()
    waived["orders"] = [{**waived["orders"][0], "delivery_fee_charged": "0.00"}]
    charged, free = (cv.customer_profit(opened(data)).table for data in (tables(), waived))
    assert charged["contribution"].item() - free["contribution"].item() == Decimal("4.90")
    # the carrier cost that the fee would have covered moves from the delivery line to the courtesy line
    assert free["carrier_cost"].item() == Decimal("-0.70")
    assert free["courtesy"].item() == Decimal("-6.45") - Decimal("4.90")
    cost = cv.courtesy_cost(opened(waived)).by("measure").filter(measure_id="P5b").row(0, named=True)
    assert (cost["full"], cost["economic"], cost["forgone_fee"]) == (Decimal("4.90"),) * 3


def test_free_delivery_over_the_threshold_is_a_courtesy_granted_by_rule():
    data = tables()
    data["orders"] = [{**data["orders"][0], "delivery_fee_charged": "0.00", "gross_list": "60.00"}]
    data["order_lines"] = [{**data["order_lines"][0], "list_price": "15.00"}]
    shop = opened(data)
    pnl = cv.customer_profit(shop).table
    assert pnl["carrier_cost"].item() == Decimal("-0.70")  # 5.60 less the fee of 4.90 that the threshold gave up
    assert pnl["courtesy"].item() == Decimal("-11.35")
    granted = cv.courtesy_cost(shop).events.group_by("granted").agg(pl.col("full").sum())
    assert dict(granted.rows())["by rule"] == Decimal("4.90")


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("order_lines", {"cost_of_goods"}),
        ("returns", {"refunds", "goods_recovered", "write_down", "returns_handling"}),
        ("deliveries", {"carrier_cost"}),
        ("contacts", {"support"}),
        ("resources", {"support"}),
        ("courtesy_catalogue", {"courtesy"}),
        ("customers", {"acquisition"}),
    ],
)  # fmt: skip
def test_missing_input_leaves_its_lines_out_and_names_them(table, lines):
    data = tables(**{table: []})
    if table == "courtesy_catalogue":
        data["courtesy_events"] = []
    pnl = cv.customer_profit(opened(data))
    assert lines <= set(pnl.missing["pnl_line"])
    assert not lines & set(pnl.company.columns)
    if table == "order_lines":
        assert "gross_margin" not in pnl.company.columns


def adds_up(shop):
    """Check every view against every other, in whole cents."""
    customers, orders = cv.customer_profit(shop), cv.customer_profit(shop, per="order")
    for pnl in (customers, orders):
        for name, parts in SUBTOTALS.items():
            if name in pnl.table.columns:
                shown = [p for p in LEAVES if p in pnl.table.columns and p in expanded(name)]
                assert (pnl.table.select(pl.sum_horizontal(shown)).to_series() == pnl.table[name]).all(), (name, parts)
    for line in customers.lines:
        whole = customers.company[line].item()
        assert customers.table[line].sum() + customers.unattributed[line].item() == whole
    entries = shop.fetch("pnl_entries")
    assert entries["amount"].sum() == customers.company["customer_profit"].item()
    for key in ("customer_id", "order_id", "period", "pnl_line"):
        assert entries.group_by(key).agg(pl.col("amount").sum())["amount"].sum() == entries["amount"].sum()
    with_order = entries.filter(pl.col("order_id").is_not_null())["amount"].sum()
    assert orders.table["customer_profit"].sum() == with_order


def expanded(name):
    return [leaf for part in SUBTOTALS[name] for leaf in (expanded(part) if part in SUBTOTALS else [part])]


def test_sample_adds_up(sample):
    adds_up(sample)


def test_online_retail_adds_up(retail):
    adds_up(retail)
    pnl = cv.customer_profit(retail)
    assert pnl.company["contribution"].item() == Decimal("9747747.93")
    assert pnl.company["delivery_charged"].item() == Decimal("66230.64") + Decimal("206245.48") + Decimal("6986.00")
    assert pnl.table.height == 4_372


CENTS = st.integers(0, 99_999).map(lambda c: f"{c / 100:.2f}")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bob", None]), CENTS, CENTS, st.integers(1, 9), st.integers(0, 600)),
        min_size=1,
        max_size=8,
    )
)
def test_random_shops_add_up(orders):
    data = tables(courtesy_events=[], contacts=[], returns=[])
    data["customers"] = [
        {"customer_id": c, "acquired_on": "2025-01-01", "acquisition_cost": "3.33"} for c in ("ann", "bob")
    ]
    data["orders"] = [
        {"order_id": str(i), "customer_id": c, "ordered_at": f"2025-01-{i + 1:02d}", "gross_list": g, "payment_fee": f}
        for i, (c, g, f, _, _) in enumerate(orders)
    ]
    data["order_lines"] = [
        {"order_id": str(i), "line_no": 1, "product_id": "p", "qty": q, "list_price": "1.00"}
        for i, (*_, q, _) in enumerate(orders)
    ]
    data["deliveries"] = [
        {"delivery_id": str(i), "order_id": str(i), "carrier_cost": f} for i, (_, _, f, _, _) in enumerate(orders)
    ]
    shop = opened(data)
    adds_up(shop)
    hand = sum(Decimal(g) - Decimal(f) for _, g, f, *_ in orders)
    assert cv.customer_profit(shop).company.select(pl.sum_horizontal("gross_list", "payment_fees")).item() == hand


def test_sample_company_totals_are_those_of_the_truth_file(sample, root):
    """The simulator adds its own events in integer cents: a road that shares no code with the SQL."""
    import json

    truth = json.loads((root / "sample_data" / "truth.json").read_text())["totals"]["by_line"]
    company = cv.customer_profit(sample).company.row(0, named=True)
    direct = (
        "gross_list",
        "service_fees",
        "discounts",
        "delivery_charged",
        "cost_of_goods",
        "payment_fees",
        "acquisition",
    )
    assert {line: str(company[line]) for line in direct} == {line: truth[line] for line in direct}
    entries = sample.fetch("pnl_entries")
    moves = entries.filter(pl.col("rule_id").str.starts_with("move.") & (pl.col("pnl_line") != "courtesy"))
    relieved = dict(moves.group_by("pnl_line").agg(pl.col("amount").sum()).rows())
    for line in ("carrier_cost", "refunds", "goods_recovered", "write_down", "parts_cost"):
        assert company[line] - relieved[line] == Decimal(truth[line])
    assert entries.filter(pl.col("rule_id").str.starts_with("move."))["amount"].sum() == 0


def test_window_is_inclusive_and_splits_the_whole(sample):
    year = [
        cv.customer_profit(sample, f"{y}-01-01", f"{y}-12-31").company["contribution"].item()
        for y in (2023, 2024, 2025)
    ]
    later = cv.customer_profit(sample, "2026-01-01").company["contribution"].item()
    assert sum(year) + later == cv.customer_profit(sample).company["contribution"].item()
    with cv.open() as shop, pytest.raises(cv.MissingInputError, match="No orders are loaded"):
        cv.customer_profit(shop)
