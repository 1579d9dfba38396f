"""More of the kinds of files that people have: what was read wrongly once, and what looks like it."""

from __future__ import annotations

import datetime as dt
import gzip
import sqlite3
import zipfile
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pytest
import xlsxwriter

import custvalue as cv
from tests.data.files import HEAD, put, rows

ONE = "a,2024-01-05,1\n"


@pytest.fixture
def shop():
    with cv.open() as opened:
        yield opened


def workbook(file, *lines):
    with xlsxwriter.Workbook(str(file)) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yyyy"})
        for i, cells in enumerate(lines):
            for j, cell in enumerate(cells):
                if isinstance(cell, dt.datetime):
                    sheet.write_datetime(i, j, cell, day)
                elif cell is not None:
                    (sheet.write_string if isinstance(cell, str) else sheet.write_number)(i, j, cell)
    return file


# ------------------------------------------------------------------------------------------------------------ ids


@pytest.mark.parametrize(
    "written",
    ["'00123", '"=""00123"""', '="00123"', "\u206000123", "00123\u200e", "\u00ad00123", "\u200900123\t", "00123\x0b"],
)
def test_what_keeps_noughts_in_a_spreadsheet_is_no_part_of_an_id(shop, tmp_path, written):
    shop.load(put(tmp_path, "sales.csv", HEAD + f"{written},2024-01-05,1\n00123,2024-01-06,2\n"))
    assert {row[0] for row in rows(shop)} == {"00123"}


@pytest.mark.parametrize("kept", ["'n Sync", "O'Brien", "=A", "'5'", '=""'])
def test_other_apostrophes_and_signs_stay(shop, tmp_path, kept):
    cell = '"' + kept.replace('"', '""') + '"'
    shop.load(put(tmp_path, "sales.csv", HEAD + f"{cell},2024-01-05,1\n"))
    assert rows(shop)[0][0] == (kept if kept != '=""' else None)


@pytest.mark.parametrize("ids", [("17850.0", "17850.0"), ("17850", "17850.0"), ("17850.0", "17850")])
def test_ids_as_decimals_are_the_whole_numbers_they_are(shop, tmp_path, ids):
    report = shop.load(
        put(tmp_path, "sales.csv", HEAD + f"{ids[0]},2024-01-05,1\n{ids[1]},2024-01-06,2\n,2024-01-07,3\n")
    )
    assert {row[0] for row in rows(shop)} == {"17850", None}
    assert any("such as 17850.0; the whole number 17850 is taken" in remark for remark in report.remarks)


def test_ids_that_are_no_whole_numbers_stay_as_they_are(shop, tmp_path):
    shop.load(put(tmp_path, "sales.csv", HEAD + "1.0,2024-01-05,1\n1.1,2024-01-06,2\n2.0,2024-01-06,2\n"))
    assert [row[0] for row in rows(shop)] == ["1.0", "1.1", "2.0"]


def test_ids_of_two_files_meet_whether_one_has_decimals_or_not(shop, tmp_path):
    shop.load(
        [put(tmp_path, "jan.csv", HEAD + "7.0,2024-01-05,1\n"), put(tmp_path, "feb.csv", HEAD + "7,2024-02-05,1\n")]
    )
    assert {row[0] for row in rows(shop)} == {"7"}


def test_an_order_number_that_comes_again_a_year_later_is_said(shop, tmp_path):
    head = "order_id,customer_id,ordered_at,amount\n"
    report = shop.load(
        put(tmp_path, "s.csv", head + "1,a,2024-01-05,10\n1,a,2025-01-05,20\n2,a,2024-01-05,1\n2,a,2024-01-09,1\n")
    )
    assert any(
        "1 order number has sales of one customer more than 31 days apart, such as '1'" in r for r in report.remarks
    )


# -------------------------------------------------------------------------------------------------- headers, quotes


@pytest.mark.parametrize(
    "above",
    [
        "from,2024-01-01,2024-12-31\n", "Shop,X,Y\nPrinted,by,me\n\n", "1,2,3\n4,5,6\n7,8,9\n", "a,b,c,d,e,f\n",
        ",,\n,,\n", '"Sales, all",of,2024\n',
    ],
)  # fmt: skip
def test_titles_as_wide_as_the_header_are_titles(shop, tmp_path, above):
    shop.load(put(tmp_path, "sales.csv", above + HEAD + ONE))
    assert rows(shop) == [("a", "2024-01-05", Decimal("1.00"))]


