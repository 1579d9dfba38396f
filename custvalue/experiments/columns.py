"""Columns as CSV files and pandas bring them: brought to what is meant, or refused with column and value."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import polars as pl

from custvalue.errors import DataError
from custvalue.experiments.randomised import ALL
from custvalue.frames import kind_of

TRUE: Final = frozenset({"1", "1.0", "true", "t", "yes", "y", "ja", "j", "wahr"})
FALSE: Final = frozenset({"0", "0.0", "false", "f", "no", "n", "nein", "falsch"})
ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def to_boolean(column: pl.Series, name: str) -> pl.Series:
    """Read yes and no as files write them: true/false, t/f, 1/0, yes/no, ja/nein; empty stays empty.

    Raises
    ------
    DataError
        A value is none of these; it names `name` and the value.
    """
    if column.dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.Boolean)
    text = _text(column).str.to_lowercase()
    found = {v: v in TRUE for v in text.drop_nulls().unique().to_list()}
    if strange := sorted(v for v in found if v not in TRUE | FALSE):
        raise DataError(
            f"Column {name!r} holds {strange[0]!r}: yes or no was expected.", "Write true or false, or 1 or 0."
        )
    return text.replace_strict(found, default=None, return_dtype=pl.Boolean)


def to_numbers(column: pl.Series, name: str) -> pl.Series:
    """Return the numbers of a column as floats; an infinite or undefined figure is no figure and becomes empty.

    Raises
    ------
    DataError
        It holds something else; text is not guessed at, as 1.234 means two things.
    """
    if column.dtype == pl.String and not column.count():
        return column.cast(pl.Float64)
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"Column {name!r} holds {kind_of(column)}, a number was expected.")
    floats = column.cast(pl.Float64)
    return floats.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()


def to_days(column: pl.Series, name: str) -> pl.Series:
    """Return a day or time as such: dates and times as they are, ISO text as read, numbers as whole numbers.

    Raises
    ------
    DataError
        It holds something else: 01.02.2026 is not guessed at.
    """
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return column
    if column.dtype.is_numeric():
        return column.cast(pl.Int64)
    if column.dtype == pl.Null:
        return column.cast(pl.Date)
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise DataError(f"Column {name!r} holds {column.dtype}, a day such as 2026-01-31 was expected.")
    values = [None if v is None else _day(v, name) for v in _text(column).to_list()]
    if all(v is None or len(v) == len("2026-01-31") for v in _text(column).to_list()):
        return pl.Series(column.name, [v and v.date() for v in values], dtype=pl.Date)
    kinds = {v.tzinfo is not None for v in values if v is not None}
    if len(kinds) > 1:
        raise DataError(f"Column {name!r} holds times with and without a time zone: write all of them alike.")
    zone = "UTC" if True in kinds else None
    return pl.Series(column.name, values, dtype=pl.Datetime("us", zone))


def _day(text: str, name: str) -> dt.datetime:
    if ISO_DAY.match(text):
        try:
            found = dt.datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return found if found.tzinfo is None else found.astimezone(dt.UTC)
    raise DataError(
        f"Column {name!r} holds {text!r}: a day such as 2026-01-31, or a time such as 2026-01-31 14:30, was expected.",
        "Write the year first, or read the column as dates.",
    )


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


def _text(column: pl.Series) -> pl.Series:
    """Return text without spaces around it; empty text is empty."""
    text = column.cast(pl.String).str.strip_chars()
    return text.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
