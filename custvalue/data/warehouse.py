"""The warehouse: one DuckDB database with raw tables, relations built from sql/, and results."""

from __future__ import annotations

import contextlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from custvalue.data.building import RESULTS, build, built_from, create, fingerprint, shipped_relations
from custvalue.data.checking import run_checks
from custvalue.data.database import (
    check_content,
    check_owner,
    connect,
    lock_in,
    reads_files,
    stands_as_ours,
    told,
)
from custvalue.data.loading import LoadReport, Progress, load_report, load_sources
from custvalue.data.mapping import Mapping, read_mapping
from custvalue.data.quoting import quote
from custvalue.data.relations import LAYERS, Relation
from custvalue.data.rows_read import LIMIT, read_of
from custvalue.data.sources import find_sources
from custvalue.door import checked
from custvalue.errors import DataError, MissingInputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from custvalue.data.sources import Source

OPEN_TO_WRITE = "Open it for writing: cv.open(path)."
LOGS = ("experiment_looks",)
"""Results that only grow: nobody's entry is lost where two processes add to them."""


class Warehouse:
    """A DuckDB database of one shop. Made by `custvalue.open`; a context manager.

    Parameters
    ----------
    path
        Database file; None keeps everything in memory.
    read_only
        Open the file beside other readers. What is stored meanwhile is kept in memory until `save_results`.

    Raises
    ------
    SourceError
        The file is no DuckDB database, is another program's, or another process holds it.
    DataError
        A view or a macro stands in it where a table or a function should be.
    """

    def __init__(self, path: str | Path | None = None, *, read_only: bool = False) -> None:
        if path is not None and not isinstance(path, str | Path):
            raise SourceError(f"A database is opened by its path, not by a {type(path).__name__}.")
        if read_only and path is None:
            raise SourceError("A database in memory is new, so there is nothing to read.", "Name its file.")
        self._relations = shipped_relations()
        self._path = None if path is None else Path(path)
        self._unsaved: dict[str, pl.DataFrame] = {}
        self._read_only = read_only and self._path is not None and self._path.exists()
        self._open()

    def _open(self) -> None:
        """Connect, see that everything stands as sql/ has it, and let nothing in the file reach outside."""
        self._con = connect(self._path, read_only=self._read_only)
        try:
            if self._path is not None:
                check_owner(self._con, self._path)
                check_content(self._con, self._relations, self._path)
            self._settle()
        except BaseException:
            self._con.close()
            raise

    def _settle(self) -> None:
        if not self._stands():
            if self._read_only:  # made by another version: it is brought up to date once, then read
                self._con.close()
                Warehouse(self._path).close()
                self._con = connect(self._path, read_only=True)
            else:
                with told("building the relations"):
                    create(self._con, self._relations)
        if self._path is not None:
            lock_in(self._con)

    def _stands(self) -> bool:
        if built_from(self._con) != fingerprint(self._relations):
            return False
        return self._path is None or stands_as_ours(self._con, self._relations)

    def _reopen(self) -> None:
        self._con.close()
        self._con = connect(self._path, read_only=self._read_only)

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

    @checked
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
        if self._read_only:
            raise SourceError("The database is open for reading only.", OPEN_TO_WRITE)
        with self._reading_files(needed=any(isinstance(each.content, Path) for each in sources)):
            remarks = self._load(sources, plan, progress)
        return load_report(self._con, [source.identity for source in sources], self.currency, remarks)

    def _load(self, sources: list[Source], plan: Mapping, progress: Progress) -> list[str]:
        self._con.execute("begin")
        try:
            with told("loading"):
                remarks = load_sources(self._con, self._relations, sources, plan, progress)
                progress("building relations")
                build(self._con, self._relations)
                self._con.execute("commit")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # a full disk ended the transaction already
                self._con.execute("rollback")
            raise
        return remarks

    @contextmanager
    def _reading_files(self, *, needed: bool) -> Iterator[None]:
        """Open the database anew for as long as files are read into it: the setting can't be changed otherwise."""
        if not needed or reads_files(self._con):
            yield
            return
        self._reopen()
        try:
            if not reads_files(self._con):
                raise SourceError("This process has the database open twice.", "Close the other one: shop.close().")
            yield
        finally:
            self._reopen()
            lock_in(self._con)

    # ------------------------------------------------------------------------------------------ reading

    @property
    def currency(self) -> str:
        """ISO code of all money in the database."""
        held = self._con.execute("select max(currency) from meta.load_log").fetchall()
        return str(held[0][0] or "EUR")

    @checked
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

    @checked
    def has(self, table: str) -> bool:
        """Say whether a raw table holds any row.

        Raises
        ------
        DataError
            There is no such table.
        """
        if f"raw.{table}" not in self._relations:
            known = ", ".join(sorted(r.name for r in self._relations.values() if r.schema == "raw"))
            raise DataError(f"There is no table {table!r}.", f"Tables: {known}.")
        return bool(self._con.execute(f"select exists (select 1 from raw.{quote(table)})").fetchall()[0][0])

    @checked
    def need(self, table: str, gives: str) -> None:
        """Raise when a raw table is empty, saying what it would give.

        Raises
        ------
        MissingInputError
            The table was not loaded.
        """
        if not self.has(table):
            raise MissingInputError(f"Table {table} is not loaded.", f"It would give {gives}.")

    @checked
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
        plain = name.removeprefix(f"{RESULTS}.")
        if plain in self._unsaved:
            return self._unsaved[plain]
        is_stored = self._con.execute(  # a view there is none of ours, and is not run
            "select table_name from information_schema.tables where table_schema = $schema and table_name = $name"
            " and table_type = 'BASE TABLE'",
            {"schema": RESULTS, "name": plain},
        ).fetchall()
        if not is_stored:
            raise DataError(f"There is no relation or result named {name!r}.")
        return self._frame(f"select * from {RESULTS}.{quote(plain)}")

    def rows_read(self) -> pl.DataFrame:
        """Return rows and money of each table of money, as read and as used; see `custvalue.rows_read`."""
        return read_of(self._con)

    @checked
    def checks(self, set_aside_limit: float = LIMIT) -> pl.DataFrame:
        """Run all of sql/checks, on what is stored and on what the raw tables give today; no row may come back.

        Parameters
        ----------
        set_aside_limit
            Share of a table's money that may have been set aside at loading.

        Returns
        -------
        pl.DataFrame
            `check`, `what`, `n_failures`, `example` (first failing row as text).

        Raises
        ------
        SourceError
            The database is open for reading only: relations are built anew to compare them.
        """
        if self._read_only:
            raise SourceError("Checks build relations anew, and the database is open for reading only.", OPEN_TO_WRITE)
        return run_checks(self._con, self._relations, set_aside_limit)

    @checked
    def store(self, name: str, table: pl.DataFrame) -> None:
        """Write a result's table to schema `results`, for SQL and BI tools.

        Where the database is open for reading only, it is kept in memory until `save_results`.

        Raises
        ------
        DataError
            The name is empty, or the table has no column.
        """
        if not name.strip() or "\0" in name:
            raise DataError(f"name={name!r}: a name for the table was expected.")
        if len(table.columns) == 0:
            raise DataError(f"The table for {name!r} has no column.")
        if self._read_only:
            self._unsaved[name] = table
            return
        self._con.register("_result", table)
        with told("writing results to the database"):
            self._con.execute(f"create or replace table {RESULTS}.{quote(name)} as select * from _result")
        self._con.unregister("_result")

    def save_results(self) -> None:
        """Write what was stored since the database was opened for reading only, such as the looks at a test.

        Raises
        ------
        SourceError
            Another process has the database open; what was stored is still there to be saved.
        """
        if not self._unsaved:
            return
        self._con.close()
        try:
            with Warehouse(self._path) as writing:
                for name, table in self._unsaved.items():
                    writing.store(name, _merged(writing, name, table))
            self._unsaved.clear()
        finally:
            self._open()


def _merged(shop: Warehouse, name: str, table: pl.DataFrame) -> pl.DataFrame:
    """Add to a log what others wrote to it meanwhile; another result is replaced."""
    try:
        held = shop.fetch(f"{RESULTS}.{name}") if name in LOGS else table
    except DataError:
        return table
    return pl.concat([held.cast(table.schema), table]).unique(maintain_order=True)


@checked
def open_warehouse(path: str | Path | None = None, *, read_only: bool = False) -> Warehouse:
    """Open a shop's database, or make one; without a path it lives in memory.

    Parameters
    ----------
    path
        Database file; None keeps everything in memory.
    read_only
        Open the file beside other readers, as notebooks do; a file that does not exist yet is made.

    Examples
    --------
    >>> import custvalue as cv
    >>> with cv.open() as shop:
    ...     shop.currency
    'EUR'
    """
    return Warehouse(path, read_only=read_only)


open = open_warehouse  # noqa: A001, the public name is cv.open
