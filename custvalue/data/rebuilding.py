"""Whether what is stored is still what the raw tables give, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.quoting import quote

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation

NAME = "check_stored_relations_equal_their_rebuild"
GRAIN = "one row per column of a stored relation that is not what the raw tables give today"


def set_aside(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Rename a stored relation, so that it can be built again beside what was stored."""
    con.execute(f"alter table {relation.qualified} rename to {quote(_kept(relation))}")


def altered(con: duckdb.DuckDBPyConnection, relation: Relation) -> list[str]:
    """Compare a relation that was set aside with its rebuild.

    Returns
    -------
    list of str
        `relation.column: example row` per column that differs; empty where every row is as it was. Numbers of type
        DOUBLE are compared to six places, since the order of a sum may change their last digits.
    """
    stored = f"{relation.schema}.{quote(_kept(relation))}"
    columns = con.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = $schema and table_name = $name order by ordinal_position",
        {"schema": relation.schema, "name": relation.name},
    ).fetchall()
    read = [f"round({quote(name)}, 6)" if kind == "DOUBLE" else quote(name) for name, kind in columns]
    before, after = (_fingerprint(con, table, read) for table in (stored, relation.qualified))
    if before == after:
        return []
    row = _example(con, stored, relation.qualified, read)
    differing = [name for (name, _), old, new in zip(columns, before, after, strict=False) if old != new]
    return [f"{relation.name}.{name}: {row}" for name in differing or ["rows"]]


def _kept(relation: Relation) -> str:
    return f"{relation.name}_as_stored"


def _fingerprint(con: duckdb.DuckDBPyConnection, table: str, read: list[str]) -> tuple[int, ...]:
    """Return a sum per column that any altered value changes, one of whole rows, and how many there are: one scan."""
    sums = ", ".join(f"sum(hash({column}))" for column in [*read, ", ".join(read)])
    return tuple(con.execute(f"select {sums}, count(*) from {table}").fetchall()[0])


def _example(con: duckdb.DuckDBPyConnection, stored: str, rebuilt: str, read: list[str]) -> str:
    """Return a row that is stored and not rebuilt, or the other way round."""
    names = ", ".join(read)
    for what, one, other in (("stored", stored, rebuilt), ("rebuilt", rebuilt, stored)):
        query = f"select {names} from {one} except all select {names} from {other} order by all limit 1"
        found = con.execute(query)
        rows = found.fetchall()
        if rows:
            heads = [column[0].removeprefix("round(").removesuffix(", 6)") for column in found.description or ()]
            return f"{what} {dict(zip(heads, map(str, rows[0]), strict=True))}"
    return "rows in another number"
