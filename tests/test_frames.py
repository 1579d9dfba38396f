"""A table of any kind is the same table: pandas, Polars eager and lazy, Arrow, a relation of DuckDB."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.frames import table_of, to_polars

TABLE = pl.DataFrame({"customer_id": ["a", "b"], "n": [1, 2], "amount": [1.5, None]})


def kinds_of(table):
    con = duckdb.connect()
    con.register("t", table.to_arrow())
    return {
        "polars": table, "lazy": table.lazy(), "pandas": table.to_pandas(), "arrow": table.to_arrow(),
        "duckdb": con.sql("select * from t"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas", "arrow", "duckdb"])
def test_every_kind_gives_the_same_rows(kind):
    assert to_polars(kinds_of(TABLE)[kind]).equals(TABLE)


@pytest.mark.parametrize("wrong", [None, 5, "sales.csv", {"a": [1]}, [1], object(), pl.Series([1])])
def test_what_is_no_table(wrong):
    with pytest.raises(DataError, match=f"The summary must be a frame .*; it is {type(wrong).__name__}"):
        to_polars(wrong, "summary")


def test_two_columns_of_one_name_are_named():
    import pandas as pd

    twice = pd.DataFrame([[1, 2]], columns=["n", "n"])
    with pytest.raises(DataError, match="two columns 'n'"):
        to_polars(twice)


def test_a_lazy_table_that_fails_says_why():
    con = duckdb.connect()
    for broken in (TABLE.lazy().select("nowhere"), con.sql("select cast('x' as integer) as n")):
        with pytest.raises(DataError, match="The table of orders can't be computed: "):
            to_polars(broken, "table of orders")


def test_a_missing_column_names_those_there_are():
    with pytest.raises(DataError, match="The table of orders has no column 'day'; it has customer_id, n, amount"):
        table_of(TABLE, ["customer_id", "day"], "table of orders")
