"""Bring sources into the raw tables, and report what became of every row."""

from __future__ import annotations

import graphlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from custvalue.data.landing import land
from custvalue.data.matching import check_mapping, settle_all, unmatched
from custvalue.data.quality import accept
from custvalue.errors import DataError, SourceError
from custvalue.results import Result

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.mapping import Mapping
    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source

Progress = Callable[[str], None]
COUNTED = ("read", "accepted", "unattributed", "rejected")


@dataclass(frozen=True, kw_only=True)
class LoadReport(Result):
    """What became of every row read: `read` is the sum of the three after it.

    Attributes
    ----------
    table
        `table`, `read`, `accepted`, `unattributed` (no customer: in the company's totals only), `rejected`.
    sources
        The same per file, sheet or frame, with `identical`: accepted lines that repeat another.
    reasons
        `table`, `reason`, `example` (its first row, and the value that came), `rows`, of what was rejected.
    remarks
        What else to know: a content that was loaded before under another name, a mapping's entry without a file,
        times that were converted to UTC.
    """

    sources: pl.DataFrame
    reasons: pl.DataFrame
    remarks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How many rows came and where they stand now."""
        read, _, unattributed, rejected = (self.table[name].sum() for name in COUNTED)
        return f"{read:,} rows read: {unattributed:,} without a customer, {rejected:,} set aside"


def load_sources(
    con: duckdb.DuckDBPyConnection,
    relations: dict[str, Relation],
    sources: list[Source],
    mapping: Mapping,
    progress: Progress,
) -> list[str]:
    """Load every source into its raw table, tables after those they refer to.

    Returns
    -------
    list of str
        Remarks for the report.

    Raises
    ------
    SourceError
        A source fits no table, or can't be read; the mapping names what does not exist.
    DataError
        The database holds another currency.
    """
    check_mapping(con, relations, mapping)
    remarks = unmatched(mapping, sources)
    try:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            settled, left_alone = settle_all(con, relations, sources, mapping, scratch)
            remarks += left_alone
            _check_currency(con, mapping.currency)
            rank = {name: i for i, name in enumerate(_raw_names(relations))}
            for source in settled:
                _forget(con, source, "identity", source.identity)
            for source in sorted(settled, key=lambda source: rank[str(source.table)]):
                progress(f"reading {source.name} into {source.table}")
                remarks += _load_one(con, relations[f"raw.{source.table}"], source, mapping.currency, scratch)
    except SourceError as problem:  # an entry that no file belongs to may be why
        hint = "\n".join(filter(None, [problem.hint, *unmatched(mapping, sources)]))
        raise SourceError(problem.message, hint) from None
    return remarks


def _raw_names(relations: dict[str, Relation]) -> list[str]:
    """List the raw tables, each after those it refers to."""
    raw = {r.name: {table for _, table in r.references} for r in relations.values() if r.schema == "raw"}
    return list(graphlib.TopologicalSorter(raw).static_order())


def _load_one(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, currency: str, scratch: Path
) -> list[str]:
    remarks = [
        f"{source.name} has the same content as {'another ' if other == source.name else ''}{other},"
        " which was loaded before: nothing is added, its rows count once."
        for other in _forget(con, source, "content_hash", source.content_hash)
    ]
    columns, noted = land(con, source, scratch)
    source_id = con.execute("select coalesce(max(source_id), 0) + 1 from meta.load_log").fetchall()[0][0]
    counts, remarked = accept(con, relation, source, columns, source_id)
    con.execute(
        "insert into meta.load_log values ($id, $table, $name, $identity, $hash, $currency,"
        " $read, $accepted, $unattributed, $rejected, $identical, now())",
        {
            "id": source_id, "table": source.table, "name": source.name, "identity": source.identity,
            "hash": source.content_hash, "currency": currency, **counts.__dict__,
        },
    )  # fmt: skip
    return remarks + noted + remarked


def _forget(con: duckdb.DuckDBPyConnection, source: Source, column: str, value: str) -> list[str]:
    """Remove what sources with this identity or content brought to the same table; return their names."""
    same = con.execute(
        f"select source_id, source_name from meta.load_log where table_name = $table and {column} = $value"
        " order by all",
        {"table": source.table, "value": value},
    ).fetchall()
    for source_id, _ in same:
        con.execute(f"delete from raw.{source.table} where _source_id = $id", {"id": source_id})
        for table in ("rejected_rows", "load_log"):
            con.execute(f"delete from meta.{table} where source_id = $id", {"id": source_id})
    return [name for _, name in same]


def _check_currency(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    held = con.execute("select distinct currency from meta.load_log").fetchall()
    if held and held[0][0] != currency:
        raise DataError(
            f"The database holds {held[0][0]}, this source is in {currency}.",
            "Convert it first, or keep it in a database of its own; the mapping's `currency` says which it is.",
        )


def load_report(con: duckdb.DuckDBPyConnection, identities: list[str], currency: str, remarks: list[str]) -> LoadReport:
    """Report what became of the rows of these sources."""
    con.register("_identities", pl.DataFrame({"identity": identities}))
    sources = con.sql(
        "select table_name as table, source_name as source, n_read as read, n_accepted as accepted,"
        " n_unattributed as unattributed, n_rejected as rejected, n_identical as identical"
        " from meta.load_log semi join _identities using (identity) order by source_id"
    ).pl()
    reasons = con.sql(
        "with rejected as (select * from meta.rejected_rows join meta.load_log using (source_id, table_name)"
        " semi join _identities using (identity))"
        " select table_name as table, cause as reason, first(source_name || ' row ' || row_number"
        " || coalesce(': ' || value, '') order by source_id, row_number) as example, count(*) as rows"
        " from rejected group by all order by table_name, rows desc, cause"
    ).pl()
    con.unregister("_identities")
    table = sources.group_by("table", maintain_order=True).agg(pl.col(COUNTED).sum())
    return LoadReport(table=table, sources=sources, reasons=reasons, remarks=tuple(remarks), currency=currency)
