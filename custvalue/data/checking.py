"""The data checks: of sql/checks, of what is stored against its rebuild, and of what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl

from custvalue.data import rebuilding
from custvalue.data.building import build
from custvalue.data.rows_read import checks_of

if TYPE_CHECKING:
    from custvalue.data.relations import Relation


def run_checks(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], set_aside_limit: float) -> pl.DataFrame:
    """Run all checks, on what is stored and on what the raw tables give today, and leave all as it was.

    Returns
    -------
    pl.DataFrame
        `check`, `what`, `n_failures`, `example` (first failing row as text), a row per check.
    """
    stored = _of_sql(con, relations)
    money_read = checks_of(con, set_aside_limit, stored.schema)
    try:
        con.execute("begin")
    except duckdb.TransactionException:  # inside a transaction of the caller, what he built is checked
        return pl.concat([stored, money_read]).sort("check")
    try:
        kept = [relation for relation in relations.values() if relation.stored]
        for relation in kept:
            rebuilding.set_aside(con, relation)
        build(con, relations)  # a raw row altered since the last build shows only now
        altered = [line for relation in kept for line in rebuilding.altered(con, relation)]
        rebuilt = _of_sql(con, relations)
    finally:
        con.execute("rollback")
    whole = (rebuilding.NAME, rebuilding.GRAIN, len(altered), altered[0] if altered else "")
    rebuilt = pl.concat([rebuilt, pl.DataFrame([whole], schema=rebuilt.schema, orient="row"), money_read])
    both = pl.concat([stored, rebuilt]).sort("check", "n_failures", descending=[False, True], maintain_order=True)
    return both.unique("check", keep="first", maintain_order=True)


def _of_sql(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation]) -> pl.DataFrame:
    rows = []
    for relation in relations.values():
        if relation.schema == "checks":
            failing: pl.DataFrame = con.sql(relation.sql).pl()
            example = str(failing.row(0, named=True)) if failing.height else ""
            rows.append((relation.name, relation.grain, failing.height, example))
    return pl.DataFrame(rows, schema=["check", "what", "n_failures", "example"], orient="row")