def test_titles_as_wide_as_the_header_of_a_workbook_or_a_mapping_are_titles(tmp_path):
    day = dt.datetime(2024, 1, 5)
    book = workbook(tmp_path / "s.xlsx", ["from", "2024", "to"], [], HEAD.strip().split(","), ["a", day, 1])
    file = put(tmp_path, "s.csv", "x;y;z\nKunde;Datum;Betrag\na;2024-01-05;1\n")
    entries = 'customer_id = "Kunde"\nordered_at = "Datum"\namount = "Betrag"\n'
    mapping = put(tmp_path, "map.toml", f'[tables.transactions]\nfile = "*"\n[tables.transactions.columns]\n{entries}')
    for source, by in ((book, None), (file, mapping)):
        with cv.open() as shop:
            shop.load(source, mapping=by)
            assert rows(shop) == [("a", "2024-01-05", Decimal("1.00"))]


@pytest.mark.parametrize(
    ("line", "kept"),
    [('b,2024-02-01,"7\n', ["a", "c"]), ('b,"2024-02-01,7\n', ["a", "c"]), ('"b,2024-02-01,7\n', ["a", "c"]),
     ('"b ""x"",2024-02-01,7\n', ["a", "c"])],
)  # fmt: skip
def test_a_quote_left_open_anywhere_in_a_line_swallows_no_other(shop, tmp_path, line, kept):
    report = shop.load(put(tmp_path, "sales.csv", HEAD + ONE + line + "c,2024-02-01,8\n"))
    assert [row[0] for row in rows(shop)] == kept
    assert report.reasons["reason"].to_list() == ["a quote opens here and is never closed"]


# ------------------------------------------------------------------------------------------------- what a file holds


def test_a_file_is_read_by_what_it_holds_not_by_its_name(tmp_path):
    for name, content in (
        ("plain.csv.gz", (HEAD + ONE).encode()), ("packed.csv", gzip.compress((HEAD + ONE).encode())),
        ("two.csv.gz", gzip.compress(HEAD.encode()) + gzip.compress(ONE.encode())),
        ("utf32.csv", (HEAD + ONE).encode("utf-32")), ("utf16.csv", (HEAD + ONE).encode("utf-16")),
    ):  # fmt: skip
        with cv.open() as shop:
            shop.load(put(tmp_path, name, content))
            assert rows(shop) == [("a", "2024-01-05", Decimal("1.00"))], name


