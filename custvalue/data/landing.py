"""Land a source in DuckDB as text, exactly as it came: the temporary tables `landing` and `malformed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl

from custvalue.data.decoding import decoded, nameable
from custvalue.data.quoting import literal, quote
from custvalue.data.text_files import UNREADABLE, land_delimited, land_fixed, layout, literal_path
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from custvalue.data.sources import Source


def land(con: duckdb.DuckDBPyConnection, source: Source, scratch: Path) -> tuple[list[str], list[str]]:
    """Fill the temporary tables `landing` (text columns, `_row` from 1) and `malformed`.

    Returns
    -------
    tuple of list of str
        The source's columns, and remarks.

    Raises
    ------
    SourceError
        The source can't be read as a table at all.
    """
    for name in ("landing", "malformed", "reject_scans", "reject_errors"):
        con.execute(f"drop table if exists {name}")
    con.execute("create temp table malformed (_row bigint, reason varchar, line varchar)")
    if isinstance(source.content, pl.DataFrame):
        return _land_frame(con, source.content, source.mapping.marks[0]), []
    content = nameable(source.content, scratch)
    if not source.is_text:
        return _land_parquet(con, source, content, source.mapping.marks[0]), []
    file = decoded(content, source.mapping.encoding, scratch)
    try:
        if source.mapping.fixed_width:
            return land_fixed(con, source, file), []
        return land_delimited(con, source, file, scratch)
    except UNREADABLE as problem:
        raise _unreadable(source, str(problem)) from None
    except duckdb.Error as problem:
        raise _unreadable(source, str(problem).splitlines()[0]) from None


def columns_of(con: duckdb.DuckDBPyConnection, source: Source, scratch: Path) -> list[str]:
    """Return the source's columns without reading its rows.

    Raises
    ------
    SourceError
        It has no header to read.
    """
    if isinstance(source.content, pl.DataFrame):
        return source.content.columns
    content = nameable(source.content, scratch)
    if not source.is_text:
        return list(_parquet_columns(con, content))
    try:
        return layout(con, source, decoded(content, source.mapping.encoding, scratch)).names
    except UNREADABLE as problem:
        raise _unreadable(source, str(problem)) from None


def _unreadable(source: Source, why: str) -> SourceError:
    if "unicode" in why.lower() or "utf-8" in why.lower():
        return SourceError(
            f"{source.name} is not UTF-8: {why}.",
            'Name its encoding in the mapping: encoding = "windows-1252".',
        )
    return SourceError(f"Can't read {source.name}: {why}.")


def _land_frame(con: duckdb.DuckDBPyConnection, frame: pl.DataFrame, decimal: str) -> list[str]:
    # a number that is one already is written as the mapping says that texts are, so that both are read alike
    text = frame.select(
        _as_text(column).str.replace(".", decimal, literal=True) if column.dtype.is_numeric() else _as_text(column)
        for column in frame.get_columns()
    )
    con.register("frame_as_text", text)  # by name: a database locked in does not look for Python's variables
    con.execute("create temp table landing as select *, row_number() over () as _row from frame_as_text")
    con.unregister("frame_as_text")
    return frame.columns


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Categorical or isinstance(column.dtype, pl.Enum):
        return column.cast(pl.String)
    if column.dtype.is_nested() or column.dtype in (pl.Object, pl.Binary):  # nobody may ask for it
        written = [None if value is None else str(value) for value in column.to_list()]
        return pl.Series(column.name, written, dtype=pl.String)
    if column.dtype.is_float():
        clean = column.fill_nan(None)
        # a spreadsheet has no whole numbers, and one gap makes pandas write 17850 as 17850.0
        whole = (clean == clean.round(0)) & (clean.abs() < 2**53)
        texts = pl.DataFrame({"number": clean, "is_whole": whole.fill_null(value=False)})
        as_whole = pl.when("is_whole").then(pl.col("number")).cast(pl.Int64).cast(pl.String)
        return texts.select(as_whole.fill_null(pl.col("number").cast(pl.String))).to_series().alias(column.name)
    return column.cast(pl.String) if not column.dtype.is_temporal() else column.dt.to_string("iso:strict")


def _land_parquet(con: duckdb.DuckDBPyConnection, source: Source, file: Path, decimal: str) -> list[str]:
    types = _parquet_columns(con, file)
    texts = {name: f"cast({quote(name)} as varchar)" for name in types}
    for name, kind in types.items():
        if kind in ("DOUBLE", "FLOAT"):  # pandas writes ids with a gap as 17850.0
            value = quote(name)
            whole = f"{value} = round({value}, 0) and abs({value}) < 9007199254740992"
            texts[name] = (
                f"case when not isfinite({value}) then null when {whole} then cast(cast({value} as bigint) as varchar)"
                f" else {texts[name]} end"
            )
        if decimal != "." and kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")):
            texts[name] = f"replace({texts[name]}, '.', {literal(decimal)})"
    listed = ", ".join(f"{text} as {quote(name)}" for name, text in texts.items())
    try:
        con.execute(
            f"create temp table landing as select {listed}, row_number() over () as _row"
            f" from read_parquet({literal_path(file)})"
        )
    except duckdb.Error as problem:
        raise SourceError(f"Can't read {source.name} as Parquet: {str(problem).splitlines()[0]}.") from None
    return list(types)


def _parquet_columns(con: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    try:
        described = con.execute(f"describe select * from read_parquet({literal_path(file)})").fetchall()
    except duckdb.Error as problem:
        raise SourceError(f"Can't read {file.name} as Parquet: {str(problem).splitlines()[0]}.") from None
    return {row[0]: row[1] for row in described}
