"""Bring a text file into the one form that is read: unpacked, UTF-8, one kind of line end."""

from __future__ import annotations

import codecs
import gzip
import zlib
from typing import TYPE_CHECKING

from custvalue.data.sources import content_kind
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 1 << 20
UTF8 = ("utf-8", "utf-8-sig", "ascii")


def nameable(file: Path, folder: Path) -> Path:
    """Return the file, or a link to it in `folder` where its path is no UTF-8: SQL could not name it."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        link = folder / f"named-{file.name.encode('utf-8', 'replace').decode().replace('?', '_')}"
        if not link.is_symlink():
            link.symlink_to(file.absolute())
        return link
    return file


def decoded(file: Path, encoding: str, folder: Path) -> Path:
    """Return the file itself where it is plain UTF-8 already, otherwise a copy of it in `folder`.

    A packed file is unpacked whole, which verifies its checksum.

    Raises
    ------
    SourceError
        The packed stream is damaged, there is no such encoding, or the bytes are not in it.
    """
    unpacked = _unpacked(file, folder) if content_kind(file) == "gzip" else file
    with unpacked.open("rb") as stream:
        start = stream.read(4)
    if start in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return _with_one_line_end(_rewritten(unpacked, file, "utf-32", folder), folder)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    if start.startswith(codecs.BOM_UTF8):  # the file itself says so, whatever the mapping was made for
        encoding = "utf-8"
    try:
        known = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise SourceError(
            f"{file.name}: there is no encoding {encoding!r}.", "Common ones: utf-8, windows-1252, utf-16."
        ) from None
    if known in UTF8:
        return _with_one_line_end(unpacked, folder)
    return _with_one_line_end(_rewritten(unpacked, file, encoding, folder), folder)


def _rewritten(unpacked: Path, file: Path, encoding: str, folder: Path) -> Path:
    """Write a copy in UTF-8."""
    copy = folder / f"utf8-{unpacked.name[-80:]}"
    try:
        with (
            unpacked.open("r", encoding=encoding, newline="") as read,
            copy.open("w", encoding="utf-8", newline="") as write,
        ):
            while chunk := read.read(CHUNK):
                write.write(chunk)
    except (UnicodeError, LookupError) as problem:
        raise SourceError(f"{file.name} is not in the encoding {encoding!r}: {problem}.") from None
    return copy


def _unpacked(file: Path, folder: Path) -> Path:
    copy = folder / f"unpacked-{file.name.removesuffix('.gz')[-80:]}"
    try:
        with gzip.open(file) as read, copy.open("wb") as write:
            while chunk := read.read(CHUNK):
                write.write(chunk)
    except (OSError, EOFError, zlib.error) as problem:
        raise SourceError(
            f"{file.name} is damaged: {problem}.", "Fetch or pack it again; nothing of it was loaded."
        ) from None
    return copy


def _as_named(file: Path) -> str:
    """Return the user's name of a file, whether this is his own or our copy."""
    return file.name.removeprefix("utf8-").removeprefix("unpacked-")


def _with_one_line_end(file: Path, folder: Path) -> Path:
    """Write CRLF, CR and LF as LF where a file has more than one of them; the reader takes one only."""
    crlf = cr = lf = 0
    with file.open("rb") as stream:
        last = b""
        while chunk := stream.read(CHUNK):
            if b"\0" in chunk:
                raise SourceError(
                    f"{_as_named(file)} holds NUL bytes, so it is no text in UTF-8.",
                    'If it is text, name its encoding in the mapping: encoding = "utf-16".',
                )
            pair = last + chunk
            crlf += pair.count(b"\r\n") - (last + chunk[:0]).count(b"\r\n")
            cr += chunk.count(b"\r")
            lf += chunk.count(b"\n")
            last = chunk[-1:] if chunk.endswith(b"\r") else b""
    kinds = [crlf > 0, cr - crlf > 0, lf - crlf > 0]
    if sum(kinds) <= 1 and not kinds[1]:
        return file
    copy = folder / f"lines-{file.name[-80:]}"
    with file.open("rb") as read, copy.open("wb") as write:
        rest = b""
        while chunk := read.read(CHUNK):
            piece = rest + chunk
            rest = b"\r" if piece.endswith(b"\r") else b""
            piece = piece[: len(piece) - len(rest)]
            write.write(piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        write.write(rest.replace(b"\r", b"\n"))
    return copy