@pytest.mark.parametrize("name", ["sales.zip", "sales.csv"])
def test_an_archive_is_named(shop, tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("sales.csv", HEAD + ONE)
    with pytest.raises(cv.SourceError, match=r"it is packed|it is a ZIP archive"):
        shop.load(tmp_path / name)


@pytest.mark.parametrize("cut", [-1, -5, -9, 30])
def test_every_part_of_a_packed_file_is_verified(shop, tmp_path, cut):
    packed = bytearray(gzip.compress((HEAD + "".join(f"c{i},2024-01-05,{i}\n" for i in range(500))).encode()))
    packed[cut] ^= 4
    with pytest.raises(cv.SourceError, match="is damaged"):
        shop.load(put(tmp_path, "sales.csv.gz", bytes(packed)))


@pytest.mark.parametrize("address", ["https://example.com/a.csv", "s3://b/a.parquet", "postgresql://h/db", "ftp://h/a"])
def test_an_address_that_is_not_read_says_which_are(shop, address):
    with pytest.raises(cv.SourceError, match=f"Can't read from {address.split(':')[0]}://"):
        shop.load(address)


# ----------------------------------------------------------------------------------------------------- typed sources


@pytest.mark.parametrize(
    ("number", "read", "text", "told"),
    [(7.25, "7.25", "1.234,50", "1234.50"), (1.234, "1.23", "1,5", "1.50"), (1000, "1000.00", "(2.000)", "-2000.00"),
     (-0.5, "-0.50", "3 €", "3.00")],
)  # fmt: skip
def test_numbers_of_a_workbook_are_numbers_whatever_the_marks_of_the_texts(shop, tmp_path, number, read, text, told):
    day = dt.datetime(2024, 1, 5)
    book = workbook(tmp_path / "s.xlsx", HEAD.strip().split(","), ["a", day, text], ["b", day, number])
    rule = 'kinds = [{ column = "amount", below = 0, kind = "return" }]\n'
    mapping = put(tmp_path, "map.toml", f'[tables.transactions]\nfile = "*"\ndecimal = ","\n{rule}')
    shop.load(book, mapping=mapping)
    assert [row[2] for row in rows(shop)] == [Decimal(told), Decimal(read)]


def test_a_column_of_sqlite_that_holds_several_kinds_loses_none(shop, tmp_path):
    with sqlite3.connect(tmp_path / "s.db") as con:
        con.execute("create table transactions (customer_id, ordered_at, amount)")
        con.executemany(
            "insert into transactions values (?, ?, ?)",
            [(1, "2024-01-05", 1.5), ("x", "2024-01-06", "2.5"), (7.0, "2024-01-07", 3), (None, "2024-01-08", b"\x00")],
        )
    con.close()
    report = shop.load(f"sqlite:///{tmp_path / 's.db'}")
    assert [row[2] for row in rows(shop)] == [Decimal("1.50"), Decimal("3.00"), Decimal("2.50")]
    assert report.table.row(0)[1:] == (4, 3, 0, 1)


def test_a_named_index_of_pandas_is_a_column_and_names_may_repeat(tmp_path):
    frame = pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-05"], "amount": [1.0]})
    twice = pd.DataFrame([["a", "2024-01-05", 1.0, 2, 3]], columns=[*frame.columns, "x", "x"])
    for source in (frame.set_index("customer_id"), frame.set_index(["customer_id", "ordered_at"]), frame, twice):
        with cv.open() as shop:
            shop.load(source)
            assert rows(shop) == [("a", "2024-01-05", Decimal("1.00"))]
    with cv.open() as shop, pytest.raises(cv.SourceError, match="two columns named 'amount'"):
        shop.load(pd.DataFrame([["a", "2024-01-05", 1.0, 2.0]], columns=[*frame.columns, "amount"]))


def test_quantity_and_price_make_a_flat_export_whatever_its_name(shop, tmp_path):
    head = "customer_id,ordered_at,quantity,unit_price,kind\n"
    shop.load(put(tmp_path, "export.csv", head + "a,2024-01-05,2,50,Sale\na,2024-01-06,1,30,RETURN\n"))
    assert [row[2] for row in rows(shop)] == [Decimal("100.00"), Decimal("-30.00")]


# ------------------------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("day", "form"),
    [("05.01.2024", '"%d.%m.%Y"'), ("13/01/2024", '"%d/%m/%Y"'), ("01/13/2024", '"%m/%d/%Y"'), ("20240105", '"%Y%m%d"'),
     ("01/05/2024", '"%d/%m/%Y" or date_format = "%m/%d/%Y"'), ("5.1.24", '"%d.%m.%y"')],
)  # fmt: skip
def test_a_date_that_is_often_written_so_is_told_its_entry(shop, tmp_path, day, form):
    report = shop.load(put(tmp_path, "sales.csv", HEAD + f"a,{day},1\n"))
    assert report.reasons["reason"].to_list() == [
        f"ordered_at is not a date in ISO 8601: the mapping needs date_format = {form} under [tables.transactions]"
    ]


