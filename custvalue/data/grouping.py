"""One row from several: an order from its lines, a customer from his orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.columns import Column
from custvalue.data.quoting import quote
from custvalue.errors import SourceError

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source

SUMMED = {"DECIMAL", "INTEGER", "SMALLINT", "BIGINT", "DOUBLE"}


def group_rows(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, wanted: dict[str, str]
) -> tuple[int, list[str]]:
    """Group the rows of `typed` as the mapping says; rows that can't be read stay by themselves.

    Returns
    -------
    int
        Rows that went into an earlier one.
    list of str
        Remarks: where rows of a group say different things, and the first was taken.

    Raises
    ------
    SourceError
        The mapping groups by what is no column of the table, or sums what is no number.
    """
    keys = source.mapping.group_by
    if keys is None:
        return 0, []
    _check(relation, source, wanted, keys)
    by = ", ".join(map(quote, keys))
    # a row without a key is a group of its own
    alone = f"case when _cause is not null or {' or '.join(f'{quote(key)} is null' for key in keys)} then _row end"
    taken = {name: _taken(name, source.mapping.columns.get(name, Column()).take) for name in wanted if name not in keys}
    unlike = [name for name in taken if source.mapping.columns.get(name, Column()).take == "first"]
    counts = ", ".join(f"count(distinct {quote(name)}) > 1 as {quote(f'{name} differs')}" for name in unlike)
    con.execute(
        f"create or replace temp table typed as select min(_row) as _row, {by},"
        f" {', '.join(f'{sql} as {quote(name)}' for name, sql in taken.items())}{', ' if counts else ''}{counts},"
        " any_value(_cause) as _cause, any_value(_reason) as _reason, any_value(_value) as _value, count(*) as _n_rows"
        f" from typed group by {by}, {alone}"
    )
    merged = con.execute("select coalesce(sum(_n_rows - 1), 0) from typed").fetchall()[0][0]
    remarks = [*_said(relation, source, keys, int(merged)), *_conflicts(con, relation, source, keys, unlike)]
    return int(merged), remarks


def _taken(name: str, take: str) -> str:
    if take == "first":
        return f"first({quote(name)} order by _row) filter (where {quote(name)} is not null)"
    return f"{take}({quote(name)})"


def _check(relation: Relation, source: Source, wanted: dict[str, str], keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in wanted:
            raise SourceError(
                f"The mapping groups {relation.name} by {key!r}, which is no column of it.",
                f"Its columns: {', '.join(wanted)}.",
            )
    for name, column in source.mapping.columns.items():
        if column.take == "sum" and wanted[name].split("(")[0] not in SUMMED:
            raise SourceError(f"The mapping sums {relation.name}.{name}, which is no number.")


def _said(relation: Relation, source: Source, keys: tuple[str, ...], merged: int) -> list[str]:
    if not merged:
        return []
    by = ", ".join(keys)
    return [f"{source.name}: {merged:,} rows went into an earlier row of {relation.name} with the same {by}."]


def _conflicts(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, keys: tuple[str, ...], unlike: list[str]
) -> list[str]:
    shown = " || ', ' || ".join(f"cast({quote(key)} as varchar)" for key in keys)
    remarks = []
    for name in unlike:
        differs = quote(f"{name} differs")
        n, example = con.execute(
            f"select count(*), first({shown} order by _row) from typed where {differs} and _cause is null"
        ).fetchall()[0]
        if n:
            remarks.append(
                f"{source.name}: {n:,} of {relation.name} stand with more than one {name} (such as {example});"
                " the first was taken."
            )
    return remarks
