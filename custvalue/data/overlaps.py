"""Exports that overlap: a line of an order in two files is one line; lines that differ are kept, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.quoting import literal, quote

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation

FLAT = "transactions"


SAME_LINE = "the same line of its order stands in another file already"


def mark_overlaps(con: duckdb.DuckDBPyConnection, relation: Relation, columns: list[str], source: str) -> list[str]:
    """Set aside lines of a flat export that another file brought; return remarks on orders whose lines differ.

    Only lines with an order number are compared, and only with other files: without one, or within a file, nothing
    tells a repeated line from a second purchase. A line that stands twice there is taken out twice at most.

    Parameters
    ----------
    con
        Holds `typed`, the rows of this source.
    relation, columns, source
        The table that is fed, its columns, and the source's name.
    """
    if relation.name != FLAT or not con.execute(f"select exists (select 1 from raw.{FLAT})").fetchall()[0][0]:
        return []
    names = ", ".join(map(quote, columns))
    same = " and ".join(f"new.{quote(name)} is not distinct from old.{quote(name)}" for name in columns)
    con.execute("drop table if exists overlap")
    con.execute(
        f"create temp table overlap as with new as (select _row, {names}, row_number() over (partition by {names}"
        f" order by _row) as place from typed where _cause is null and order_id is not null),"
        f" old as (select {names}, count(*) as n, min(source_name) as other from raw.{FLAT} join meta.load_log"
        f" on _source_id = source_id where order_id is not null group by {names})"
        f" select new._row as row_number, old.other from new join old on {same} where new.place <= old.n"
    )
    con.execute(
        f"update typed set _cause = {literal(SAME_LINE)},"
        f" _value = other, _reason = {literal('the same line of its order stands in ')} || other || ' already'"
        " from overlap where typed._row = overlap.row_number"
    )
    differing = con.execute(
        f"select count(distinct order_id) from typed semi join raw.{FLAT} using (order_id) where _cause is null"
    ).fetchall()[0][0]
    con.execute("drop table overlap")
    if not differing:
        return []
    said = f"{source}: {differing:,} orders stand in another file, too, with other lines; all lines are counted."
    return [f"{said} If one file corrects the other, load the newer one alone."]
