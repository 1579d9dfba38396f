"""Tables from anywhere, brought to Polars at the door; columns of numbers without gaps, each customer once."""

from __future__ import annotations

import datetime as dt
import math
import re
from numbers import Number
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import narwhals as nw
import polars as pl

from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from narwhals.typing import IntoFrame


ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
LARGEST: Final = 1e15
"""A figure beyond it is a slip or a code for "missing"; squares of it would no longer be numbers."""
Frame: TypeAlias = "IntoFrame"
"""A table of pandas, Polars (lazy too), Arrow or DuckDB."""


def to_polars(frame: Any, what: str = "table") -> pl.DataFrame:
    """Return a table as Polars.

    Parameters
    ----------
    frame
        A frame of pandas, Polars (lazy too), a table of Arrow, a relation of DuckDB, or another that narwhals reads.
    what
        What it is to hold, for the message.

    Raises
    ------
    DataError
        It is no table, can't be read, or has two columns of one name.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        table = nw.from_native(frame, pass_through=True)
    except nw.exceptions.DuplicateError:
        names = [str(name) for name in getattr(frame, "column_names", None) or frame.columns]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"The {what} has two columns {twice!r}.", "Leave one of them out, or rename it.") from None
    if isinstance(table, nw.LazyFrame):
        return _collected(table, what)
    if not isinstance(table, nw.DataFrame):
        kinds = "a frame of pandas or Polars, or a table of Arrow or DuckDB"
        raise DataError(f"The {what} must be {kinds}; it is {type(frame).__name__}.")
    return _of_pandas(frame) if nw.dependencies.is_pandas_dataframe(frame) else table.to_polars()


def _collected(table: nw.LazyFrame[Any], what: str) -> pl.DataFrame:
    """Run a lazy frame; what fails in it is its author's, and said in its own words."""
    try:
        collected: pl.DataFrame = table.collect("polars").to_native()
    except Exception as problem:  # noqa: BLE001 - a lazy table fails with any error of its own library
        raise DataError(f"The {what} can't be computed: {str(problem).splitlines()[0]}") from None
    return collected


def _of_pandas(frame: pd.DataFrame) -> pl.DataFrame:
    try:
        return pl.from_pandas(frame)
    except (TypeError, ValueError):  # a column mixes kinds of values
        return pl.DataFrame([_series(frame.iloc[:, i], str(name)) for i, name in enumerate(frame.columns)])


def _series(column: pd.Series[Any], name: str) -> pl.Series:
    try:
        return pl.Series(name, pl.from_pandas(column))
    except (TypeError, ValueError):
        values = [None if _is_empty(v) else v for v in column.to_list()]
    if all(v is None or isinstance(v, Number) for v in values):
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)


def _is_empty(value: object) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def table_of(source: Any, columns: Iterable[str] = (), what: str = "table") -> pl.DataFrame:
    """Return a table as Polars that has these columns.

    Raises
    ------
    DataError
        It is no table, or lacks a column; the message names those it has.
    """
    table = to_polars(source, what)
    for column in columns:
        check_column(table, column, what)
    return table


def check_column(table: pl.DataFrame, column: object, what: str = "table") -> None:
    """Refuse a column that the table does not have."""
    if not isinstance(column, str) or column not in table.columns:
        has = ", ".join(table.columns) or "none"
        raise DataError(f"The {what} has no column {column!r}; it has {has}.")


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
    return floats.to_frame().select(pl.when(pl.first().abs() <= LARGEST).then(pl.first())).to_series()


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
    values = [None if v is None else _day(v, name) for v in text_of(column).to_list()]
    if all(v is None or len(v) == len("2026-01-31") for v in text_of(column).to_list()):
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


def text_of(column: pl.Series) -> pl.Series:
    """Return text without spaces around it; empty text is empty."""
    text = column.cast(pl.String).str.strip_chars()
    return text.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()


def kind_of(column: pl.Series) -> str:
    """Say what a column holds; of text the piece that is farthest from a number."""
    if column.dtype != pl.String or not column.count():
        return str(column.dtype)
    known = column.drop_nulls()
    shown = next((v for v in known if not _reads_as_number(v)), known[0])
    return f"text such as {shown!r}"


def _reads_as_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


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
        if frame.schema[column].is_float() and (n := int((~(frame[column].abs() <= LARGEST)).sum())):
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
        first = known.filter(known.is_duplicated())[0]
        raise DataError(
            f"{twice:,} rows repeat a customer, such as {first}: each of them must be one customer ({column}).",
            "Add up a customer's rows, or leave the repeated ones out.",
        )


def as_key(ids: pl.Series) -> pl.Series:
    """Write ids as text, 12.0 as "12": pandas reads whole numbers with a gap between them as floats."""
    if ids.dtype.is_float() and bool((ids.drop_nulls().drop_nans() % 1.0 == 0.0).all()):
        ids = ids.fill_nan(None).cast(pl.Int64)
    return ids.cast(pl.String)
