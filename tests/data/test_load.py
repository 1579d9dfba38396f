"""Loading: every row read is accepted, unattributed, or set aside with its reason; nothing is lost, nothing doubles."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custvalue.data.mapping import read_mapping
from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError, SourceError

THREE = "customer_id,ordered_at,amount\nann,2025-01-01,10.00\nbob,2025-01-02,20.50\n,2025-01-03,5.00\n"


@pytest.fixture
def shop():
    with open_warehouse() as shop:
        yield shop


def put(folder, name, text, encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def counts(report):
    table = report.table
    assert table["read"].to_list() == (table["accepted"] + table["unattributed"] + table["rejected"]).to_list()
    return dict(
        zip(
            ("read", "accepted", "unattributed", "rejected"),
            table.select(pl.sum("read", "accepted", "unattributed", "rejected")).row(0),
            strict=True,
        )
    )


def total(shop):
    return shop._con.execute("select coalesce(sum(amount), 0) from raw.transactions").fetchall()[0][0]


# ------------------------------------------------------------------------------------------------ kinds of source


def test_three_columns_are_enough(shop, tmp_path):
    report = shop.load(put(tmp_path, "sales 2025.csv", THREE))
    assert counts(report) == {"read": 3, "accepted": 2, "unattributed": 1, "rejected": 0}
    assert total(shop) == Decimal("35.50")


def test_orders_csv_with_three_columns_is_a_flat_export(shop, tmp_path):
    shop.load(put(tmp_path, "orders.csv", THREE))
    assert shop.has("transactions")
    assert not shop.has("orders")


def packed(folder, text):
    file = folder / "t.csv.gz"
    with gzip.open(file, "wt") as stream:
        stream.write(text)
    return file


def frame():
    return pl.DataFrame({
        "customer_id": ["ann", "bob", None], "ordered_at": [dt.date(2025, 1, 1), dt.date(2025, 1, 2), dt.date(2025, 1, 3)],
        "amount": [10.0, 20.5, 5.0],
    })  # fmt: skip


def parquet(folder):
    frame().write_parquet(folder / "t.parquet")
    return folder / "t.parquet"


def workbook(folder):
    frame().write_excel(folder / "t.xlsx")
    return folder / "t.xlsx"


def sqlite(folder):
    with sqlite3.connect(folder / "t.sqlite") as con:
        con.execute("create table sales (customer_id text, ordered_at text, amount real)")
        con.executemany(
            "insert into sales values (?, ?, ?)",
            [("ann", "2025-01-01", 10), ("bob", "2025-01-02", 20.5), (None, "2025-01-03", 5)],
        )
    con.close()
    return f"sqlite:///{folder / 't.sqlite'}"


def duck(folder):
    with duckdb.connect(str(folder / "t.duckdb")) as con:
        con.execute(
            "create table sales as select * from (values ('ann', date '2025-01-01', 10.0), ('bob', date '2025-01-02', 20.5), (null, date '2025-01-03', 5.0)) as t (customer_id, ordered_at, amount)"
        )
    return f"duckdb:///{folder / 't.duckdb'}"


@pytest.mark.parametrize(
    "source",
    [
        lambda d: put(d, "t.csv", THREE), lambda d: packed(d, THREE), parquet, workbook, sqlite, duck,
        lambda d: frame(), lambda d: frame().to_pandas(), lambda d: put(d, "t.csv", THREE.replace(",", ";")),
        lambda d: put(d, "t.tsv", THREE.replace(",", "\t")), lambda d: put(d, "t.csv", THREE, "utf-16"),
        lambda d: put(d, "t.csv", "\ufeff" + THREE), lambda d: put(d, "t.csv", THREE.replace("\n", "\r\n")),
        lambda d: put(d, "t.csv", THREE.replace("customer_id", "Customer ID").replace("ordered_at", '"Ordered At"')),
        lambda d: [put(d, "t.csv", THREE)], lambda d: put(d, "t.csv", THREE).parent,
    ],
    ids=["csv", "csv.gz", "parquet", "xlsx", "sqlite", "duckdb", "polars", "pandas", "semicolon", "tab", "utf-16", "bom",
         "crlf", "headings", "list", "folder"],
)  # fmt: skip
def test_every_kind_of_source_gives_the_same_rows(shop, tmp_path, source):
    report = shop.load(source(tmp_path))
    assert counts(report) == {"read": 3, "accepted": 2, "unattributed": 1, "rejected": 0}
    rows = shop.fetch("transactions").sort("amount").select("customer_id", "ordered_at", "amount", "kind").rows()
    assert rows == [
        (None, dt.datetime(2025, 1, 3), Decimal("5.00"), "sale"),
        ("ann", dt.datetime(2025, 1, 1), Decimal("10.00"), "sale"),
        ("bob", dt.datetime(2025, 1, 2), Decimal("20.50"), "sale"),
    ]


def test_pandas_timestamps_and_missing_values(shop):
    pandas = pd.DataFrame(
        {
            "customer_id": ["ann", None],
            "ordered_at": pd.to_datetime(["2025-01-01 10:30", "2025-01-02 00:00"]),
            "amount": [1, 2],
        }
    )
    assert counts(shop.load(pandas)) == {"read": 2, "accepted": 1, "unattributed": 1, "rejected": 0}
    assert shop.fetch("transactions")["ordered_at"].max() == dt.datetime(2025, 1, 2)


def test_workbook_with_a_sheet_per_table(shop, tmp_path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "shop.xlsx") as book:
        for name, rows in {
            "orders": [["order_id", "customer_id", "ordered_at", "gross_list"], [1001, 17850, "2025-01-01", 10.5]],
            "customers": [["customer_id"], [17850]],
        }.items():
            sheet = book.add_worksheet(name)
            for i, row in enumerate(rows):
                sheet.write_row(i, 0, row)
    shop.load(tmp_path / "shop.xlsx")
    assert shop.fetch("orders").select("order_id", "customer_id", "gross_list").rows() == [
        ("1001", "17850", Decimal("10.50"))
    ]


def test_capitals_subfolders_and_blank_lines_lose_nothing(shop, tmp_path):
    put(tmp_path, "A.CSV", "\n\n" + THREE)
    (tmp_path / "2024").mkdir()
    put(tmp_path / "2024", "b.csv", THREE.replace("2025", "2024"))
    assert counts(shop.load(tmp_path))["read"] == 6


def test_ids_of_a_pandas_frame_with_gaps_are_whole_numbers_and_nobody_is_nobody(shop):
    frame = pd.DataFrame(
        {"customer_id": [17850.0, None, 12.0], "ordered_at": ["2025-01-01"] * 3, "amount": [1.5, 2, 3]}
    )
    shop.load(frame)
    shop.load(
        pl.DataFrame({"customer_id": ["NULL", "nan", "12"], "ordered_at": ["2025-01-02"] * 3, "amount": [1, 1, 1]})
    )
    assert sorted(shop.fetch("transactions")["customer_id"].drop_nulls()) == ["12", "12", "17850"]


def test_a_pandas_frame_of_mixed_objects(shop):
    mixed = pd.DataFrame(
        {"customer_id": ["a", 3], "ordered_at": ["2024-01-01", pd.Timestamp("2024-01-02")], "amount": [1, "2"]}
    )
    assert counts(shop.load(mixed))["accepted"] == 2
    with pytest.raises(SourceError, match="two columns named 'amount'"):
        shop.load(pd.DataFrame([["a", "2024-01-01", 1, 2]], columns=["customer_id", "ordered_at", "amount", "amount"]))
    with pytest.raises(SourceError, match="Can't load a pandas Series"):
        shop.load(mixed["amount"])


# ------------------------------------------------------------------------------------------------ mappings

MAPPED = """
currency = "CHF"
[tables.transactions]
file = "*.txt"
delimiter = "|"
encoding = "windows-1252"
decimal = ","
date_format = "%d.%m.%Y"
skip = 1
[tables.transactions.columns]
customer_id = "Kunde"
ordered_at = "Tag"
amount = { column = "Rappen", multiply = 0.01 }
order_id = "Beleg"
[[tables.transactions.kinds]]
kind = "return"
column = "order_id"
starts_with = "G"
"""


def test_mapping_names_columns_units_currency_dates_encoding_and_rules(shop, tmp_path):
    text = "Kassenbericht\nKunde|Tag|Rappen|Beleg\nMüller|31.12.2024|1.050,0|R1\nZoë|01.02.2025|-500|G2\n"
    report = shop.load(put(tmp_path, "kasse.txt", text, "windows-1252"), mapping=put(tmp_path, "m.toml", MAPPED))
    assert counts(report)["accepted"] == 2
    assert shop.currency == "CHF"
    rows = shop.fetch("transactions").sort("amount").select("customer_id", "kind", "amount").rows()
    assert rows == [("Zoë", "return", Decimal("-5.00")), ("Müller", "sale", Decimal("10.50"))]


def test_no_header_and_fixed_widths(shop, tmp_path):
    mapping = put(tmp_path, "m.toml", '[tables.transactions]\n[tables.transactions.columns]\ncustomer_id = {chars = [1, 3]}\n'
                  'ordered_at = {chars = [4, 13]}\namount = {chars = [14, 20]}\n')  # fmt: skip
    shop.load(put(tmp_path, "x.txt", "ann2025-01-01   10.0\nbob2025-01-02   20.5\n\n"), mapping=mapping)
    assert total(shop) == Decimal("30.50")


def test_no_header_and_positions(shop, tmp_path):
    mapping = put(tmp_path, "m.toml", "[tables.transactions]\nheader = false\n[tables.transactions.columns]\n"
                  "customer_id = 2\nordered_at = 1\namount = 3\n")  # fmt: skip
    shop.load(put(tmp_path, "x.csv", "2025-01-01,ann,10\n2025-01-02,bob,20.5\n"), mapping=mapping)
    assert total(shop) == Decimal("30.50")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("currency = 'euro'", "entry currency"), ("[tables.transactions]\nfiel = 'x'", "fiel"), ("= 1", "not valid TOML"),
        ("[[tables.transactions.kinds]]\nkind = 'gift'", "kinds.0.kind"),
    ],
)  # fmt: skip
def test_mapping_that_does_not_fit_says_where(tmp_path, text, message):
    with pytest.raises(SourceError, match=re.escape(message)):
        read_mapping(put(tmp_path, "m.toml", text))


def test_mapping_that_is_missing():
    with pytest.raises(SourceError, match="no mapping file"):
        read_mapping("nowhere.toml")


# ------------------------------------------------------------------------------------------------ unusable sources


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: d / "nothing.csv", "no file or folder 'nothing.csv'"),
        (lambda d: put(d, "a.csv", ""), "a.csv is empty"),
        (lambda d: put(d, "a.csv", "\n\n"), "a.csv is empty"),
        (lambda d: put(d, "a.pdf", "x"), "unknown kind of file"),
        (lambda d: d, "holds no file to load"),
        (lambda d: put(d, "transactions.csv", "customer_id,amount\nann,1\n"), "no column 'ordered_at', which table transactions needs"),
        (lambda d: put(d, "whatever.csv", "a,b\n1,2\n"), "fits no table: 'whatever'"),
        (lambda d: put(d, "t.csv", THREE.replace("ann", "Änn"), "latin-1"), "t.csv is not UTF-8"),
        (lambda d: put(d, "t.csv", "customer_id,ordered_at,amount,amount\n1,2025-01-01,2,3\n"), "two columns named 'amount'"),
        (lambda d: put(d, "t.parquet", "not parquet"), "as Parquet"),
        (lambda d: put(d, "t.xlsx", "not a workbook"), "as a workbook"),
        (lambda d: put(d, "t.csv.gz", "\x1f\x8b broken", "latin-1"), "t.csv.gz is damaged"),
        (lambda d: "postgres:///x", "Can't read from postgres://"),
        (lambda d: 42, "Can't load a int"),
        (lambda d: pl.DataFrame(), "no column"),
    ],
    ids=["missing", "empty", "blank", "kind", "empty folder", "column", "unknown table", "encoding", "twice", "parquet", "xlsx",
         "gz", "database", "number", "no column"],
)  # fmt: skip
def test_unusable_source_ends_in_one_message_and_changes_nothing(shop, tmp_path, make, message):
    shop.load(put(tmp_path, "before.csv", THREE))
    (tmp_path / "before.csv").unlink()
    with pytest.raises(SourceError, match=re.escape(message)):
        shop.load(make(tmp_path))
    assert total(shop) == Decimal("35.50")


def test_a_file_that_fails_takes_the_whole_load_back(shop, tmp_path):
    put(tmp_path, "customers.csv", "customer_id\nann\n")
    put(tmp_path, "orders.csv", "order_id,customer_id\n1,ann\n")
    with pytest.raises(SourceError, match="no column 'ordered_at', which table orders needs"):
        shop.load(tmp_path)
    assert not shop.has("customers")


def test_no_database_file(tmp_path):
    with pytest.raises(SourceError, match=r"Can't open the database 'x\.duckdb'"):
        open_warehouse(put(tmp_path, "x.duckdb", "not a database at all"))


def test_two_currencies_are_refused(shop, tmp_path):
    shop.load(put(tmp_path, "a.csv", THREE))
    with pytest.raises(DataError, match="holds EUR, the mapping says CHF"):
        shop.load(put(tmp_path, "k.txt", "x\nKunde|Tag|Rappen|Beleg\n"), mapping=put(tmp_path, "m.toml", MAPPED))


# ------------------------------------------------------------------------------------------------ rows set aside

ORDERS = "order_id,customer_id,ordered_at,gross_list,discount\n"
TOMORROW = (dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=2)).date()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2,ann,2025-02-30,10,0", "ordered_at: '2025-02-30' is not a date"),
        ("2,ann,yesterday,10,0", "ordered_at: 'yesterday' is not a date"),
        ("2,ann,2025-02-03,ten,0", "gross_list: 'ten' is not a number"),
        ('2,ann,2025-02-03,"12,50",0', ("gross_list: '12,50' is not clear: its column has decimal commas,"
          ' so the mapping needs decimal = "," under [tables.orders]')),
        ("2,ann,2025-02-03,0x10,0", "gross_list: '0x10' is not a number"),
        ("2,ann,2025-02-03,nan,0", "gross_list: 'nan' is not a number"),
        ("2,ann,2025-02-03,,0", "gross_list is empty"),
        ("2,ann,2025-02-03,-1,0", "gross_list is negative; discount exceeds gross_list"),
        ("2,ann,2025-02-03,10,11", "discount exceeds gross_list"),
        (f"2,ann,{TOMORROW},10,0", "ordered_at lies in the future"),
        ("1,ann,2025-02-03,10,0", "order_id '1' stands already in row 1"),
        ("2,zoe,2025-02-03,10,0", "customer_id 'zoe' is not in customers"),
        (",ann,2025-02-03,10,0", "order_id is empty"),
        ("2,ann,yesterday,ten,0", "ordered_at: 'yesterday' is not a date; gross_list: 'ten' is not a number"),
    ],
)  # fmt: skip
def test_a_bad_row_is_kept_with_its_reason(shop, tmp_path, row, reason):
    put(tmp_path, "customers.csv", "customer_id\nann\n")
    put(tmp_path, "orders.csv", ORDERS + "1,ann,2025-01-01,10,1\n" + row + "\n")
    report = shop.load(tmp_path)
    orders = report.table.filter(table="orders").row(0)
    assert orders == ("orders", 2, 1, 0, 1)
    rejected = shop.rejected("orders")
    assert rejected["reason"].to_list() == [reason]
    assert rejected["row"].to_list() == [2]
    assert [text or "" for text in rejected.select("order_id", "customer_id", "ordered_at", "gross_list").row(0)] == [
        part.strip('"') for part in row.replace('"12,50"', "12;50").split(",")[:4]
    ] or '"' in row


def test_reasons_are_told_once_per_cause_and_rows_keep_their_values(shop, tmp_path):
    days = [f"{i % 28 + 1:02}.{i % 12 + 1:02}.{2000 + i}" for i in range(500)]
    text = ORDERS + "".join(f"{i},ann,{day},10,0\n" for i, day in enumerate(days))
    text += "500,ann,2025-01-01,10,11\n500,ann,2025-01-01,10,1\n500,ann,2025-01-01,9,1\n501,ann,x,ten,0\n"
    report = shop.load(put(tmp_path, "orders.csv", text))
    assert report.reasons.rows() == [
        (
            "orders",
            'ordered_at is not a date in ISO 8601: the mapping needs date_format = "%d.%m.%Y" under [tables.orders]',
            f"orders.csv row 1: '{days[0]}'",
            500,
        ),
        ("orders", "discount exceeds gross_list", "orders.csv row 501", 1),
        ("orders", "order_id stands already in an earlier row", "orders.csv row 503: '500'", 1),
        ("orders", "ordered_at is not a date; gross_list is not a number", "orders.csv row 504: 'x', 'ten'", 1),
    ]
    assert report.reasons["rows"].sum() == report.table["rejected"].item()
    rejected = shop.rejected("orders")
    needs = 'is not a date in ISO 8601: the mapping needs date_format = "%d.%m.%Y" under [tables.orders]'
    assert rejected["reason"].to_list()[:500] == [f"ordered_at: '{day}' {needs}" for day in days]
    assert rejected["reason"].to_list()[501:503] == [
        "order_id '500' stands already in row 502",
        "ordered_at: 'x' is not a date; gross_list: 'ten' is not a number",
    ]


def test_negative_price_and_negative_amount(shop, tmp_path):
    text = "customer_id,ordered_at,quantity,unit_price,amount\nann,2025-01-01,1,-5,\nann,2025-01-01,2,5,\nann,2025-01-01,,,-3\n"
    report = shop.load(put(tmp_path, "t.csv", text))
    assert counts(report) == {"read": 3, "accepted": 1, "unattributed": 0, "rejected": 2}
    reasons = shop.rejected("transactions")["reason"].to_list()
    assert "unit_price is negative" in reasons[0]
    assert "amount is negative" in reasons[1]
    assert total(shop) == Decimal("10.00")


def test_lines_with_another_number_of_fields_are_kept_and_rows_keep_their_numbers(shop, tmp_path):
    text = "customer_id,ordered_at,amount\nann,2025-01-01,1\nbroken\nbob,2025-01-02,2\na,b,c,d\ncat,never,3\n"
    report = shop.load(put(tmp_path, "t.csv", text))
    assert counts(report) == {"read": 5, "accepted": 2, "unattributed": 0, "rejected": 3}
    rejected = shop.rejected("transactions")
    assert rejected["row"].to_list() == [2, 4, 5]
    assert rejected["line"].to_list()[:2] == ["broken", "a,b,c,d"]
    assert "another number of columns" in rejected["reason"][0]
    assert rejected["reason"][2] == "ordered_at: 'never' is not a date"


def test_identical_lines_are_kept_and_counted(shop, tmp_path):
    report = shop.load(put(tmp_path, "t.csv", THREE + "ann,2025-01-01,10.00\n"))
    assert report.sources["identical"].to_list() == [1]
    assert total(shop) == Decimal("45.50")


def test_key_loaded_before_from_another_file(shop, tmp_path):
    shop.load(put(tmp_path, "orders.csv", ORDERS + "1,ann,2025-01-01,10,1\n"))
    other = tmp_path / "more"
    other.mkdir()
    shop.load(put(other, "orders.csv", ORDERS + "1,ann,2025-01-01,99,1\n2,ann,2025-01-01,5,0\n"))
    assert shop.rejected("orders")["reason"].to_list() == ["order_id '1' was loaded before from orders.csv"]
    assert shop.fetch("orders")["gross_list"].sum() == Decimal("15.00")


def test_quoted_names_do_no_harm(shop, tmp_path):
    nasty = 'x"); drop table raw.orders; --'
    shop.load(
        pl.DataFrame(
            {
                "customer_id": ["Robert'); drop table raw.orders;--"],
                "ordered_at": ["2025-01-01"],
                "amount": ["1"],
                nasty: ["1"],
            }
        )
    )
    assert shop.fetch("transactions")["customer_id"].to_list() == ["Robert'); drop table raw.orders;--"]
    assert shop.has("orders") is False


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", ""]),
            st.sampled_from(["2025-01-01", "x", ""]),
            st.sampled_from(["1.25", "-2", "y", ""]),
        ),
        max_size=12,
    )
)
def test_no_row_is_ever_lost(rows):
    text = "customer_id,ordered_at,amount\n" + "".join(",".join(row) + "\n" for row in rows)
    with open_warehouse() as shop:
        table = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount"], orient="row") if rows else None
        if table is None:
            return
        got = counts(shop.load(table))
        good = [r for r in rows if r[1] == "2025-01-01" and r[2] == "1.25"]
        assert got["read"] == len(rows), text
        assert got["accepted"] == sum(r[0] != "" for r in good)
        assert got["unattributed"] == sum(r[0] == "" for r in good)
        assert shop.rejected("transactions").height == len(rows) - len(good)


# ------------------------------------------------------------------------------------------------ again, and killed


def test_loading_again_changes_nothing(tmp_path):
    file = put(tmp_path, "t.csv", THREE)
    copy = put(tmp_path, "copy of t.csv", THREE)
    with open_warehouse(tmp_path / "s.duckdb") as shop:
        first = shop.load(file)
        for again in (file, file, copy):
            report = shop.load(again)
            assert report.table.equals(first.table)
            assert total(shop) == Decimal("35.50")
    with open_warehouse(tmp_path / "s.duckdb") as shop:
        shop.load(file)
        assert total(shop) == Decimal("35.50")


def test_the_same_content_under_another_name_counts_once_and_is_remarked(shop, tmp_path):
    first, copy = put(tmp_path, "a.csv", THREE), put(tmp_path, "b.csv", THREE)
    both = "{} has the same content as {}, which was loaded before: nothing is added, its rows count once."
    assert shop.load(first).remarks == shop.load(first).remarks == ()
    report = shop.load(copy)
    assert report.remarks == (both.format("b.csv", "a.csv"),)
    assert total(shop) == Decimal("35.50")
    put(tmp_path, "b.csv", THREE + "cat,2025-01-04,1.00\n")  # the rows stand under the name that was loaded last
    assert shop.load(copy).remarks == ()
    assert total(shop) == Decimal("36.50")


def test_two_files_of_one_folder_with_the_same_content_are_remarked(shop, tmp_path):
    (tmp_path / "old").mkdir()
    put(tmp_path, "t.csv", THREE)
    put(tmp_path / "old", "t.csv", THREE)
    for _ in range(2):
        report = shop.load(tmp_path)
        assert [remark.split(",")[0] for remark in report.remarks] == ["t.csv has the same content as another t.csv"]
        assert total(shop) == Decimal("35.50")


def test_two_sheets_of_one_workbook_that_feed_one_table_both_count(shop, tmp_path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "sales.xlsx") as book:
        for year in ("2023", "2024"):
            sheet = book.add_worksheet(year)
            sheet.write_row(0, 0, ["customer_id", "ordered_at", "amount"])
            sheet.write_row(1, 0, ["ann", f"{year}-01-01", 10])
    for _ in range(2):
        assert shop.load(tmp_path / "sales.xlsx").remarks == ()
        assert total(shop) == Decimal("20.00")


def test_a_database_that_grew_replaces_what_it_brought(shop, tmp_path):
    address = sqlite(tmp_path)
    shop.load(address)
    with sqlite3.connect(tmp_path / "t.sqlite") as con:
        con.execute("insert into sales values ('cat', '2025-01-04', 1)")
    con.close()
    shop.load(address)
    assert total(shop) == Decimal("36.50")


def test_a_file_that_grew_replaces_what_it_brought(shop, tmp_path):
    shop.load(put(tmp_path, "t.csv", THREE))
    shop.load(put(tmp_path, "t.csv", THREE + "cat,2025-01-04,1.00\n"))
    assert total(shop) == Decimal("36.50")


KILLED = """
import os, signal, sys
from custvalue.data.warehouse import open_warehouse
shop = open_warehouse(sys.argv[1])
def step(text):
    if "building relations" in text:
        print("loaded, not committed", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
shop.load(sys.argv[2], progress=step)
"""


def test_killed_in_the_middle_leaves_the_database_as_it_was(tmp_path):
    before, after = put(tmp_path, "a.csv", THREE), put(tmp_path, "b.csv", THREE.replace("2025", "2024"))
    database = tmp_path / "s.duckdb"
    with open_warehouse(database) as shop:
        shop.load(before)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(database), str(after)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert "loaded, not committed" in done.stdout
    with open_warehouse(database) as shop:
        assert total(shop) == Decimal("35.50")
        assert shop.fetch("load_log").height == 1
        shop.load(after)
        shop.load(after)
        assert total(shop) == Decimal("71.00")


def test_a_database_of_an_earlier_version_gets_what_it_lacks(tmp_path):
    with open_warehouse(tmp_path / "s.duckdb") as shop:
        shop.load(put(tmp_path, "t.csv", THREE))
    with duckdb.connect(str(tmp_path / "s.duckdb")) as con:
        for view in con.execute(
            "select schema_name || '.' || view_name from duckdb_views() where not internal"
        ).fetchall():
            con.execute(f"drop view {view[0]}")
        con.execute("alter table raw.transactions drop column channel")
        con.execute("delete from meta.build_log")
    with open_warehouse(tmp_path / "s.duckdb") as shop:
        assert shop.fetch("transactions")["channel"].null_count() == 3
        assert total(shop) == Decimal("35.50")
        assert shop.fetch("data_span")["n_orders"].item() == 3


# ------------------------------------------------------------------------------------------------ real input


@pytest.fixture(scope="session")
def online_retail(shared):
    with open_warehouse() as shop:
        report = shop.load(shared / "data" / "online_retail.csv.gz", mapping="online_retail")
        yield shop, report


def test_online_retail_is_read_whole(online_retail):
    """UCI Online Retail (no. 352): the counts of ../shared/data/README.md."""
    shop, report = online_retail
    assert counts(report) == {"read": 541_909, "accepted": 406_829, "unattributed": 135_080, "rejected": 0}
    assert report.sources["identical"].to_list() == [5_268]
    assert total(shop) == Decimal("9747747.93")
    lines = shop.fetch("transactions")
    assert lines["order_id"].n_unique() == 25_900
    assert lines["customer_id"].drop_nulls().n_unique() == 4_372
    assert shop.currency == "GBP"


def test_online_retail_has_delivery_and_fees_on_their_own_lines(online_retail):
    shop, _ = online_retail
    lines = shop.fetch("transactions")
    by_code = dict(lines.filter(kind="delivery").group_by("product_id").agg(pl.col("amount").sum()).rows())
    assert by_code == {"POST": Decimal("66230.64"), "DOT": Decimal("206245.48"), "C2": Decimal("6986.00")}
    adjustments = set(lines.filter(kind="adjustment")["product_id"])
    assert adjustments == {"M", "m", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK"}
    returns = lines.filter(kind="return")
    assert returns["order_id"].str.starts_with("C").all()
    assert not set(returns["product_id"]) & {"POST", "DOT", "C2", *adjustments}


def test_cdnow_through_the_same_load(cdnow_file):
    """CDNOW sample as shipped inside lifetimes: 6,919 transactions of 2,357 customers."""
    with open_warehouse() as shop:
        report = shop.load(cdnow_file, mapping="cdnow")
        assert counts(report) == {"read": 6_919, "accepted": 6_919, "unattributed": 0, "rejected": 0}
        lines = shop.fetch("transactions")
        assert lines["customer_id"].n_unique() == 2_357
        assert lines["ordered_at"].min() == dt.datetime(1997, 1, 1)
        text = Path(cdnow_file).read_text().split("\n")
        assert lines["amount"].sum() == sum(Decimal(line[24:].strip()) for line in text if line.strip())


def test_sample_data_rows_are_what_the_truth_file_says(root):
    import json

    truth = json.loads((root / "sample_data" / "truth.json").read_text())["rows"]
    with open_warehouse() as shop:
        report = shop.load(root / "sample_data")
        for row in report.table.iter_rows(named=True):
            expected = truth[row["table"]]
            assert (row["read"], row["accepted"], row["unattributed"]) == (
                expected["read"],
                expected["accepted"],
                expected["unattributed"],
            ), row
            assert row["rejected"] == sum(expected["rejected"].values())
        assert (shop.checks()["n_failures"] == 0).all()
