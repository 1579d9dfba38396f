"""From what a user points at (file, folder, frame, database) to named sources, each feeding one table."""

from __future__ import annotations

import hashlib
import mmap
import sqlite3
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as url_quote

import duckdb
import polars as pl

from custvalue.data.headers import plain
from custvalue.data.mapping import Mapping, TableMap
from custvalue.data.quoting import NO_EXTENSIONS, quote
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEXT = (".csv", ".tsv", ".txt")
LOOKED_AT, HEADER_SHARE = 200, 0.6  # a title row fills fewer cells than a header
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT), ".parquet", ".xlsx")
FLAT = "transactions"
FLAT_COLUMNS = ({"customer_id", "ordered_at", "amount"}, {"customer_id", "ordered_at", "quantity", "unit_price"})
GZIP = b"\x1f\x8b"
CONTENTS = {
    GZIP: "gzip", b"PK\x03\x04": "xlsx", b"PAR1": "parquet", b"SQLite format 3": "sqlite", b"\xd0\xcf\x11\xe0": "xls",
    b"%PDF": "pdf",
}  # fmt: skip
"""What files begin with, whatever their names say."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file, sheet or frame on its way into one table.

    Attributes
    ----------
    name
        As shown to people; never a whole path.
    identity
        Says whether two loads are of the same source: the whole path, or the content's hash.
    table
        The raw table it feeds; None as long as only its columns can tell.
    content
        A text or Parquet file, or a frame.
    is_found
        True where a folder, a workbook or a database was named and this is one part of it: what fits no table there is
        left alone.
    """

    name: str
    identity: str
    content_hash: str
    table: str | None
    mapping: TableMap
    content: Path | pl.DataFrame
    is_found: bool = False

    @property
    def is_text(self) -> bool:
        """True for a text file, packed or not."""
        return isinstance(self.content, Path) and content_kind(self.content) != "parquet"


def content_kind(file: Path) -> str:
    """Tell what a file holds by its first bytes: `text` where they are none that we know."""
    with file.open("rb") as stream:
        start = stream.read(16)
    if start[8:12] == b"DUCK":
        return "duckdb"
    return next((kind for magic, kind in CONTENTS.items() if start.startswith(magic)), "text")


def find_sources(source: Any, mapping: Mapping, table: str | None = None) -> list[Source]:
    """List the sources behind what a user pointed at.

    Parameters
    ----------
    source
        A path, a folder, a `duckdb:///` or `sqlite:///` address, a Polars or pandas frame, or a list of these.
    mapping
        How the user's names become ours.
    table
        The table to feed; without it the mapping, the file's name, or the columns tell.

    Raises
    ------
    SourceError
        There is no such file, its kind is unknown, or a folder holds nothing to load.
    """
    if isinstance(source, list | tuple):
        return [found for part in source for found in find_sources(part, mapping, table)]
    if not isinstance(source, str | Path):
        return _frame_sources(source, mapping, table)
    if not str(source).strip():
        raise SourceError("The path of what is to be loaded is empty.", "Name a file, a folder, or . for this one.")
    if "://" in str(source):
        return _database_sources(str(source), mapping)
    path = Path(source)
    try:
        if path.is_dir():
            return _folder_sources(path, mapping, table)
        if path.is_file():
            return _file_sources(path, mapping, table)
    except (OSError, ValueError) as problem:  # a name that the system can't hold, a file that may not be read
        raise SourceError(f"Can't read {path.name!r}: {getattr(problem, 'strerror', None) or problem}.") from None
    book, colon, sheet = str(source).rpartition(":")
    if colon and sheet and book.lower().endswith(".xlsx") and Path(book).is_file():
        return _workbook_sources(Path(book), mapping, table, only=sheet)
    raise SourceError(
        f"There is no file or folder {path.name!r}.",
        "Check the path; it is taken from the current folder.",
    )


def _folder_sources(folder: Path, mapping: Mapping, table: str | None) -> list[Source]:
    found = (f for f in sorted(folder.rglob("*")) if not any(p.startswith(".") for p in f.relative_to(folder).parts))
    files = [f for f in found if f.name.lower().endswith(SUFFIXES) and not f.name.startswith("~") and f.is_file()]
    if not files:
        raise SourceError(
            f"The folder {folder.name!r} holds no file to load.",
            f"Kinds that can be read: {', '.join(SUFFIXES)}.",
        )
    return [replace(source, is_found=True) for file in files for source in _file_sources(file, mapping, table)]


