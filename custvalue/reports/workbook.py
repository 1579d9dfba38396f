"""All answers in one workbook: a summary with control totals, then a sheet per question with every row."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import TYPE_CHECKING, Any

import xlsxwriter

from custvalue.profit.courtesy import CourtesyCost
from custvalue.profit.waterfall import CustomerProfit
from custvalue.reports.summary import controls, key_figures, question
from custvalue.reports.tables import recommendation, views
from custvalue.reports.writing import whole_file
from custvalue.results import describe, excel_format, write_sheet
from custvalue.service.plan import ServicePlan
from custvalue.service.segments import Segments

if TYPE_CHECKING:
    from pathlib import Path

    from xlsxwriter.worksheet import Worksheet

    from custvalue.reports.analysis import Analysis
    from custvalue.results import Kind, Result

SHEETS = {
    "profit": "Profit", "whale": "Whale curve", "courtesy": "Courtesy", "purchases": "Purchase model",
    "spend": "Spend model", "value": "Lifetime value", "segments": "Segments", "plan": "Service plan",
}  # fmt: skip
SUMMARY = "Summary"
LONGEST = 31
NOTHING_RUNS: dict[str, Any] = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}  # fmt: skip


def write_workbook(analysis: Analysis, file: Path) -> None:
    """Write the workbook.

    Parameters
    ----------
    analysis
        The answers of a run.
    file
        Where to write. Cells hold values only: no formula, no link, whatever a customer typed.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, NOTHING_RUNS) as workbook:
        # the day of the data, not of the run: the same answers are the same bytes
        workbook.set_properties({"created": dt.datetime.combine(analysis.as_of, dt.time())})
        summary = workbook.add_worksheet(SUMMARY)
        sheets = {name: _write_result(workbook, name, result) for name, result in analysis.results.items()}
        _write_summary(workbook, summary, analysis, sheets)
    with whole_file(file) as written:
        written.write_bytes(content.getvalue())


def _write_result(workbook: xlsxwriter.Workbook, name: str, result: Result) -> str:
    """Write a result's whole table, then its further tables; return the name of the first sheet."""
    first = sheet_name(workbook, SHEETS.get(name, name.removeprefix("verdict ")))
    totals = _totals(result)
    if isinstance(result, ServicePlan):
        view = recommendation(result)
        write_sheet(
            workbook, first, view.frame, view.kinds, title=result.title, currency=result.currency, totals=totals
        )
    else:
        result.to_excel(workbook, first, totals=totals)
    for view in views(result):
        if view.name:
            sheet = sheet_name(workbook, f"{first[: LONGEST - len(view.name) - 2]}, {view.name}")
            write_sheet(workbook, sheet, view.frame, view.kinds, title=view.caption, currency=result.currency)
    return first


def _totals(result: Result) -> tuple[str, ...]:
    """Name the columns of the whole table that may be summed."""
    if isinstance(result, CustomerProfit):
        return tuple(result.lines)
    if isinstance(result, CourtesyCost):
        return ("n_events", "minutes", "full", "avoidable", "accounting", "economic", "forgone_fee")
    if isinstance(result, Segments):
        return ("n_customers", "customer_share", result.value_column, "value_share")
    if isinstance(result, ServicePlan):
        return ("gain", "cost")
    return tuple(name for name in ("expected_purchases", "clv", "revenue_value") if name in result.table.columns)


def sheet_name(workbook: xlsxwriter.Workbook, wanted: str) -> str:
    """Return a name that Excel takes: at most 31 characters, none that it forbids, not there yet in any case."""
    base = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", wanted.replace("_", " ")).strip("' ") or "Sheet"
    base = base[:1].upper() + base[1:]
    taken = {sheet.get_name().lower() for sheet in workbook.worksheets()} | {"history"}
    name, count = base[:LONGEST].rstrip("' "), 1
    while name.lower() in taken:
        count += 1
        tail = f" {count}"
        name = base[: LONGEST - len(tail)].rstrip("' ") + tail
    return name


def _write_head(out: _Writer, analysis: Analysis) -> None:
    out.heading("What our customers are worth, and which service pays", size=16)
    if analysis.settings.company:
        out.line("Company", analysis.settings.company)
    out.line("All orders until", analysis.as_of.isoformat())
    out.line("Money in", f"{analysis.currency}, ex tax")
    for warning in analysis.warnings:
        out.line("Read this first", warning)


def _write_summary(workbook: xlsxwriter.Workbook, page: Worksheet, analysis: Analysis, sheets: dict[str, str]) -> None:
    out = _Writer(workbook, page, analysis.currency)
    _write_head(out, analysis)
    out.heading("Key figures", "Value", "Note")
    for figure in key_figures(analysis):
        value = figure.value if isinstance(figure.value, str) else (figure.value, figure.kind)
        out.line(figure.label, value, figure.note)
    out.heading("Question", "Finding", "Sheet")
    for name, result in analysis.results.items():
        out.line(question(name), result.title, sheets[name])
    out.heading("Control total", "Source", "Result", "Difference")
    for control in controls(analysis):
        out.line(control.what, *((v, control.kind) for v in (control.source, control.result, control.difference)))
    if analysis.missing:
        out.heading("Not computed", "Why, and what would give it")
        for what, why in analysis.missing:
            out.line(what, why)
    out.heading("Assumption", "Value", "Of")
    for name, result in analysis.results.items():
        for assumption, value in result.assumptions.items():
            if text := describe(value):
                out.line(assumption.replace("_", " "), text, sheets[name])
    page.set_column(0, 0, 46)
    page.set_column(1, 1, 58)
    page.set_column(2, 3, 30)
    page.freeze_panes(1, 0)
    page.activate()


class _Writer:
    """Writes the summary line by line: every text as a text, every number with its format."""

    def __init__(self, workbook: xlsxwriter.Workbook, page: Worksheet, currency: str) -> None:
        self._page = page
        self._row = 0
        self._workbook = workbook
        kinds: tuple[Kind, ...] = ("text", "money", "count", "percent", "number")
        self._formats = {
            kind: workbook.add_format(
                {"num_format": excel_format(kind, currency), "valign": "top", "text_wrap": True, "align": "left"}
            )
            for kind in kinds
        }

    def heading(self, *texts: str, size: int = 12) -> None:
        """Begin a block, with an empty row before it unless it is the sheet's title."""
        self._row += 1 if self._row else 0
        style = self._workbook.add_format({"bold": True, "font_size": size, "bottom": int(len(texts) > 1)})
        for column, text in enumerate(texts):
            self._page.write_string(self._row, column, text, style)
        self._row += 1

    def line(self, *cells: str | tuple[float, Kind]) -> None:
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                self._page.write_string(self._row, column, cell, self._formats["text"])
            else:
                self._page.write_number(self._row, column, cell[0], self._formats[cell[1]])
        self._row += 1
