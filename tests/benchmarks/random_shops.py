"""Random shops of all shapes: with and without a catalogue, a schedule, capacity; goods, services, transactions only."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import custvalue as cv

if TYPE_CHECKING:
    from random import Random

    from custvalue.data.warehouse import Warehouse

PEOPLE = ["ann", "bob", "cis", "dee"]
OPTIONS = (
    "products", "lines", "deliveries", "schedule", "returns", "contacts", "jobs", "repairs", "entitlements", "events",
    "catalogue", "own_ids", "capacity", "sites", "acquisition",
)  # fmt: skip
SHAPES = {
    "goods": {"services": False},
    "services": {"goods": False},
    "both": {},
    "transactions": {"goods": False, "services": False},
}
RULES = (
    "free_delivery", "refund_beyond_policy", "repair_after_warranty", "extension", "early_start", "last_minutes",
)  # fmt: skip
Rows = list[dict[str, object]]


def money(rng: Random, most: int = 20_000) -> str:
    """Return an amount of at most that many cents."""
    return f"{rng.randint(0, most) / 100:.2f}"


def maybe(rng: Random, value: object, empty: float = 0.25) -> object:
    """Return the value, or nothing as often as said."""
    return None if rng.random() < empty else value


def day(rng: Random) -> str:
    """Return a day of the first half of 2025."""
    return f"2025-{rng.randint(1, 6):02d}-{rng.randint(1, 28):02d}"


def moment(rng: Random) -> str:
    """Return a time of opening or a few minutes before closing."""
    return f"{day(rng)} {rng.choice(['10:15', '17:57', '19:58'])}:00"


def goods(rng: Random, on: set[str]) -> dict[str, Rows]:
    """Return orders and what follows them."""
    orders = [f"o{i}" for i in range(rng.randint(1, 7))]
    tables: dict[str, Rows] = {
        "orders": [
            {"order_id": o, "customer_id": maybe(rng, rng.choice(PEOPLE), 0.1), "ordered_at": moment(rng),
             "gross_list": money(rng), "discount": maybe(rng, "0.00"), "delivery_fee_charged": maybe(rng, rng.choice(["0.00", "2.00", "4.90"])),
             "payment_fee": maybe(rng, money(rng, 200))} for o in orders
        ]
    }  # fmt: skip
    if "products" in on:
        tables["products"] = [
            {"product_id": p, "list_price": "9.999999", "unit_cost": maybe(rng, "3.333333"), "warranty_months": rng.choice([1, 24])}
            for p in ("p", "q")
        ]  # fmt: skip
    if "lines" in on:
        tables["order_lines"] = [
            {"order_id": o, "line_no": n, "product_id": rng.choice(["p", "q"]), "qty": rng.randint(1, 7), "list_price": "1.234567",
             "unit_cost": maybe(rng, f"{rng.randint(0, 99_999) / 10_000:.4f}")} for o in orders for n in range(rng.randint(0, 2))
        ]  # fmt: skip
    if "deliveries" in on:
        tables["deliveries"] = [
            {"delivery_id": f"d{o}{n}", "order_id": o, "mode": rng.choice(["standard", "express"]), "carrier_cost": maybe(rng, money(rng, 1_500)),
             "handling_min": maybe(rng, rng.randint(0, 9))} for o in orders for n in range(rng.choice([0, 1, 1, 2]))
        ]  # fmt: skip
    if "schedule" in on:
        tables["delivery_fees"] = [
            {"valid_from": "2024-01-01", "mode": m, "region": "all", "free_over": maybe(rng, "60.00", 0.5), "fee": f}
            for m, f in (("standard", "4.90"), ("express", "9.90"))
        ]  # fmt: skip
    if "returns" in on:
        tables["returns"] = [
            {"return_id": f"r{o}", "order_id": o, "returned_at": day(rng), "refund": money(rng), "cogs_recovered": maybe(rng, money(rng)),
             "write_down": maybe(rng, money(rng, 900)), "inbound_freight": maybe(rng, money(rng, 900)), "inspect_min": maybe(rng, rng.randint(0, 30)),
             "within_policy": maybe(rng, rng.choice(["true", "false"]))} for o in orders if rng.random() < 0.6
        ]  # fmt: skip
    return tables


def services(rng: Random, on: set[str], orders: Rows) -> dict[str, Rows]:
    """Return jobs, repairs, contract terms and contacts."""
    of = [o["order_id"] for o in orders] or [None]
    tables: dict[str, Rows] = {}
    if "jobs" in on:
        tables["jobs"] = [
            {"job_id": f"j{i}", "customer_id": rng.choice(PEOPLE), "order_id": maybe(rng, rng.choice(of)), "kind": "visit",
             "ordered_at": maybe(rng, moment(rng), 0.1), "started_at": moment(rng), "minutes": maybe(rng, rng.randint(0, 90)),
             "fee_charged": maybe(rng, money(rng))} for i in range(rng.randint(1, 4))
        ]  # fmt: skip
    if "repairs" in on:
        tables["repairs"] = [
            {"repair_id": f"f{i}", "customer_id": rng.choice(PEOPLE), "order_id": maybe(rng, rng.choice(of)), "product_id": rng.choice(["p", "q"]),
             "opened_at": moment(rng), "parts_cost": maybe(rng, money(rng, 5_000)), "minutes": maybe(rng, rng.randint(0, 60)),
             "fee_charged": maybe(rng, money(rng, 9_000))} for i in range(rng.randint(1, 4))
        ]  # fmt: skip
    if "entitlements" in on:
        tables["entitlements"] = [
            {"entitlement_id": f"t{i}", "customer_id": rng.choice(PEOPLE), "starts": "2025-01-01", "ends": "2025-05-31", "entitled": 10, "used": 9,
             "extended": maybe(rng, rng.randint(0, 3))} for i in range(2)
        ]  # fmt: skip
    if "contacts" in on:
        tables["contacts"] = [
            {"contact_id": f"k{i}", "customer_id": maybe(rng, rng.choice(PEOPLE)), "opened_at": moment(rng), "handle_s": maybe(rng, rng.randint(0, 900))}
            for i in range(rng.randint(1, 5))
        ]  # fmt: skip
    if "sites" in on:
        tables["opening_hours"] = [
            {"site": s, "weekday": d, "opens": "09:00", "closes": c} for s, c in (("a", "18:00"), ("b", rng.choice(["18:00", "20:00"]))) for d in range(1, 8)
        ]  # fmt: skip
    return tables


def catalogue(rng: Random, on: set[str]) -> Rows:
    """Return measures under the company's own ids or the rules' words, with costs of every kind."""
    clerk = {"base_minutes": "3.5", "minutes_per_unit": "1.7", "resource_id": "desk"} if "capacity" in on else {}
    return [
        {"measure_id": f"own {rule}" if "own_ids" in on else rule, "name": rule, "rule": maybe(rng, None if rule == "gift" else rule),
         "direct_cost": maybe(rng, money(rng, 300)), "driver_rate": maybe(rng, "0.333333"), "forgone_fee": maybe(rng, "4.90"),
         "expected_loss_rate": "0.013", "loss_base": "7.77", **clerk} for rule in (*RULES, "gift") if rule == "gift" or rng.random() < 0.7
    ]  # fmt: skip


def logged(rng: Random, tables: dict[str, Rows], measures: list[object]) -> Rows:
    """Return courtesies of the log that name a delivery, a return, an order or nothing, with their cost or without."""
    keys = {name: [row[key] for row in tables.get(name, [])] or [None] for name, key in
            (("orders", "order_id"), ("deliveries", "delivery_id"), ("returns", "return_id"), ("contacts", "contact_id"))}  # fmt: skip
    return [
        {"event_id": f"e{i}", "measure_id": rng.choice(measures), "customer_id": rng.choice(PEOPLE), "occurred_at": moment(rng),
         "order_id": maybe(rng, rng.choice(keys["orders"]), 0.5), "delivery_id": maybe(rng, rng.choice(keys["deliveries"]), 0.6),
         "return_id": maybe(rng, rng.choice(keys["returns"]), 0.8), "contact_id": maybe(rng, rng.choice(keys["contacts"]), 0.8),
         "units": maybe(rng, rng.randint(0, 5)), "minutes": maybe(rng, rng.randint(-5, 30), 0.5), "direct_cost": maybe(rng, money(rng, 2_000), 0.5),
         "forgone_fee": maybe(rng, money(rng, 500), 0.5), "outcome_loss": maybe(rng, money(rng, 500), 0.7)} for i in range(rng.randint(1, 6))
    ]  # fmt: skip


def random_tables(rng: Random) -> dict[str, Rows]:
    """Return the tables of a shop of a random shape."""
    shape = SHAPES[rng.choice(list(SHAPES))]
    on = {option for option in OPTIONS if rng.random() < 0.6}
    tables: dict[str, Rows] = {
        "customers": [
            {"customer_id": c, "business_type": rng.choice(["b2c_product", "b2b_service"]), "acquired_on": maybe(rng, "2025-01-01", 0.4),
             "acquisition_cost": maybe(rng, money(rng, 3_000) if "acquisition" in on else None)} for c in PEOPLE
        ]
    }  # fmt: skip
    if shape.get("goods", True):
        tables |= goods(rng, on)
    elif rng.random() < 0.5 or not shape.get("services", True):
        tables["transactions"] = [
            {"customer_id": maybe(rng, rng.choice(PEOPLE), 0.1), "ordered_at": moment(rng), "order_id": maybe(rng, f"x{i // 2}"),
             "kind": rng.choice(["sale", "sale", "return", "delivery", "adjustment"]), "quantity": 1, "unit_price": money(rng)} for i in range(rng.randint(1, 9))
        ]  # fmt: skip
    if shape.get("services", True):
        tables |= services(rng, on, tables.get("orders", []))
    if "capacity" in on:
        tables["resources"] = [
            {"resource_id": r, "period": f"2025-{m:02d}-01", "theoretical_min": rng.randint(60, 900), "practical_share": "0.8", "cost": money(rng, 90_000),
             "avoidable_share": maybe(rng, "0.37")} for r in ("desk", "calls") for m in range(1, 7) if rng.random() < 0.9
        ]  # fmt: skip
        tables["activities"] = [
            {"activity_id": a, "resource_id": r, "base_min": rng.randint(0, 9)}
            for a, r in (("inspection", "desk"), ("contact", "calls"), ("job", "desk"), ("repair", "desk")) if rng.random() < 0.8
        ]  # fmt: skip
    measures: list[object] = ["free_delivery", "unheard of", "P5b"]
    if "catalogue" in on:
        tables["courtesy_catalogue"] = catalogue(rng, on)
        measures = [row["measure_id"] for row in tables["courtesy_catalogue"]]
    if "events" in on:
        tables["courtesy_events"] = logged(rng, tables, measures)
    return {name: rows for name, rows in tables.items() if rows}


def opened(tables: dict[str, Rows]) -> Warehouse:
    """Load the tables into a warehouse in memory; a rejected row is a fault of the generator."""
    shop = cv.open()
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in tables.items():
            pl.DataFrame(rows, infer_schema_length=None).write_csv(Path(folder) / f"{name}.csv")
        report = shop.load(folder)
    assert report.table["rejected"].sum() == 0, report.reasons
    return shop
