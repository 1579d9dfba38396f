"""The shelf of notebooks as an analyst takes from it: copies of one's own, set to a database, ready in JupyterLab."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from custvalue.errors import SourceError
from custvalue.paths import shared_folder
from custvalue.reports.writing import whole_file

if TYPE_CHECKING:
    from nbformat import NotebookNode

NUMBER = re.compile(r"^\d+_")


def shelf() -> dict[str, Path]:
    """Return the notebooks that ship, by name: `04_free_delivery` and where it is."""
    return {file.stem: file for file in sorted(shared_folder("notebooks").glob("*.ipynb"))}


def find_notebook(name: str) -> Path:
    """Find a notebook of the shelf by its name, its number, or its name without the number.

    Raises
    ------
    SourceError
        There is none, or several begin so; says which there are.
    """
    wanted, known = name.removesuffix(".ipynb").casefold(), shelf()
    exact = [file for stem, file in known.items() if wanted in (stem.casefold(), NUMBER.sub("", stem).casefold())]
    begins = [file for stem, file in known.items() if wanted and stem.casefold().startswith(wanted)]
    found = exact or begins
    if len(found) == 1:
        return found[0]
    plain = [NUMBER.sub("", stem) for stem in known]
    close = difflib.get_close_matches(wanted, plain, n=2)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(known)}."
    raise SourceError(f"There is no notebook {name!r} on the shelf.", hint)


def copy_notebook(source: Path, target: Path, database: Path | None) -> None:
    """Copy a notebook for own work, set to a database; what it printed of the sample is not copied then.

    Raises
    ------
    SourceError
        There is a file of that name already: it may hold somebody's work.
    """
    if target.exists():
        raise SourceError(f"There is a notebook {target.name!r} already.", "Name another with --out.")
    notebook: NotebookNode = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    if database is not None:
        relative = Path(os.path.relpath(database.resolve(), target.resolve().parent)).as_posix()
        _set_parameter(notebook, "database", relative)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
    with whole_file(target) as written:
        nbformat.write(notebook, written)  # type: ignore[no-untyped-call]


def _set_parameter(notebook: NotebookNode, name: str, value: Any) -> None:
    """Write a value into the cell of parameters, where a reader looks for it."""
    line = re.compile(rf"^{name} = (\"[^\"]*\"|[^#\n]*?)(\s*#.*)?$", re.MULTILINE)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = line.sub(lambda found: f"{name} = {json.dumps(value)}{found[2] or ''}", cell.source, count=1)


def lay_out(folder: Path, database: Path | None) -> list[Path]:
    """Copy the shelf into a folder; notebooks that are there are somebody's work and stay as they are.

    Returns
    -------
    list of Path
        The notebooks that were copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    new = [(file, folder / file.name) for file in shelf().values() if not (folder / file.name).exists()]
    for source, target in new:
        copy_notebook(source, target, database)
    return [target for _, target in new]


def lab_command(folder: Path, port: int, *, browser: bool) -> tuple[list[str], dict[str, str]]:
    """Return how JupyterLab is started on a folder, and what its environment says.

    It listens on this machine only, asks no other for news or updates, and runs notebooks in this interpreter.
    """
    command = [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container: it is reached from this machine only
        command.append("--allow-root")
    return command, {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1"}
