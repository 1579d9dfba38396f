"""No euro of 500 random shops vanishes: every money column is in the books or left out by name, whatever is loaded.

    python -m tests.benchmarks.conservation [SHOPS] [FIRST_SEED]

What came is added up from the rows themselves, in Decimal, by another road than SQL.
"""

from __future__ import annotations

import sys
import time
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import polars as pl

from tests.benchmarks.random_shops import opened, random_tables

CENT = Decimal("0.01")


def raw_total(tables, column):
    """Add up a money column of the rows; None where no row has a value."""
    table, name = column.split(".")
    if column == "order_lines.unit_cost":
        of_product = {row["product_id"]: row["unit_cost"] for row in tables.get("products", [])}
        priced = [(row["qty"], row["unit_cost"] or of_product.get(row["product_id"])) for row in tables[table]]
        parts = [(qty * Decimal(cost)).quantize(CENT, ROUND_HALF_UP) for qty, cost in priced if cost]
    elif column == "transactions.amount":
        # a return that comes with a positive amount takes it away all the same
        amounts = [(row["kind"], Decimal(row["unit_price"]) * row["quantity"]) for row in tables[table]]
        parts = [-abs(amount) if kind == "return" else amount for kind, amount in amounts]
    else:
        parts = [Decimal(row[name]) for row in tables.get(table, []) if row.get(name) is not None]
    return sum(parts, Decimal(0)) if parts else None


def faults(seed):
    """Return what the books of a random shop do not carry to the cent; empty where all is right."""
    tables = random_tables(Random(seed))
    with opened(tables) as shop:
        balance = shop.fetch("money_balance")
        rules = shop.fetch("rule_balance").filter(pl.col("rule_id").str.starts_with("move."))
        unbalanced = shop.fetch("marts.pnl_entries").filter(pl.col("rule_id").str.starts_with("move."))
    found = balance.filter(pl.col("difference") != 0).rows() + rules.filter(pl.col("rest") != 0).rows()
    found += [
        (column, came, raw_total(tables, column))
        for column, came in balance.select("raw_column", "came").iter_rows()
        if came != (raw_total(tables, column) or 0)
    ]
    # each move is zero by itself, on its account too
    return (
        found
        + unbalanced.group_by("rule_id", "source_key", "account")
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") != 0)
        .rows()
    )


def main(shops: int = 500, first: int = 0) -> None:
    """Open that many random shops, and say which lose a cent."""
    begin, wrong = time.perf_counter(), 0
    for seed in range(first, first + shops):
        if found := faults(seed):
            wrong += 1
            print(f"shop {seed}: {found}")
    print(f"{shops} shops, {wrong} with a fault, {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
