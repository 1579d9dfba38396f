"""A look at files before they are loaded: their columns and first rows as text, and their encoding."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from custvalue.data.landing import land
from custvalue.data.mapping import Mapping
from custvalue.data.quoting import quote
from custvalue.data.sources import find_sources, open_text
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from custvalue.data.sources import Source

LOOKED_AT = 50_000
WESTERN = "windows-1252"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen of a file, a sheet or a table.

    Attributes
    ----------
    name
        As a mapping's `file` names it.
    table
        The table of ours that its name says, if it is one.
    rows
        Its first rows, all text.
    n_rows
        How many there are.
    encoding
        None where it is UTF-8.
    """

    name: str
    table: str | None
    rows: pl.DataFrame
    n_rows: int
    encoding: str | None = None


def look_at(sources: Sequence[str | Path]) -> list[Look]:
    """Look at files, folders, workbooks or databases, as `load` takes them.

    Raises
    ------
    SourceError
        There is no such file, or it can't be read as a table.
    """
    return [_look(source) for given in sources for source in find_sources(given, Mapping())]


def _look(source: Source) -> Look:
    encoding = None
    if source.is_text and isinstance(source.content, Path) and not _is_utf8(source.content):
        encoding = WESTERN
        source = replace(source, mapping=source.mapping.model_copy(update={"encoding": encoding}))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as con:
        columns, _ = land(con, source, Path(folder))
        if not columns:
            raise SourceError(f"{source.name} has no columns.")
        picked = ", ".join(f"cast({quote(column)} as varchar) as {quote(column)}" for column in columns)
        rows = con.sql(f"select {picked} from landing order by _row limit {LOOKED_AT}").pl()
        n_rows = con.execute("select count(*) from landing").fetchall()[0][0]
    return Look(name=source.name, table=source.table, rows=rows, n_rows=n_rows, encoding=encoding)


def _is_utf8(file: Path) -> bool:
    """Say whether a text is UTF-8, or says itself that it is UTF-16."""
    try:
        with open_text(file, "utf-8") as stream:
            while stream.read(1 << 20):
                pass
    except UnicodeDecodeError:
        with file.open("rb") as raw:
            return raw.read(2) in (b"\xff\xfe", b"\xfe\xff")
    except (OSError, EOFError):
        return True  # what else is wrong with it, the loader says
    return True
