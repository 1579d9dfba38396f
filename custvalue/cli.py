"""The command line: demo, load, run, check, audit, report. Exit code 0; 1 when the data say no; 2 for usage."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from custvalue.errors import CustvalueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from custvalue.reports.run import Run
    from custvalue.results import Result

app = typer.Typer(
    name="custvalue",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="What a customer is worth, what each courtesy costs, and which service level pays.",
)
out_console = Console()
err_console = Console(stderr=True)

Database = Annotated[Path, typer.Argument(help="DuckDB file of the shop; made where it does not exist.", metavar="DB")]
Existing = Annotated[Path, typer.Argument(help="DuckDB file of the shop.", metavar="DB")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the files written.")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings file (custvalue.toml).")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Last day observed (2025-12-31); default the last order's.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]
DEFAULT_OUT = Path("custvalue-out")


@app.command()
def demo(out: Out = DEFAULT_OUT, config: Config = None, as_json: Json = False) -> None:
    """Run everything on the sample shop: from its transactions to a recommended service level per segment."""
    from custvalue.data.warehouse import open_warehouse
    from custvalue.paths import sample_data, shared_folder
    from custvalue.reports.notebooks import execute_notebooks
    from custvalue.reports.run import run

    settings = _settings(config or sample_data() / "custvalue.toml")
    out.mkdir(parents=True, exist_ok=True)
    database = out / "shop.duckdb"
    with _progress(as_json) as step:
        with open_warehouse(database) as shop:
            shop.load(sample_data(), progress=step)
            done = run(shop, settings, out, progress=step)
        notebooks = execute_notebooks(shared_folder("notebooks"), out / "notebooks", database, progress=step)
    _show_run(done, [database, *done.files, *notebooks], as_json=as_json)


@app.command()
def load(
    database: Database,
    sources: Annotated[list[str], typer.Argument(help="Files, folders, or duckdb:/// and sqlite:/// addresses.")],
    mapping: Annotated[str | None, typer.Option("--map", help="Mapping file, or online_retail, cdnow.")] = None,
    as_json: Json = False,
) -> None:
    """Load transactions and other tables; every row is accepted, unattributed, or set aside with its reason."""
    from custvalue.data.warehouse import open_warehouse

    with _progress(as_json) as step, open_warehouse(database) as shop:
        report = shop.load(list(sources), mapping=mapping, progress=step)
    if as_json:
        _print_json(
            {"tables": report.table.to_dicts(), "reasons": report.reasons.to_dicts(), "remarks": report.remarks}
        )
        return
    _print_result(report)
    if report.reasons.height:
        _print_table("Set aside (custvalue keeps these rows: shop.rejected(table))", report.reasons.head(20))
    for row in report.table.filter(report.table["rejected"] == report.table["read"]).iter_rows(named=True):
        if row["read"]:
            hint = "if dates or decimals are written in another way there, a mapping says so: date_format, decimal."
            out_console.print(f"Nothing of {row['table']} could be used; {hint}", soft_wrap=True)
    for remark in report.remarks:
        out_console.print(remark, markup=False, highlight=False, soft_wrap=True)


@app.command("run")
def run_command(
    database: Existing, out: Out = DEFAULT_OUT, as_of: AsOf = None, config: Config = None, as_json: Json = False
) -> None:
    """Answer every question that the loaded tables allow, and write report, workbook and customers."""
    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.run import run

    settings = _settings(config)
    _must_exist(database)
    with _progress(as_json) as step, open_warehouse(database) as shop:
        done = run(shop, settings, out, as_of=as_of, progress=step)
    _show_run(done, [database, *done.files], as_json=as_json)


@app.command()
def check(database: Existing, as_json: Json = False) -> None:
    """Run the data checks; exit code 1 when one fails."""
    from custvalue.data.warehouse import open_warehouse

    _must_exist(database)
    with _progress(as_json) as step, open_warehouse(database) as shop:
        step("checking what is stored, and what the raw tables give today")
        table = shop.checks()
    failed = table.filter(table["n_failures"] > 0)
    if as_json:
        _print_json(table.to_dicts())
    else:
        _print_table(f"{table.height} checks, {failed.height} failed", table)
    raise typer.Exit(1 if failed.height else 0)


@app.command()
def audit(database: Existing, as_of: AsOf = None, config: Config = None, as_json: Json = False) -> None:
    """Ask for a second opinion: lifetimes fitted to the same data, differences shown."""
    from custvalue.data.purchases import purchase_summary
    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.audit import audit as compare

    settings = _settings(config)
    _must_exist(database)
    with _progress(as_json) as step, open_warehouse(database) as shop:
        step("fitting both packages")
        answer = compare(purchase_summary(shop, as_of=as_of, time_unit=settings.time_unit))
    if as_json:
        _print_json({"finding": answer.title, "table": answer.table.to_dicts()})
    else:
        _print_result(answer, [name for name in answer.table.columns if name != "kind"])


@app.command()
def report(
    database: Existing, out: Out = DEFAULT_OUT, as_of: AsOf = None, config: Config = None, as_json: Json = False
) -> None:
    """Write report.html alone."""
    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.analysis import analyse
    from custvalue.reports.html import write_report

    settings = _settings(config)
    _must_exist(database)
    with _progress(as_json) as step, open_warehouse(database) as shop:
        analysis = analyse(shop, settings, as_of=as_of, progress=step)
        out.mkdir(parents=True, exist_ok=True)
        write_report(analysis, out / "report.html")
    if as_json:
        _print_json({"as_of": analysis.as_of, "missing": analysis.missing, "files": [out / "report.html"]})
    else:
        out_console.print(f"Written: {out / 'report.html'}", soft_wrap=True)


def main() -> None:
    """Run the command line; what a user can cause ends in one message, never in a traceback."""
    try:
        app(prog_name="custvalue")
    except CustvalueError as problem:
        _fail(type(problem).__name__, problem.message, problem.hint)
    except OSError as problem:
        where = Path(str(problem.filename or "")).name
        _fail("OSError", f"Can't write or read {where!r}: {problem.strerror}.", "")


def _fail(kind: str, message: str, hint: str) -> NoReturn:
    """Say what went wrong: to people on the error stream, to machines that asked for JSON as JSON."""
    if "--json" in sys.argv:
        _print_json({"error": kind, "message": message, "hint": hint})
    else:
        err_console.print(f"[bold red]{kind}[/]: ", end="")
        for line in (message, hint):
            if line:
                err_console.print(line, markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)


def _settings(config: Path | None) -> Any:
    from custvalue.config import load_settings

    return load_settings(config)


def _must_exist(database: Path) -> None:
    if not database.is_file():
        hint = f"there is no database {database.name}; make one with: custvalue load"
        raise typer.BadParameter(hint, param_hint="DB")


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """Show what is being done and for how long; nothing when machines read the output."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err_console, disable=quiet, transient=True) as bar:
        task = bar.add_task("starting")
        yield lambda text: bar.update(task, description=text)


