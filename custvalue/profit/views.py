"""The waterfall of segments, months and the company, all from the rows that make the customers'."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from custvalue.profit.costing import shares

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse

MONEY = pl.Decimal(18, 2)
COMPANY_LINES = ("facility", "unused_capacity", "without_rule")
"""What no customer bears: rent and management, time that nobody used, accounts that no rule covers."""


def by_segment(shop: Warehouse, customers: pl.DataFrame, lines: list[str]) -> pl.DataFrame:
    """Sum customers by declared segment; who has none, and rows without a customer, stand apart."""
    nobody = pl.when(pl.col("customer_id").is_null()).then(pl.lit("no customer")).otherwise(pl.lit("not declared"))
    placed = customers.join(shop.fetch("customer_segments"), on="customer_id", how="left")
    summed = (
        placed.with_columns(pl.coalesce("segment", nobody).alias("segment"))
        .group_by("segment")
        .agg(pl.col("customer_id").drop_nulls().n_unique().alias("n_customers"), pl.col(lines).sum())
        .sort("segment")
    )
    each = pl.col("customer_profit").cast(pl.Float64) / pl.col("n_customers")
    named = pl.col("n_customers") > 0
    return summed.with_columns(profit_per_customer=pl.when(named).then(each).round(2).cast(MONEY))


def with_facility(segments: pl.DataFrame, facility: Decimal) -> pl.DataFrame:
    """Allocate facility cost to segments by net revenue, to the cent; unused capacity stays with the company."""
    weights = [max(revenue, Decimal(0)) for revenue in segments["net_revenue"]]
    if not any(weights):
        return segments
    parts = pl.Series("allocated_facility", shares(facility, weights), dtype=MONEY)
    return segments.with_columns(parts).with_columns(
        after_facility=pl.col("customer_profit") + pl.col("allocated_facility")
    )


def with_company_lines(shop: Warehouse, months: pl.DataFrame) -> pl.DataFrame:
    """Carry each month's profit of customers on to the ledger's result; months without a ledger stay open."""
    if not (shop.has("gl_totals") and shop.has("gl_accounts")):
        return months
    tied = shop.fetch("ledger_reconciliation").group_by("period").agg(pl.col("facility", "unused_capacity").sum())
    unruled = shop.fetch("ledger_unassigned").filter(pl.col("reason") != "no customer")
    without = unruled.group_by("period").agg(pl.col("amount").sum().alias("without_rule"))
    company = tied.join(without, on="period", how="left").with_columns(pl.col("without_rule").fill_null(0))
    # plus, not a horizontal sum: a month without a ledger has no result
    result = pl.col("customer_profit") + pl.col("facility") + pl.col("unused_capacity") + pl.col("without_rule")
    return (
        months.join(company.select("period", *COMPANY_LINES), on="period", how="left")
        .with_columns(result=result)
        .sort("period")
    )


def whole(months: pl.DataFrame) -> pl.DataFrame:
    """Sum the months to the company, one row; the ledger's result only where it covers every month."""
    summed = months.select(pl.lit("company").alias("company"), pl.exclude("period").sum())
    if "result" in months.columns and months["result"].null_count():
        return summed.drop(*COMPANY_LINES, "result")
    return summed