def _file_sources(file: Path, mapping: Mapping, table: str | None) -> list[Source]:
    if file.name.lower().endswith((".zip", ".bz2", ".xz", ".7z", ".rar")):
        raise SourceError(f"Can't read {file.name}: it is packed.", "Unpack it first; only .gz is read as it is.")
    if not file.name.lower().endswith(SUFFIXES):
        raise SourceError(
            f"Can't read {file.name}: unknown kind of file.",
            f"Kinds that can be read: {', '.join(SUFFIXES)}.",
        )
    if file.stat().st_size == 0:
        raise SourceError(f"{file.name} is empty: not even a header.", "Export it again, or leave it out.")
    kind = content_kind(file)
    if kind in ("sqlite", "duckdb"):
        raise SourceError(f"{file.name} is a {kind} database.", f"Load it as {kind}:///{file.name}.")
    if kind in ("xls", "pdf") or (kind == "text" and file.name.lower().endswith((".xlsx", ".parquet"))):
        meant = "as Parquet" if file.name.lower().endswith(".parquet") else "as a workbook"
        what = {"xls": "it is an old Excel file (.xls)", "pdf": "it is a PDF"}.get(kind, "it holds something else")
        raise SourceError(f"Can't read {file.name} {meant}: {what}.", "Export it again as CSV, .xlsx or Parquet.")
    if kind == "xlsx" and not _is_workbook(file):
        raise SourceError(f"Can't read {file.name}: it is a ZIP archive.", "Unpack it first.")
    if kind == "xlsx":
        return _workbook_sources(file, mapping, table)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return list(_named(file.name, file, digest, file, mapping, table))


def _is_workbook(file: Path) -> bool:
    """Say whether a ZIP archive is a workbook: the name of the part that each has is never compressed."""
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return held.find(b"[Content_Types].xml") >= 0


def _workbook_sources(file: Path, mapping: Mapping, table: str | None, only: str | None = None) -> list[Source]:
    sheets = _sheets(file)
    if only is not None:
        if only not in sheets:
            raise SourceError(f"{file.name} has no sheet {only!r}.", f"It has {', '.join(sheets)}.")
        sheets = {only: sheets[only]}
    found = []
    for sheet, cells in sheets.items():
        # a workbook of one sheet is named by its file, one of several by each sheet
        name = file.name if len(sheets) == 1 and only is None else f"{file.name}:{sheet}"
        for source in _named(name, file, _digest(cells), cells, mapping, table):
            wanted = source.mapping.sheet
            if wanted is None or wanted.lower() == sheet.lower():
                frame = with_header(_with_marks(file, sheet, cells, source.mapping.marks[0]), source.mapping)
                if frame is not None:
                    found.append(replace(source, content=frame, is_found=len(sheets) > 1))
    if not found:
        wanted = ", ".join(sorted({entry.sheet for entry in mapping.tables.values() if entry.sheet}))
        why = f"no sheet is named {wanted}" if wanted else "no sheet has a header"
        raise SourceError(f"{file.name} is empty: {why}.", f"It has the sheets {', '.join(sheets) or 'none'}.")
    return found


def with_header(cells: pl.DataFrame, mapping: TableMap) -> pl.DataFrame | None:
    """Take the header from a sheet's cells: the first row that is no title; None where the sheet has none."""
    rows = cells.slice(mapping.skip)
    if not mapping.header:
        return rows.rename({old: str(i) for i, old in enumerate(rows.columns, start=1)}) if rows.height else None
    filled = [sum(bool(cell and cell.strip()) for cell in row) for row in rows.head(LOOKED_AT).rows()]
    if not filled or not max(filled):
        return None
    widest = max(filled)
    place = header_place(rows.head(LOOKED_AT).rows(), mapping)
    if place is None:
        place = next(i for i, n in enumerate(filled) if n >= max(1, HEADER_SHARE * widest))
    names = unique_names([(cell or "").strip() for cell in rows.row(place)])
    body = rows.slice(place + 1).rename(dict(zip(rows.columns, names, strict=True)))
    return body.filter(~pl.all_horizontal(pl.all().is_null() | (pl.all().str.strip_chars() == "")))


