"""All answers in one workbook as a controller wants it: an index, assumptions, a sheet per question, control totals."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import xlsxwriter

from custvalue.reports.answers import answers
from custvalue.reports.assumptions import live_inputs, record, settings_of
from custvalue.reports.cells import Page, Place
from custvalue.reports.sheets import ASSUMPTIONS, INDEX, Sheet, sheets
from custvalue.reports.summary import controls, unsaid
from custvalue.reports.words import day, for_people
from custvalue.reports.writing import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from custvalue.reports.analysis import Analysis

NOTHING_RUNS: dict[str, Any] = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}  # fmt: skip
TO_CHANGE = "Change it in the settings file (custvalue.toml) and run again: the models don’t run in a workbook."
FOLLOWS = "Blue cells are inputs. The figures that name them follow at once; those of the models stay as they are."


def write_workbook(analysis: Analysis, file: Path) -> None:
    """Write the workbook.

    Parameters
    ----------
    analysis
        The answers of a run.
    file
        Where to write. What a customer typed is a text in every cell; formulas and links are our own.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, NOTHING_RUNS) as workbook:
        # the day of the data, not of the run: the same answers are the same bytes
        workbook.set_properties(
            {"created": dt.datetime.combine(analysis.as_of, dt.time()), "title": "custvalue",
             "company": analysis.settings.company}
        )  # fmt: skip
        index = Page(workbook, INDEX, analysis.currency)
        assumed = Page(workbook, ASSUMPTIONS, analysis.currency)
        inputs = _write_assumptions(assumed, analysis)
        told = sheets(analysis)
        for sheet in told:
            _write_sheet(Page(workbook, sheet.name, sheet.currency), sheet, analysis, inputs)
        _write_index(index, analysis, told)
    with whole_file(file) as written:
        written.write_bytes(content.getvalue())


def _write_index(page: Page, analysis: Analysis, told: list[Sheet]) -> None:
    company = f"{analysis.settings.company}: " if analysis.settings.company else ""
    units = f"money is in {analysis.currency or 'the currency of the files'}, without tax"
    page.title(f"{company}What our customers are worth, and which service pays",
               f"All orders until {day(analysis.as_of)}; {units}. A dash is nought, an empty cell is not known.",
               link=False)  # fmt: skip
    for warning in analysis.warnings:
        page.warning("Read this first", warning)
    page.heading("Question", "Answer")
    for answer in answers(analysis):
        page.line(answer.question, " ".join(filter(None, (answer.lead, answer.more))))
    page.heading("Sheet", "Question", "Finding")
    page.linked(
        ASSUMPTIONS, "What does it rest on?", "Inputs in blue, settings of the run, and every figure for the record"
    )
    for sheet in told:
        page.linked(sheet.name, sheet.question, ". ".join(for_people(each) for each in sheet.findings[:2]))
    if missing := unsaid(analysis):
        page.heading("What can’t be told yet", "Why, and what would answer it")
        for what, why in missing:
            page.line(what, why)
    page.heading("Every row of every table")
    page.line(
        "Database", "Schema results of the database holds each answer’s whole table, months and customers included."
    )
    page.finish(widths=(34, 76, 60), last_column=2)
    page.activate()


def _write_assumptions(page: Page, analysis: Analysis) -> dict[str, Place]:
    """Write inputs, settings and the record; return where each live input stands."""
    page.title("What does it rest on?", FOLLOWS)
    places: dict[str, Place] = {}
    if inputs := live_inputs(analysis):
        page.heading("Input", "Value", "Where it comes from")
        for each in inputs:
            places[each.key] = page.assumption(each.what, each.value, each.kind, each.does)
        if {"delivery", "margin"} <= places.keys():
            basket = f"={places['delivery'].cell}/{places['margin'].cell}"
            numbers = {each.key: float(each.value) for each in inputs}
            value = numbers["delivery"] / numbers["margin"] if numbers["margin"] else 0.0
            says = "Live: cost of delivery by margin. Whether giving it pays, only a test tells."
            page.formula_line("Basket whose margin pays its delivery", basket, value, "money", says)
    page.heading("Setting of the run", "Value", "What it does", "Name in custvalue.toml")
    for each in settings_of(analysis):
        page.assumption(each.what, each.value, each.kind, each.does, each.key)
    page.note(TO_CHANGE)
    page.heading("For the record", "Value", "Of")
    for line in record(analysis):
        page.line(*line)
    page.finish(widths=(40, 46, 64, 30), last_column=3)
    return places


def _write_sheet(page: Page, sheet: Sheet, analysis: Analysis, inputs: dict[str, Place]) -> None:
    page.title(sheet.question, ". ".join(for_people(each) for each in sheet.findings[:2]) + ".")
    if sheet.note:
        page.note(sheet.note)
    if sheet.name == "Controls":
        _write_controls(page, analysis)
    for block in sheet.blocks:
        written = page.block(block)
        if block.key == "measures" and "earns" in inputs:
            page.ratio_column(block, written, "avoidable", inputs["earns"], "orders it must win to pay")
        if block.key == "plan" and "budget" in inputs:
            page.remainder(block, written, "cost", inputs["budget"], "Left of the budget")
    page.finish(is_list=sheet.blocks[0].frame.height > 400)


def _write_controls(page: Page, analysis: Analysis) -> None:
    page.heading("Control total: the same amount by two roads", "Source", "Result", "Difference")
    for control in controls(analysis):
        page.control(control.what, control.source, control.result, control.kind)
