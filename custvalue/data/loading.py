"""Bring sources into the raw tables, and report what became of every row."""

from __future__ import annotations

import datetime as dt
import graphlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from custvalue.data.currencies import Currencies
from custvalue.data.landing import land
from custvalue.data.matching import check_mapping, settle_all, unmatched
from custvalue.data.quality import accept
from custvalue.errors import SourceError
from custvalue.results import Result

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.mapping import Mapping
    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source

Progress = Callable[[str], None]
APART = 31
"""Days within which the sales of one order are thought to come."""
COUNTED = ("read", "accepted", "unattributed", "rejected")
BY_MAPPING = ("left_out", "merged")  # shown where a mapping made any


@dataclass(frozen=True, kw_only=True)
class LoadReport(Result):
    """What became of every row read: `read` is the sum of the counts after it.

    Attributes
    ----------
    table
        `table`, `read`, `accepted`, `unattributed` (no customer: in the company's totals only), `rejected`;
        where a mapping made any, `left_out` (by one of its rules) and `merged` (into an earlier row of the same
        order, customer, ...).
    sources
        The same per file, sheet or frame, with `identical`: accepted lines that repeat another.
    reasons
        `table`, `reason`, `example` (its first row, and the value that came), `rows`, of what was rejected.
    remarks
        What else to know: a content that was loaded before under another name, a mapping's entry without a file,
        times that were converted to UTC, which rules of the mapping were used on how many rows and how much money.
    """

    sources: pl.DataFrame
    reasons: pl.DataFrame
    remarks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How many rows came and where they stand now."""
        read, _, unattributed, rejected = (self.table[name].sum() for name in COUNTED)
        left_out = self.table["left_out"].sum() if "left_out" in self.table.columns else 0
        by_rule = f", {left_out:,} left out by the mapping" if left_out else ""
        return f"{read:,} rows read: {unattributed:,} without a customer, {rejected:,} set aside{by_rule}"


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
            currencies = Currencies(con, mapping)
            _keep_rates(con, mapping)
            rank = {name: i for i, name in enumerate(_raw_names(relations))}
            for source in settled:
                _forget(con, source, "identity", source.identity)
            landed = _Landed()
            for source in sorted(settled, key=lambda source: rank[str(source.table)]):
                progress(f"reading {source.name} into {source.table}")
                relation = _without_what_comes(con, relations[f"raw.{source.table}"], {s.table for s in settled})
                remarks += _load_one(con, relation, source, currencies, scratch, landed)
            currencies.keep()
            remarks += _doubtful_numbers(con, settled)
    except SourceError as problem:  # an entry that no file belongs to may be why
        hint = "\n".join(filter(None, [problem.hint, *unmatched(mapping, sources)]))
        raise SourceError(problem.message, hint) from None
    return remarks


def _keep_rates(con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
    """Fill the temporary table `rates`: `code`, `since`, `rate` and `is_ours`; without rates there is none."""
    con.execute("drop table if exists temp.rates")
    if mapping.rates:
        con.execute("create temp table rates (code varchar, since date, rate decimal(38, 10), is_ours boolean)")
        rows = [(code, since, str(rate), False) for code, days in mapping.rates.items() for since, rate in days.items()]
        con.executemany(
            "insert into rates values ($1, $2, $3, $4)", [(mapping.currency, dt.date.min, "1", True), *rows]
        )


def _raw_names(relations: dict[str, Relation]) -> list[str]:
    """List the raw tables, each after those it refers to."""
    raw = {r.name: {table for _, table in r.references} for r in relations.values() if r.schema == "raw"}
    return list(graphlib.TopologicalSorter(raw).static_order())


def _without_what_comes(con: duckdb.DuckDBPyConnection, relation: Relation, loading: set[str | None]) -> Relation:
    """Need no column that another table gives, loaded before or now."""
    given = {
        column
        for column, table in relation.instead
        if table in loading or con.execute(f"select exists (select 1 from raw.{table})").fetchall()[0][0]
    }
    return replace(relation, required=tuple(name for name in relation.required if name not in given))


class _Landed:
    """What stands in the landing: a file that feeds several tables is read once."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._columns: list[str] = []

    def columns_of(self, con: duckdb.DuckDBPyConnection, source: Source, scratch: Path) -> tuple[list[str], list[str]]:
        """Land a source, unless it stands there already; return its columns, and what is to be said of it once."""
        entry = source.mapping
        key = (source.identity, source.content_hash, entry.delimiter, entry.encoding, entry.header, entry.skip,
               entry.sheet, entry.marks, entry.columns if entry.fixed_width else None)  # fmt: skip
        if key == self._key:
            return self._columns, []
        self._columns, noted = land(con, source, scratch)
        self._key = key
        return self._columns, noted


