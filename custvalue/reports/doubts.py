"""What only the owner of a file knows, asked as questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.written import SEVERAL
from custvalue.reports.columns_seen import role_of
from custvalue.reports.words import listed, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.reports.draft import Draft


FEW = 20
"""Customers from whom on it is strange that none comes twice."""


def doubts_of(draft: Draft) -> list[str]:
    """Return what only the owner of the file knows."""
    return [*_about_dates(draft), *_about_customers(draft), *_about_money(draft)]


def _about_dates(draft: Draft) -> Iterator[str]:
    column, dates = draft.dates or ("", None)
    if dates is not None and dates.other:
        first = "day" if str(dates.form).startswith("%d") else "month"
        yield (
            f"`{column}` can be read with the day or the month first: taken as {first} first ({dates.form}). "
            f'If that is wrong: date_format = "{dates.other}".'
        )


def _about_customers(draft: Draft) -> Iterator[str]:
    column = draft.customer
    if column is None:
        yield "No column tells who bought: everything counts for the company, for no customer. Which one is it?"
        return
    values = draft.rows[column]
    kept = values.drop_nulls().str.strip_chars()
    kept = kept.filter(kept != "")
    if kept.len() < values.len():
        none = share(1 - kept.len() / values.len())
        yield f"`{column}` is empty in {none} of the rows: guests? They count for no customer."
    if kept.len() > FEW and kept.n_unique() == kept.len():
        yield (
            f"No `{column}` stands twice: is it a customer, or an order? Without customers who come back nothing can "
            "be said of their future."
        )
    role = role_of(column)
    if role == "customer_name":
        yield f"`{column}` is a name: two people of one name are one customer."
    elif role is None:
        yield f"`{column}` is taken for the customer because its values come back: is it?"


def _about_money(draft: Draft) -> Iterator[str]:
    column, numbers = draft.money()
    if draft.repeats and draft.amount:
        used = "quantity times price is used" if draft.uses_price else "counted once per order"
        yield f"`{draft.amount[0]}` repeats on each line of an order: {used}?"
    if numbers.n_negative and not draft.counts_orders:
        yield f"{numbers.n_negative:,} values of `{column}` are negative: taken for returns?"
    states = draft.states()
    if "drop" in states:
        yield f"Rows that are {listed(states['drop'])} are left out: right?"
    if "return" in states:
        which = listed(states["return"])
        if draft.counts_orders:
            yield f"Rows that are {which} count as sales: should they be left out (drop)?"
        else:
            yield f"Rows that are {which} are taken for returns: right?"
    yield from _about_currency(draft)
    if draft.is_gross():
        tax = draft.only("tax")
        said = f"with tax, and `{tax}` is taken out of it" if tax else "without tax; if not, tax = 0.19 takes it out"
        yield f"`{column}` is taken to be {said}. Is it?"
    rest = [f"`{other}`" for other in draft.by_role.get("amount", []) if other != column]
    if rest and not draft.uses_price:
        yield f"`{column}` is taken for the amount, not {listed(rest)}: right?"


def _about_currency(draft: Draft) -> Iterator[str]:
    codes = draft.currencies()
    if len(codes) > 1:
        yield f"Money is in {listed(codes)}: which is yours, and at what rates? See [rates] in the README."
    elif not codes:
        yield "No column tells the currency: EUR is assumed."
    elif told := [sign for sign in draft.money()[1].signs if sign in SEVERAL]:
        yield f"`{told[0]}` is read as {codes[0]}. It may also be {', '.join(SEVERAL[told[0]][1:4])}: is it?"
