"""Land text files: find delimiter and header, keep lines that are no rows, and lose none to a quote left open."""

from __future__ import annotations

import collections
import csv
import itertools
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from custvalue.data.quoting import literal, quote
from custvalue.data.sources import HEADER_SHARE, LOOKED_AT, header_place, open_text, unique_names
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from custvalue.data.sources import Source

DELIMITERS = (",", ";", "\t", "|")
NEVER = "\x01"  # a delimiter that no line holds
LONGEST_LINE = 10_000_000
MOST_OPEN_QUOTES = 25
SEPARATOR_LINE = re.compile(r'^\ufeff?"?sep=(.)"?\s*$', re.IGNORECASE)
UNREADABLE = (UnicodeError, EOFError, csv.Error)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a text file is laid out.

    Attributes
    ----------
    delimiter
        Between cells.
    names
        Of the columns: 1, 2, 3, ... where there is no header; each stands once.
    skip
        Lines before the first row.
    titles
        Of these, lines that are neither the header nor blank nor said to be skipped.
    """

    delimiter: str
    names: list[str]
    skip: int
    titles: int = 0


def literal_path(file: Path) -> str:
    """Write a path as an SQL text that names this file alone: brackets, stars and question marks are no pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(file)))


def layout(con: duckdb.DuckDBPyConnection, source: Source, file: Path) -> Layout:
    """Tell delimiter, columns and first row of a delimited file.

    Raises
    ------
    SourceError
        There is nothing to read, or no line looks like a header.
    """
    mapping = source.mapping
    csv.field_size_limit(LONGEST_LINE)
    start = mapping.skip
    with open_text(file, "utf-8-sig") as stream:
        first = next(itertools.islice(stream, start, None), "")
        stated = SEPARATOR_LINE.match(first)
    start += bool(stated)
    delimiter = mapping.delimiter or (stated.group(1) if stated else None) or _delimiter(con, source, file, start)
    with open_text(file, "utf-8-sig") as stream:
        rows = list(itertools.islice(_rows(stream, delimiter, start), LOOKED_AT))
    if not any(any(cells) for _, cells in rows):
        raise SourceError(f"{source.name} is empty: not even a header.", "Export it again, or leave it out.")
    width = _width(cells for _, cells in rows)
    if not mapping.header:
        names = [str(i) for i in range(1, width + 1)]
        return Layout(delimiter=delimiter, names=names, skip=start)
    place = header_place([cells for _, cells in rows], mapping)
    if place is None:
        place = next(i for i, (_, cells) in enumerate(rows) if _is_header(cells, width))
    titles = sum(any(cells) for _, cells in rows[:place])
    return Layout(delimiter=delimiter, names=_named(rows[place][1], width), skip=rows[place][0], titles=titles)


def _rows(stream: Iterator[str], delimiter: str, start: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's cells, with the number of lines up to and including it."""
    reader = csv.reader(itertools.islice(stream, start, None), delimiter=delimiter)
    for cells in reader:
        yield start + reader.line_num, [cell.strip() for cell in cells]


def _delimiter(con: duckdb.DuckDBPyConnection, source: Source, file: Path, start: int) -> str:
    """Ask DuckDB, which minds quotes; where it finds one column only, take the mark that the first line has most."""
    try:
        # a connection of its own: an error would end the load's transaction
        found = (
            con.cursor()
            .execute(
                f"select delimiter from sniff_csv({literal_path(file)}, all_varchar = true, skip = {start},"
                f" max_line_size = {LONGEST_LINE}, compression = 'none') where len(columns) > 1"
            )
            .fetchall()
        )
    except duckdb.Error:
        found = []
    if found and found[0][0] in DELIMITERS:
        return str(found[0][0])
    with open_text(file, "utf-8-sig") as stream:
        lines = (line for line in itertools.islice(stream, start, start + LOOKED_AT) if line.strip())
        line = next(lines, "")
    if not line:
        raise SourceError(f"{source.name} is empty: not even a header.", "Export it again, or leave it out.")
    return max(DELIMITERS, key=line.count)


def _width(rows: Iterator[list[str]]) -> int:
    """Return how many cells most rows have; titles, however many, are lines of one cell among wider ones."""
    widths = collections.Counter(len(cells) for cells in rows if any(cells))
    if len(widths) > 1:
        widths.pop(1, None)
    return max(widths, key=lambda width: (widths[width], width))


def _is_header(cells: list[str], width: int) -> bool:
    return sum(map(bool, cells)) >= max(1, HEADER_SHARE * min(width, len(cells))) and len(cells) >= min(2, width)


def _named(header: list[str], width: int) -> list[str]:
    """Fit the header to the rows; empty cells at its end may be delimiters too many."""
    while len(header) > width and not header[-1]:
        header = header[:-1]
    header = header + [""] * (width - len(header)) if len(header) < width else header
    return unique_names(header)


def land_delimited(
    con: duckdb.DuckDBPyConnection, source: Source, file: Path, scratch: Path
) -> tuple[list[str], list[str]]:
    """Fill `landing` and `malformed` from a delimited file; return its columns, and remarks.

    Raises
    ------
    SourceError
        The file can't be read as a table.
    """
    found = layout(con, source, file)
    file, opened = _read(con, source, file, found, scratch)
    _collect_malformed(con, found)
    remarks = []
    if found.titles:
        remarks.append(f"{source.name}: {found.titles} lines above the header were left out.")
    for line, text in opened:
        con.execute(
            "insert into malformed values ($line, 'a quote opens here and is never closed', $text)",
            {"line": line - 1, "text": text},
        )
    _renumber(con)
    _drop_repeated_headers(con, found.names)
    return found.names, remarks


def _read(
    con: duckdb.DuckDBPyConnection, source: Source, file: Path, found: Layout, scratch: Path
) -> tuple[Path, list[tuple[int, str]]]:
    """Read the rows; a line whose quote is never closed is taken out, so that it swallows no other."""
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in found.names)
    opened: list[tuple[int, str]] = []
    while True:
        for name in ("landing", "reject_scans", "reject_errors"):
            con.execute(f"drop table if exists {name}")
        con.execute(
            "create temp table landing as select *, row_number() over () as _row from"
            f" read_csv({literal_path(file)}, columns = {{{types}}}, auto_detect = false, header = false,"
            f" delim = {literal(found.delimiter)}, quote = '\"', escape = '\"', skip = {found.skip},"
            f" ignore_errors = true, store_rejects = true, max_line_size = {LONGEST_LINE}, compression = 'none',"
            " strict_mode = true)"
        )
        bad = con.execute(
            "select line, line_byte_position from reject_errors where error_message like '%unterminated quote%'"
            " order by line_byte_position limit 1"
        ).fetchall()
        if not bad:
            return file, opened
        if len(opened) == MOST_OPEN_QUOTES:
            raise SourceError(f"{source.name}: more than {MOST_OPEN_QUOTES} lines open a quote that is never closed.")
        file, text = _without_line(file, bad[0][1] - 1, scratch / f"closed-{len(opened)}-{file.name[-80:]}")
        opened.append((bad[0][0] + len(opened) - found.skip + 1, text))


