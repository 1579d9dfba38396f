"""Land a source in DuckDB as text, exactly as it came: the temporary tables `landing` and `malformed`."""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from custvalue.data.quoting import literal, quote
from custvalue.data.sources import Source, decoded, open_text
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

DELIMITERS = (",", ";", "\t", "|")
NEVER = "\x01"  # a delimiter that no line holds


def land(con: duckdb.DuckDBPyConnection, source: Source, scratch: Path) -> list[str]:
    """Fill the temporary tables `landing` (text columns, `_row` from 1) and `malformed`.

    Returns
    -------
    list of str
        The source's columns.

    Raises
    ------
    SourceError
        The source can't be read as a table at all.
    """
    for name in ("landing", "malformed", "reject_scans", "reject_errors"):
        con.execute(f"drop table if exists {name}")
    con.execute("create temp table malformed (_row bigint, reason varchar, line varchar)")
    if isinstance(source.content, pl.DataFrame):
        return _land_frame(con, source.content, source.mapping.marks[0])
    if not source.is_text:
        return _land_parquet(con, source.content, source.mapping.marks[0])
    file = decoded(source.content, source.mapping.encoding, scratch)
    try:
        return _land_lines(con, source, file) if source.mapping.fixed_width else _land_delimited(con, source, file)
    except (UnicodeError, gzip.BadGzipFile, EOFError) as problem:
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
    if not source.is_text:
        return list(_parquet_columns(con, source.content))
    try:
        file = decoded(source.content, source.mapping.encoding, scratch)
        return _header(source, file)[1]
    except (UnicodeError, gzip.BadGzipFile, EOFError) as problem:
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
    text = frame.select(  # noqa: F841, read by name below
        _as_text(column).str.replace(".", decimal, literal=True) if column.dtype.is_numeric() else _as_text(column)
        for column in frame.get_columns()
    )
    con.execute("create temp table landing as select *, row_number() over () as _row from text")
    return frame.columns


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Categorical or isinstance(column.dtype, pl.Enum):
        return column.cast(pl.String)
    if column.dtype.is_float():
        clean = column.fill_nan(None)
        # a spreadsheet has no whole numbers, and one gap makes pandas write 17850 as 17850.0
        whole = (clean == clean.round(0)) & (clean.abs() < 2**53)
        texts = pl.DataFrame({"number": clean, "is_whole": whole.fill_null(value=False)})
        as_whole = pl.when("is_whole").then(pl.col("number")).cast(pl.Int64).cast(pl.String)
        return texts.select(as_whole.fill_null(pl.col("number").cast(pl.String))).to_series().alias(column.name)
    return column.cast(pl.String) if not column.dtype.is_temporal() else column.dt.to_string("iso:strict")


def _land_parquet(con: duckdb.DuckDBPyConnection, file: Path, decimal: str) -> list[str]:
    types = _parquet_columns(con, file)
    texts = {name: f"cast({quote(name)} as varchar)" for name in types}
    for name, kind in types.items():
        if decimal != "." and kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")):
            texts[name] = f"replace({texts[name]}, '.', {literal(decimal)})"
    listed = ", ".join(f"{text} as {quote(name)}" for name, text in texts.items())
    con.execute(
        f"create temp table landing as select {listed}, row_number() over () as _row"
        f" from read_parquet({literal(str(file))})"
    )
    return list(types)


def _parquet_columns(con: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    try:
        described = con.execute(f"describe select * from read_parquet({literal(str(file))})").fetchall()
    except duckdb.Error as problem:
        raise SourceError(f"Can't read {file.name} as Parquet: {str(problem).splitlines()[0]}.") from None
    return {row[0]: row[1] for row in described}


def _land_lines(con: duckdb.DuckDBPyConnection, source: Source, file: Path) -> list[str]:
    """Cut lines of fixed width at the mapping's positions."""
    pieces = {name: column.chars for name, column in source.mapping.columns.items() if column.chars}
    cuts = ", ".join(f"substr(line, {a}, {b - a + 1}) as {quote(name)}" for name, (a, b) in pieces.items())
    con.execute(
        f"create temp table landing as select {cuts}, row_number() over () as _row from read_csv({literal(str(file))},"
        f" columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, delim = {literal(NEVER)}, quote = '',"
        f" escape = '', skip = {source.mapping.skip}) where trim(line) <> ''"
    )
    return list(pieces)


def _land_delimited(con: duckdb.DuckDBPyConnection, source: Source, file: Path) -> list[str]:
    mapping = source.mapping
    delimiter, names, skip = _header(source, file)
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    con.execute(
        f"create temp table landing as select *, row_number() over () as _row from read_csv({literal(str(file))},"
        f" columns = {{{types}}}, auto_detect = false, header = {mapping.header}, delim = {literal(delimiter)},"
        f" quote = '\"', escape = '\"', skip = {skip}, ignore_errors = true, store_rejects = true,"
        " max_line_size = 10000000)"
    )
    _collect_malformed(con, source, header_lines=skip + int(mapping.header))
    return names


def _header(source: Source, file: Path) -> tuple[str, list[str], int]:
    """Return the delimiter, the columns (1, 2, 3, ... where there is no header) and the lines before the header."""
    mapping = source.mapping
    with open_text(file, "utf-8-sig") as stream:
        lines = [stream.readline() for _ in range(mapping.skip + 1)]
        while lines[-1] and not lines[-1].strip():  # blank lines before the header
            lines.append(stream.readline())
        if not lines[-1].strip():
            raise SourceError(f"{file.name} is empty: not even a header.", "Export it again, or leave it out.")
        delimiter = mapping.delimiter or max(DELIMITERS, key=lines[-1].count)
        first = [name.strip() for name in next(csv.reader([lines[-1].rstrip("\r\n")], delimiter=delimiter))]
    names = first if mapping.header else [str(i) for i in range(1, len(first) + 1)]
    lower = [name.lower() for name in names]
    if doubled := sorted({name for name in names if lower.count(name.lower()) > 1}):
        raise SourceError(f"{source.name} has two columns named {doubled[0]!r}.", "Give each column its own name.")
    return delimiter, names, len(lines) - 1


def _collect_malformed(con: duckdb.DuckDBPyConnection, source: Source, header_lines: int) -> None:
    """Keep lines that are no rows, and number the rows as they stand in the file."""
    con.execute(
        "insert into malformed select line - $head, 'the line has another number of columns than the header: '"
        " || any_value(lower(error_type)), any_value(csv_line) from reject_errors"
        " where error_type <> 'INVALID ENCODING' group by line",
        {"head": header_lines},
    )
    if con.execute("select count(*) from reject_errors where error_type = 'INVALID ENCODING'").fetchall()[0][0]:
        raise _unreadable(source, "invalid UTF-8")
    if con.execute("select count(*) from malformed").fetchall()[0][0]:
        con.execute(
            "update landing set _row = _row + (select count(*) from (select _row - row_number() over (order by _row)"
            " as before from malformed) as bad where bad.before < landing._row)"
        )
