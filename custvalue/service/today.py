"""Who is served at which level today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError
from custvalue.service.effects import EVERYBODY

if TYPE_CHECKING:
    import datetime as dt


def with_level_today(
    customers: pl.DataFrame, policy: pl.DataFrame, levels: pl.DataFrame, *, as_of: dt.date
) -> pl.DataFrame:
    """Add `level_today`, and split segments whose customers are served at different levels.

    Parameters
    ----------
    customers
        `customer_id`, `segment`, `effect_segment` (the declared segment, null where there is none).
    policy
        `policy_history`: `segment`, `level`, `valid_from`, `valid_to`. A row for a customer's segment comes
        before one for his declared segment, and that before the one for `all`.
    levels
        `service_levels`; who has no row in the policy is served at the lowest.
    as_of
        The day.

    Returns
    -------
    pl.DataFrame
        With `level_today`; in a split segment those above its lowest level carry that level in the segment's
        name, since nobody is moved down or by two steps.

    Raises
    ------
    DataError
        The policy holds a level that service_levels lacks.
    """
    names = dict(levels.select(pl.col("level").cast(pl.Int64), "name").iter_rows())
    open_end = pl.col("valid_to").is_null() | (pl.col("valid_to") >= as_of)
    valid = policy.filter((pl.col("valid_from") <= as_of) & open_end).sort("segment", "valid_from")
    current = valid.group_by("segment", maintain_order=True).agg(pl.col("level").last().cast(pl.Int64))
    by_segment = dict(current.iter_rows())
    if unknown := sorted(set(by_segment.values()) - set(names)):
        raise DataError(f"policy_history holds level {unknown[0]}, which service_levels lacks.")
    rest = by_segment.get(EVERYBODY, min(names))
    found = pl.coalesce(
        pl.col(name).replace_strict(by_segment, default=None, return_dtype=pl.Int64)
        for name in ("segment", "effect_segment")
    )
    placed = customers.with_columns(level_today=found.fill_null(rest))
    lowest = pl.col("level_today").min().over("segment")
    today = pl.col("level_today").replace_strict(names, return_dtype=pl.String)
    raised = pl.format("{} (now {})", "segment", today)
    return placed.with_columns(segment=pl.when(pl.col("level_today") > lowest).then(raised).otherwise("segment"))
