"""A mapping proposed for files that nobody described: what was understood, what is doubted, and the TOML to correct."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from custvalue.data.headers import plain
from custvalue.errors import SourceError
from custvalue.reports.columns_seen import Dates, Numbers, dates_of, numbers_of, role_of
from custvalue.reports.doubts import doubts_of
from custvalue.reports.draft import Draft
from custvalue.reports.mapping_text import Entry, mapping_text
from custvalue.reports.words import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custvalue.data.looking import Look

SHIPPED: dict[str, tuple[str, ...]] = {
    "shopify": ("Name", "Financial Status", "Created at", "Subtotal", "Shipping", "Taxes", "Total"),
    "stripe": ("id", "Amount", "Amount Refunded", "Status", "Fee"),
    "superstore": ("Order ID", "Order Date", "Customer ID", "Sales", "Quantity", "Discount", "Profit"),
    "online_retail": ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"),
    "woocommerce": ("order_number", "order_date", "billing_email", "order_total"),
    "datev": ("Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "Konto", "Belegdatum"),
}
"""Shipped mapping -> the headings that its files have."""
TABLES = ("transactions", "orders")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a file seems to hold.

    Attributes
    ----------
    text
        The mapping, as TOML with remarks; empty where none is needed.
    shipped
        The shipped mapping that fits; None where there is none.
    understood
        Column of ours, the file's, and how it is read.
    doubts
        What only the owner of the file knows, as questions.
    left_out
        Files that hold nothing that was understood.
    """

    text: str = ""
    shipped: str | None = None
    understood: list[tuple[str, str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def propose(looks: Sequence[Look]) -> Proposal:
    """Propose how files become our tables.

    Raises
    ------
    SourceError
        No file holds what is needed: a customer, a day and an amount.
    """
    shipped = _shipped(looks)
    if shipped:
        return _from_shipped(shipped, looks)
    ours = [look for look in looks if _is_ours(look)]
    others = [look for look in looks if look not in ours]
    if ours and not others:
        tables = [(str(look.table or "transactions"), look.name, "as it is") for look in ours]
        return Proposal(understood=tables)
    drafts = [(look, draft) for look in others if (draft := Draft(look)).is_enough]
    if not drafts:
        raise _nothing(others, bool(ours))
    first, draft = drafts[0]
    alike = [look.name for look, _ in drafts if look.rows.columns == first.rows.columns]
    left = [look.name for look in others if look.name not in alike]
    doubts = doubts_of(draft)
    if left:
        doubts.append(f"{listed(left)}: other columns. What are these? Ask `custvalue init` about each of them alone.")
    return Proposal(
        text=mapping_text(draft.entry(alike, doubts)), understood=draft.understood(), doubts=doubts, left_out=left
    )


def _shipped(looks: Sequence[Look]) -> str | None:
    for name, wanted in SHIPPED.items():
        for look in looks:
            there = {plain(column) for column in look.rows.columns}
            if {plain(heading) for heading in wanted} <= there:
                return name
    return None


def _from_shipped(name: str, looks: Sequence[Look]) -> Proposal:
    doubts = []
    codes = {code for look in looks for column in look.rows.columns if role_of(column) == "currency"
             for code in look.rows[column].drop_nulls().str.strip_chars().str.to_uppercase().unique()
             if len(code) == 3}  # fmt: skip
    entry = Entry(extends=name, currency=next(iter(codes)) if len(codes) == 1 else None)
    if len(codes) > 1:
        doubts.append(
            f"Money is in {listed(sorted(codes))}: which is yours, and at what rates? See [rates] in the mapping."
        )
    return Proposal(text=mapping_text(entry) if codes else "", shipped=name, doubts=doubts,
                    understood=[(look.name, name, "a mapping for these files ships") for look in looks])  # fmt: skip


def _is_ours(look: Look) -> bool:
    """Say whether a file is one of our tables, or has our three columns, and needs no mapping."""
    there = {column.strip().lower().replace(" ", "_") for column in look.rows.columns}
    if look.table not in (None, *TABLES) and look.table in _known_tables():
        return True
    wanted = {"transactions": {"customer_id", "ordered_at", "amount"}, "orders": {"order_id", "ordered_at"}}
    need = wanted.get(str(look.table), wanted["transactions"])
    if not need <= there or look.encoding:
        return False
    columns = {c.strip().lower().replace(" ", "_"): c for c in look.rows.columns}
    dates = dates_of(look.rows[columns["ordered_at"]])
    numbers = numbers_of(look.rows[columns["amount"]]) if "amount" in columns else Numbers()
    return dates == Dates(form=None) and numbers is not None and numbers.decimal == "." and not (
        numbers.thousands or numbers.signs or (numbers.n_negative and "kind" not in columns)
    )  # fmt: skip


def _known_tables() -> set[str]:
    from custvalue.paths import shared_folder

    return {file.stem for file in (shared_folder("sql") / "schema").glob("*.sql")}


def _nothing(looks: Sequence[Look], some: bool) -> SourceError:
    has = "; ".join(f"{look.name} has {', '.join(look.rows.columns[:12])}" for look in looks[:3])
    lacks = "a column of days and one of amounts, or of quantities and prices"
    if bare := next((look.name for look in looks if _has_no_header(look)), None):
        return SourceError(
            f"{bare} seems to have no header: its first line reads {', '.join(next(iter(looks)).rows.columns[:6])}.",
            "Write the names of the columns above it, such as customer_id,ordered_at,amount.",
        )
    which = "No other file has" if some else "None of the files has" if len(looks) > 1 else f"{looks[0].name} lacks"
    return SourceError(
        f"{which} what was looked for: {lacks}. {has}.",
        "A mapping can say which is which: `custvalue template transactions` shows the columns that are needed.",
    )


def _has_no_header(look: Look) -> bool:
    """Say whether what stands for the headings are values."""
    names = pl.Series(look.rows.columns, dtype=pl.String)
    return any(dates_of(names.slice(i, 1)) is not None for i in range(names.len())) or numbers_of(names) is not None
