"""What a user gives to a question: numbers within their limits, columns without gaps; one clear message otherwise."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable


def is_number(value: object) -> bool:
    """Tell whether it is a finite number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_level(level: object) -> None:
    """Refuse the level of an interval that is none, such as 95."""
    if not is_number(level) or not 0.0 < level < 1.0:  # type: ignore[operator]
        raise DataError(f"level={level!r}: a level between 0 and 1, such as 0.95, was expected.")


def check_share(name: str, value: object, *, with_limits: bool = False) -> None:
    """Refuse what is no share between 0 and 1; `with_limits`: 0 and 1 are shares too."""
    inside = is_number(value) and (0.0 < value < 1.0 or (with_limits and value in (0.0, 1.0)))  # type: ignore[operator]
    if not inside:
        limits = ", 0 and 1 included" if with_limits else ""
        raise DataError(f"{name}={value!r}: a share between 0 and 1{limits} was expected, such as 0.5.")


def check_number(name: str, value: object, *, least: float | None = None, above: float | None = None) -> None:
    """Refuse what is no finite number, or a number under `least` or not over `above`."""
    right = is_number(value)
    right = right and (least is None or value >= least) and (above is None or value > above)  # type: ignore[operator]
    if not right:
        limit = "" if least is None else f" of {least:g} or more"
        limit = limit if above is None else f" above {above:g}"
        raise DataError(f"{name}={value!r}: a number{limit} was expected.")


def check_names(name: str, value: object) -> None:
    """Refuse a single name where a list of columns is meant: its letters would be taken for columns."""
    if isinstance(value, str):
        raise DataError(f"{name}={value!r}: a list of columns was expected, such as {name}=[{value!r}].")


def check_columns(frame: pl.DataFrame, columns: Iterable[str], rows: str = "") -> None:
    """Refuse columns of numbers that are empty, infinite or undefined somewhere, or hold no numbers.

    Parameters
    ----------
    rows
        What the rows are, such as "of the orders".
    """
    for column in columns:
        dtype = frame.schema[column]
        named = f"Column {column!r}{rows and ' '}{rows}"
        if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
            raise DataError(f"{named} holds {dtype}, numbers were expected.")
        if n := frame[column].null_count():
            raise DataError(f"{named} is empty in {n:,} rows.", "State 'no order' as 0.")
        check_finite(frame, [column], rows)


def check_finite(frame: pl.DataFrame, columns: Iterable[str], rows: str = "") -> None:
    """Refuse columns of numbers that are infinite or undefined somewhere; empty and other ones are let through."""
    for column in columns:
        if frame.schema[column].is_float() and (n := int((~frame[column].is_finite()).sum())):
            raise DataError(
                f"Column {column!r}{rows and ' '}{rows} is infinite or not a number in {n:,} rows.",
                "Correct those rows at their source, or leave them out and say why.",
            )


def check_once(frame: pl.DataFrame, column: str = "customer_id") -> None:
    """Refuse a customer who stands in several rows; without the column, or where it is empty, nothing is said."""
    if column not in frame.columns:
        return
    known = frame[column].drop_nulls()
    if twice := known.len() - known.n_unique():
        raise DataError(
            f"{twice:,} rows repeat a customer: each of them must be one customer ({column}).",
            "Add up a customer's rows, or leave the repeated ones out.",
        )


def as_key(ids: pl.Series) -> pl.Series:
    """Write ids as text, 12.0 as "12": pandas reads whole numbers with a gap between them as floats."""
    if ids.dtype.is_float() and bool((ids.drop_nulls().drop_nans() % 1.0 == 0.0).all()):
        ids = ids.fill_nan(None).cast(pl.Int64)
    return ids.cast(pl.String)
