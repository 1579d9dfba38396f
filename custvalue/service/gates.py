"""A level opens only through its gate: the requirements of its stage and of those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import datetime as dt


def shut_levels(levels: pl.DataFrame, gates: pl.DataFrame, *, as_of: dt.date) -> pl.DataFrame:
    """Add `gate` to the levels: the first requirement that is not met, null where the level is open.

    Parameters
    ----------
    levels
        `service_levels`: `level`, `name`, `min_stage`, `setup_cost`.
    gates
        `stage_gates`: `stage`, `requirement`, `target`, `actual`, `as_of`; a requirement is met when its
        last actual figure reaches the target. Without rows every level is open.
    as_of
        Figures after this day are not looked at.
    """
    known = gates.filter(pl.col("as_of") <= as_of).sort("stage", "requirement", "as_of")
    last = known.group_by("stage", "requirement", maintain_order=True).last()
    unmet = last.filter((pl.col("actual") < pl.col("target")) | pl.col("actual").is_null())
    text = pl.format(
        "{} is {}, stage {} asks for {}", "requirement", pl.col("actual").cast(pl.String).fill_null("not known"),
        "stage", "target",
    )  # fmt: skip
    first = dict(
        unmet.select("stage", text=text).group_by("stage", maintain_order=True).first().sort("stage").iter_rows()
    )
    reasons = {
        level: next((why for stage, why in first.items() if stage <= (needs or 0)), None)
        for level, needs in levels.select("level", "min_stage").iter_rows()
    }
    gate = pl.col("level").replace_strict(reasons, return_dtype=pl.String)
    return levels.with_columns(gate=gate)
