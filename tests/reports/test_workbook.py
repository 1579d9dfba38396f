"""The workbook, read back with openpyxl: what a reader of Excel gets."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, replace

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from openpyxl.utils import range_boundaries

from custvalue.config import ServiceSettings, Settings
from custvalue.reports.answers import answers
from custvalue.reports.sheets import customers
from custvalue.reports.summary import controls, unsaid
from custvalue.reports.workbook import write_workbook
from custvalue.results import Result, write_sheet

TYPED = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2", "http://x", '=HYPERLINK("http://x")', "\t=1", "mailto:a@b"]
NAMES = ["Index", "Assumptions", "Worth", "Customers", "Earnings", "Courtesy", "Tests", "Plan", "Capacity", "Controls"]
INPUT = r"'Assumptions'!\$B\$\d+"
OUR_FORMULAS = re.compile(
    rf"=(SUBTOTAL\(109,[A-Z]+\d+:[A-Z]+\d+\)|ROUND\(B\d+-C\d+,2\)|([A-Z]+\d+|{INPUT})/{INPUT}|{INPUT}-[A-Z]+\d+)"
)
POINTS_WIDE, POINTS_HIGH = 842 - 58, 595 - 79
"""A4 across, less its margins."""


@pytest.fixture(scope="module")
def file(analysis, tmp_path_factory):
    file = tmp_path_factory.mktemp("book") / "custvalue.xlsx"
    write_workbook(analysis, file)
    return file


@pytest.fixture(scope="module")
def book(file):
    return openpyxl.load_workbook(file)


@pytest.fixture(scope="module")
def values(file):
    """Return the values that are stored beside the formulas."""
    return openpyxl.load_workbook(file, data_only=True)


def rows(sheet):
    return [row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]


def cells(book):
    return [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


def tables(sheet):
    """Return each table's header and rows, by the heading above it."""
    told = {}
    for table in sheet.tables.values():
        left, top, right, bottom = range_boundaries(table.ref)
        lines = [[sheet.cell(r, c).value for c in range(left, right + 1)] for r in range(top, bottom + 1)]
        told[sheet.cell(top - 1, 1).value] = (top, lines[0], lines[1:])
    return told


def test_at_most_ten_sheets_named_by_question(analysis, book, tmp_path):
    assert book.sheetnames == NAMES
    few = {name: r for name, r in analysis.results.items() if name in ("profit", "rows_read")}
    write_workbook(replace(analysis, results=few), tmp_path / "few.xlsx")
    assert openpyxl.load_workbook(tmp_path / "few.xlsx").sheetnames == [
        "Index", "Assumptions", "Customers", "Earnings", "Controls",
    ]  # fmt: skip


def test_the_index_has_the_answers_and_leads_to_every_sheet_and_back(analysis, book):
    index = book["Index"]
    told = rows(index)
    for answer in answers(analysis):
        assert f"{answer.lead} {answer.more}" in [row[1] for row in told if row[0] == answer.question]
    links = {cell.hyperlink.location for row in index.iter_rows() for cell in row if cell.hyperlink}
    assert links == {f"'{name}'!A1" for name in NAMES[1:]}
    for name in NAMES[1:]:
        assert book[name]["A3"].hyperlink.location == "'Index'!A1"
    for line in unsaid(analysis):
        assert line in [row[:2] for row in told]


def test_a_warning_stands_before_the_answers(analysis, tmp_path):
    write_workbook(replace(analysis, warnings=("3% were set aside.",)), tmp_path / "warned.xlsx")
    told = rows(openpyxl.load_workbook(tmp_path / "warned.xlsx")["Index"])
    assert told[2][:2] == ("Read this first", "3% were set aside.")


def test_control_totals_tie_and_their_difference_is_a_formula(analysis, book, values):
    shown = {row[0]: row[1:4] for row in rows(values["Controls"])}
    for control in controls(analysis):
        assert shown[control.what] == pytest.approx((control.source, control.result, 0.0), abs=1e-6)
    formulas = {row[0]: row[3] for row in rows(book["Controls"])}
    assert all(formulas[control.what].startswith("=ROUND(B") for control in controls(analysis))