@pytest.mark.parametrize(
    ("column", "status", "is_said"),
    [("status", "cancelled", True), ("Payment Status", "Voided", True), ("state", "failed", True),
     ("financial_status", "PENDING", True), ("status", "paid", False), ("note", "cancelled", False)],
)  # fmt: skip
def test_a_status_that_nobody_asked_for_is_said(shop, tmp_path, column, status, is_said):
    head = f"customer_id,ordered_at,amount,{column}\n"
    report = shop.load(put(tmp_path, "sales.csv", head + f"a,2024-01-05,1,ok\nb,2024-01-05,2,{status}\n"))
    assert any(f"although {column!r} says {status!r} (1)" in remark for remark in report.remarks) == is_said
    rule = f'[tables.transactions]\nfile = "*"\ndrop = [{{ column = "{column}", values = ["{status}"] }}]\n'
    report = shop.load(tmp_path / "sales.csv", mapping=put(tmp_path, "map.toml", rule))
    assert not any("although" in remark for remark in report.remarks)
    assert [row[0] for row in rows(shop)] == ["a"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [('[tables.transactions.columns]\namount = { column = "amount", multiply = 0 }', "would lose every amount"),
     ('[tables.transactions]\nearliest = 2025-01-01\nlatest = 2024-01-01', "lies before earliest")],
)  # fmt: skip
def test_a_mapping_that_loses_everything_is_refused(shop, tmp_path, entry, message):
    with pytest.raises(cv.SourceError, match=message):
        shop.load(put(tmp_path, "sales.csv", HEAD + ONE), mapping=put(tmp_path, "map.toml", entry))


# ------------------------------------------------------------------------------------------------- names of files


@pytest.mark.parametrize("name", ["s[1]", "s*", "s?", "s{1,2}", "s 1", "s%201", "s'1", "s;1", "s--1", "é[1]"])
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "xlsx", "sqlite", "duckdb", "folder"])
def test_a_name_names_one_file_whatever_signs_it_has(shop, tmp_path, name, kind):
    """Beside it lies a file that the name would match, were it a pattern."""
    frame = pl.DataFrame({"customer_id": ["right"], "ordered_at": ["2024-01-05"], "amount": [1]})
    for stem, who in ((name, "right"), ("s1", "wrong"), ("s2", "wrong")):
        written(tmp_path, stem, kind, frame.with_columns(customer_id=pl.lit(who)))
    address = f"{kind}:///{tmp_path / name}.{kind}" if kind in ("sqlite", "duckdb") else tmp_path / f"{name}.{kind}"
    before = sorted(path.name for path in tmp_path.iterdir())
    shop.load(address)
    assert rows(shop) == [("right", "2024-01-05", Decimal("1.00"))]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def written(folder, stem, kind, frame):
    """Write a frame as a file, a database or a folder of that name."""
    file = folder / f"{stem}.{kind}"
    if kind == "folder":
        file.mkdir()
        frame.write_csv(file / "transactions.csv")
    elif kind == "sqlite":
        with sqlite3.connect(file) as con:
            con.execute(
                "create table transactions as select ? as customer_id, ? as ordered_at, ? as amount", frame.row(0)
            )
        con.close()
    elif kind == "duckdb":
        with duckdb.connect(str(file)) as con:
            con.execute(
                "create table transactions as select $1 as customer_id, $2 as ordered_at, $3 as amount", frame.row(0)
            )
    elif kind == "xlsx":
        workbook(file, frame.columns, *frame.rows())
    elif kind == "parquet":
        frame.write_parquet(file)
    else:
        text = frame.write_csv().encode()
        file.write_bytes(gzip.compress(text) if kind == "csv.gz" else text)


@pytest.mark.parametrize("address", ["md:x", "sqlite:x", "postgres:x", "mysql:dbname=x", "ducklake:x", "quack:x"])
def test_no_extension_is_fetched_for_a_database(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cv.SourceError, match="custvalue downloads no extensions"):
        cv.open(address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "reads", ["read_xlsx('x.xlsx')", "sqlite_scan('x', 'y')", "read_parquet('https://x.invalid/y')"]
)
def test_no_extension_is_fetched_for_a_query(reads):
    with cv.open() as shop, pytest.raises(duckdb.Error) as told:
        shop._con.execute(f"select * from {reads}")
    assert "download" not in str(told.value).lower()


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "NaN", "None"])
def test_an_error_of_a_spreadsheet_is_no_customer(shop, tmp_path, error):
    report = shop.load(put(tmp_path, "sales.csv", HEAD + f"{error},2024-01-05,1\na,2024-01-06,2\n"))
    assert report.table.row(0)[1:] == (2, 1, 1, 0)
