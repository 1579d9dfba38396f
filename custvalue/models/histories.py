"""The customers that a model is given: a purchase summary or any table, each customer once, in the unit of the fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.errors import DataError
from custvalue.frames import check_once, table_of
from custvalue.results import PurchaseSummary

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from custvalue.frames import Frame
    from custvalue.models.model_fit import ModelFit


def history_table(
    summary: PurchaseSummary | Frame, columns: Iterable[str] = (), fitted: ModelFit | None = None
) -> pl.DataFrame:
    """Return the customers of a summary or table as Polars.

    Parameters
    ----------
    summary
        A purchase summary, or a table of pandas, Polars, Arrow or DuckDB.
    columns
        Those it must have.
    fitted
        The fit that is to be used on it; a purchase summary must have its time unit.

    Raises
    ------
    DataError
        It is no table, lacks a column, holds a customer twice, or is in another time unit.
    """
    if not isinstance(summary, PurchaseSummary):
        table = table_of(summary, columns, "summary")
        check_once(table)
        return table
    if fitted is not None and summary.time_unit != fitted.time_unit:
        raise DataError(
            f"The model was fitted in {fitted.time_unit}s, the summary is in {summary.time_unit}s.",
            "Make both with the same time_unit.",
        )
    return table_of(summary.table, columns, "summary")
