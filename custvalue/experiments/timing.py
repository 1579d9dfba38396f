"""When the orders of a test came: one column a week becomes what the checks of timing need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError
from custvalue.frames import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEK = re.compile(r"orders_week_([1-9]\d*)")


def with_weeks(table: pl.DataFrame) -> pl.DataFrame:
    """Add `order_weeks` and `n_orders_late` to a frame that has `orders_week_1`, `orders_week_2` and so on.

    Returns
    -------
    polars.DataFrame
        The frame with the sum over a customer's orders of the week they came in, and how many came in the second
        half of the weeks; as it was where it has no such columns, or already has these.

    Raises
    ------
    DataError
        A week holds no number, weeks are missing between, or they do not add up to the orders of a customer.
    """
    weeks = sorted((int(m[1]), name) for name in table.columns if (m := WEEK.fullmatch(name)))
    if not weeks or "order_weeks" in table.columns:
        return table
    if [week for week, _ in weeks] != list(range(1, len(weeks) + 1)):
        raise DataError(f"Columns orders_week_1 to orders_week_{weeks[-1][0]} were expected, some are not there.")
    if odd := [name for _, name in weeks if not table.schema[name].is_numeric()]:
        raise DataError(f"Column {odd[0]!r} holds {kind_of(table[odd[0]])}, a number was expected.")
    each = {week: pl.col(name).cast(pl.Float64) for week, name in weeks}
    total = _sum(list(each.values()))
    stated = next((c for c in ("n_orders", "orders") if c in table.columns), None)
    if stated is None:
        table = table.with_columns(n_orders=total)
    elif table.schema[stated].is_numeric() and (n := table.filter(total != pl.col(stated)).height):
        raise DataError(f"For {n:,} customers the weeks do not add up to {stated!r}.")
    return table.with_columns(
        order_weeks=_sum([week * n for week, n in each.items()]),
        n_orders_late=_sum([n for week, n in each.items() if 2 * week > len(weeks) + 1]),
    )


def _sum(parts: Sequence[pl.Expr]) -> pl.Expr:
    """Add columns; what is empty stays empty."""
    return pl.sum_horizontal(pl.lit(0.0), *parts, ignore_nulls=False)