def header_place(rows: Sequence[Sequence[str | None]], mapping: TableMap) -> int | None:
    """Find the first row that holds two names or more of those that are looked for: titles may have as many cells."""
    named = {origin for column in mapping.columns.values() if column.column is not None for origin in column.origins}
    wanted = {plain(name) for name in (*named, *mapping.columns, *set().union(*FLAT_COLUMNS))}
    for place, cells in enumerate(rows):
        if len({plain(cell) for cell in cells if cell} & wanted) > 1:
            return place
    return None


def unique_names(header: list[str]) -> list[str]:
    """Name columns without a name by their place, and number those whose name stands twice."""
    seen: Counter[str] = Counter()
    names = []
    for place, text in enumerate(header, start=1):
        name = text or f"column {place}"
        seen[name.lower()] += 1
        names.append(name if seen[name.lower()] == 1 else f"{name} ({seen[name.lower()]})")
    return names


def _named(
    name: str, where: Path, digest: str, content: Path | pl.DataFrame, mapping: Mapping, table: str | None
) -> Iterator[Source]:
    """Yield one source per table that a file, or a sheet or table in it, feeds."""
    unmapped = (name.rsplit(":", maxsplit=1)[-1].split(".", maxsplit=1)[0], TableMap())
    asked = ((table, mapping.tables.get(table, TableMap())),) if table else ()
    for target, table_map in asked or mapping.for_file(name) or (unmapped,):
        yield Source(
            name=_as_utf8(name), identity=_as_utf8(f"{where.resolve()}:{name}"), content_hash=digest, table=target,
            mapping=table_map, content=content,
        )  # fmt: skip


def _as_utf8(name: str) -> str:
    """Write bytes of a file's name that are no text by their numbers: DuckDB takes UTF-8 only."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _sheets(file: Path) -> dict[str, pl.DataFrame]:
    """Read every cell of every sheet as text, dates in ISO 8601: a type told from the first rows loses later cells."""
    import fastexcel

    try:
        book = fastexcel.read_excel(file)
        sheets = {name: book.load_sheet(name, header_row=None, dtypes="string") for name in book.sheet_names}
        cells = {name: sheet.to_polars() for name, sheet in sheets.items()}
    except Exception as problem:  # noqa: BLE001, the reader's errors have no common base
        why = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise SourceError(f"Can't read {file.name} as a workbook: {why}.") from None
    midnight = pl.all().cast(pl.String).str.replace(r"^(\d{4}-\d{2}-\d{2}) 00:00:00$", "$1")
    return {name: frame.select(midnight) for name, frame in cells.items() if frame.width and frame.height}


def _with_marks(file: Path, sheet: str, cells: pl.DataFrame, decimal: str) -> pl.DataFrame:
    """Write cells that are numbers already with the mapping's decimal mark, which is that of the texts beside them."""
    if decimal == ".":
        return cells
    import fastexcel

    as_numbers = fastexcel.read_excel(file).load_sheet(sheet, header_row=None, dtypes="int").to_polars()
    return cells.select(
        pl.when(number.is_not_null())
        .then(cell.str.replace(".", decimal, literal=True))
        .otherwise(cell)
        .alias(cell.name)
        for cell, number in zip(cells.get_columns(), as_numbers.get_columns(), strict=True)
    )


def _frame_sources(frame: Any, mapping: Mapping, table: str | None) -> list[Source]:
    polars = _as_polars(frame)
    if polars.width == 0:
        raise SourceError("The frame is empty: it has no column.")
    digest = _digest(polars)
    # a frame has no name that a mapping's file could match
    targets = [table] if table or not mapping.tables else list(mapping.tables)
    return [
        Source(
            name="frame", identity=digest, content_hash=digest, table=target, content=polars,
            mapping=mapping.tables.get(str(target), TableMap()),
        )
        for target in targets
    ]  # fmt: skip


