"""Worked examples of the literature, run through the package (golden/worked_examples.json says where each is from)."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv
from custvalue.profit.capacity import capacity_use
from custvalue.profit.costing import driver_rates, shares
from custvalue.profit.whale import gini

DAY = "2025-01-15 10:00"


@pytest.fixture(scope="module")
def examples(shared):
    found = json.loads((shared / "golden" / "worked_examples.json").read_text())["examples"]
    return {example["id"]: example for example in found}


def test_rates_of_traditional_costing(examples):
    """Kaplan & Anderson, HBR 82(11), Nov 2004: 8 an order, 40 an inquiry, 44.80 a credit check."""
    example = examples["tdabc_hbr2004_traditional"]
    given, expected = example["inputs"], example["expected"]["rate"]
    pools = pl.DataFrame(
        [
            {"pool": p, "cost": given["total_cost"] * s, "quantity": given["quantity"][p]}
            for p, s in given["share"].items()
        ]
    )
    rates = driver_rates(pools)
    assert {p: float(r) for p, r in rates.select("pool", "driver_rate").rows()} == expected


@pytest.fixture(scope="module")
def service_department(examples, shop_of):
    """Customer service of one quarter: 49,000 orders, 1,400 inquiries, 2,500 credit checks, each an event."""
    given = examples["tdabc_hbr2004_time_driven"]["inputs"]
    events = pl.concat(
        [
            pl.DataFrame({"event_id": [f"{kind} {i}" for i in range(n)], "measure_id": kind})
            for kind, n in given["quantity"].items()
        ]
    ).with_columns(customer_id=pl.lit("ann"), occurred_at=pl.lit(DAY))
    return shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[{"order_id": "o", "customer_id": "ann", "ordered_at": DAY, "gross_list": "1.00"}],
        resources=[{"resource_id": "desk", "period": "2025-01-01", "theoretical_min": given["practical_capacity_minutes"] / 0.8,
                    "practical_share": "0.8", "cost": given["total_cost"]}],
        courtesy_catalogue=[
            {"measure_id": kind, "name": kind, "base_minutes": minutes, "resource_id": "desk"} for kind, minutes in given["unit_minutes"].items()
        ],
        courtesy_events=events,
        gl_accounts=[{"account": "7000", "name": "Customer service", "pnl_line": "support", "cost_class": "time", "resource_id": "desk"}],
        gl_totals=[{"period": "2025-01-01", "account": "7000", "amount": -given["total_cost"]}],
    )  # fmt: skip


def test_time_driven_costing(examples, service_department):
    """Kaplan & Anderson, HBR 82(11), Nov 2004, 131-138: 6.40, 35.20 and 40; 97,120 of 560,000 unused."""
    example = examples["tdabc_hbr2004_time_driven"]
    given, expected = example["inputs"], example["expected"]
    costs = cv.courtesy_cost(service_department).table
    full = {row["measure_id"]: row for row in costs.iter_rows(named=True)}
    for kind, rate in expected["rate"].items():
        assert full[kind]["full"] == Decimal(str(expected["cost"][kind]))
        assert full[kind]["minutes"] == expected["minutes"][kind]
        assert float(full[kind]["full"]) / given["quantity"][kind] == pytest.approx(rate, abs=1e-12)
    used = capacity_use(service_department)
    row = used.table.row(0, named=True)
    assert float(row["cost"]) / row["practical_min"] == pytest.approx(expected["cost_per_minute"])
    assert (row["used_min"], row["unused_min"]) == (expected["minutes_used"], expected["minutes_unused"])
    assert float(row["used_cost"]) == expected["cost_used"]
    assert float(row["unused_cost"]) == expected["cost_unused"]
    assert row["used_share"] == pytest.approx(expected["utilisation"], abs=5e-5)
    assert used.title == "97,120 of 560,000 EUR (17%) paid for capacity was used by nobody"


def test_unused_capacity_ties_and_is_no_customers(service_department):
    from custvalue.profit.ledger import reconcile

    ledger = reconcile(service_department)
    row = ledger.table.row(0, named=True)
    assert (row["assigned"], row["unused_capacity"], row["difference"]) == (
        Decimal(-462_880),
        Decimal(-97_120),
        Decimal(0),
    )


def test_practical_capacity(examples, shop_of):
    """Kaplan & Anderson 2004: 80 % of 31,680 minutes are 25,344, which the article rounds to 25,000."""
    example = examples["tdabc_hbr2004_practical_capacity"]
    given = example["inputs"]
    shop = shop_of(
        resources=[{"resource_id": "desk", "period": "2025-01-01", "cost": "1.00", "headcount": given["employees"],
                    "theoretical_min": given["employees"] * given["theoretical_minutes_per_employee_quarter"]}]
    )  # fmt: skip  # the share is left to its default
    practical = capacity_use(shop).table["practical_min"].item()
    assert practical / given["employees"] == pytest.approx(example["expected"]["practical_per_employee_exact"])


def profit_with_drivers(shop_of, customers, rates, *, unit_cost):
    """Return profit by customer: one order each, and the activities as rows of the catalogue with their driver rate."""
    return cv.customer_profit(
        shop_of(
            customers=[{"customer_id": c} for c in customers],
            orders=[
                {"order_id": c, "customer_id": c, "ordered_at": DAY, "gross_list": row["gross"], "discount": row.get("discount", 0)}
                for c, row in customers.items()
            ],
            order_lines=[
                {"order_id": c, "line_no": 1, "qty": row.get("qty", 1), "list_price": row["gross"] / row.get("qty", 1), "unit_cost": unit_cost(row)}
                for c, row in customers.items()
            ],
            courtesy_catalogue=[{"measure_id": a, "name": a, "driver_rate": rate} for a, rate in rates.items()],
            courtesy_events=[
                {"event_id": f"{c} {a}", "measure_id": a, "customer_id": c, "order_id": c, "occurred_at": DAY, "units": n}
                for c, row in customers.items() for a, n in row["uses"].items() if n
            ],
        )
    ).table  # fmt: skip


def test_customer_level_operating_income(examples, shop_of):
    """Horngren, Datar & Rajan, Cost Accounting, ch. 14, Spring Distribution."""
    example = examples["horngren_spring_distribution"]
    given, expected = example["inputs"], example["expected"]
    customers = {
        name: {
            "gross": round(c["cases"] * given["list_price"], 2), "qty": c["cases"],
            "discount": round(c["cases"] * (given["list_price"] - c["price"]), 2),
            "uses": {"order": c["orders"], "visit": c["visits"], "mile": c["deliveries"] * c["miles"], "case": c["cases"],
                     "expedited": c["expedited"]},
        }
        for name, c in given["customers"].items()
    }  # fmt: skip
    table = profit_with_drivers(shop_of, customers, given["rates"], unit_cost=lambda _: given["cost_per_case"])
    for row in table.iter_rows(named=True):
        want = expected[row["customer_id"]]
        assert float(row["gross_list"]) == want["revenue_at_list"]
        assert float(-row["discounts"]) == want["discount"]
        assert float(row["net_revenue"]) == want["revenue"]
        assert float(row["gross_margin"]) == want["gross_margin"]
        assert float(-row["courtesy"]) == want["total_activity_cost"]
        assert float(row["contribution"]) == want["operating_income"]


def test_two_customers_with_equal_sales(examples, shop_of):
    """Garrison, Noreen & Brewer, Managerial Accounting, ABC chapter: University 725, Memorial -3,829."""
    example = examples["garrison_university_memorial"]
    given, expected = example["inputs"], example["expected"]
    pools = pl.DataFrame([{"pool": p, "cost": v["cost"], "quantity": v["driver"]} for p, v in given["pools"].items()])
    rates = {p: float(r) for p, r in driver_rates(pools).select("pool", "driver_rate").rows()}
    assert rates == expected["rates"]
    customers = {
        name: {"gross": round(given["cogs_each"] * (1 + given["markup"]), 2), "uses": uses}
        for name, uses in given["usage"].items()
    }
    table = profit_with_drivers(shop_of, customers, rates, unit_cost=lambda _: given["cogs_each"])
    for row in table.iter_rows(named=True):
        want = expected["customers"][row["customer_id"]]
        assert (float(-row["courtesy"]), float(row["contribution"])) == (want["total"], want["customer_margin"])


def test_the_template_analysts_start_from(examples, shop_of):
    """Microsoft Office template TM04035475: A -35,000, B -135,000, C 350,000; overall 180,000."""
    example = examples["microsoft_excel_customer_profitability"]
    given, expected = example["inputs"]["segments"], example["expected"]
    people = [(s, f"{s}{i}", i) for s, row in given.items() for i in range(row["begin"] + row["added"] - row["lost"])]
    n = {s: sum(segment == s for segment, *_ in people) for s in given}
    spent = {s: row["acq"] + row["mkt"] + row["term"] for s, row in given.items()}
    shop = shop_of(
        customers=[
            {"customer_id": c, "acquired_on": "2025-01-01", "acquisition_cost": spent[s] if i == 0 else 0} for s, c, i in people
        ],
        segments=[{"snapshot": "2025-01-01", "customer_id": c, "segment": s, "method": "declared"} for s, c, _ in people],
        orders=[{"order_id": c, "customer_id": c, "ordered_at": DAY, "gross_list": given[s]["rev"] / n[s]} for s, c, _ in people],
        order_lines=[
            {"order_id": c, "line_no": 1, "qty": 1, "list_price": given[s]["rev"] / n[s],
             "unit_cost": (given[s]["service"] + given[s]["direct"]) / n[s]}
            for s, c, _ in people
        ],
    )  # fmt: skip
    shown = cv.customer_profit(shop, per="segment").table
    for row in shown.iter_rows(named=True):
        want = expected["segments"][row["segment"]]
        assert float(row["gross_margin"]) == want["gross_margin"]
        assert float(-row["acquisition"]) == want["other"]
        assert float(row["customer_profit"]) == want["profit"]
        assert row["n_customers"] == want["end"]
        assert float(row["profit_per_customer"]) == want["profit_per_customer"]
    whole = cv.customer_profit(shop, per="company").table.row(0, named=True)
    overall = expected["overall"]
    assert (float(whole["net_revenue"]), float(whole["gross_margin"])) == (overall["revenue"], overall["gross_margin"])
    assert (float(-whole["acquisition"]), float(whole["customer_profit"])) == (overall["other"], overall["profit"])


@pytest.mark.parametrize("passed_on", [False, True])
def test_payment_fee_is_not_profit(examples, shop_of, passed_on):
    """nopCommerce issue 2640: of 82.48 paid, 6.10 are tax and 2.48 the processor's; 73.90 is profit, not 76.38."""
    example = examples["nopcommerce_2640"]
    given, expected = example["inputs"], example["expected"]
    fee = given["payment_fee"] if passed_on else None
    tables = {
        "orders": [{"order_id": "o", "customer_id": "ann", "ordered_at": DAY, "gross_list": given["subtotal"],
                    "delivery_fee_charged": given["shipping"], "tax": given["tax"], "payment_fee": fee}],
        "order_lines": [{"order_id": "o", "line_no": 1, "qty": 1, "list_price": given["subtotal"], "unit_cost": given["product_cost"]}],
    }  # fmt: skip
    if passed_on:  # the surcharge comes in and the processor takes it: both stand, and nothing is left of them
        tables["transactions"] = [
            {"order_id": "o", "customer_id": "ann", "ordered_at": DAY, "kind": "adjustment", "amount": fee}
        ]
    row = cv.customer_profit(shop_of(**tables)).table.row(0, named=True)
    assert float(row["contribution"]) == expected["right_profit"] != expected["wrong_profit"]
    assert float(row["gross_margin"]) == expected["right_profit"]
    if passed_on:
        assert float(row["payment_fees"]) == -given["payment_fee"] == -float(row["adjustments"])


def test_gini(examples):
    """Kisimov, decision-chain repository, tests of order_costs.py."""
    example = examples["whale_tiny"]
    expected = example["expected"]
    assert gini(example["inputs"]["cost"]) == pytest.approx(expected["gini_cost"], abs=1e-9)
    assert gini([0, 0, 10]) == pytest.approx(expected["gini_0_0_10"], abs=1e-9)


def test_largest_remainder(examples):
    """Hamilton's method; ties by order."""
    example = examples["largest_remainder"]
    given, expected = example["inputs"], example["expected"]
    for total, weights, parts in (("total_cents", "weights", "alloc"), ("total2", "weights2", "alloc2")):
        found = shares(Decimal(given[total]) / 100, given[weights])
        assert [int(part * 100) for part in found] == expected[parts]


def test_what_costing_refuses():
    with pytest.raises(cv.DataError, match="Pool 'calls' has the driver quantity 0"):
        driver_rates(pl.DataFrame({"pool": ["calls"], "cost": [10.0], "quantity": [0]}))
    with pytest.raises(cv.DataError, match="none is negative"):
        shares(Decimal(1), [1, -1])
    with cv.open() as shop, pytest.raises(cv.MissingInputError, match="resources is not loaded"):
        capacity_use(shop)
