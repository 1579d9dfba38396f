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
    first = _unmet(gates, as_of)
    reasons = {
        level: next((why for stage, why in first.items() if stage <= (needs or 0)), None)
        for level, needs in levels.select("level", "min_stage").iter_rows()
    }
    gate = pl.col("level").replace_strict(reasons, return_dtype=pl.String)
    return levels.with_columns(gate=gate)


def shut_measures(catalogue: pl.DataFrame, gates: pl.DataFrame, *, as_of: dt.date) -> dict[str, str]:
    """Return the measures whose stage is not reached yet, each with the first requirement that is not met."""
    first = _unmet(gates, as_of)
    stages = catalogue.select("measure_id", pl.col("needs_stage").fill_null(0)).iter_rows()
    shut = {m: next((why for stage, why in first.items() if stage <= needs), None) for m, needs in stages}
    return {measure: why for measure, why in shut.items() if why is not None}


def _unmet(gates: pl.DataFrame, as_of: dt.date) -> dict[int, str]:
    """Return the first requirement of each stage that is not met, in the order of the stages."""
    known = gates.filter(pl.col("as_of") <= as_of).sort("stage", "requirement", "as_of")
    last = known.group_by("stage", "requirement", maintain_order=True).last()
    unmet = last.filter((pl.col("actual") < pl.col("target")) | pl.col("actual").is_null())
    text = pl.format(
        "{} is {}, stage {} asks for {}", "requirement", pl.col("actual").cast(pl.String).fill_null("not known"),
        "stage", "target",
    )  # fmt: skip
    return dict(
        unmet.select("stage", text=text).group_by("stage", maintain_order=True).first().sort("stage").iter_rows()
    )