def test_totals_are_live_and_equal_the_result(analysis, book, values):
    profit = analysis.results["profit"].table
    sheet = book["Customers"]
    header = {cell.value: cell.column for cell in sheet[4]}
    column, last = header["contribution, EUR"], sheet.max_row
    assert sheet.cell(last, 1).value == "total of the rows shown"
    letter = sheet.cell(4, column).column_letter
    assert sheet.cell(last, column).value == f"=SUBTOTAL(109,{letter}5:{letter}{last - 1})"
    total = values["Customers"].cell(last, column).value
    assert total == pytest.approx(float(profit["contribution"].sum()), abs=0.005)
    listed = [sheet.cell(r, column).value for r in range(5, last)]
    assert len(listed) == profit.height == 4_000
    assert sum(listed) == pytest.approx(total, abs=0.005)


def test_every_formula_says_what_excel_would_work_out(book, values):
    """A second road: the sums, quotients and differences are worked out here from the cells that they name."""
    found = 0
    for sheet in book:
        shown = values[sheet.title]
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type != "f":
                    continue
                found += 1
                formula, value = cell.value[1:], shown[cell.coordinate].value
                if formula.startswith("SUBTOTAL(109,"):
                    area = shown[formula.removeprefix("SUBTOTAL(109,").removesuffix(")")]
                    parts = [c[0].value for c in area if isinstance(c[0].value, int | float)]
                    assert value == pytest.approx(math.fsum(parts), abs=0.006), (sheet.title, cell.coordinate)
                elif formula.startswith("ROUND("):
                    a, b = formula.removeprefix("ROUND(").split(",")[0].split("-")
                    assert value == pytest.approx(round(shown[a].value - shown[b].value, 2), abs=0.001)
                else:
                    one, by = formula.split("/")
                    numbers = [at(values, shown, name) for name in (one, by)]
                    assert value == pytest.approx(numbers[0] / numbers[1])
    assert found > 60


def at(values, here, name):
    """Return the value of a cell, of this sheet or a named one."""
    if "!" not in name:
        return here[name].value
    sheet, cell = name.split("!")
    return values[sheet.strip("'")][cell.replace("$", "")].value


def test_a_courtesy_has_the_orders_it_must_win(analysis, book, values):
    top, _, lines = tables(book["Courtesy"])["By measure, highest cost first"]
    assert book["Courtesy"].cell(top, 10).value == "orders it must win to pay"
    profit = analysis.results["profit"].company.row(0, named=True)
    summary = analysis.summary.table
    earns = float(profit["contribution"] - profit["courtesy"]) / (float(summary["frequency"].sum()) + summary.height)
    assert lines[0][0] == "free delivery"
    assert values["Courtesy"].cell(top + 1, 10).value == pytest.approx(lines[0][5] / earns, rel=1e-4)


def test_what_is_left_of_a_budget_stands_beneath_the_plan(analysis, tmp_path):
    settings = Settings(service=ServiceSettings(budget=10_000.0))
    write_workbook(replace(analysis, settings=settings), tmp_path / "budget.xlsx")
    shown = openpyxl.load_workbook(tmp_path / "budget.xlsx", data_only=True)
    (left,) = [row for row in rows(shown["Plan"]) if row[0] == "Left of the budget"]
    shown_rows = analysis.results["plan"].table.filter((pl.col("action") != "keep") | (pl.col("basis") == "measured"))
    assert [cell for cell in left[1:] if cell is not None] == [pytest.approx(10_000.0 - shown_rows["cost"].sum())]


def test_assumptions_are_in_blue_cells_and_in_words(book):
    sheet = book["Assumptions"]
    named = {sheet.cell(r, 1).value: sheet.cell(r, 2) for r in range(1, sheet.max_row + 1)}
    for what, value in (("Discount a year", 0.1), ("Days looked ahead", 365), ("Certainty of intervals", 0.95)):
        assert named[what].value == value
        assert named[what].font.color.rgb == "FF0000C8"
        assert named[what].fill.fgColor.rgb == "FFE3EDFB"
    assert "%" in named["Discount a year"].number_format
    assert named["Basket whose margin pays its delivery"].value.count("'Assumptions'!$B$") == 2
    assert ("seed", "1", "What is each customer worth from now on?") in [row[:3] for row in rows(sheet)]


