"""The warehouse: one DuckDB database with raw tables, relations built from sql/, and results."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from custvalue.data import rebuilding
from custvalue.data.loading import LoadReport, Progress, load_report, load_sources
from custvalue.data.mapping import Mapping, read_mapping
from custvalue.data.quoting import quote
from custvalue.data.relations import LAYERS, Relation, check_inputs, read_relations
from custvalue.data.sources import find_sources
from custvalue.errors import DataError, MissingInputError, SourceError
from custvalue.paths import shared_folder

if TYPE_CHECKING:
    from types import TracebackType

RESULTS = "results"


@functools.cache
def _relations() -> dict[str, Relation]:
    """Read sql/ once per process, and refuse a relation that reads what its header does not declare."""
    relations = read_relations(shared_folder("sql"))
    with duckdb.connect(":memory:") as con:
        for relation in relations.values():
            if relation.schema not in ("raw", "meta"):
                check_inputs(con, relation)
    return relations


class Warehouse:
    """A DuckDB database of one shop. Made by `custvalue.open`; a context manager.

    Parameters
    ----------
    path
        Database file; None keeps everything in memory.

    Raises
    ------
    SourceError
        The file is no DuckDB database, or another process holds it.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._relations = _relations()
        if path is not None and not isinstance(path, str | Path):
            raise SourceError(f"A database is opened by its path, not by a {type(path).__name__}.")
        try:
            self._con = duckdb.connect(str(path) if path is not None else ":memory:")
        except duckdb.Error as problem:
            why = "another process has it open" if "lock" in str(problem).lower() else str(problem).splitlines()[0]
            raise SourceError(f"Can't open the database {Path(str(path)).name!r}: {why}.") from None
        if self._con.execute("select current_setting('enable_progress_bar')").fetchall()[0][0]:
            self._con.execute("set enable_progress_bar = false")  # in Jupyter it would add a widget to the output
        self._create()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; what was loaded stays in its file."""
        self._con.close()

    # ------------------------------------------------------------------------------------------ loading

    def load(
        self,
        source: Any,
        *,
        mapping: str | Path | Mapping | None = None,
        table: str | None = None,
        progress: Progress = lambda _: None,
    ) -> LoadReport:
        """Load a file, a folder, a frame, a database, or a list of these; all of it or nothing.

        A source loaded before (the same path, or the same content) is replaced, so nothing doubles; where only
        the content is the same, the report remarks it. Times with an offset are converted to UTC, or to the
        mapping's `time_zone`.

        Parameters
        ----------
        source
            CSV (also .gz), Parquet or Excel file, a folder of them, a Polars or pandas frame,
            `duckdb:///FILE` or `sqlite:///FILE`.
        mapping
            TOML file that names the user's columns, or the name of a shipped one.
        table
            The table to feed, where neither mapping, name nor columns tell.
        progress
            Called with a line of text before each step.

        Raises
        ------
        SourceError
            A source is missing, empty, of an unknown kind, or lacks a needed column.
        """
        plan = read_mapping(mapping)
        sources = find_sources(source, plan, table)
        self._con.execute("begin")
        try:
            remarks = load_sources(self._con, self._relations, sources, plan, progress)
            progress("building relations")
            self._build()
            self._con.execute("commit")
        except BaseException:
            self._con.execute("rollback")
            raise
        return load_report(self._con, [source.identity for source in sources], self.currency, remarks)

    # ------------------------------------------------------------------------------------------ reading

    @property
    def currency(self) -> str:
        """ISO code of all money in the database."""
        held = self._con.execute("select max(currency) from meta.load_log").fetchall()
        return str(held[0][0] or "EUR")

    def rejected(self, table: str) -> pl.DataFrame:
        """Return every row of a table that was set aside, as it came.

        Returns
        -------
        pl.DataFrame
            `source`, `row` (the first after the header is 1), `reason`, then the source's own columns as text.
        """
        if f"raw.{table}" not in self._relations:
            raise DataError(f"There is no raw table {table!r}.")
        rows = self._con.execute(
            "select source_name, row_number, reason, as_it_came from meta.rejected_rows join meta.load_log"
            " using (source_id, table_name) where table_name = $table order by source_id, row_number",
            {"table": table},
        ).fetchall()
        ours = ("source", "row", "reason")
        records = [
            {"source": s, "row": r, "reason": why}
            | {f"{name} as it came" if name in ours else name: value for name, value in json.loads(raw).items()}
            for s, r, why, raw in rows
        ]
        return pl.DataFrame(
            records or None, schema=None if records else ["source", "row", "reason"], infer_schema_length=None
        )

    def has(self, table: str) -> bool:
        """Say whether a raw table holds any row."""
        return bool(self._con.execute(f"select exists (select 1 from raw.{quote(table)})").fetchall()[0][0])

    def need(self, table: str, gives: str) -> None:
        """Raise when a raw table is empty, saying what it would give.

        Raises
        ------
        MissingInputError
            The table was not loaded.
        """
        if not self.has(table):
            raise MissingInputError(f"Table {table} is not loaded.", f"It would give {gives}.")

    def fetch(self, relation: str, **params: Any) -> pl.DataFrame:
        """Return a relation of sql/ (or a stored result) as a frame.

        Parameters
        ----------
        relation
            Its name, with its schema (`raw.customers`, `results.customers`) or without: then marts come
            before intermediate, staging and raw ones of the same name, and results last.
        **params
            The parameters its header declares, bound as values.

        Raises
        ------
        DataError
            There is no such relation, or a parameter is missing or unknown.
        """
        found = self._find(relation)
        if found is None:
            return self._fetch_result(relation)
        if set(params) != set(found.params):
            raise DataError(f"{found.qualified} takes the parameters {found.params}, got {tuple(params)}.")
        if found.params:
            return self._frame(found.sql, params)
        held = "exclude (_source_id, _row) " if found.schema == "raw" else ""
        return self._frame(f"select * {held}from {found.qualified}")

    def _frame(self, sql: str, params: dict[str, Any] | None = None) -> pl.DataFrame:
        frame: pl.DataFrame = self._con.sql(sql, params=params).pl()
        return frame

    def _find(self, name: str) -> Relation | None:
        if "." in name:
            return self._relations.get(name)
        places = reversed([schema for schema in LAYERS.values() if schema != "checks"])
        return next((r for schema in places if (r := self._relations.get(f"{schema}.{name}"))), None)

    def _fetch_result(self, name: str) -> pl.DataFrame:
        try:
            return self._frame(f"select * from {RESULTS}.{quote(name.removeprefix(f'{RESULTS}.'))}")
        except duckdb.CatalogException:
            raise DataError(f"There is no relation or result named {name!r}.") from None

    def checks(self) -> pl.DataFrame:
        """Run all of sql/checks, on what is stored and on what the raw tables give today; no row may come back.

        Returns
        -------
        pl.DataFrame
            `check`, `what`, `n_failures`, `example` (first failing row as text).
        """
        stored = self._run_checks()
        try:
            self._con.execute("begin")
        except duckdb.TransactionException:  # inside a transaction of the caller, what he built is checked
            return stored.sort("check")
        try:
            kept = [relation for relation in self._relations.values() if relation.stored]
            for relation in kept:
                rebuilding.set_aside(self._con, relation)
            self._build()  # a raw row altered since the last build shows only now
            altered = [line for relation in kept for line in rebuilding.altered(self._con, relation)]
            rebuilt = self._run_checks()
        finally:
            self._con.execute("rollback")
        whole = (rebuilding.NAME, rebuilding.GRAIN, len(altered), altered[0] if altered else "")
        rebuilt = pl.concat([rebuilt, pl.DataFrame([whole], schema=rebuilt.schema, orient="row")])
        both = pl.concat([stored, rebuilt]).sort("check", "n_failures", descending=[False, True], maintain_order=True)
        return both.unique("check", keep="first", maintain_order=True)

    def _run_checks(self) -> pl.DataFrame:
        rows = []
        for relation in self._relations.values():
            if relation.schema == "checks":
                failing = self._frame(relation.sql)
                example = str(failing.row(0, named=True)) if failing.height else ""
                rows.append((relation.name, relation.grain, failing.height, example))
        return pl.DataFrame(rows, schema=["check", "what", "n_failures", "example"], orient="row")

    def store(self, name: str, table: pl.DataFrame) -> None:
        """Write a result's table to schema `results`, for SQL and BI tools."""
        self._con.register("_result", table)
        self._con.execute(f"create or replace table {RESULTS}.{quote(name)} as select * from _result")
        self._con.unregister("_result")

    # ------------------------------------------------------------------------------------------ building

    def _create(self) -> None:
        """Make schemas, tables and views, unless they stand already as sql/ has them; rows are kept."""
        fingerprint = hashlib.sha256("".join(r.sql for r in self._relations.values()).encode()).hexdigest()
        if self._built_from() == fingerprint:
            return
        self._con.execute("begin")
        for schema in (*LAYERS.values(), RESULTS):
            self._con.execute(f"create schema if not exists {schema}")
        for relation in self._relations.values():
            if relation.schema in ("raw", "meta"):
                self._create_table(relation)
        self._clear()
        self._build(views=True)
        self._con.execute("delete from meta.build_log")
        self._con.execute("insert into meta.build_log values ($fingerprint)", {"fingerprint": fingerprint})
        self._con.execute("commit")

    def _clear(self) -> None:
        """Drop what an earlier version built: what is a table today may have been a view, and the other way round."""
        built = self._con.execute(
            "select table_schema, table_name, table_type from information_schema.tables"
            " where table_schema in ('staging', 'intermediate', 'marts')"
        ).fetchall()
        for schema, name, kind in built:
            self._con.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {schema}.{quote(name)}")

    def _create_table(self, relation: Relation) -> None:
        """Make a raw or meta table; one from an earlier version gets the columns that it lacks."""
        held = self._con.execute(
            "select 1 from information_schema.tables where table_schema = $schema and table_name = $name",
            {"schema": relation.schema, "name": relation.name},
        ).fetchall()
        own = [("_source_id", "integer"), ("_row", "bigint")] if relation.schema == "raw" else []
        if not held:
            self._con.execute(relation.sql)
            for column, kind in own:
                self._con.execute(f"alter table {relation.qualified} add column {column} {kind}")
            return
        self._con.execute(relation.sql.replace(f"create table {relation.qualified}", "create temp table wanted", 1))
        wanted = [(row[1], row[2]) for row in self._con.execute("pragma table_info('wanted')").fetchall()]
        self._con.execute("drop table wanted")
        for column, kind in wanted + own:
            self._con.execute(f"alter table {relation.qualified} add column if not exists {quote(column)} {kind}")

    def _built_from(self) -> str | None:
        """Return the fingerprint of the sql/ that the database was built from, if it was."""
        try:
            rows = self._con.execute("select fingerprint from meta.build_log").fetchall()
        except duckdb.CatalogException:
            return None
        return rows[0][0] if rows else None

    def _build(self, *, views: bool = False) -> None:
        """Build stored tables in the order of their inputs; views see new rows by themselves and are made once."""
        for relation in self._relations.values():
            is_built = relation.schema in ("staging", "intermediate", "marts") and not relation.params
            if is_built and (relation.stored or views):
                kind = "table" if relation.stored else "view"
                self._con.execute(f"create or replace {kind} {relation.qualified} as {relation.sql}")


def open_warehouse(path: str | Path | None = None) -> Warehouse:
    """Open a shop's database, or make one; without a path it lives in memory.

    Examples
    --------
    >>> import custvalue as cv
    >>> with cv.open() as shop:
    ...     shop.currency
    'EUR'
    """
    return Warehouse(path)


open = open_warehouse  # noqa: A001, the public name is cv.open
