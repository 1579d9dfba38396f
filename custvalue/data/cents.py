"""Amounts as a file writes them: their sum, and the parts of a cent that are rounded, counted and said."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from custvalue.data.reading import number
from custvalue.data.texts import readable
from custvalue.data.values import MONEY

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source
    from custvalue.data.texts import Reading

EXACT = "DECIMAL(38,10)"
FINER = r"[.,][0-9]{2,}[1-9]"
"""A third place that is not nought; what else makes parts of a cent is a factor of the mapping."""


def rounded_amounts(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, reading: Reading) -> list[str]:
    """Say for each column of money how many amounts had parts of a cent, and what rounding them changed in all.

    Prices keep six places and are not meant: they are rounded once, in the amount of a line.

    Parameters
    ----------
    con
        Holds `texts`, and `typed` with a `_cause` for the rows that could not be used.
    relation, source, reading
        The table that is fed, where the rows come from, and how its columns are read.
    """
    remarks = []
    for key in reading.texts:
        if reading.kinds[key] != "DECIMAL(18,2)" or key in reading.labels:
            continue
        column = source.mapping.columns.get(key)
        factor = column.multiply if column else None
        exact = number("text", EXACT, source.mapping, multiply=factor)
        finer = "true" if factor is not None else f"regexp_matches(text, '{FINER}')"
        used = (
            f"select {readable(key)} as text from texts semi join"
            " (select _row from typed where _cause is null) using (_row)"
        )
        n, change = con.execute(
            f"select count(case when exact <> round(exact, 2) then 1 end),"
            f" coalesce(sum(round(exact, 2) - exact), 0) from (select {exact} as exact from"
            f" ({used}) where {finer})"
        ).fetchall()[0]
        if n:
            of = con.execute("select count(*) from typed where _cause is null").fetchall()[0][0]
            remarks.append(
                f"{source.name}: {n:,} of {of:,} amounts in {relation.name}.{key} had parts of a cent; each was"
                f" rounded, which changed their sum by {change:+,.4f}."
            )
    return remarks


def amounts_of_file(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, reading: Reading, *, doubtful: bool
) -> Decimal | None:
    """Sum the absolute amounts of all rows that came, used or not: the other road to what the books carry.

    Absolute, since a return may be written with either sign. None where an amount is worked out, converted or freed of
    tax: there is no such sum in the file.
    """
    key = MONEY.get(relation.name)
    entry = source.mapping
    if key not in reading.texts or key in reading.computed or entry.tax or entry.group_by or entry.fill_down:
        return None
    column = entry.columns.get(key)
    exact = number("text", EXACT, entry, multiply=column.multiply if column else None, doubtful=doubtful)
    total = con.execute(
        f"select coalesce(sum(abs(round({exact}, 2))), 0) from (select {readable(key)} as text from texts)"
    ).fetchall()[0][0]
    return Decimal(total)
