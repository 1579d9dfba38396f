"""What the command line prints: tables and findings for people, JSON for machines, progress while it works."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from custvalue.results import Result

out_console = Console()
err_console = Console(stderr=True)


@contextmanager
def progress(quiet: bool) -> Iterator[Any]:
    """Show what is being done and for how long; nothing when machines read the output."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=err_console, disable=quiet, transient=True) as bar:
        task = bar.add_task("starting")
        yield lambda text: bar.update(task, description=text)


def print_plan(plan: Result) -> None:
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
    print_table(plan.title, rows, kinds | dict.fromkeys(amounts, "count"))
    for row in shown.iter_rows(named=True):
        told = f"{row['name']}, {row['segment']}"
        out_console.print(f"  [bold]{escape(told)}[/]: {escape(row['why'])}", highlight=False)


def print_result(result: Result, columns: list[str] | None = None) -> None:
    """Print a result's table under its finding."""
    table = result.table.select(columns) if columns else result.table
    kinds = {name: kind for name, kind in result.column_kinds().items() if name in table.columns}
    print_table(result.title, table, kinds)


def print_table(title: str, frame: pl.DataFrame, kinds: dict[str, Any] | None = None) -> None:
    """Print a frame: numbers to the right, with the signs and places of their kind."""
    from custvalue.results import column_kind

    kinds = kinds or {name: column_kind(name, dtype) for name, dtype in frame.schema.items()}
    table = Table(title=escape(title), title_justify="left", header_style="bold", show_lines=False)
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
    shown = formats[kind].format(value) if kind in formats else escape(str(value))
    return shown.removeprefix("-") if shown.strip("-0.,%") == "" else shown  # no negative zero


def escape(text: str) -> str:
    """Take square brackets in a text as they are, not as markup."""
    from rich.markup import escape

    return escape(text)


def print_json(value: Any) -> None:
    """Print a value as JSON: money as numbers, days as texts."""
    from decimal import Decimal

    def plain(item: Any) -> Any:
        return float(item) if isinstance(item, Decimal) else str(item)

    sys.stdout.write(json.dumps(value, default=plain, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
