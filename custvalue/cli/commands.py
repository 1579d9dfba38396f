"""The commands: demo, load, run, check, audit, report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from custvalue.cli.output import escape, out_console, print_json, print_plan, print_result, print_table, progress
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from custvalue.reports.run import Run

app = typer.Typer(
    name="custvalue",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="What a customer is worth, what each courtesy costs, and which service level pays.",
)
Database = Annotated[Path, typer.Argument(help="DuckDB file of the shop; made where it does not exist.", metavar="DB")]
Existing = Annotated[Path, typer.Argument(help="DuckDB file of the shop.", metavar="DB")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the files written.")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings file (custvalue.toml).")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Last day observed; default that of the last sale or refund.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]
DEFAULT_OUT = Path("custvalue-out")


@app.command()
def demo(out: Out = DEFAULT_OUT, config: Config = None, as_json: Json = False) -> None:
    """Run everything on the sample shop: from its transactions to a recommended service level per segment."""
    from custvalue.data.warehouse import open_warehouse
    from custvalue.paths import sample_data, shared_folder
    from custvalue.reports.notebooks import execute_notebooks
    from custvalue.reports.run import run

    settings = settings_from(config or sample_data() / "custvalue.toml")
    out.mkdir(parents=True, exist_ok=True)
    database = out / "shop.duckdb"
    with progress(as_json) as step:
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
    from custvalue.data.rows_read import rows_read
    from custvalue.data.warehouse import open_warehouse

    _check_database(database, sources)
    with progress(as_json) as step, open_warehouse(database) as shop:
        report = shop.load(list(sources), mapping=mapping, progress=step)
        read = rows_read(shop)
    if as_json:
        print_json(
            {
                "read": read.table.to_dicts(),
                "warning": read.warning,
                "tables": report.table.to_dicts(),
                "reasons": report.reasons.to_dicts(),
                "remarks": report.remarks,
            }
        )
        return
    print_result(report)
    if read.table.height:
        money = ["table", "came", "used", "unattributed", "set_aside", "repeated", "left_out", "share_set_aside"]
        print_result(read, money)
    if report.reasons.height:
        print_table("Set aside (custvalue keeps these rows: shop.rejected(table))", report.reasons.head(20))
    for row in report.table.filter(report.table["rejected"] == report.table["read"]).iter_rows(named=True):
        if row["read"]:
            hint = "if dates or decimals are written in another way there, a mapping says so: date_format, decimal."
            said = f"Nothing of {row['table']} could be used; {hint}"
            out_console.print(said, markup=False, highlight=False, soft_wrap=True)
    for remark in report.remarks:
        out_console.print(remark, markup=False, highlight=False, soft_wrap=True)


@app.command("run")
def run_command(
    database: Existing, out: Out = DEFAULT_OUT, as_of: AsOf = None, config: Config = None, as_json: Json = False
) -> None:
    """Answer every question that the loaded tables allow, and write report, workbook and customers."""
    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.run import run

    settings = settings_from(config)
    must_exist(database)
    with progress(as_json) as step, open_warehouse(database, read_only=True) as shop:
        done = run(shop, settings, out, as_of=as_of, progress=step)
    _show_run(done, [database, *done.files], as_json=as_json)


@app.command()
def check(database: Existing, config: Config = None, as_json: Json = False) -> None:
    """Run the data checks; exit code 1 when one fails."""
    from custvalue.data.warehouse import open_warehouse

    settings = settings_from(config)
    must_exist(database)
    with progress(as_json) as step, open_warehouse(database) as shop:
        step("checking what is stored, and what the raw tables give today")
        table = shop.checks(settings.set_aside_limit)
    failed = table.filter(table["n_failures"] > 0)
    if as_json:
        print_json(table.to_dicts())
    else:
        print_table(f"{table.height} checks, {failed.height} failed", table)
    raise typer.Exit(1 if failed.height else 0)


@app.command()
def audit(database: Existing, as_of: AsOf = None, config: Config = None, as_json: Json = False) -> None:
    """Ask for a second opinion: lifetimes fitted to the same data, differences shown."""
    from custvalue.data.purchases import purchase_summary
    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.audit import audit as compare

    settings = settings_from(config)
    must_exist(database)
    with progress(as_json) as step, open_warehouse(database, read_only=True) as shop:
        step("fitting both packages")
        answer = compare(purchase_summary(shop, as_of=as_of, time_unit=settings.time_unit))
    if as_json:
        print_json({"finding": answer.title, "table": answer.table.to_dicts()})
    else:
        print_result(answer, [name for name in answer.table.columns if name != "kind"])


@app.command()
def report(
    database: Existing, out: Out = DEFAULT_OUT, as_of: AsOf = None, config: Config = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it to report.pdf as well.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Write report.html alone, and report.pdf if wanted."""
    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.analysis import analyse
    from custvalue.reports.html import write_report
    from custvalue.reports.pdf import write_pdf

    settings = settings_from(config)
    must_exist(database)
    files = [out / "report.html"]
    with progress(as_json) as step, open_warehouse(database, read_only=True) as shop:
        analysis = analyse(shop, settings, as_of=as_of, progress=step)
        out.mkdir(parents=True, exist_ok=True)
        write_report(analysis, files[0])
        if pdf:
            step("printing report.pdf")
            files.append(out / "report.pdf")
            write_pdf(files[0], files[1])
    if as_json:
        print_json({"as_of": analysis.as_of, "missing": analysis.missing, "files": files})
    else:
        out_console.print(f"Written: {', '.join(map(str, files))}", markup=False, highlight=False, soft_wrap=True)


