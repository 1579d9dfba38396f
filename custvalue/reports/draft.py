"""What one unknown file holds: which column is which, and whether an amount is a line's or an order's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import polars as pl

from custvalue.data.headers import plain
from custvalue.data.remarks import UNDONE
from custvalue.data.written import SEVERAL
from custvalue.reports.columns_seen import Dates, Numbers, dates_of, numbers_of, role_of, words
from custvalue.reports.mapping_text import Entry, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from custvalue.data.looking import Look

Seen = TypeVar("Seen", Dates, Numbers)
REFUNDS = ("refund", "refunded", "return", "returned", "credit", "credit note", "gutschrift", "retoure", "storno",
           "stornierung", "remboursement", "avoir", "devolución")  # fmt: skip
VOID = (*UNDONE, "cancelado", "test")
NEARLY_ALL = 0.95


def is_net(heading: str) -> bool:
    """Say whether a heading means an amount without tax."""
    return any(
        word in ("net", "netto", "ht", "excl", "ex") or word.startswith("netto") for word in words(heading).split()
    )


class Draft:
    """What was found in one file."""

    def __init__(self, look: Look) -> None:
        self.look, self.rows = look, look.rows
        self.by_role: dict[str, list[str]] = {}
        for column in look.rows.columns:
            if role := role_of(column):
                self.by_role.setdefault(role, []).append(column)
        self.dates = self._first("ordered_at", dates_of)
        self.amount = self._first("amount", numbers_of)
        self.price = self._first("unit_price", numbers_of)
        self.quantity = self._first("quantity", numbers_of)
        self._fall_back()
        self.customer = self._customer()
        self.order = self.only("order_id")
        self.repeats = self._repeats()

    def _first(self, role: str, read: Callable[[pl.Series], Seen | None]) -> tuple[str, Seen] | None:
        """Return the first column of a role that reads as it should; of amounts, one without tax before others."""
        for column in sorted(self.by_role.get(role, []), key=lambda column: not is_net(column)):
            found = read(self.rows[column])
            if found is not None:
                return column, found
        return None

    def _fall_back(self) -> None:
        """Where no heading says it: the only column of dates, and the only one of numbers with decimals."""
        told = {column for columns in self.by_role.values() for column in columns}
        if self.dates is None:
            days = [(c, found) for c in self.rows.columns if (found := dates_of(self.rows[c])) is not None]
            self.dates = days[0] if days else None
        if self.amount is None and self.price and not self.quantity:  # one piece a row
            self.amount, self.price = self.price, None
        if self.amount is None and not (self.price and self.quantity):
            free = [c for c in self.rows.columns if c not in told and not (self.dates and c == self.dates[0])]
            numbers = [(c, read) for c in free if (read := numbers_of(self.rows[c])) is not None]
            pieces = [(c, n) for c, n in numbers if self.rows[c].drop_nulls().str.contains(r"\d[.,]\d").any()]
            self.amount = pieces[0] if pieces else None

    def only(self, role: str) -> str | None:
        """Return the first column whose heading means this."""
        return next(iter(self.by_role.get(role, [])), None)

    def _customer(self) -> str | None:
        for role in ("customer_id", "email", "customer_name"):
            if column := self.only(role):
                return column
        taken = {
            self.only("order_id"),
            *(c for c, _ in filter(None, (self.dates, self.amount, self.price, self.quantity))),
        }
        for column in self.rows.columns:  # who comes back: many values, most of them more than once
            values = self.rows[column].drop_nulls()
            if column not in taken and role_of(column) is None and values.len():
                distinct = values.n_unique()
                if 1 < distinct < values.len() and distinct > values.len() / 100:
                    return column
        return None

    def _repeats(self) -> bool:
        """Say whether the amount is that of the order, and stands on each of its lines."""
        if self.order is None or self.amount is None:
            return False
        money = pl.col(self.amount[0])
        orders = self.rows.group_by(self.order).agg(n=pl.len(), different=money.n_unique())
        several = orders.filter(pl.col("n") > 1)
        return several.height >= 3 and several.filter(pl.col("different") == 1).height > NEARLY_ALL * several.height

    @property
    def is_enough(self) -> bool:
        """True where days and money were found."""
        return self.dates is not None and (
            self.amount is not None or (self.price is not None and self.quantity is not None)
        )

    @property
    def uses_price(self) -> bool:
        """True where amounts are quantity times price: none is there, or it repeats that of the order."""
        return self.price is not None and self.quantity is not None and (self.amount is None or self.repeats)

    @property
    def counts_orders(self) -> bool:
        """True where a row is a line, and its money that of the order."""
        return self.repeats and not self.uses_price

    def money(self) -> tuple[str, Numbers]:
        """Return the column that tells how money is written."""
        return (self.price if self.uses_price else self.amount) or ("", Numbers())

    def entry(self, names: list[str], doubts: list[str]) -> Entry:
        """Return the mapping's entry."""
        dates = self.dates[1] if self.dates else None
        _, numbers = self.money()
        tax = self.only("tax")
        return Entry(
            table="orders" if self.counts_orders else "transactions", files=tuple(names), columns=self.columns(),
            encoding=self.look.encoding,
            date_format=dates.form if dates else None, decimal="," if numbers.decimal == "," else None,
            thousands=numbers.thousands if numbers.decimal == "." else None, currency=self.currency(),
            tax=tax if tax and self.is_gross() else None, group_by="order_id" if self.counts_orders else None,
            rules=tuple(self.rules()), doubts=tuple(doubts),
        )  # fmt: skip

    def columns(self) -> dict[str, str]:
        """Return our columns and the file's."""
        money = self.money()[0]
        found = {
            "customer_id": self.customer,
            "ordered_at": self.dates[0] if self.dates else None,
            "order_id": self.order,
        }
        if self.uses_price:
            found |= {"quantity": self.quantity[0] if self.quantity else None, "unit_price": money}
        else:
            found["gross_list" if self.counts_orders else "amount"] = money
        others = ("channel",) if self.counts_orders else ("product_id", "description", "region", "channel")
        taken = {column for column in found.values() if column}
        for role in others:
            if (column := self.only(role)) and column not in taken:
                found[role] = column
        return {ours: theirs for ours, theirs in found.items() if theirs}

    def currency(self) -> str | None:
        """Return the currency of the money, if it is one."""
        codes = self.currencies()
        return codes[0] if len(codes) == 1 else None

    def currencies(self) -> list[str]:
        """Return the currencies that a column names, or else those beside the amounts; of `$` the first it may be."""
        column = self.only("currency")
        if column is None:
            return sorted({SEVERAL.get(sign, (sign,))[0] for sign in self.money()[1].signs})
        codes = self.rows[column].drop_nulls().str.strip_chars().str.to_uppercase().unique().sort().to_list()
        return [code for code in codes if len(code) == 3 and code.isalpha()]

    def is_gross(self) -> bool:
        """Say whether money may come with tax: no heading says that it does not."""
        return not is_net(self.money()[0])

    def states(self) -> dict[str, list[str]]:
        """Return the values of a status that mean a refund, and those that mean that nothing was sold."""
        told: dict[str, list[str]] = {}
        if column := self.only("status"):
            for value in self.rows[column].drop_nulls().unique().sort().to_list():
                kind = (
                    "return"
                    if plain(value) in map(plain, REFUNDS)
                    else "drop"
                    if plain(value) in map(plain, VOID)
                    else ""
                )
                if kind:
                    told.setdefault(kind, []).append(value)
        return told

    def rules(self) -> list[Rule]:
        """Return the rules for returns, and for rows that are no sale."""
        found, states = [], self.states()
        column = self.only("status") or ""
        if "drop" in states:
            found.append(Rule(kind="drop", column=column, values=tuple(states["drop"])))
        if not self.counts_orders:
            if "return" in states:
                found.append(Rule(kind="return", column=column, values=tuple(states["return"])))
            signed = self.quantity if self.uses_price else self.amount
            if signed is not None and signed[1].n_negative:
                found.append(Rule(kind="return", column="quantity" if self.uses_price else "amount", below=0))
        return found

    def understood(self) -> list[tuple[str, str, str]]:
        """Return our column, the file's, and how it is read."""
        dates = self.dates[1] if self.dates else None
        _, numbers = self.money()
        how = {"ordered_at": f"days written {dates.form}" if dates and dates.form else "ISO days"}
        written = f"numbers with a decimal {'comma' if numbers.decimal == ',' else 'point'}"
        how |= dict.fromkeys(("amount", "unit_price", "gross_list"), written)
        if self.counts_orders:
            how["gross_list"] += ", once per order"
        n = self.look.n_rows
        if self.customer:
            how["customer_id"] = f"{self.rows[self.customer].drop_nulls().n_unique():,} customers in {n:,} rows"
        return [(ours, theirs, how.get(ours, "")) for ours, theirs in self.columns().items()]
