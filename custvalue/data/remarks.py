"""What a load says of the rules that it used: on how many rows, and with how much money."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from custvalue.data.headers import plain
from custvalue.data.quoting import quote
from custvalue.data.values import MONEY

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source
    from custvalue.data.texts import Reading
    from custvalue.data.values import Step


def remarks_on(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, worked_out: list[Step]) -> list[str]:
    """Say which rules of the mapping took effect on the rows in `typed`."""
    helpers = {name for step in worked_out for name in step}
    money = f"sum({MONEY[relation.name]})" if relation.name in MONEY else "null"
    remarks = []
    if "_left_out" in helpers:
        remarks += [
            f"{source.name}: {_rows(n)} of {relation.name} {rule}{_worth(worth)}."
            for rule, n, worth in con.execute(
                f"select _left_out, count(*), {money} from typed where _left_out is not null group by all order by 1"
            ).fetchall()
        ]
    if "_tax" in helpers:
        n, worth = _one(con, "sum(_tax)", "_tax <> 0")
        remarks.append(
            f"{source.name}: {relation.name} less the tax by {_named_tax(source)}, {_rows(n)}{_worth(worth)}."
        )
    if "_currency" in helpers:
        remarks += [
            f"{source.name}: {_rows(n)} in {code} converted at the mapping's rates{_worth(worth)}."
            for code, n, worth in con.execute(
                f"select _currency, count(*), {money} from typed where _cause is null and _rate <> 1 group by all"
                " order by 1"
            ).fetchall()
        ]
    if "_turned" in helpers:
        n, worth = _one(con, "sum(amount)", "_turned and _cause is null")
        if n:
            remarks.append(_turned(con, source, n, worth))
    return remarks


STATUS = ("status", "state", "orderstatus", "orderstate", "paymentstatus", "financialstatus", "transactionstatus")
UNDONE = (
    "cancelled", "canceled", "cancel", "void", "voided", "failed", "failure", "pending", "declined", "refused",
    "denied", "rejected", "expired", "abandoned", "draft", "unpaid", "refunded", "chargeback", "reversed", "storniert",
    "storno", "abgebrochen", "offen", "annulé", "annulée",
)  # fmt: skip
"""How shops write that nothing was earned by a row."""


def unasked_status(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, reading: Reading, columns: list[str]
) -> list[str]:
    """Say how many rows count although a column that nobody asked for says that they were cancelled or not paid."""
    if relation.name not in ("transactions", "orders") or source.mapping.group_by:
        return []
    asked = {column for rule in (*source.mapping.drop, *source.mapping.keep, *source.mapping.kinds)
             for column in rule.column or ()}  # fmt: skip
    asked = {plain(column) for column in (*asked, *reading.labels.values())}
    remarks = []
    for column in columns:
        if plain(column) not in STATUS or plain(column) in asked:
            continue
        value = f"lower(trim({quote(column)}))"
        found = con.execute(
            f"select any_value(trim({quote(column)})) as written, count(*) as n from landing semi join"
            " (select _row from typed where _cause is null) using (_row)"
            f" where list_contains($undone, {value}) group by {value} order by n desc, written",
            {"undone": list(UNDONE)},
        ).fetchall()
        if found:
            said = ", ".join(f"{written!r} ({n:,})" for written, n in found)
            values = ", ".join(f'"{written}"' for written, _ in found)
            n = sum(n for _, n in found)
            rule = f'drop = [{{ column = "{column}", values = [{values}] }}]'
            remarks.append(
                f"{source.name}: {_rows(n)} count{'s' if n == 1 else ''} although {column!r} says {said}. To leave them"
                f" out: {rule} under [tables.{relation.name}]."
            )
    return remarks


NET = re.compile(r"total|paid|net|after|charged|final|due|bezahlt|gesamt|summe|netto", re.IGNORECASE)
"""Headings of what is left after a discount."""


def doubtful_discount(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source) -> list[str]:
    """Say where a discount may be subtracted twice: from a column whose heading is that of an amount after discount."""
    entry = {name: source.mapping.columns.get(name) for name in ("gross_list", "discount")}
    heads = {name: column.column for name, column in entry.items() if column is not None}
    gross, discount = heads.get("gross_list"), heads.get("discount")
    if relation.name != "orders" or not gross or not discount or not NET.search(str(gross)):
        return []
    n, worth = _one(con, "sum(discount)", "discount > 0 and _cause is null")
    if not n:
        return []
    right = f'gross_list = {{ expression = "{gross} + {discount}" }}'
    said = f"{discount!r} is subtracted from {gross!r} in {_rows(n)}{_worth(worth)}"
    return [f"{source.name}: {said}; if {gross!r} is what was left after it, the mapping says {right}."]


def _one(con: duckdb.DuckDBPyConnection, what: str, where: str) -> tuple[int, object]:
    left = " and _left_out is null" if _has(con, "_left_out") else ""
    n, worth = con.execute(f"select count(*), {what} from typed where {where}{left}").fetchall()[0]
    return int(n), worth


def _has(con: duckdb.DuckDBPyConnection, column: str) -> bool:
    return any(row[1] == column for row in con.execute("pragma table_info('typed')").fetchall())


def _rows(n: int) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}"


def _worth(worth: object) -> str:
    return "" if worth is None else f", {worth:,.2f} in all"


def _named_tax(source: Source) -> str:
    tax = source.mapping.tax
    if tax is None:
        return ""
    if tax.rate is not None:
        return f"the rate {tax.rate}" if isinstance(tax.rate, float) else "the mapping's rates"
    return f"the column {tax.column or tax.by}"


def _turned(con: duckdb.DuckDBPyConnection, source: Source, n: int, worth: object) -> str:
    others = con.execute("select count(*) from typed where kind = 'return' and amount < 0 and not _turned").fetchall()
    mixed = f" {others[0][0]:,} came with negative amounts, and stay." if others[0][0] else ""
    return (
        f"{source.name}: {n:,} return{'' if n == 1 else 's'} came with positive amounts{_worth(worth)}; a return takes"
        f" money away, so they are counted as negative.{mixed}"
    )


def count_left_out(con: duckdb.DuckDBPyConnection, relation: Relation) -> tuple[int, Decimal]:
    """Remove from `typed` the rows that a rule leaves out; return how many there are, and their absolute amounts."""
    if not _has(con, "_left_out"):
        return 0, Decimal(0)
    money = f"sum(abs(cast({MONEY[relation.name]} as decimal(38, 2))))" if relation.name in MONEY else "null"
    n, worth = con.execute(f"select count(*), {money} from typed where _left_out is not null").fetchall()[0]
    con.execute("delete from typed where _left_out is not null")
    return int(n), worth or Decimal(0)
