"""Make the tables and views of sql/ in a database, in the order of their inputs."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

import duckdb

from custvalue.data.quoting import quote
from custvalue.data.relations import LAYERS, check_inputs, read_relations
from custvalue.paths import shared_folder

if TYPE_CHECKING:
    from custvalue.data.relations import Relation

RESULTS = "results"
OWN = (("_source_id", "integer"), ("_row", "bigint"))
"""What every raw table has beside the columns of sql/schema: where a row came from."""


@functools.cache
def shipped_relations() -> dict[str, Relation]:
    """Read sql/ once per process, and refuse a relation that reads what its header does not declare."""
    relations = read_relations(shared_folder("sql"))
    with duckdb.connect(":memory:") as con:
        for relation in relations.values():
            if relation.schema not in ("raw", "meta"):
                check_inputs(con, relation)
    return relations


def create(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation]) -> None:
    """Make schemas, tables and views as sql/ has them; rows are kept."""
    con.execute("begin")
    try:
        for schema in (*LAYERS.values(), RESULTS):
            con.execute(f"create schema if not exists {schema}")
        for relation in relations.values():
            if relation.schema in ("raw", "meta"):
                _create_table(con, relation)
        _clear(con)
        build(con, relations, views=True)
        con.execute("delete from meta.build_log")
        con.execute("insert into meta.build_log values ($fingerprint)", {"fingerprint": fingerprint(relations)})
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _clear(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what an earlier version built: what is a table today may have been a view, and the other way round."""
    built = con.execute(
        "select table_schema, table_name, table_type from information_schema.tables"
        " where table_schema in ('staging', 'intermediate', 'marts')"
    ).fetchall()
    for schema, name, kind in built:
        con.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {schema}.{quote(name)}")


def _create_table(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Make a raw or meta table; one from an earlier version gets the columns that it lacks."""
    held = con.execute(
        "select 1 from information_schema.tables where table_schema = $schema and table_name = $name",
        {"schema": relation.schema, "name": relation.name},
    ).fetchall()
    own = OWN if relation.schema == "raw" else ()
    if not held:
        con.execute(relation.sql)
        for column, kind in own:
            con.execute(f"alter table {relation.qualified} add column {column} {kind}")
        return
    con.execute(relation.sql.replace(f"create table {relation.qualified}", "create temp table wanted", 1))
    wanted = [(row[1], row[2]) for row in con.execute("pragma table_info('wanted')").fetchall()]
    con.execute("drop table wanted")
    for column, kind in (*wanted, *own):
        con.execute(f"alter table {relation.qualified} add column if not exists {quote(column)} {kind}")


def fingerprint(relations: dict[str, Relation]) -> str:
    """Return what says which sql/ a database was built from."""
    return hashlib.sha256("".join(r.sql for r in relations.values()).encode()).hexdigest()


def built_from(con: duckdb.DuckDBPyConnection) -> str | None:
    """Return the fingerprint of the sql/ that the database was built from, if it was."""
    try:
        rows = con.execute("select fingerprint from meta.build_log").fetchall()
    except duckdb.CatalogException:
        return None
    return rows[0][0] if rows else None


def build(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], *, views: bool = False) -> None:
    """Build stored tables in the order of their inputs; views see new rows by themselves and are made once."""
    for relation in relations.values():
        is_built = relation.schema in ("staging", "intermediate", "marts") and not relation.params
        if is_built and (relation.stored or views):
            kind = "table" if relation.stored else "view"
            con.execute(f"create or replace {kind} {relation.qualified} as {relation.sql}")