def _load_one(
    con: duckdb.DuckDBPyConnection,
    relation: Relation,
    source: Source,
    currencies: Currencies,
    scratch: Path,
    landed: _Landed,
) -> list[str]:
    remarks = [
        f"{source.name} has the same content as {'another ' if other == source.name else ''}{other},"
        " which was loaded before: nothing is added, its rows count once."
        for other in _forget(con, source, "content_hash", source.content_hash)
    ]
    columns, noted = landed.columns_of(con, source, scratch)
    source_id = con.execute("select coalesce(max(source_id), 0) + 1 from meta.load_log").fetchall()[0][0]
    counts, remarked, currency = accept(con, relation, source, columns, source_id)
    currencies.see(currency, source)
    con.execute(
        "insert into meta.load_log by name select $id as source_id, $table as table_name, $name as source_name,"
        " $identity as identity, $hash as content_hash, $read as n_read,"
        " $accepted as n_accepted, $unattributed as n_unattributed, $rejected as n_rejected,"
        " $identical as n_identical, $left_out as n_left_out, $merged as n_merged, $money_came as money_came,"
        " $money_left_out as money_left_out, now() as loaded_at",
        {
            "id": source_id, "table": source.table, "name": source.name, "identity": source.identity,
            "hash": source.content_hash, **counts.__dict__,
        },
    )  # fmt: skip
    return remarks + noted + remarked


def _doubtful_numbers(con: duckdb.DuckDBPyConnection, sources: list[Source]) -> list[str]:
    """Say which order numbers of a flat export may stand for several orders."""
    if not any(source.table == "transactions" for source in sources):
        return []
    numbers = (
        "select order_id, min(customer_id) <> max(customer_id) as is_shared,"
        " max(ordered_at) filter (kind = 'sale') > min(ordered_at) filter (kind = 'sale')"
        f" + interval {APART} day as is_far"
        " from raw.transactions where order_id is not null group by order_id"
    )
    shared, first, far, other = con.execute(
        "select count_if(is_shared), min(order_id) filter (is_shared), count_if(is_far and not is_shared),"
        f" min(order_id) filter (is_far and not is_shared) from ({numbers})"
    ).fetchall()[0]
    remarks = []
    if shared:
        many = f"{shared:,} order numbers belong" if shared > 1 else "1 order number belongs"
        remarks.append(
            f"{many} to several customers, such as {first!r}: they are taken for orders of their own, one a customer."
        )
    if far:
        many = f"{far:,} order numbers have" if far > 1 else "1 order number has"
        remarks.append(
            f"{many} sales of one customer more than {APART} days apart, such as {other!r}: each is taken for one"
            " order. Where numbers start again, put the year or the shop in front of them before loading."
        )
    return remarks


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


def load_report(con: duckdb.DuckDBPyConnection, identities: list[str], currency: str, remarks: list[str]) -> LoadReport:
    """Report what became of the rows of these sources."""
    con.register("_identities", pl.DataFrame({"identity": identities}))
    sources = con.sql(
        "select table_name as table, source_name as source, n_read as read, n_accepted as accepted,"
        " n_unattributed as unattributed, n_rejected as rejected, coalesce(n_left_out, 0) as left_out,"
        " coalesce(n_merged, 0) as merged, n_identical as identical"
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
    sources = sources.drop(name for name in BY_MAPPING if not sources[name].sum())
    summed = [name for name in (*COUNTED, *BY_MAPPING) if name in sources.columns]
    table = sources.group_by("table", maintain_order=True).agg(pl.col(summed).sum())
    return LoadReport(table=table, sources=sources, reasons=reasons, remarks=tuple(remarks), currency=currency)
