"""What a database can answer today, what one more table would give, and how its data look."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import polars as pl

from custvalue.data.rows_read import rows_read
from custvalue.errors import DataError
from custvalue.reports.words import about, counted, day, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.config import Settings
    from custvalue.data.warehouse import Warehouse

MONTH = 30.4
SHORT_MONTHS, ROUNDS = 12, 3
"""A history is short below a year, or below so many times between two purchases."""
FEW_RETURNING, MANY_GUESTS = 0.1, 0.2
BIG = 100
"""An order is very large from so many times the median on."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, whether the loaded tables answer it, and what stands in the way if not."""

    question: str
    is_answered: bool
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What one more table would give."""

    table: str
    gives: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about the data; `remark` says what it means where it is a concern."""

    what: str
    found: str
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What the doctor found."""

    questions: list[Question]
    offers: list[Offer]
    findings: list[Finding]


OFFERS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "order_lines with unit_cost",
        ("order_lines", "products"),
        "value and profit instead of revenue, of each customer",
    ),
    ("experiments and assignments", ("experiments",), "whether a measure pays, for whom, and what to give instead"),
    ("deliveries", ("deliveries",), "what delivery costs, and what giving it away costs"),
    (
        "resources, activities and contacts",
        ("resources",),
        "what service costs in minutes, and what capacity is unused",
    ),
    ("courtesy_catalogue and courtesy_events", ("courtesy_catalogue",), "what each courtesy costs, and which to test"),
    ("returns", ("returns",), "what returns cost, and who sends back"),
    ("delivery_fees", ("delivery_fees",), "what delivery should have cost, so what was given away by rule"),
    ("segments", ("segments",), "answers by your own segments"),
    ("gl_accounts and gl_totals", ("gl_totals",), "the proof that every cent of the ledger is accounted for"),
    ("experiment_arms", ("experiment_arms",), "from which basket on delivery should be free"),
    ("opening_hours", ("opening_hours",), "which requests came in the last minutes"),
    ("peer_benchmarks", ("peer_benchmarks",), "how service compares with others"),
)
"""Table as it is asked for, tables that stand for it, what it gives; most worth first."""


def checkup(shop: Warehouse, settings: Settings) -> Checkup:
    """Say what can be answered, what would give more, and how the data look.

    Raises
    ------
    DataError
        No orders are loaded.
    """
    orders = shop.fetch("int_orders").select("order_id", "customer_id", "ordered_on", "gross_list")
    if orders.is_empty():
        raise DataError("No orders are loaded.", "Look at your files first: custvalue init FILE")
    has_costs = _has_costs(shop)
    offers = [
        Offer(table=asked, gives=gives)
        for asked, tables, gives in OFFERS
        if not (has_costs if "unit_cost" in asked else any(shop.has(table) for table in tables))
        and (asked != "experiment_arms" or shop.has("experiments"))
    ]
    returns = _returns(shop)
    findings = [*_history(orders), *_people(orders), *_money(shop, orders, returns, settings)]
    return Checkup(questions=_questions(shop, orders, has_costs, settings), offers=offers, findings=findings)


def _has_costs(shop: Warehouse) -> bool:
    for table in ("order_lines", "products"):
        if shop.has(table) and shop.fetch(f"raw.{table}")["unit_cost"].drop_nulls().len():
            return shop.has("order_lines")
    return False


def _questions(shop: Warehouse, orders: pl.DataFrame, has_costs: bool, settings: Settings) -> list[Question]:
    known = orders.drop_nulls("customer_id")
    came_back = (
        known.group_by("customer_id").agg(pl.col("ordered_on").n_unique()).filter(pl.col("ordered_on") > 1).height
    )
    tests = shop.has("experiments") and shop.has("assignments")
    has_margin = has_costs or settings.margin_rate is not None
    needs: list[tuple[str, bool, str]] = [
        ("What will each customer bring?", came_back > 0, "nobody came back yet: a longer history is needed"),
        ("What is he worth, after costs?", came_back > 0 and has_margin,
         "needs unit_cost of order_lines, or a margin_rate in the settings"),
        ("What do we earn on each?", has_costs, "needs unit_cost of order_lines"),
        ("What does courtesy cost?", any(map(shop.has, ("courtesy_events", "courtesy_catalogue", "delivery_fees"))),
         "needs courtesy_catalogue and courtesy_events, or delivery_fees"),
        ("Does a measure pay, and for whom?", tests, "needs experiments and assignments"),
        ("What should each segment get?", tests or shop.has("courtesy_catalogue"),
         "needs a test, or a courtesy_catalogue with measures to test"),
        ("Do we use the capacity we pay for?", shop.has("resources"), "needs resources and activities"),
        ("Do the figures tie to the ledger?", shop.has("gl_totals"), "needs gl_accounts and gl_totals"),
    ]  # fmt: skip
    return [Question(question=asked, is_answered=ok, why="" if ok else why) for asked, ok, why in needs]


def _history(orders: pl.DataFrame) -> Iterator[Finding]:
    first, last = orders["ordered_on"].min(), orders["ordered_on"].max()
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):
        return
    months = (last - first).days / MONTH
    pauses = _pauses(orders)
    short = ""
    if months < SHORT_MONTHS:
        short = "too short to tell a season from a trend; a year or two would tell more"
    elif pauses is not None and (last - first).days < ROUNDS * pauses:
        short = f"short: customers come back after {pauses:.0f} days, so few could do so more than twice"
    yield Finding(
        what="Orders", found=f"{orders.height:,} from {day(first)} to {day(last)}, {months:.0f} months", remark=short
    )
    if pauses is not None:
        yield Finding(what="Time between purchases", found=f"{pauses:.0f} days (median)")
    days = orders["ordered_on"].unique().sort()
    gap = days.diff().dt.total_days()
    longest = int(gap.max() or 0)  # type: ignore[arg-type]
    usual = float(gap.median() or 1.0)  # type: ignore[arg-type]
    if longest > max(14.0, 10 * usual):
        at = days.filter(gap == longest)[0]
        yield Finding(what="Gap", found=f"no order in {longest:,} days before {day(at)}",
                      remark="is a file of that time missing?")  # fmt: skip


def _pauses(orders: pl.DataFrame) -> float | None:
    days = (
        orders.drop_nulls("customer_id").select("customer_id", "ordered_on").unique().sort("customer_id", "ordered_on")
    )
    found = days.select(pl.col("ordered_on").diff().over("customer_id").dt.total_days()).to_series().drop_nulls()
    middle = found.median()
    return float(middle) if isinstance(middle, int | float) else None


def _people(orders: pl.DataFrame) -> Iterator[Finding]:
    known = orders.drop_nulls("customer_id")
    days = known.group_by("customer_id").agg(n=pl.col("ordered_on").n_unique())
    back = days.filter(pl.col("n") > 1).height / days.height if days.height else 0.0
    few = "few came back: what is said of their future rests on little" if back < FEW_RETURNING else ""
    yield Finding(what="Customers", found=f"{days.height:,}, of them {share(back)} came back", remark=few)
    guests = orders.height - known.height
    if guests:
        part = guests / orders.height
        many = (
            "much of the shop belongs to no customer: is there an e-mail or a card number?"
            if part > MANY_GUESTS
            else ""
        )
        yield Finding(what="Guests", found=f"{counted(guests, 'order')} without a customer, {share(part)}", remark=many)


def _returns(shop: Warehouse) -> pl.DataFrame:
    """Return the returns whose order is not there, with their amounts."""
    lost = []
    if shop.has("returns"):
        sold = shop.fetch("int_orders").select("order_id")
        lost.append(shop.fetch("raw.returns").join(sold, on="order_id", how="anti").select(amount=pl.col("refund")))
    if shop.has("transactions"):
        flat = shop.fetch("raw.transactions")
        buyers = flat.filter(kind="sale").select("customer_id")
        back = flat.filter(pl.col("kind") == "return", pl.col("customer_id").is_not_null())
        lost.append(back.join(buyers, on="customer_id", how="anti").select(amount=pl.col("amount").abs()))
    return pl.concat([each.cast(pl.Float64) for each in lost]) if lost else pl.DataFrame({"amount": []})


def _money(shop: Warehouse, orders: pl.DataFrame, returns: pl.DataFrame, settings: Settings) -> Iterator[Finding]:
    total = float(orders["gross_list"].sum() or 0)
    currency = shop.currency
    yield Finding(
        what="Sales", found=f"{about(total)} {currency} at list price, {total / max(1, orders.height):,.2f} an order"
    )
    if returns.height:
        worth = about(float(returns["amount"].sum() or 0))
        yield Finding(what="Returns without an order", found=f"{returns.height:,}, {worth} {currency}",
                      remark="were they sold before the data begin, or is a file missing?")  # fmt: skip
    read = rows_read(shop, settings.set_aside_limit)
    aside = int(read.table["n_set_aside"].sum()) if read.table.height else 0
    if aside:
        yield Finding(what="Set aside", found=f"{counted(aside, 'row')}", remark=read.warning)
    beyond = orders.filter(pl.col("gross_list") > BIG * _typical(orders))
    if beyond.height and _typical(orders) > 0:
        money = about(float(beyond["gross_list"].sum()))
        yield Finding(what="Very large orders", found=f"{beyond.height:,}, {money} {currency} together",
                      remark="wholesale, or a slip? They weigh on means")  # fmt: skip


def _typical(orders: pl.DataFrame) -> float:
    return float(cast("float", orders["gross_list"].cast(pl.Float64).median() or 0.0))
