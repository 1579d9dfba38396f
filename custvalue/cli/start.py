"""The commands for a first own file: init proposes how it is read, template and doctor say what more would give."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from custvalue.cli.commands import (
    DEFAULT_OUT,
    Config,
    Existing,
    Json,
    Out,
    app,
    load,
    must_exist,
    run_command,
    settings_from,
)
from custvalue.cli.output import escape, out_console, print_json, print_pairs, progress
from custvalue.errors import CustvalueError, SourceError

if TYPE_CHECKING:
    from custvalue.data.loading import LoadReport
    from custvalue.reports.proposal import Proposal

DATABASE = "shop.duckdb"


@app.command()
def init(
    sources: Annotated[list[str], typer.Argument(help="Files or folders, as load takes them.", metavar="FILE...")],
    mapping: Annotated[Path, typer.Option("--map", help="Mapping file to write.")] = Path("mapping.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a mapping file that is there.")] = False,
    run: Annotated[bool, typer.Option("--run", help=f"Load into {DATABASE} and answer everything right away.")] = False,
    out: Out = DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Look at files, propose how they are read, say what is doubted, and name the next command."""
    from custvalue.data.looking import look_at
    from custvalue.reports.proposal import propose

    with progress(as_json) as step:
        step("looking at the files")
        found = propose(look_at(list(sources)))
    if found.text:
        if mapping.exists() and not force:
            hint = "Name another with --map, or replace it with --force."
            raise SourceError(f"There is a mapping file {mapping.name!r} already.", hint)
        mapping.write_text(found.text, encoding="utf-8")
    used = str(mapping) if found.text else found.shipped
    taken = [name for name in sources if Path(name).name not in found.left_out]
    with progress(as_json) as step:
        tried, problem = _tried(taken, used, step)
    following = _next(taken, used)
    if as_json:
        print_json(
            {"mapping": used, "written": bool(found.text), "understood": found.understood, "doubts": found.doubts,
             "left_out": found.left_out, "tried": [] if tried is None else tried.table.to_dicts(), "problem": problem,
             "next": following}
        )  # fmt: skip
    else:
        _show(found, used, tried, problem)
        if not run:
            _say("\n[bold]Next[/]")
            for command in following:
                out_console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
    if problem:
        raise typer.Exit(1)
    if run:
        load(Path(DATABASE), taken, used, as_json=as_json)
        run_command(Path(DATABASE), out, as_json=as_json)


def _tried(sources: list[str], mapping: str | None, step: object) -> tuple[LoadReport | None, str]:
    """Load into a database in memory: what the mapping makes of the files, or why it does not fit."""
    from custvalue.data.warehouse import open_warehouse

    try:
        with open_warehouse() as shop:
            return shop.load(sources, mapping=mapping, progress=step), ""  # type: ignore[arg-type]
    except CustvalueError as problem:
        return None, " ".join(filter(None, (problem.message, problem.hint)))


def _next(sources: list[str], mapping: str | None) -> list[str]:
    loading = ["custvalue", "load", DATABASE, *sources, *(["--map", mapping] if mapping else [])]
    return [shlex.join(loading), f"custvalue run {DATABASE}"]


def _say(text: str) -> None:
    out_console.print(text, highlight=False)


def _show(found: Proposal, used: str | None, tried: LoadReport | None, problem: str) -> None:
    _say("[bold]Understood[/]")
    print_pairs([(f"[bold]{escape(ours)}[/]", f"{escape(theirs)}{f': {escape(how)}' if how else ''}")
                 for ours, theirs, how in found.understood])  # fmt: skip
    if found.doubts:
        _say("\n[bold]Doubted[/]")
        print_pairs([("•", escape(doubt)) for doubt in found.doubts])
    if tried is not None:
        _say("\n[bold]Tried[/]")
        _say(f"  {escape(tried.title)}")
        for reason, example, rows in tried.reasons.select("reason", "example", "rows").head(5).iter_rows():
            _say(f"  {rows:,} set aside: {escape(reason)} ({escape(str(example))})")
    if problem:
        _say(f"\n[bold red]It does not fit yet.[/] {escape(problem)}")
    where = "No mapping is needed." if used is None else f"Mapping: {used}{' (ships)' if not found.text else ''}"
    _say(f"\n{escape(where)}")


@app.command("template")
def template_command(
    table: Annotated[str, typer.Argument(help="Table of ours, such as order_lines or experiments.", metavar="TABLE")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write; default TABLE.csv.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write an empty table with its columns and an example row, and say what each column holds."""
    from custvalue.reports.templates import template

    found, file = template(table), out or Path(f"{table}.csv")
    if file.exists() and not force:
        raise SourceError(
            f"There is a file {file.name!r} already.", "Name another with --out, or replace it with --force."
        )
    file.write_text(found.text(), encoding="utf-8")
    if as_json:
        fields = [{"name": f.name, "holds": f.holds, "needed": f.is_needed, "example": f.example} for f in found.fields]
        print_json({"table": table, "grain": found.grain, "file": file, "fields": fields})
        return
    _say(f"[bold]{escape(table)}[/]: {escape(found.grain)}")
    print_pairs([(field.name, f"{escape(field.holds)}{' [bold](needed)[/]' if field.is_needed else ''}")
                 for field in found.fields])  # fmt: skip
    _say("\nThe file has one row as an example: put yours in its place. Columns that you don’t have may be left out.")
    out_console.print(f"Written: {file}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def doctor(database: Existing, config: Config = None, as_json: Json = False) -> None:
    """Say what can be answered today, what one more table would give, and how the data look."""
    from dataclasses import asdict

    from custvalue.data.warehouse import open_warehouse
    from custvalue.reports.doctor import checkup

    settings = settings_from(config)
    must_exist(database)
    with progress(as_json) as step, open_warehouse(database, read_only=True) as shop:
        step("looking at the data")
        found = checkup(shop, settings)
    if as_json:
        print_json(asdict(found))
        return
    _say("[bold]What can be answered today[/]")
    print_pairs([("[green]yes[/]" if each.is_answered else "[yellow]no[/]",
                  f"{escape(each.question)}{f' It {escape(each.why)}.' if each.why else ''}")
                 for each in found.questions])  # fmt: skip
    if found.offers:
        _say("\n[bold]What one more table would give, most worth first[/] (its columns: custvalue template TABLE)")
        print_pairs([(f"{place}.", f"[bold]{escape(offer.table)}[/]: {escape(offer.gives)}")
                     for place, offer in enumerate(found.offers, start=1)])  # fmt: skip
    _say("\n[bold]How the data look[/]")
    told = []
    for each in found.findings:
        remark = f" [yellow]({escape(each.remark)})[/]" if each.remark else ""
        told.append((escape(each.what), escape(each.found) + remark))
    print_pairs(told)