def test_units_formats_filters_frozen_headers_widths_and_print(book):
    for sheet in book:
        assert sheet.print_area, sheet.title
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.freeze_panes == ("B5" if sheet.title == "Customers" else "A4")
        widths = [each.width for each in sheet.column_dimensions.values()]
        assert widths
        assert all(8 < width < 80 for width in widths)
        for table in sheet.tables.values():
            assert table.autoFilter is not None
    customers = book["Customers"]
    header = {cell.value: cell.column_letter for cell in customers[4]}
    money = customers[f"{header['courtesy, EUR']}5"].number_format
    assert money.split(";")[1].startswith("(")
    assert "EUR" in money
    assert "%" in customers[f"{header['has left (probability)']}5"].number_format
    days = [cell for cell in cells(book) if isinstance(cell.value, dt.datetime)]
    assert days
    assert {cell.number_format for cell in days} == {"yyyy-mm-dd"}


def test_charts_are_native(book):
    assert {sheet.title for sheet in book if sheet._charts} == {"Worth", "Earnings", "Courtesy", "Plan"}


def pages(sheet):
    """Estimate the printed pages: columns are shrunk to a page's width, texts are wrapped."""
    width = sum((7 * d.width + 5) * 0.75 * (d.max - d.min + 1) for d in sheet.column_dimensions.values())
    wide = {c: d.width for d in sheet.column_dimensions.values() for c in range(d.min, d.max + 1)}
    height = sum(
        15 * max([1, *(math.ceil(len(str(c.value)) * 1.1 / wide.get(c.column, 13)) for c in row
                       if c.alignment.wrap_text and c.value is not None)])
        for row in sheet.iter_rows()
    )  # fmt: skip
    return math.ceil(height * min(1.0, POINTS_WIDE / width) / POINTS_HIGH)


def test_all_but_the_list_of_customers_print_on_at_most_forty_pages(book):
    counted = {sheet.title: pages(sheet) for sheet in book}
    assert sum(n for name, n in counted.items() if name != "Customers") <= 40, counted
    assert counted["Customers"] > 40  # the measure can tell


def test_same_answers_are_the_same_bytes(analysis, file, tmp_path):
    write_workbook(analysis, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == file.read_bytes()


@dataclass(frozen=True, kw_only=True)
class Typed(Result):
    """A result whose names a customer typed."""

    @property
    def title(self):
        return TYPED[0]


def test_what_a_customer_typed_is_a_text(analysis, tmp_path):
    table = pl.DataFrame({"segment": TYPED, "n_customers": range(len(TYPED))})
    evil = replace(analysis, results={"verdict =1+1": Typed(table=table)}, missing=tuple((t, t) for t in TYPED))
    write_workbook(evil, tmp_path / "book.xlsx")
    found = [cell for cell in cells(openpyxl.load_workbook(tmp_path / "book.xlsx")) if cell.value in TYPED]
    assert {cell.value for cell in found} == set(TYPED)
    assert {cell.data_type for cell in found} == {"s"}
    assert not any(cell.hyperlink for cell in found)
    assert "Tests" in openpyxl.load_workbook(tmp_path / "book.xlsx").sheetnames


def test_formulas_and_links_are_our_own(book):
    for cell in cells(book):
        if cell.data_type == "f":
            assert OUR_FORMULAS.fullmatch(cell.value), cell.value
        if cell.hyperlink:
            assert cell.hyperlink.target is None
            assert cell.hyperlink.location.strip("'").split("'!")[0] in NAMES


def test_more_customers_than_a_sheet_takes_are_cut_and_said(analysis, tmp_path, monkeypatch):
    monkeypatch.setattr("custvalue.reports.sheets.EXCEL_ROWS", 3)
    assert customers(analysis).note == "The first 3 of 4,000 rows."
    write_workbook(analysis, tmp_path / "short.xlsx")
    told = [row[0] for row in rows(openpyxl.load_workbook(tmp_path / "short.xlsx")["Customers"])]
    assert "The first 3 of 4,000 rows." in told


def test_a_result_written_alone_is_cut_too(tmp_path, monkeypatch):
    monkeypatch.setattr("custvalue.results.EXCEL_ROWS", 3)
    table = pl.DataFrame({"customer_id": list("abcde"), "clv": [1.0, 2.0, 3.0, 4.0, 5.0]})
    with xlsxwriter.Workbook(tmp_path / "long.xlsx") as workbook:
        write_sheet(workbook, "long", table, {"customer_id": "text", "clv": "money"}, title="t", totals=("clv",))
    sheet = openpyxl.load_workbook(tmp_path / "long.xlsx")["long"]
    assert "first 3 of 5 rows" in sheet["A2"].value
    assert sheet["B7"].value == 15.0
    assert sheet.max_row == 7
