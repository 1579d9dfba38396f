"""Columns as CSV files and pandas bring them: brought to what is meant, or refused with column and value."""

from __future__ import annotations

from typing import Final

import polars as pl

from custvalue.errors import DataError
from custvalue.experiments.randomised import ALL
from custvalue.frames import text_of

TRUE: Final = frozenset({"1", "1.0", "true", "t", "yes", "y", "ja", "j", "wahr"})
FALSE: Final = frozenset({"0", "0.0", "false", "f", "no", "n", "nein", "falsch"})


def to_boolean(column: pl.Series, name: str) -> pl.Series:
    """Read yes and no as files write them: true/false, t/f, 1/0, yes/no, ja/nein; empty stays empty.

    Raises
    ------
    DataError
        A value is none of these; it names `name` and the value.
    """
    if column.dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.Boolean)
    text = text_of(column).str.to_lowercase()
    found = {v: v in TRUE for v in text.drop_nulls().unique().to_list()}
    if strange := sorted(v for v in found if v not in TRUE | FALSE):
        raise DataError(
            f"Column {name!r} holds {strange[0]!r}: yes or no was expected.", "Write true or false, or 1 or 0."
        )
    return text.replace_strict(found, default=None, return_dtype=pl.Boolean)


def alike(a: pl.Series, b: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Make two times comparable: days where one of them is a day, or has a time zone and the other has none."""
    if not (a.dtype.is_temporal() and b.dtype.is_temporal()):
        return a, b
    zones = [s.dtype.time_zone if isinstance(s.dtype, pl.Datetime) else None for s in (a, b)]
    if pl.Date in (a.dtype, b.dtype) or (zones[0] is None) != (zones[1] is None):
        return a.cast(pl.Date), b.cast(pl.Date)
    if zones[0] != zones[1]:
        return a.dt.convert_time_zone("UTC"), b.dt.convert_time_zone("UTC")
    return a, b


def to_segments(column: pl.Series, name: str) -> pl.Series:
    """Return the names of segments as text.

    Raises
    ------
    DataError
        One is called as the total is.
    """
    text = column.cast(pl.String)
    if (text == ALL).any():
        raise DataError(f"Column {name!r} has a segment {ALL!r}, the name of the total.", "Give it another name.")
    return text
