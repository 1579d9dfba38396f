"""The workbook, read back with openpyxl: what a reader of Excel gets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import openpyxl
import polars as pl
import pytest
import xlsxwriter

from custvalue.reports.summary import controls
from custvalue.reports.workbook import sheet_name, write_workbook
from custvalue.results import Result, write_sheet

TYPED = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2", "http://x", '=HYPERLINK("http://x")', "\t=1", "mailto:a@b"]


@pytest.fixture(scope="module")
def book(analysis, tmp_path_factory):
    file = tmp_path_factory.mktemp("book") / "custvalue.xlsx"
    write_workbook(analysis, file)
    return openpyxl.load_workbook(file)


def rows(sheet):
    return [row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]


def test_sheet_per_question_and_the_summary_first(analysis, book):
    assert book.sheetnames[0] == "Summary"
    summary = rows(book["Summary"])
    for result in analysis.results.values():
        (row,) = [r for r in summary if r[1] == result.title]
        assert row[2] in book.sheetnames
    assert all(len(name) <= 31 for name in book.sheetnames)
    assert len({name.lower() for name in book.sheetnames}) == len(book.sheetnames)


def test_control_totals_are_on_the_first_sheet(analysis, book):
    summary = {row[0]: row[1:4] for row in rows(book["Summary"])}
    assert summary["Control total"] == ("Source", "Result", "Difference")
    for control in controls(analysis):
        assert summary[control.what] == pytest.approx((control.source, control.result, 0.0), abs=1e-6)


def test_missing_answers_and_assumptions_are_on_the_first_sheet(analysis, book):
    summary = rows(book["Summary"])
    for line in analysis.missing:
        assert line in [row[:2] for row in summary]
    assert ("annual discount rate", "0.1", "Lifetime value") in [row[:3] for row in summary]


def test_units_formats_frozen_header_and_widths(book):
    sheet = book["Profit"]
    header = {cell.value: cell.column_letter for cell in sheet[3]}
    assert "contribution, EUR" in header
    assert sheet.freeze_panes == "B4"
    cell = sheet[f"{header['courtesy, EUR']}4"]
    assert cell.number_format.split(";")[1].startswith("(")
    assert "EUR" in cell.number_format
    assert sheet.column_dimensions[header["contribution, EUR"]].width >= 12
    shares = book["Lifetime value"]
    header = {cell.value: cell.column_letter for cell in shares[3]}
    assert "%" in shares[f"{header['churn probability']}4"].number_format


def test_totals_are_values_and_equal_the_result(analysis, book):
    sheet, profit = book["Profit"], analysis.results["profit"].table
    header = {cell.value: cell.column for cell in sheet[3]}
    last = sheet.max_row
    assert sheet.cell(last, 1).value == "total"
    total = sheet.cell(last, header["contribution, EUR"]).value
    assert total == pytest.approx(float(profit["contribution"].sum()), abs=0.005)
    column = [sheet.cell(r, header["contribution, EUR"]).value for r in range(4, last)]
    assert len(column) == profit.height
    assert sum(column) == pytest.approx(total, abs=0.005)


def test_no_cell_is_a_formula_or_a_link(book):
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None


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
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value in TYPED]
    assert {cell.value for cell in cells} == set(TYPED)
    assert {cell.data_type for cell in cells} == {"s"}
    assert not any(cell.hyperlink for cell in cells)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("a" * 40, "A" + "a" * 30),
        ("up/down: [x]*?\\", "Up down   x"),
        ("'quoted'", "Quoted"),
        ("history", "History 2"),
        ("SUMMARY", "SUMMARY 2"),
        ("", "Sheet"),
    ],
)
def test_sheet_names_that_excel_takes(wanted, got, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "names.xlsx") as workbook:
        workbook.add_worksheet("Summary")
        name = sheet_name(workbook, wanted)
        workbook.add_worksheet(name)
    assert name == got


def test_names_that_begin_alike_stay_apart(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "names.xlsx") as workbook:
        names = [workbook.add_worksheet(sheet_name(workbook, "x" * 40)).get_name() for _ in range(12)]
    assert len({name.lower() for name in names}) == 12
    assert max(map(len, names)) == 31


def test_more_rows_than_a_sheet_takes_are_cut_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("custvalue.results.EXCEL_ROWS", 3)
    table = pl.DataFrame({"customer_id": list("abcde"), "clv": [1.0, 2.0, 3.0, 4.0, 5.0]})
    with xlsxwriter.Workbook(tmp_path / "long.xlsx") as workbook:
        write_sheet(workbook, "long", table, {"customer_id": "text", "clv": "money"}, title="t", totals=("clv",))
    sheet = openpyxl.load_workbook(tmp_path / "long.xlsx")["long"]
    assert "first 3 of 5 rows" in sheet["A2"].value
    assert sheet["B7"].value == 15.0
    assert sheet.max_row == 7
