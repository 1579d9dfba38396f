"""From what a user points at (file, folder, frame, database) to named sources, each feeding one table."""

from __future__ import annotations

import codecs
import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from custvalue.data.mapping import Mapping, TableMap
from custvalue.data.quoting import quote
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXT = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT), ".parquet", ".xlsx")
FLAT = "transactions"
FLAT_COLUMNS = {"customer_id", "ordered_at", "amount"}


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
    """

    name: str
    identity: str
    content_hash: str
    table: str | None
    mapping: TableMap
    content: Path | pl.DataFrame

    @property
    def is_text(self) -> bool:
        """True for a text file, packed or not."""
        return isinstance(self.content, Path) and self.content.name.lower().removesuffix(".gz").endswith(TEXT)


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
    if isinstance(source, pl.DataFrame) or type(source).__module__.startswith("pandas"):
        return _frame_sources(source, mapping, table)
    if not isinstance(source, str | Path):
        raise SourceError(
            f"Can't load a {type(source).__name__}.", "Give a path, a folder, a frame, or a list of these."
        )
    if "://" in str(source):
        return _database_sources(str(source), mapping)
    path = Path(source)
    if path.is_dir():
        return _folder_sources(path, mapping, table)
    if not path.is_file():
        raise SourceError(
            f"There is no file or folder {path.name!r}.",
            "Check the path; it is taken from the current folder.",
        )
    return _file_sources(path, mapping, table)


def _folder_sources(folder: Path, mapping: Mapping, table: str | None) -> list[Source]:
    found = (f for f in sorted(folder.rglob("*")) if not any(p.startswith(".") for p in f.relative_to(folder).parts))
    files = [f for f in found if f.name.lower().endswith(SUFFIXES) and not f.name.startswith("~") and f.is_file()]
    if not files:
        raise SourceError(
            f"The folder {folder.name!r} holds no file to load.",
            f"Kinds that can be read: {', '.join(SUFFIXES)}.",
        )
    return [source for file in files for source in _file_sources(file, mapping, table)]


def _file_sources(file: Path, mapping: Mapping, table: str | None) -> list[Source]:
    if not file.name.lower().endswith(SUFFIXES):
        raise SourceError(
            f"Can't read {file.name}: unknown kind of file.",
            f"Kinds that can be read: {', '.join(SUFFIXES)}.",
        )
    if file.stat().st_size == 0:
        raise SourceError(f"{file.name} is empty: not even a header.", "Export it again, or leave it out.")
    if file.suffix.lower() == ".xlsx":
        return [s for name, sheet in _sheets(file) for s in _named(name, file, _digest(sheet), sheet, mapping, table)]
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return list(_named(file.name, file, digest, file, mapping, table))


def _named(
    name: str, where: Path, digest: str, content: Path | pl.DataFrame, mapping: Mapping, table: str | None
) -> Iterator[Source]:
    """Yield one source per table that a file, or a sheet or table in it, feeds."""
    unmapped = (name.rsplit(":", maxsplit=1)[-1].split(".", maxsplit=1)[0], TableMap())
    asked = ((table, mapping.tables.get(table, TableMap())),) if table else ()
    for target, table_map in asked or mapping.for_file(name) or (unmapped,):
        yield Source(
            name=name, identity=f"{where.resolve()}:{name}", content_hash=digest, table=target,
            mapping=table_map, content=content,
        )  # fmt: skip


def _sheets(file: Path) -> Iterable[tuple[str, pl.DataFrame]]:
    try:
        sheets = pl.read_excel(file, sheet_id=0, raise_if_empty=False)
    except Exception as problem:  # noqa: BLE001, the reader's errors have no common base
        raise SourceError(f"Can't read {file.name} as a workbook: {problem}.") from None
    filled = {name: sheet for name, sheet in sheets.items() if sheet.width}
    if not filled:
        raise SourceError(f"{file.name} is empty: no sheet has a header.", "Export it again, or leave it out.")
    for name, sheet in filled.items():
        # a workbook of one sheet is named by its file, one of several by each sheet
        yield (file.name if len(filled) == 1 else f"{file.name}:{name}"), sheet


def _frame_sources(frame: Any, mapping: Mapping, table: str | None) -> list[Source]:
    polars = frame if isinstance(frame, pl.DataFrame) else _from_pandas(frame)
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


def _digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_ipc(None).getvalue()).hexdigest()


def _from_pandas(frame: Any) -> pl.DataFrame:
    """Read a pandas frame; columns of mixed objects come as text."""
    if not hasattr(frame, "columns"):
        raise SourceError(f"Can't load a pandas {type(frame).__name__}.", "Give a frame with named columns.")
    if not frame.columns.is_unique:
        raise SourceError(f"The frame has two columns named {frame.columns[frame.columns.duplicated()][0]!r}.")
    mixed = [
        name for name in frame.columns if frame[name].dtype == object or str(frame[name].dtype).startswith("period")
    ]
    text = {name: frame[name].map(str, na_action="ignore").astype("string") for name in mixed}
    return pl.from_pandas(frame.assign(**text)) if text else pl.from_pandas(frame)


def _database_sources(address: str, mapping: Mapping) -> list[Source]:
    scheme, _, where = address.partition(":///")
    if scheme not in ("sqlite", "duckdb"):
        raise SourceError(
            f"Can't open a {scheme!r} database.",
            "duckdb:///FILE and sqlite:///FILE can be read; export others.",
        )
    if not Path(where).is_file():
        raise SourceError(f"There is no database file {Path(where).name!r}.")
    tables = _duckdb_tables(Path(where)) if scheme == "duckdb" else _sqlite_tables(where)
    return [s for name, frame in tables for s in _named(name, Path(where), _digest(frame), frame, mapping, None)]


def _duckdb_tables(file: Path) -> list[tuple[str, pl.DataFrame]]:
    """Read all tables of another DuckDB file, without writing to it."""
    try:
        with duckdb.connect(str(file), read_only=True) as con:
            names = con.execute(
                "select table_schema, table_name from information_schema.tables"
                " where table_type = 'BASE TABLE' order by all"
            ).fetchall()
            return [(table, con.sql(f"select * from {quote(schema)}.{quote(table)}").pl()) for schema, table in names]
    except duckdb.Error as problem:
        raise SourceError(f"Can't read {file.name} as a DuckDB database: {str(problem).splitlines()[0]}.") from None


def _sqlite_tables(where: str) -> list[tuple[str, pl.DataFrame]]:
    connection = sqlite3.connect(f"file:{where}?mode=ro", uri=True)
    try:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table' order by 1")]
        return [
            (name, pl.read_database(f"select * from {quote(name)}", connection, infer_schema_length=None))
            for name in names
        ]
    except sqlite3.DatabaseError as problem:
        raise SourceError(f"Can't read {Path(where).name} as a SQLite database: {problem}.") from None
    finally:
        connection.close()


def decoded(file: Path, encoding: str, folder: Path) -> Path:
    """Return the file itself when it is UTF-8, otherwise a UTF-8 copy in `folder`.

    Raises
    ------
    SourceError
        Python knows no such encoding, or the bytes are not in it.
    """
    with file.open("rb") as stream:
        start = stream.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii"):
            return file
        copy = folder / f"utf8-{file.name.removesuffix('.gz')}"
        with open_text(file, encoding) as read, copy.open("w", encoding="utf-8", newline="") as write:
            while chunk := read.read(1 << 20):
                write.write(chunk)
    except LookupError:
        raise SourceError(
            f"{file.name}: there is no encoding {encoding!r}.", "Common ones: utf-8, windows-1252, utf-16."
        ) from None
    except UnicodeError as problem:
        raise SourceError(f"{file.name} is not in the encoding {encoding!r}: {problem}.") from None
    return copy


def open_text(file: Path, encoding: str) -> Any:
    """Open a text file for reading, packed or not, without translating line ends."""
    import gzip

    opener = gzip.open if file.name.lower().endswith(".gz") else open
    return opener(file, "rt", encoding=encoding, newline="")
