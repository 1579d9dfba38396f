"""A file appears under its name when it is whole: a full disk or a kill leaves the one that stood there."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """Give a name beside the file to write to; what was written takes the file's place at the end.

    Raises
    ------
    OSError
        The file can't be written; the error names it, not its stand-in.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", suffix=f"-{file.name}", delete=False) as made:
            stand_in = Path(made.name)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(file)) from None
    try:
        yield stand_in
        with stand_in.open("rb+") as stream:
            os.fsync(stream.fileno())
        stand_in.chmod(0o666 & ~_umask())  # a temporary file is readable by its owner only
        stand_in.replace(file)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(file)) from None
    finally:
        stand_in.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
