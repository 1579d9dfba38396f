"""Which table a source feeds: by the mapping, its name, or its columns; and what to say where none fits."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from custvalue.data.landing import columns_of
from custvalue.data.sources import FLAT, FLAT_COLUMNS, Source
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from custvalue.data.mapping import Mapping
    from custvalue.data.relations import Relation

SHOWN = 3


def check_mapping(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], mapping: Mapping) -> None:
    """Refuse a mapping that names a table, a column of ours or a time zone that does not exist.

    Raises
    ------
    SourceError
        It names one; says the closest that there is.
    """
    tables = _raw_columns(con, relations)
    zones = [row[0] for row in con.execute("select name from pg_timezone_names()").fetchall()] if mapping.tables else []
    for table, entry in mapping.tables.items():
        _among(table, list(tables), f"The mapping's [tables.{table}] is no table of ours")
        for column in entry.columns:
            what = f"The mapping fills {table}.{column}, which is no column of {table}"
            _among(column, tables[table], what)
        _among(entry.time_zone, zones, f"The mapping's time_zone {entry.time_zone!r} is no time zone")


def _among(name: str, names: list[str], what: str) -> None:
    if name not in names:
        close = difflib.get_close_matches(name, names, n=SHOWN)
        raise SourceError(f"{what}.", f"Did you mean {' or '.join(close)}?" if close else "")


def unmatched(mapping: Mapping, sources: list[Source]) -> list[str]:
    """Say which entries of the mapping no source belongs to."""
    fed = {source.table for source in sources if source.mapping in mapping.tables.values()}
    unused = [f'[tables.{name}] (file = "{entry.file}")' for name, entry in mapping.tables.items() if name not in fed]
    return [f"No file here is one of the mapping's {', '.join(unused)}: nothing is read by it."] if unused else []


def settle_all(
    con: duckdb.DuckDBPyConnection,
    relations: dict[str, Relation],
    sources: list[Source],
    mapping: Mapping,
    scratch: Path,
) -> tuple[list[Source], list[str]]:
    """Decide on the table of every source; one part of a folder, workbook or database that fits none is left alone.

    Returns
    -------
    tuple of list
        The sources that feed a table, and a remark on those left alone.

    Raises
    ------
    SourceError
        A source that was named fits no table, or no part of what was named does.
    """
    settled, problems, names = [], [], []
    for source in sources:
        is_meant = source.mapping in mapping.tables.values() or f"raw.{source.table}" in relations
        if source.is_found and mapping.tables and not is_meant:  # the mapping says which parts are
            names.append(source.name)
            continue
        try:
            settled.append(settle(con, relations, source, scratch))
        except SourceError as problem:
            if not source.is_found:
                raise
            problems.append(problem)
            names.append(source.name)
    if not settled and problems:
        raise problems[0]
    if not settled:
        raise SourceError(f"None of {', '.join(names)} is a file that the mapping names.")
    return settled, [f"Left alone, since they fit no table: {', '.join(names)}."] if names else []


def settle(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], source: Source, scratch: Path) -> Source:
    """Decide on the table: three columns are enough for a flat export, whatever the file is called.

    Raises
    ------
    SourceError
        The source fits no table; says the closest ones.
    """
    relation = relations.get(f"raw.{source.table}")
    if source.mapping.columns and relation:
        return source
    columns = {column.strip().lower().replace(" ", "_") for column in columns_of(con, source, scratch)}
    lacks = relation is None or not set(relation.required) <= columns
    if lacks and any(columns >= flat for flat in FLAT_COLUMNS):
        return replace(source, table=FLAT)
    if relation is None:
        raise _fits_none(con, relations, source, columns)
    return source


def _fits_none(
    con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], source: Source, columns: set[str]
) -> SourceError:
    closest = _closest(_raw_columns(con, relations), relations, columns)
    name = closest[0][0] if closest else FLAT
    seen = [
        f"  {table} has {', '.join(has)} too, and " + (f"needs {', '.join(lacks)}" if lacks else "needs no more")
        for table, has, lacks in closest
    ]
    first = "Tables that are closest by their columns:" if seen else "No table has any of its columns."
    if source.name == "frame":
        what, last = (
            "The frame",
            f'If it is {name}, say so: shop.load(frame, table="{name}"), with its columns renamed to ours.',
        )
    else:
        what = f"{source.name}"
        last = (
            f'If it is {name}, call it {name}.csv, or say so in a mapping: [tables.{name}] file = "{source.name}";'
            f" under [tables.{name}.columns] stands which of your columns is which of ours."
        )
    stem = f"{source.table!r} is none of ours, and " if source.table else ""
    return SourceError(
        f"{what} fits no table: {stem}it has no columns customer_id, ordered_at, amount.",
        "\n".join([first, *seen, last]),
    )


def _closest(
    tables: dict[str, list[str]], relations: dict[str, Relation], columns: set[str]
) -> list[tuple[str, list[str], list[str]]]:
    """Return the tables that share most columns with a source: name, shared columns, needed ones that are missing."""
    found = []
    for table, ours in tables.items():
        has = [column for column in ours if column in columns]
        computed = {"amount"} if {"quantity", "unit_price"} <= set(has) else set()
        lacks = [c for c in relations[f"raw.{table}"].required if c not in columns and c not in computed]
        if has:
            found.append((table, has, lacks))
    return sorted(found, key=lambda each: (len(each[2]) - len(each[1]), len(each[2]), each[0]))[:SHOWN]


def _raw_columns(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation]) -> dict[str, list[str]]:
    """List the columns of every raw table."""
    rows = con.execute(
        "select table_name, list(column_name order by ordinal_position) from information_schema.columns"
        " where table_schema = 'raw' and not starts_with(column_name, '_') group by table_name order by table_name"
    ).fetchall()
    return {table: columns for table, columns in rows if f"raw.{table}" in relations}
