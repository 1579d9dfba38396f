"""What the command line prints: tables and findings for people, JSON for machines, progress while it works."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from custvalue.results import Result

out_console = Console()
err_console = Console(stderr=True)
LONG_TEXT, GAP = 24, 2
"""Texts longer than this may break; columns without a frame are so far apart."""


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
    gain, low, high = (pl.col(name).round(0).cast(pl.Int64) for name in ("gain", "gain_low", "gain_high"))
    between = pl.format("{} to {}", *(end.map_elements("{:,}".format, pl.String) for end in (low, high)))
    sure = pl.when(low != high).then(between).alias("90% sure")
    rows = shown.select("action", pl.col("name").alias("measure"), "segment", gain, sure)
    kinds = dict.fromkeys(rows.columns, "text") | {"gain": "count"}
    out_console.print()
    print_table(plan.title, rows, kinds)
    for row in shown.iter_rows(named=True):
        told = f"{row['name']}, {row['segment']}"
        out_console.print(f"  [bold]{escape(told)}[/]: {escape(row['why'])}", highlight=False)


def print_result(result: Result, columns: list[str] | None = None) -> None:
    """Print a result's table under its finding."""
    table = result.table.select(columns) if columns else result.table
    kinds = {name: kind for name, kind in result.column_kinds().items() if name in table.columns}
    print_table(result.title, table, kinds)


def print_table(title: str, frame: pl.DataFrame, kinds: dict[str, Any] | None = None) -> None:
    """Print a frame: numbers to the right, with the signs and places of their kind.

    Headings break at words and are never cut. What is too wide for the screen loses its frame, and then is printed in
    parts, each with the first column.
    """
    from custvalue.results import column_kind

    kinds = kinds or {name: column_kind(name, dtype) for name, dtype in frame.schema.items()}
    names, room = list(kinds), out_console.width
    rows = [[_cell(row[name], kind) for name, kind in kinds.items()] for row in frame.iter_rows(named=True)]
    least = [_least(name, [row[i] for row in rows], kinds[name]) for i, name in enumerate(names)]
    is_framed = sum(least) + 3 * len(least) + 1 <= room
    parts = [list(range(len(least)))] if is_framed else _parts(least, room)
    for number, part in enumerate(parts):
        if number:
            out_console.print()
        table = Table(
            title=None if number else escape(title), title_justify="left", header_style="bold",
            box=HEAVY_HEAD if is_framed else None, padding=(0, 1) if is_framed else (0, GAP, 0, 0),
        )  # fmt: skip
        widths = _widened(part, least, names, rows, room - (3 * len(part) + 1 if is_framed else GAP * len(part)))
        for i, width in zip(part, widths, strict=True):
            side: Literal["left", "right"] = "left" if kinds[names[i]] in ("text", "date") else "right"
            table.add_column(names[i].replace("_", " "), justify=side, width=width, overflow="fold")
        for row in rows:
            table.add_row(*(row[i] for i in part))
        out_console.print(table)


def _least(name: str, cells: list[str], kind: str) -> int:
    """Return the width that a column needs: its longest word, or its longest number."""
    longest = max(map(len, cells), default=0)
    return max(longest if kind != "text" else min(longest, LONG_TEXT), *map(len, name.split("_")))


def _widened(part: list[int], least: list[int], names: list[str], rows: list[list[str]], room: int) -> list[int]:
    """Give the room that is left to columns whose heading or text would break, from the left."""
    widths, spare = [least[i] for i in part], room - sum(least[i] for i in part)
    for place, i in enumerate(part):
        wanted = max(len(names[i]), *(len(row[i]) for row in rows), 0) if rows else len(names[i])
        more = max(0, min(spare, wanted - widths[place]))
        widths[place], spare = widths[place] + more, spare - more
    return widths


def _parts(least: list[int], room: int) -> list[list[int]]:
    """Deal columns to tables that fit, the first column in each."""
    parts: list[list[int]] = [[0]]
    for i in range(1, len(least)):
        if sum(least[j] + GAP for j in (*parts[-1], i)) > room and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(i)
    return parts


def print_pairs(pairs: list[tuple[str, str]]) -> None:
    """Print what belongs together in two columns; a long text goes on beneath its beginning. Both are markup."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for left, right in pairs:
        grid.add_row(f"  {left}", right)
    out_console.print(grid, highlight=False)


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
