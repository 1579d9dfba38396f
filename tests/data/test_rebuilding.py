"""What an earlier version built gives way to what is built today, and no loaded row is lost."""

from __future__ import annotations

import duckdb
import polars as pl

import custvalue as cv


def test_a_relation_that_was_a_view_or_is_gone_today_is_replaced(tmp_path):
    database = tmp_path / "shop.duckdb"
    rows = pl.DataFrame({"customer_id": ["ann"], "ordered_at": ["2025-03-03"], "amount": ["12.50"]})
    with cv.open(database) as shop:
        shop.load(rows)
        before = shop.fetch("pnl_entries")
    with duckdb.connect(str(database)) as old:
        old.execute("drop table intermediate.int_derived_courtesies")
        old.execute("create view intermediate.int_derived_courtesies as select 1 as one")
        old.execute("drop table staging.stg_orders")
        old.execute("create view staging.stg_orders as select 2 as two")
        old.execute("create view marts.of_an_earlier_version as select 3 as three")
        old.execute("update meta.build_log set fingerprint = 'earlier'")
    with cv.open(database) as shop:
        assert shop.fetch("pnl_entries").equals(before)
        assert shop.checks().filter(pl.col("n_failures") > 0).rows() == []