def _show_run(done: Run, files: list[Path], *, as_json: bool) -> None:
    analysis = done.analysis
    if as_json:
        named = analysis.results.items()
        answers = {name: {"finding": r.title, "table": r.table.to_dicts()} for name, r in named}
        _print_json({"as_of": analysis.as_of, "answers": answers, "missing": analysis.missing, "files": files})
        return
    for name, result in analysis.results.items():
        if name not in ("purchases", "spend", "plan"):
            asked = (
                f"Does {name.removeprefix('verdict ').replace('_', ' ')} pay? " if name.startswith("verdict ") else ""
            )
            out_console.print(f"[bold]•[/] {_escape(asked + result.title)}", highlight=False)
    if "plan" in analysis.results:
        _print_plan(analysis.results["plan"])
    if analysis.missing:
        out_console.print("\n[bold]Not computed[/]")
        for question, why in analysis.missing:
            out_console.print(f"  {_escape(question)}: {_escape(why)}")
    out_console.print("\n[bold]Written[/]")
    for file in files:
        out_console.print(f"  {file}", soft_wrap=True, highlight=False)


def _print_plan(plan: Result) -> None:
    """Print what changes and what was measured, then why, one line each."""
    import polars as pl

    from custvalue.reports.tables import recommendation
    from custvalue.service.service_plan import ServicePlan

    if not isinstance(plan, ServicePlan):
        return
    shown = recommendation(plan).frame
    amounts = ("gain", "gain_low", "gain_high", "cost")
    whole = [pl.col(name).round(0).cast(pl.Int64) for name in amounts]
    rows = shown.select("name", "segment", "action", *whole, "basis")
    out_console.print()
    kinds = {"name": "text", "segment": "text", "action": "text", "basis": "text"}
    _print_table(plan.title, rows, kinds | dict.fromkeys(amounts, "count"))
    for row in shown.iter_rows(named=True):
        told = f"{row['name']}, {row['segment']}"
        out_console.print(f"  [bold]{_escape(told)}[/]: {_escape(row['why'])}", highlight=False)


def _print_result(result: Result, columns: list[str] | None = None) -> None:
    table = result.table.select(columns) if columns else result.table
    kinds = {name: kind for name, kind in result.column_kinds().items() if name in table.columns}
    _print_table(result.title, table, kinds)


def _print_table(title: str, frame: pl.DataFrame, kinds: dict[str, Any] | None = None) -> None:
    from custvalue.results import column_kind

    kinds = kinds or {name: column_kind(name, dtype) for name, dtype in frame.schema.items()}
    table = Table(title=_escape(title), title_justify="left", header_style="bold", show_lines=False)
    for name, kind in kinds.items():
        is_text = kind in ("text", "date")
        table.add_column(name.replace("_", " "), justify="left" if is_text else "right")
    for row in frame.iter_rows(named=True):
        table.add_row(*(_cell(row[name], kind) for name, kind in kinds.items()))
    out_console.print(table)


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return "–"
    formats = {"count": "{:,.0f}", "money": "{:,.2f}", "number": "{:,.2f}", "percent": "{:.1%}"}
    shown = formats[kind].format(value) if kind in formats else _escape(str(value))
    return shown.removeprefix("-") if shown.strip("-0.,%") == "" else shown  # no negative zero


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _print_json(value: Any) -> None:
    from decimal import Decimal

    def plain(item: Any) -> Any:
        return float(item) if isinstance(item, Decimal) else str(item)

    sys.stdout.write(json.dumps(value, default=plain, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
