"""The DuckDB file behind a warehouse: what may be opened, and that nothing in it runs which is not ours."""

from __future__ import annotations

import functools
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from custvalue.data.quoting import NO_EXTENSIONS
from custvalue.data.sources import SUFFIXES
from custvalue.errors import CustvalueError, DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.data.relations import Relation

MAGIC, MAGIC_AT = b"DUCK", 8
MEMORY = "60%"
"""Of the machine's memory, for DuckDB; the rest is for frames and models."""
IN_MEMORY = ":memory:"
SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9_]+:")
"""How DuckDB is told of another kind of database (`md:x`); one letter is a drive."""


def check_path(path: Path) -> None:
    """Refuse a path that can't be a shop's database, before DuckDB touches it.

    Raises
    ------
    SourceError
        It is a folder, another kind of file, named like a file to load, or no file at all.
    """
    shown = printable(path)
    if shown != path.name:
        raise SourceError(f"Can't open the database {shown!r}: its name is not UTF-8.", "Rename the file.")
    if path.is_dir():
        raise SourceError(f"Can't open the database {shown!r}: it is a folder.", _usage(f"{shown}/"))
    if path.is_file():
        with path.open("rb") as stream:
            start = stream.read(MAGIC_AT + len(MAGIC))
        if start[MAGIC_AT:] != MAGIC:
            raise SourceError(f"Can't open the database {shown!r}: it is no DuckDB file.", _usage(shown))
    elif shown.lower().endswith(SUFFIXES):
        raise SourceError(f"{shown!r} is named like a file to load, not like a database.", _usage(shown))
    elif SERVICE.match(str(path)):
        raise SourceError(
            f"Can't open the database {str(path)!r}: it is not a file, and custvalue downloads no extensions.",
            "Name a file such as shop.duckdb.",
        )
    elif not path.absolute().parent.is_dir():
        raise SourceError(f"Can't make the database {shown!r}: its folder does not exist.", "Make the folder first.")


def _usage(name: str) -> str:
    return f"The database comes first: custvalue load shop.duckdb {name}"


def printable(path: Path) -> str:
    """Return a file's name as it can be shown: bytes that are no UTF-8 as question marks."""
    return path.name.encode("utf-8", "replace").decode("utf-8")


