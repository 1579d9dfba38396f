"""Files as people have them: each is read as it is meant, or said why not."""

from __future__ import annotations

import gzip
import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
import xlsxwriter

import custvalue as cv
from tests.data.files import HEAD, put, rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop():
    with cv.open() as opened:
        yield opened


def said(report):
    return " ".join([*report.reasons["reason"].to_list(), *report.remarks])


# -------------------------------------------------------------------------------------------------- names of files


@pytest.mark.parametrize("name", ["sales[1].csv", "sales*.csv", "sales?.csv", "[a-z].csv"])
def test_marks_in_a_file_name_are_no_pattern(shop, tmp_path, name):
    put(tmp_path, "sales1.csv", HEAD + "wrong,2024-01-01,1\n")
    put(tmp_path, "b.csv", HEAD + "wrong,2024-01-01,1\n")
    shop.load(put(tmp_path, name, HEAD + "right,2024-01-01,2\n"))
    assert rows(shop) == [("right", "2024-01-01", Decimal("2.00"))]


def test_marks_in_the_name_of_a_parquet_file_are_no_pattern(shop, tmp_path):
    for name, who in (("s1.parquet", "wrong"), ("s[1].parquet", "right")):
        pl.DataFrame({"customer_id": [who], "ordered_at": ["2024-01-01"], "amount": [2]}).write_parquet(tmp_path / name)
    shop.load(tmp_path / "s[1].parquet")
    assert rows(shop) == [("right", "2024-01-01", Decimal("2.00"))]


def test_a_hash_in_the_name_of_a_database_is_no_fragment(shop, tmp_path):
    file = tmp_path / "a#b?.sqlite"
    with sqlite3.connect(file) as con:
        con.execute("create table transactions as select 'x' as customer_id, '2024-01-01' as ordered_at, 5 as amount")
    con.close()
    shop.load(f"sqlite:///{file}")
    assert rows(shop) == [("x", "2024-01-01", Decimal("5.00"))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a#b?.sqlite"]


# ------------------------------------------------------------------------------------------------------- contents


def test_a_damaged_gzip_is_refused(shop, tmp_path):
    lines = "".join(f"c{i},2024-01-{1 + i % 28:02d},{i}\n" for i in range(5000))
    packed = bytearray(gzip.compress((HEAD + lines).encode()))
    packed[-6] ^= 1  # one bit of the checksum
    with pytest.raises(cv.SourceError, match=r"sales\.csv\.gz is damaged"):
        shop.load(put(tmp_path, "sales.csv.gz", bytes(packed)))


def test_a_renamed_file_is_read_by_what_it_holds(shop, tmp_path):
    shop.load(put(tmp_path, "sales.csv", gzip.compress((HEAD + "a,2024-01-01,1\n").encode())))
    assert rows(shop) == [("a", "2024-01-01", Decimal("1.00"))]
    with pytest.raises(cv.SourceError, match="is a PDF"):
        shop.load(put(tmp_path, "invoice.csv", b"%PDF-1.4 ..."))
    with pytest.raises(cv.SourceError, match="NUL bytes"):
        shop.load(put(tmp_path, "bin.csv", b"customer_id,ordered_at,amount\na,2024-01-01,\x001\n"))


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_may_be_mixed(shop, tmp_path, end):
    text = HEAD + f"a,2024-01-01,1{end}b,2024-01-02,2\r\nc,2024-01-03,3\n"
    shop.load(put(tmp_path, "sales.csv", text))
    assert [row[0] for row in rows(shop)] == ["a", "b", "c"]


def test_a_quote_left_open_swallows_no_other_line(shop, tmp_path):
    text = HEAD + 'a,2024-01-01,1\n"b,2024-01-02,2\nc,2024-01-03,3\nd,2024-01-04,4\n'
    report = shop.load(put(tmp_path, "sales.csv", text))
    assert report.table.row(0)[1:] == (4, 3, 0, 1)
    assert [row[0] for row in rows(shop)] == ["a", "c", "d"]
    rejected = shop.rejected("transactions").row(0, named=True)
    assert (rejected["row"], rejected["reason"]) == (2, "a quote opens here and is never closed")


# --------------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize(
    "text",
    [
        'customer_id;ordered_at;amount;"Note, e.g. gift, card"\na;2024-01-01;1;x\nb;2024-01-02;2;y\n',
        "Sales of 2024\nShop X\n\ncustomer_id,ordered_at,amount\na,2024-01-01,1\nb,2024-01-02,2\n",
        "Sales of 2024;;\ncustomer_id;ordered_at;amount\na;2024-01-01;1\nb;2024-01-02;2\n",
        "customer_id;ordered_at;amount;\na;2024-01-01;1;\nb;2024-01-02;2;\n",
        "customer_id;ordered_at;amount;\na;2024-01-01;1\nb;2024-01-02;2\n",
        "customer_id;ordered_at;amount\na;2024-01-01;1;\nb;2024-01-02;2;\n",
        "sep=;\ncustomer_id;ordered_at;amount\na;2024-01-01;1\nb;2024-01-02;2\n",
        '"sep=;"\r\ncustomer_id;ordered_at;amount\r\na;2024-01-01;1\r\nb;2024-01-02;2\r\n',
        ",customer_id,ordered_at,amount\n0,a,2024-01-01,1\n1,b,2024-01-02,2\n",
        "x,customer_id,ordered_at,amount,x\n0,a,2024-01-01,1,\n1,b,2024-01-02,2,\n",
        "\ufeffcustomer_id\tordered_at\tamount\na\t2024-01-01\t1\nb\t2024-01-02\t2\n",
    ],
)
def test_a_header_is_found(shop, tmp_path, text):
    shop.load(put(tmp_path, "sales.csv", text))
    assert rows(shop) == [("a", "2024-01-01", Decimal("1.00")), ("b", "2024-01-02", Decimal("2.00"))]


