"""A shop's database: only ours is written to, nothing foreign in it runs, and it can be read beside others."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import polars as pl
import pytest

import custvalue as cv
from custvalue.data.database import explained
from custvalue.errors import DataError, SourceError

THREE = "customer_id,ordered_at,amount\nann,2025-01-01,10.00\nbob,2025-01-02,20.50\n"


@pytest.fixture
def made(tmp_path):
    """Return the path of a database with two sales."""
    (tmp_path / "sales.csv").write_text(THREE)
    with cv.open(tmp_path / "shop.duckdb") as shop:
        shop.load(tmp_path / "sales.csv")
    return tmp_path / "shop.duckdb"


def in_another_process(code, *args):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


# ------------------------------------------------------------------------------------------------ what may be opened


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sales.csv", THREE, "it is no DuckDB file"),
        ("new.csv", None, "is named like a file to load"),
        ("new.XLSX", None, "is named like a file to load"),
        ("shop.duckdb", "DUCK, but not where it belongs", "it is no DuckDB file"),
        ("shop.sqlite", "SQLite format 3\0", "it is no DuckDB file"),
        ("empty.duckdb", "", "it is no DuckDB file"),
    ],
)
def test_a_path_that_is_no_database_is_refused_and_left_alone(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=message) as told:
        cv.open(tmp_path / name)
    assert told.value.hint == f"The database comes first: custvalue load shop.duckdb {name}"
    assert [file.name for file in tmp_path.iterdir()] == ([] if content is None else [name])
    assert content is None or (tmp_path / name).read_text() == content


def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(SourceError, match="it is a folder"):
        cv.open(tmp_path)


def test_a_database_in_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(SourceError, match="its folder does not exist"):
        cv.open(tmp_path / "nowhere" / "shop.duckdb")


@pytest.mark.parametrize(
    "statement", ["create table accounts as select 1 as id", "create view accounts as select 1 as id"]
)
def test_another_programs_database_is_not_written_into(tmp_path, statement):
    with duckdb.connect(str(tmp_path / "erp.duckdb")) as con:
        con.execute(statement)
    before = (tmp_path / "erp.duckdb").read_bytes()
    with pytest.raises(SourceError, match="the database of another program: it holds accounts") as told:
        cv.open(tmp_path / "erp.duckdb")
    assert "custvalue load shop.duckdb duckdb:///erp.duckdb" in told.value.hint
    assert (tmp_path / "erp.duckdb").read_bytes() == before


def test_a_new_database_of_duckdb_is_taken(tmp_path):
    duckdb.connect(str(tmp_path / "new.duckdb")).close()
    with cv.open(tmp_path / "new.duckdb") as shop:
        assert not shop.has("transactions")


# ------------------------------------------------------------------------------------------------ what runs in it


def test_a_view_of_ours_that_was_replaced_is_ours_again(made, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with duckdb.connect(str(made)) as con:
        con.execute(
            "create or replace view intermediate.int_purchase_days as select 'eve' as customer_id,"
            f" date '2025-01-01' as purchased_on, 1.00::decimal(18, 2) as amount, count(*) as n_orders from '{tmp_path}/secret.csv'"
        )
    for read_only in (True, False):
        with cv.open(made, read_only=read_only) as shop:
            assert shop.fetch("int_purchase_days")["customer_id"].sort().to_list() == ["ann", "bob"]


def test_a_view_that_is_none_of_ours_stays_and_is_not_run(made, tmp_path):
    with duckdb.connect(str(made)) as con:
        con.execute("create view results.customers as select error('this view was run') as a")
        con.execute("create view main.mine as select error('this view was run') as a")
    with cv.open(made) as shop:
        assert shop.currency == "EUR"
        with pytest.raises(DataError, match="no relation or result named"):
            shop.fetch("results.customers")
    with duckdb.connect(str(made)) as con:
        assert con.execute("select count(*) from duckdb_views() where view_name = 'mine'").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["drop table raw.orders", "create view raw.orders as select error('run') as order_id"], "view raw.orders"),
        (["drop table meta.load_log", "create view meta.load_log as select 1 as currency"], "view meta.load_log"),
        (["create macro coalesce_sum(x) as x", "create macro sum(x) as 0"], "macro sum"),
        (["create macro date_diff(a, b, c) as 0"], "macro date_diff"),
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_ours_is_refused(made, statements, named):
    with duckdb.connect(str(made)) as con:
        for statement in statements:
            con.execute(statement)
    with pytest.raises(DataError, match=f"{named} where"):
        cv.open(made)


def test_nothing_in_an_open_database_reaches_a_file_but_loading_does(made, tmp_path):
    with cv.open(made) as shop:
        with pytest.raises(duckdb.PermissionException):
            shop._con.execute(f"select * from read_csv('{tmp_path}/sales.csv')")
        with pytest.raises(duckdb.InvalidInputException):
            shop._con.execute("set enable_external_access = true")
        (tmp_path / "more.csv").write_text("customer_id,ordered_at,amount\ncid,2025-01-03,1\n")
        shop.load(tmp_path / "more.csv")
        assert shop.fetch("transactions").height == 3
        with pytest.raises(duckdb.PermissionException):
            shop._con.execute(f"select * from read_csv('{tmp_path}/sales.csv')")


# ------------------------------------------------------------------------------------------------ beside others


def test_two_processes_read_one_database_and_what_they_store_is_saved_later(made):
    code = (
        "import sys, custvalue as cv\nshop = cv.open(sys.argv[1], read_only=True)\n"
        "print(shop.fetch('transactions').height, flush=True)\nsys.stdin.read()"
    )
    other = in_another_process(code, made)
    assert other.stdout.readline() == "2\n"
    shop = cv.open(made, read_only=True)
    shop.store("value", pl.DataFrame({"a": [1]}))
    assert shop.fetch("results.value")["a"].to_list() == [1]
    with pytest.raises(SourceError, match="another process has it open"):
        shop.save_results()
    assert shop.fetch("results.value")["a"].to_list() == [1]
    other.communicate("")
    shop.save_results()
    shop.close()
    with cv.open(made) as writing:
        assert writing.fetch("results.value")["a"].to_list() == [1]


def test_looks_that_two_readers_took_are_both_kept(made):
    row = {"experiment": ["t"], "look": [1], "n_control": [10]}
    first, second = cv.open(made, read_only=True), cv.open(made, read_only=True)
    first.store("experiment_looks", pl.DataFrame(row))
    second.store("experiment_looks", pl.DataFrame(row | {"look": [2], "n_control": [12]}))
    second.close()
    first.save_results()
    first.close()
    second._open()
    second.save_results()
    assert second.fetch("experiment_looks")["look"].sort().to_list() == [1, 2]
    second.close()


def test_open_for_reading_only_nothing_is_loaded_or_checked(made, tmp_path):
    with cv.open(made, read_only=True) as shop:
        with pytest.raises(SourceError, match="open for reading only"):
            shop.load(tmp_path / "sales.csv")
        with pytest.raises(SourceError, match="open for reading only"):
            shop.checks()


def test_a_database_of_an_earlier_version_is_brought_up_to_date_and_then_read(made):
    with duckdb.connect(str(made)) as con:
        con.execute("update meta.build_log set fingerprint = 'older'")
        con.execute("drop view marts.data_span")
    with cv.open(made, read_only=True) as shop:
        assert shop.fetch("data_span")["n_orders"].item() == 2


# ------------------------------------------------------------------------------------------------ what the machine lacks


def test_a_sum_that_is_too_large_is_told(tmp_path):
    big = pl.DataFrame(
        {
            "customer_id": ["a", "a"],
            "order_id": ["1", "1"],
            "ordered_at": ["2025-01-01"] * 2,
            "amount": ["9999999999999999.99"] * 2,
        }
    )
    with cv.open() as shop, pytest.raises(DataError, match=r"9,999,999,999,999,999\.99"):  # noqa: PT012 - either may say it
        shop.load(big, table="transactions")
        shop.fetch("int_orders")


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (duckdb.OutOfMemoryException("failed to allocate"), "not enough memory"),
        (MemoryError(), "not enough memory"),
        (duckdb.IOException("Could not write all bytes to file: No space left on device"), "The disk is full"),
        (duckdb.IOException("Could not read enough bytes"), "Can't read or write the database"),
    ],
)
def test_what_the_machine_lacks_is_told(problem, said):
    assert said in explained(problem, "loading").message


def test_too_little_memory_leaves_what_was_loaded(tmp_path):
    with cv.open() as shop:
        shop.load(
            pl.DataFrame({"customer_id": ["a"], "ordered_at": ["2025-01-01"], "amount": [1]}), table="transactions"
        )
        shop._con.execute("set memory_limit = '10MB'")
        shop._con.execute("set max_temp_directory_size = '0MB'")
        many = pl.DataFrame({"customer_id": [f"customer number {i}" for i in range(400_000)]}).with_columns(
            ordered_at=pl.lit("2025-01-01"), amount=pl.lit(2)
        )
        with pytest.raises(DataError, match=r"not enough memory|disk is full"):
            shop.load(many, table="transactions")
        shop._con.execute("set memory_limit = '1GB'")
        assert shop.fetch("transactions").height == 1