def connect(path: Path | None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Connect to a shop's database; what it holds is not looked at.

    Raises
    ------
    SourceError
        The file is no DuckDB database, is locked, or can't be read or written.
    """
    if path is None:
        con = duckdb.connect(IN_MEMORY)
        con.execute("set temp_directory = $folder", {"folder": str(Path(tempfile.gettempdir()) / "custvalue.tmp")})
    else:
        check_path(path)
        try:
            # absolute: what stands before a colon would be an extension to fetch
            con = duckdb.connect(str(path.absolute()), read_only=read_only)
        except duckdb.Error as problem:
            raise _not_opened(path, str(problem), read_only=read_only) from None
    if _setting(con, "lock_configuration") == "false":  # a second connection of this process finds all this done
        if _setting(con, "enable_progress_bar") == "true":  # in Jupyter it would add a widget to the output
            con.execute("set enable_progress_bar = false")
        con.execute(f"set memory_limit = '{MEMORY}'")
        for name, value in NO_EXTENSIONS.items():
            con.execute(f"set {name} = {value}")
    return con


def _not_opened(path: Path, why: str, *, read_only: bool) -> SourceError:
    first = f"Can't open the database {printable(path)!r}"
    if "lock" in why.lower():
        what = "is writing to it" if read_only else "has it open"
        return SourceError(
            f"{first}: another process {what}.",
            "Close it there (a notebook: restart its kernel; a BI tool: disconnect), or wait until it is done."
            + ("" if read_only else " To read beside others: cv.open(path, read_only=True)."),
        )
    if "different configuration" in why:
        return SourceError(f"{first}: this process has it open in another way.", "Close it first: shop.close().")
    return SourceError(f"{first}: {why.splitlines()[0]}.")


def _setting(con: duckdb.DuckDBPyConnection, name: str) -> str:
    return str(con.execute(f"select current_setting('{name}')").fetchall()[0][0]).lower()


def lock_in(con: duckdb.DuckDBPyConnection) -> None:
    """Let nothing in the database reach a file or the network, nor change a setting."""
    if _setting(con, "lock_configuration") == "false":
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")


def reads_files(con: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether this connection may read files."""
    return _setting(con, "enable_external_access") == "true"


# ------------------------------------------------------------------------------------------------ whose is it?


def check_owner(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a database that another program filled.

    Raises
    ------
    SourceError
        It holds tables, but not ours.
    """
    tables = [
        f"{schema}.{name}" if schema != "main" else name
        for schema, name in con.execute(
            "select table_schema, table_name from information_schema.tables order by all"
        ).fetchall()
    ]
    if tables and "meta.load_log" not in tables:
        more = f" and {len(tables) - 3:,} more" if len(tables) > 3 else ""
        raise SourceError(
            f"{path.name!r} is the database of another program: it holds {', '.join(tables[:3])}{more}.",
            f"Nothing is written into it; to load from it: custvalue load shop.duckdb duckdb:///{path.name}",
        )


def check_content(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation], path: Path) -> None:
    """Refuse a database in which something stands in the place of a loaded table or a function of ours.

    A shop's database may come from anywhere: a view named like one of our tables, or a macro named like a
    function, would run in the place of it. What is built from the loaded tables is not looked at here: where it is
    not what sql/ has, it is built again.

    Raises
    ------
    DataError
        Names the first one.
    """
    kinds = _kinds(con)
    for relation in relations.values():
        is_loaded = relation.schema in ("raw", "meta")
        if is_loaded and kinds.get(relation.qualified, "BASE TABLE") != "BASE TABLE":
            raise _not_ours(path, f"view {relation.qualified} where our table should be")
    functions = con.execute(
        "select distinct own.function_name from duckdb_functions() as own semi join"
        " (select function_name from duckdb_functions() where internal) as built_in using (function_name)"
        " where not own.internal order by all"
    ).fetchall()
    if functions:
        raise _not_ours(path, f"macro {functions[0][0]} where a function of DuckDB should be")


def _not_ours(path: Path, what: str) -> DataError:
    return DataError(
        f"{path.name!r} has a {what}; nothing in it is run.", "Drop it, or load the files into a new database."
    )


def _kinds(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = con.execute("select table_schema || '.' || table_name, table_type from information_schema.tables")
    return dict(rows.fetchall())


def stands_as_ours(con: duckdb.DuckDBPyConnection, relations: dict[str, Relation]) -> bool:
    """Tell whether every view is the one of sql/, word by word, and what is stored a table; nothing is run."""
    kinds = _kinds(con)
    if any(kinds.get(r.qualified) != "BASE TABLE" for r in relations.values() if r.stored and not r.params):
        return False
    held = {
        f"{schema}.{name}": text
        for schema, name, text in con.execute(
            "select schema_name, view_name, sql from duckdb_views() where not internal"
        ).fetchall()
    }
    return all(held.get(name) == text for name, text in _wanted_views(tuple(relations.values())).items())


@functools.cache
def _wanted_views(relations: tuple[Relation, ...]) -> dict[str, str]:
    """Return our views as DuckDB writes them down."""
    views = [r for r in relations if r.schema in ("staging", "intermediate", "marts") and not (r.params or r.stored)]
    with duckdb.connect(IN_MEMORY) as con:
        texts = con.execute(
            "select json_deserialize_sql(json_serialize_sql(statement)) from unnest($statements) as t(statement)",
            {"statements": [r.sql for r in views]},
        ).fetchall()
    return {r.qualified: f"CREATE VIEW {r.qualified} AS {text};" for r, (text,) in zip(views, texts, strict=True)}


# ------------------------------------------------------------------------------------------------ what can go wrong


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn an error of DuckDB that a user can cause into one message.

    Raises
    ------
    DataError
        A sum is too large, or memory or the disk does not suffice.
    """
    try:
        yield
    except duckdb.Error as problem:
        said = explained(problem, doing)
        if said is None:
            raise
        raise said from None


def explained(problem: BaseException, doing: str) -> CustvalueError | None:
    """Return in our words what a user can do something about; None where the fault is ours."""
    text = str(problem)
    lower = text.lower()
    if isinstance(problem, MemoryError | duckdb.OutOfMemoryException):
        return DataError(
            f"There is not enough memory for {doing}.",
            "Close other programs, or use a machine with more; what was loaded before stands as it was.",
        )
    if any(
        words in lower for words in ("no space left", "max_temp_directory_size", "could not write", "file too large")
    ):
        return DataError(
            f"The disk is full: {doing} was stopped.", "Make room; what was loaded before stands as it was."
        )
    if isinstance(problem, duckdb.ConversionException | duckdb.OutOfRangeException) and (
        "decimal" in lower or "out of range" in lower or "overflow" in lower
    ):
        return DataError(
            f"A number became too large in {doing}: money is counted up to 9,999,999,999,999,999.99.",
            "Look for an amount, a quantity or a price that can't be: shop.fetch('raw.transactions') shows the rows.",
        )
    if isinstance(problem, duckdb.IOException):
        return SourceError(f"Can't read or write the database while {doing}: {text.splitlines()[0]}.")
    return None