def test_two_columns_of_one_name_are_refused_only_where_they_are_needed(shop, tmp_path):
    with pytest.raises(cv.SourceError, match="two columns named 'amount'"):
        shop.load(put(tmp_path, "sales.csv", "customer_id,ordered_at,amount,amount\na,2024-01-01,1,2\n"))


def test_two_exports_pasted_together_and_a_total_at_the_end(shop, tmp_path):
    text = HEAD + "a,2024-01-01,1\n" + HEAD + "b,2024-01-02,2\nTotal,,3\n"
    report = shop.load(put(tmp_path, "sales.csv", text))
    assert report.table.row(0)[1:] == (4, 2, 0, 2)
    assert "the header again" in said(report)
    assert "ordered_at is empty" in said(report)


def test_a_huge_skip_ends_at_once(shop, tmp_path):
    file = put(tmp_path, "sales.csv", HEAD + "a,2024-01-01,1\n")
    mapping = put(tmp_path, "map.toml", "[tables.transactions]\nskip = 1000000000\n")
    with pytest.raises(cv.SourceError, match="empty"):
        shop.load(file, mapping=mapping)


# ------------------------------------------------------------------------------------------------------------ days


@pytest.mark.parametrize(
    "day",
    [
        "24-01-05",
        "05/01/24",
        "epoch",
        "-infinity",
        "infinity",
        "0001-01-01",
        "2024-01-01 (BC)",
        "1899-12-30",
        "2999-01-01",
    ],
)
def test_a_day_that_is_none_is_set_aside(shop, tmp_path, day):
    report = shop.load(put(tmp_path, "sales.csv", HEAD + f"a,{day},1\nb,2024-01-02,2\n"))
    assert report.table.row(0)[1:] == (2, 1, 0, 1)
    assert day in shop.rejected("transactions")["reason"].item()


def test_two_digit_years_are_read_by_the_format(shop, tmp_path):
    mapping = put(tmp_path, "map.toml", '[tables.transactions]\ndate_format = "%d.%m.%y"\n')
    shop.load(put(tmp_path, "sales.csv", HEAD + "a,05.01.24,1\nb,06.01.99,1\n"), mapping=mapping)
    assert [row[1] for row in rows(shop)] == ["2024-01-05", "1999-01-06"]


def test_an_open_end_is_no_day_out_of_range(shop, tmp_path):
    text = (
        "valid_from,valid_to,mode,region,fee\n2024-01-01,9999-12-31,standard,all,4.90\n2024-01-01,,express,all,9.90\n"
    )
    report = shop.load(put(tmp_path, "delivery_fees.csv", text))
    assert report.table["rejected"].sum() == 0
    assert shop.fetch("raw.delivery_fees")["valid_to"].to_list() == [None, None]


@pytest.mark.parametrize("time", ["10:00 PM", "10:00:00 PM", "10:00:00 Uhr"])
def test_words_after_a_time_are_no_time_zone(shop, tmp_path, time):
    form = (
        "%Y-%m-%d %I:%M %p"
        if time == "10:00 PM"
        else "%Y-%m-%d %I:%M:%S %p"
        if "PM" in time
        else "%Y-%m-%d %H:%M:%S Uhr"
    )
    mapping = put(tmp_path, "map.toml", f'[tables.transactions]\ndate_format = "{form}"\n')
    report = shop.load(put(tmp_path, "sales.csv", HEAD + f"a,2024-01-01 {time},1\n"), mapping=mapping)
    assert "UTC" not in said(report)
    assert shop.fetch("raw.transactions")["ordered_at"].dt.hour().to_list() == [22 if "PM" in time else 10]


# ------------------------------------------------------------------------------------------------------- workbooks


