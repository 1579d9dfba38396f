"""Bring sources into the raw tables, and report what became of every row."""

from __future__ import annotations

import graphlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from custvalue.data.landing import columns_of, land
from custvalue.data.quality import accept
from custvalue.data.sources import FLAT, FLAT_COLUMNS, Source
from custvalue.errors import DataError, SourceError
from custvalue.results import Result

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation

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
        `table`, `reason`, `rows`, of what was rejected.
    """

    sources: pl.DataFrame
    reasons: pl.DataFrame

    @property
    def title(self) -> str:
        """How many rows came and where they stand now."""
        read, _, unattributed, rejected = (self.table[name].sum() for name in COUNTED)
        return f"{read:,} rows read: {unattributed:,} without a customer, {rejected:,} set aside"


def load_sources(
    con: duckdb.DuckDBPyConnection,
    relations: dict[str, Relation],
    sources: list[Source],
    currency: str,
    progress: Progress,
) -> None:
    """Load every source into its raw table, tables after those they refer to.

    Raises
    ------
    SourceError
        A source fits no table, or can't be read.
    DataError
        The database holds another currency.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        settled = [_settle(con, relations, source, scratch) for source in sources]
        rank = {name: i for i, name in enumerate(_raw_names(relations))}
        for source in settled:
            if source.table not in rank:
                raise SourceError(
                    f"{source.name} fits no table: {source.table!r} is none of ours,"
                    " and it has no columns customer_id, ordered_at, amount.",
                    f"Name it like its table ({', '.join(sorted(rank))}), or write a mapping.",
                )
        _check_currency(con, currency)
        for source in sorted(settled, key=lambda source: rank[str(source.table)]):
            progress(f"reading {source.name} into {source.table}")
            _load_one(con, relations[f"raw.{source.table}"], source, currency, scratch)


def _settle(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], source: Source, scratch: Path) -> Source:
    """Decide on the table: three columns are enough for a flat export, whatever the file is called."""
    if source.mapping.columns:
        return source
    columns = {column.strip().lower().replace(" ", "_") for column in columns_of(con, source, scratch)}
    relation = relations.get(f"raw.{source.table}")
    lacks = relation is None or not set(relation.required) <= columns
    return replace(source, table=FLAT) if lacks and columns >= FLAT_COLUMNS else source


def _raw_names(relations: dict[str, Relation]) -> list[str]:
    """List the raw tables, each after those it refers to."""
    raw = {r.name: {table for _, table in r.references} for r in relations.values() if r.schema == "raw"}
    return list(graphlib.TopologicalSorter(raw).static_order())


def _load_one(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, currency: str, scratch: Path) -> None:
    _forget(con, source)
    columns = land(con, source, scratch)
    source_id = con.execute("select coalesce(max(source_id), 0) + 1 from meta.load_log").fetchall()[0][0]
    counts = accept(con, relation, source, columns, source_id)
    con.execute(
        "insert into meta.load_log values ($id, $table, $name, $identity, $hash, $currency,"
        " $read, $accepted, $unattributed, $rejected, $identical, now())",
        {
            "id": source_id, "table": source.table, "name": source.name, "identity": source.identity,
            "hash": source.content_hash, "currency": currency, **counts.__dict__,
        },
    )  # fmt: skip


def _forget(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Remove what an earlier load of the same source brought."""
    same = con.execute(
        "select source_id from meta.load_log where table_name = $table"
        " and (identity = $identity or content_hash = $hash)",
        {"table": source.table, "identity": source.identity, "hash": source.content_hash},
    ).fetchall()
    for (source_id,) in same:
        con.execute(f"delete from raw.{source.table} where _source_id = $id", {"id": source_id})
        for table in ("rejected_rows", "load_log"):
            con.execute(f"delete from meta.{table} where source_id = $id", {"id": source_id})


def _check_currency(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    held = con.execute("select distinct currency from meta.load_log").fetchall()
    if held and held[0][0] != currency:
        raise DataError(
            f"The database holds {held[0][0]}, this source is in {currency}.",
            "Convert it first, or keep it in a database of its own; the mapping's `currency` says which it is.",
        )


def load_report(con: duckdb.DuckDBPyConnection, identities: list[str], currency: str) -> LoadReport:
    """Report what became of the rows of these sources."""
    con.register("_identities", pl.DataFrame({"identity": identities}))
    sources = con.sql(
        "select table_name as table, source_name as source, n_read as read, n_accepted as accepted,"
        " n_unattributed as unattributed, n_rejected as rejected, n_identical as identical"
        " from meta.load_log semi join _identities using (identity) order by source_id"
    ).pl()
    reasons = con.sql(
        "select table_name as table, reason, count(*) as rows from meta.rejected_rows"
        " semi join (select source_id from meta.load_log semi join _identities using (identity)) using (source_id)"
        " group by all order by all"
    ).pl()
    con.unregister("_identities")
    table = sources.group_by("table", maintain_order=True).agg(pl.col(COUNTED).sum())
    return LoadReport(table=table, sources=sources, reasons=reasons, currency=currency)