def _without_line(file: Path, offset: int, copy: Path) -> tuple[Path, str]:
    """Copy a file without the line that begins at a byte; return the copy and the line."""
    with file.open("rb") as read, copy.open("wb") as write:
        left = offset
        while left and (chunk := read.read(min(left, 1 << 20))):
            write.write(chunk)
            left -= len(chunk)
        line = read.readline()
        shutil.copyfileobj(read, write, 1 << 20)
    return copy, line.decode("utf-8", "replace").rstrip("\r\n")


def _collect_malformed(con: duckdb.DuckDBPyConnection, found: Layout) -> None:
    """Keep lines that are no rows."""
    if con.execute("select count(*) from reject_errors where error_type = 'INVALID ENCODING'").fetchall()[0][0]:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "invalid UTF-8")
    con.execute(
        "insert into malformed select line - $head, 'the line has another number of columns than the header: '"
        " || any_value(lower(error_type)), any_value(csv_line) from reject_errors group by line",
        {"head": found.skip},
    )


def _renumber(con: duckdb.DuckDBPyConnection) -> None:
    """Give rows their place in the file, where lines that are no rows count, too."""
    if con.execute("select count(*) from malformed").fetchall()[0][0]:
        con.execute(
            "update landing set _row = _row + (select count(*) from (select _row - row_number() over (order by _row)"
            " as before from malformed) as bad where bad.before < landing._row)"
        )


def _drop_repeated_headers(con: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """Set aside a row that is the header again, as where two exports were pasted together."""
    if names[0] == "1":
        return
    known = [name for name in names if not re.fullmatch(r"column \d+|.* \(\d+\)", name)]
    same = " and ".join(f"trim({quote(name)}) = {literal(name)}" for name in known) or "false"
    again = con.execute(f"select count(*) from landing where {same}").fetchall()[0][0]
    if again:
        cells = ", ".join(map(quote, names))
        con.execute(
            f"insert into malformed select _row, 'the header again', concat_ws(',', {cells}) from landing where {same}"
        )
        con.execute(f"delete from landing where {same}")


def land_fixed(con: duckdb.DuckDBPyConnection, source: Source, file: Path) -> list[str]:
    """Cut lines of fixed width at the mapping's positions."""
    pieces = {name: column.chars for name, column in source.mapping.columns.items() if column.chars}
    cuts = ", ".join(f"substr(line, {a}, {b - a + 1}) as {quote(name)}" for name, (a, b) in pieces.items())
    con.execute(
        f"create temp table landing as select {cuts}, row_number() over () as _row from read_csv({literal_path(file)},"
        f" columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, delim = {literal(NEVER)}, quote = '',"
        f" escape = '', skip = {source.mapping.skip}, compression = 'none') where trim(line) <> ''"
    )
    return list(pieces)