def workbook(file: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"})
    for name, cells in sheets.items():
        page = book.add_worksheet(name)
        for place, row in enumerate(cells):
            page.write_row(place, 0, row)
    book.close()
    return file


def test_real_dates_texts_and_ids_of_a_workbook_are_all_read(shop, tmp_path):
    import datetime as dt

    many = [[i, dt.datetime(2024, 1, 1), 1.5] for i in range(1200)]
    late = [["K-0", "2024-05-02", 2], ["007", dt.datetime(2024, 5, 3, 10, 30), "3.25"]]
    report = shop.load(
        workbook(tmp_path / "s.xlsx", {"Sheet1": [["customer_id", "ordered_at", "amount"], *many, *late]})
    )
    assert report.table.row(0)[1:] == (1202, 1202, 0, 0)
    found = {row[0]: row[1:] for row in rows(shop)}
    assert found["17"] == ("2024-01-01", Decimal("1.50"))
    assert found["K-0"] == ("2024-05-02", Decimal("2.00"))
    assert found["007"] == ("2024-05-03", Decimal("3.25"))


def test_a_date_format_is_for_the_texts_of_a_workbook(shop, tmp_path):
    import datetime as dt

    mapping = put(tmp_path, "map.toml", '[tables.transactions]\ndate_format = "%d.%m.%Y"\n')
    cells = [["customer_id", "ordered_at", "amount"], ["a", dt.datetime(2024, 1, 13), 1], ["b", "14.01.2024", 2]]
    shop.load(workbook(tmp_path / "s.xlsx", {"x": cells}), mapping=mapping)
    assert [row[1] for row in rows(shop)] == ["2024-01-13", "2024-01-14"]


def test_the_sheet_with_the_data_is_read_alone_by_name_or_by_mapping(tmp_path):
    title = [["Our shop"], ["Export of 2025"]]
    cells = [["Export of 2025", None, None], ["customer_id", "ordered_at", "amount"], ["a", "2024-01-01", 1]]
    file = workbook(
        tmp_path / "s.xlsx", {"Title": title, "transactions": cells, "Notes": [["remember", "this"], [1, 2]]}
    )
    mapping = put(tmp_path, "map.toml", '[tables.transactions]\nsheet = "transactions"\n')
    for source, how in ((file, None), (f"{file}:transactions", None), (file, mapping)):
        with cv.open() as shop:
            shop.load(source, mapping=how)
            assert rows(shop) == [("a", "2024-01-01", Decimal("1.00"))]
    with cv.open() as shop, pytest.raises(cv.SourceError, match="no sheet 'sales'"):
        shop.load(f"{file}:sales")


# --------------------------------------------------------------------------------------------------- ids and columns


@pytest.mark.parametrize("around", ["\t{}", " {} ", "\u00a0{}", "{}\u200b", "\u202f{}\u3000"])
def test_blanks_around_an_id_are_no_part_of_it(shop, tmp_path, around):
    shop.load(put(tmp_path, "sales.csv", HEAD + f"A,2024-01-01,1\n{around.format('A')},2024-01-02,2\n"))
    assert {row[0] for row in rows(shop)} == {"A"}


def test_ids_that_a_spreadsheet_cut_are_set_aside(shop, tmp_path):
    report = shop.load(put(tmp_path, "sales.csv", HEAD + "1.23457E+12,2024-01-01,1\n123,2024-01-02,2\n"))
    assert report.table["rejected"].sum() == 1
    assert "several ids become one" in said(report)


def test_ids_are_the_same_in_parquet_csv_and_frames(shop, tmp_path):
    pl.DataFrame(
        {"customer_id": [17850.0, None], "ordered_at": ["2024-01-01"] * 2, "amount": [1.0, 2.0]}
    ).write_parquet(tmp_path / "a.parquet")
    shop.load(tmp_path / "a.parquet")
    shop.load(put(tmp_path, "b.csv", HEAD + "17850,2024-01-02,3\n"))
    shop.load(pl.DataFrame({"customer_id": [17850.0], "ordered_at": ["2024-01-03"], "amount": [4.0]}))
    assert [row[0] for row in rows(shop) if row[0]] == ["17850"] * 3


def test_columns_that_nobody_asked_for_may_hold_anything(shop):
    frame = pl.DataFrame(
        {
            "customer_id": ["a"],
            "ordered_at": ["2024-01-01"],
            "amount": [1],
            "tags": [["x", "y"]],
            "more": [{"k": 1}],
            "raw": [b"\x00"],
        }
    )
    for source in (frame, frame.lazy(), frame.drop("raw").to_arrow()):
        with cv.open() as other:
            other.load(source)
            assert len(rows(other)) == 1


# ----------------------------------------------------------------------------------------- what fits no table there


def test_what_fits_no_table_in_a_folder_is_left_alone_and_said(shop, tmp_path):
    put(tmp_path, "sales.csv", HEAD + "a,2024-01-01,1\n")
    put(tmp_path, "shippers.csv", "shipper_id,company\n1,Fast\n")
    report = shop.load(tmp_path)
    assert rows(shop) == [("a", "2024-01-01", Decimal("1.00"))]
    assert "shippers.csv" in said(report)
    with pytest.raises(cv.SourceError, match="fits no table"):
        shop.load(tmp_path / "shippers.csv")