def _as_polars(frame: Any) -> pl.DataFrame:
    """Read a table of any library: Polars (lazy too), pandas, Arrow, a DuckDB relation."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.startswith("pandas"):
        return _from_pandas(frame)
    if isinstance(frame, duckdb.DuckDBPyRelation):
        found: pl.DataFrame = frame.pl()
        return found
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)
    raise SourceError(f"Can't load a {type(frame).__name__}.", "Give a path, a folder, a frame, or a list of these.")


def _digest(frame: pl.DataFrame) -> str:
    plain = frame.select(pl.all().exclude(pl.Object))
    return hashlib.sha256(repr(frame.schema).encode() + plain.write_ipc(None).getvalue()).hexdigest()


def _from_pandas(frame: Any) -> pl.DataFrame:
    """Read a pandas frame; columns of mixed objects come as text."""
    if not hasattr(frame, "columns"):
        raise SourceError(f"Can't load a pandas {type(frame).__name__}.", "Give a frame with named columns.")
    if any(name is not None for name in frame.index.names) and not set(frame.index.names) & set(frame.columns):
        frame = frame.reset_index()  # a named index is a column
    if not frame.columns.is_unique:  # those that are asked for are refused later, as in a file
        frame = frame.set_axis(unique_names([str(name) for name in frame.columns]), axis=1)
    mixed = [
        name for name in frame.columns if frame[name].dtype == object or str(frame[name].dtype).startswith("period")
    ]
    text = {name: frame[name].map(str, na_action="ignore").astype("string") for name in mixed}
    return pl.from_pandas(frame.assign(**text)) if text else pl.from_pandas(frame)


def _database_sources(address: str, mapping: Mapping) -> list[Source]:
    scheme, _, where = address.partition(":///")
    if scheme not in ("sqlite", "duckdb"):
        raise SourceError(
            f"Can't read from {scheme.partition('://')[0]}://.",
            "Addresses of the form duckdb:///FILE and sqlite:///FILE can be read; export others to a file.",
        )
    if not Path(where).is_file():
        raise SourceError(f"There is no database file {Path(where).name!r}.")
    tables = _duckdb_tables(Path(where)) if scheme == "duckdb" else _sqlite_tables(where)
    named = (s for name, frame in tables for s in _named(name, Path(where), _digest(frame), frame, mapping, None))
    return [replace(source, is_found=True) for source in named]


def _duckdb_tables(file: Path) -> list[tuple[str, pl.DataFrame]]:
    """Read all tables of another DuckDB file, without writing to it."""
    try:
        with duckdb.connect(str(file.absolute()), read_only=True, config=NO_EXTENSIONS) as con:
            names = con.execute(
                "select table_schema, table_name from information_schema.tables"
                " where table_type = 'BASE TABLE' order by all"
            ).fetchall()
            return [(table, con.sql(f"select * from {quote(schema)}.{quote(table)}").pl()) for schema, table in names]
    except duckdb.Error as problem:
        raise SourceError(f"Can't read {file.name} as a DuckDB database: {str(problem).splitlines()[0]}.") from None


def _sqlite_tables(where: str) -> list[tuple[str, pl.DataFrame]]:
    connection = sqlite3.connect(f"file:{url_quote(where)}?mode=ro", uri=True)
    try:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table' order by 1")]
        return [
            (name, pl.read_database(_sqlite_query(connection, name), connection, infer_schema_length=None))
            for name in names
        ]
    except sqlite3.DatabaseError as problem:
        raise SourceError(f"Can't read {Path(where).name} as a SQLite database: {problem}.") from None
    finally:
        connection.close()


def _sqlite_query(connection: sqlite3.Connection, table: str) -> str:
    """Read a table; a column that holds texts or bytes beside numbers comes as text, or its first kind would decide."""
    columns = [row[1] for row in connection.execute(f"pragma table_info({quote(table)})")]
    kinds = ", ".join(
        f"count(distinct case typeof({name}) when 'integer' then 'number' when 'real' then 'number' when 'null' then"
        f" null else typeof({name}) end)"
        for name in map(quote, columns)
    )
    counts = connection.execute(f"select {kinds} from {quote(table)}").fetchone()
    listed = (
        f"cast({name} as text) as {name}" if n > 1 else name
        for name, n in zip(map(quote, columns), counts, strict=True)
    )
    return f"select {', '.join(listed)} from {quote(table)}"


def open_text(file: Path, encoding: str) -> Any:
    """Open a text file for reading, packed or not, without translating line ends."""
    import gzip

    opener = gzip.open if content_kind(file) == "gzip" else open
    return opener(file, "rt", encoding=encoding, newline="")
