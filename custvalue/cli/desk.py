"""The commands of the analyst's desk: lab opens the notebooks in JupyterLab, new copies one for own work."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

import custvalue.cli.start  # noqa: F401, its commands come first
from custvalue.cli.commands import Json, app, must_exist
from custvalue.cli.output import out_console, print_json
from custvalue.errors import SourceError

SAMPLE = "custvalue"


@app.command()
def lab(
    database: Annotated[Path | None, typer.Argument(help="DuckDB file; default the sample.", metavar="[DB]")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="Of your copies; default DB-notebooks.")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port on this machine.")] = 8888,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
) -> None:
    """Start JupyterLab on the notebooks, set to a database; what you changed in them stays."""
    from custvalue.reports.shelf import lab_command, lay_out

    if database is not None:
        must_exist(database)
    place = folder or Path(f"{SAMPLE if database is None else database.stem}-notebooks")
    copied = lay_out(place, database)
    about = "the sample shop" if database is None else database.name
    done = f"{len(copied)} notebooks copied to {place}, set to {about}." if copied else (
        f"Your notebooks in {place} are as you left them."
    )  # fmt: skip
    out_console.print(f"{done} JupyterLab ends with Ctrl-C.", markup=False, highlight=False, soft_wrap=True)
    command, environment = lab_command(place, port, browser=not no_browser)
    try:
        ended = subprocess.run(command, env=environment, check=False)  # noqa: S603, this interpreter
    except KeyboardInterrupt:  # it was stopped as it is meant to be; JupyterLab got the same signal
        return
    if ended.returncode:
        raise SourceError("JupyterLab did not start, or stopped.", "What it said stands above; try another --port.")


@app.command("new")
def new_command(
    notebook: Annotated[str, typer.Argument(help="Name on the shelf: free_delivery, or 04.", metavar="NOTEBOOK")],
    database: Annotated[Path | None, typer.Option("--db", help="DuckDB file of the shop; default the sample.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; default NOTEBOOK.ipynb here.")] = None,
    as_json: Json = False,
) -> None:
    """Copy a notebook of the shelf for own work, set to a database."""
    from custvalue.reports.shelf import NUMBER, copy_notebook, find_notebook

    source = find_notebook(notebook)
    if database is not None:
        must_exist(database)
    target = out or Path(NUMBER.sub("", source.name))
    copy_notebook(source, target, database)
    if as_json:
        print_json({"notebook": source.stem, "file": target, "database": database})
        return
    out_console.print(f"Written: {target}", markup=False, highlight=False, soft_wrap=True)
    out_console.print(f"Open it with: jupyter lab {target}", markup=False, highlight=False, soft_wrap=True)