def _check_database(database: Path, sources: list[str]) -> None:
    """Refuse a file to load in the place of the database, and show the whole command that was meant."""
    from custvalue.data.database import check_path

    try:
        check_path(database)
    except SourceError as problem:
        meant = shlex.join(["custvalue", "load", "shop.duckdb", str(database), *sources])
        hint = f"The database comes first: {meant}" if "database comes first" in problem.hint else problem.hint
        raise SourceError(problem.message, hint) from None


def settings_from(config: Path | None) -> Any:
    """Read the settings file; without one, the defaults."""
    from custvalue.config import load_settings

    return load_settings(config)


def must_exist(database: Path) -> None:
    """Refuse a database that is not there."""
    if not database.is_file():
        hint = f"there is no database {database.name}; make one with: custvalue load"
        raise typer.BadParameter(escape(hint), param_hint="DB")


def _show_run(done: Run, files: list[Path], *, as_json: bool) -> None:
    analysis = done.analysis
    if as_json:
        named = analysis.results.items()
        answers = {name: {"finding": r.title, "table": r.table.to_dicts()} for name, r in named}
        print_json(
            {"warnings": analysis.warnings, "as_of": analysis.as_of, "answers": answers, "missing": analysis.missing,
             "files": files, "not_stored": done.not_stored}
        )  # fmt: skip
        return
    for warning in analysis.warnings:
        out_console.print(f"[bold red]Read this first.[/] {escape(warning)}", highlight=False)
    for name, result in analysis.results.items():
        if name not in ("purchases", "spend", "plan", "rows_read"):
            asked = (
                f"Does {name.removeprefix('verdict ').replace('_', ' ')} pay? " if name.startswith("verdict ") else ""
            )
            out_console.print(f"[bold]•[/] {escape(asked + result.title)}", highlight=False)
    if "plan" in analysis.results:
        print_plan(analysis.results["plan"])
    if analysis.missing:
        out_console.print("\n[bold]Not computed[/]")
        for question, why in analysis.missing:
            out_console.print(f"  {escape(question)}: {escape(why)}")
    out_console.print("\n[bold]Written[/]")
    for file in files:
        out_console.print(f"  {file}", markup=False, highlight=False, soft_wrap=True)
    if done.not_stored:
        out_console.print(done.not_stored, markup=False, highlight=False, soft_wrap=True)
