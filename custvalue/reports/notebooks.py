"""Notebooks as a batch: run with parameters on a company's database, or refreshed in place on the sample.

`python -m custvalue.reports.notebooks` runs the shipped notebooks again and cleans them, so that a second
run changes no byte.
"""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from custvalue.errors import CustvalueError, DataError, SourceError
from custvalue.paths import shared_folder
from custvalue.reports.writing import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping

Progress = Callable[[str], None]

AT_ONCE = 2
CELL_TIMEOUT = 600
FORMATTED = "GT(_tbl_data="
"""How a formatted table writes itself as text: 20,000 characters with addresses in memory, beside the HTML."""
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def execute_notebooks(
    folder: Path, out: Path, database: Path, progress: Progress = lambda _: None, **parameters: Any
) -> list[Path]:
    """Run all notebooks of a folder on a database and keep them with their outputs.

    Each runs in a clean working directory, on a copy of the database, so that what it writes stays there.

    Parameters
    ----------
    folder
        The notebooks, run in the order of their names, two at a time.
    out
        Where the executed notebooks go; their path to the database is relative, so that they run there too.
    database
        The shop's DuckDB file; no process may have it open for writing.
    progress
        Called with a line of text when a notebook starts.
    **parameters
        Set in every notebook, besides `database`.

    Raises
    ------
    SourceError
        The folder holds no notebook, or there is no such database.
    DataError
        A notebook has no such parameter, or one of its cells fails.
    """
    files = _notebooks(folder)
    if not database.is_file():
        raise SourceError(f"There is no database {database.name}.", "Make one with: custvalue load")
    out.mkdir(parents=True, exist_ok=True)
    relative = Path(os.path.relpath(database.resolve(), out.resolve()))
    plans = [_parametrised(file, {"database": relative.as_posix(), **parameters}) for file in files]

    def run(number: int) -> Path:
        file, notebook = files[number], plans[number]
        progress(f"notebook {file.stem} ({number + 1} of {len(files)})")
        with tempfile.TemporaryDirectory(prefix="custvalue-") as scratch:
            work = Path(scratch).resolve().joinpath(*["notebooks"] * max(1, relative.parts.count("..")))
            work.mkdir(parents=True)
            copy = work / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(database, copy)
            try:
                _execute(notebook, file.name, work)
            finally:
                _write(notebook, out / file.name)
        return out / file.name

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(len(files))))


def refresh(folder: Path | None = None, progress: Progress = lambda _: None) -> list[Path]:
    """Run notebooks again on the sample, in place, and leave nothing in them that changes from run to run.

    Returns
    -------
    list of Path
        The notebooks whose content changed.
    """
    files = _notebooks(folder or shared_folder("notebooks"))

    def run(file: Path) -> bool:
        progress(f"notebook {file.stem}")
        before = file.read_text(encoding="utf-8")
        notebook = _read(file)
        with tempfile.TemporaryDirectory(prefix="custvalue-") as scratch:
            _execute(notebook, file.name, Path(scratch))
        _write(notebook, file)
        return file.read_text(encoding="utf-8") != before

    with ThreadPoolExecutor(AT_ONCE) as pool:
        changed = list(pool.map(run, files))
    return [file for file, is_new in zip(files, changed, strict=True) if is_new]


def _notebooks(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.ipynb"))
    if not files:
        raise SourceError(f"The folder {folder.name} holds no notebook (*.ipynb).")
    return files


def _read(file: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def _write(notebook: NotebookNode, file: Path) -> None:
    with whole_file(file) as written:
        nbformat.write(notebook, written)  # type: ignore[no-untyped-call]


def _parametrised(file: Path, parameters: Mapping[str, Any]) -> NotebookNode:
    """Read a notebook and set its parameters; one that it does not have is an error, not a warning."""
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    notebook = load_notebook_node(str(file))
    known = _parameters_of(notebook)
    if unknown := [name for name in parameters if name not in known]:
        raise DataError(
            f"{file.name} has no parameter {', '.join(unknown)}.",
            f"It has {', '.join(known) or 'none: tag a cell with parameters'}.",
        )
    parametrised: NotebookNode = parameterize_notebook(
        notebook, dict(parameters), kernel_name=KERNEL["name"], language=KERNEL["language"]
    )
    return parametrised


def _parameters_of(notebook: NotebookNode) -> list[str]:
    tagged = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assigned = [node for source in tagged for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return [target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)]


def _execute(notebook: NotebookNode, name: str, work: Path) -> None:
    """Run all cells in a fresh kernel of this interpreter; outputs are kept, also those before a failure.

    A cell for which a table is missing says so and the notebook goes on; so do the cells that build on it.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT, kernel_name=KERNEL["name"], kernel_manager_class=_own_kernel(),
        allow_errors=True, record_timing=False, resources={"metadata": {"path": str(work)}},
    )  # fmt: skip
    try:
        # what the kernel logs about itself is nothing a reader can act on; errors of cells are in the notebook
        asyncio.run(client.async_execute(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    except (CellTimeoutError, DeadKernelError) as problem:
        raise DataError(f"{name} stopped: {str(problem).splitlines()[0]}") from None
    finally:
        _clean(notebook)
    _say_what_is_missing(notebook, name)


def _own_kernel() -> type:
    """Return a manager whose kernel is this interpreter, whatever kernel of that name is installed elsewhere."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(**get_kernel_dict())

    return OwnKernel


def _say_what_is_missing(notebook: NotebookNode, name: str) -> None:
    """Turn the package's own errors, and what follows from them, into two lines; any other error is one.

    Raises
    ------
    DataError
        A cell failed for another reason.
    """
    ours = {kind.__name__ for kind in CustvalueError.__subclasses__()}
    not_made: set[str] = set()
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", [])):
            if output.output_type != "error":
                continue
            unknown = re.fullmatch(r"name '(\w+)' is not defined", output.evalue)
            if output.ename in ours:
                said = output.evalue
            elif output.ename == "NameError" and unknown and unknown[1] in not_made:
                said = f"It needs {unknown[1]}, which could not be computed above."
            else:
                raise DataError(f"{name} stopped: {output.ename}: {output.evalue}", "Open it to see the cell.")
            not_made |= _assigned(cell.source)
            text = f"Not computed. {said}\n"
            said_so = NotebookNode(output_type="stream", name="stdout", text=text)  # type: ignore[no-untyped-call]
            cell.outputs[place] = said_so


def _assigned(source: str) -> set[str]:
    targets = [
        target for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign) for target in node.targets
    ]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _clean(notebook: NotebookNode) -> None:
    """Remove what differs from run to run or machine to machine: times, versions, random ids, paths."""
    notebook["metadata"] = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        tags = cell.metadata.get("tags", [])
        cell["metadata"] = {"tags": tags} if tags else {}
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output["metadata"] = {}
            if str(output.get("data", {}).get("text/plain", "")).startswith(FORMATTED):
                output["data"]["text/plain"] = "GT"


def main() -> None:
    """Refresh the shipped notebooks, and say which changed."""
    try:
        changed = refresh(progress=print)
    except CustvalueError as problem:
        raise SystemExit(str(problem)) from None
    print(", ".join(file.name for file in changed) or "nothing", "changed")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
