"""Fit any model: maximum likelihood on the counted table, in log parameters, by one optimiser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.models.base import Model
from custvalue.models.covariates import fit_covariates
from custvalue.models.histories import history_table
from custvalue.models.model_fit import ModelFit, fit_plain
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary
from custvalue.validation import check_choice, check_level, check_names, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custvalue.frames import Frame

__all__ = ["ModelFit", "fit"]

M = TypeVar("M", bound=Model)


@checked
def fit(
    model_class: type[M],
    summary: PurchaseSummary | Frame,
    *,
    time_unit: str | None = None,
    weights: str | None = None,
    covariates: Sequence[str] = (),
    level: float = 0.95,
) -> ModelFit:
    """Fit a model by maximum likelihood.

    Parameters
    ----------
    model_class
        `MbgNbd`, `BgNbd`, `ParetoNbd`, `GammaGamma`, …
    summary
        A purchase summary, or a table (pandas, Polars, Arrow, DuckDB) with the columns the model needs
        (`model_class.data_columns`).
    time_unit
        Unit of the times in a frame; a summary carries its own.
    weights
        Column that says how many customers a row stands for; a part of one is allowed.
    covariates
        Columns of the summary that move the purchase rate and the dropout of a customer; the result is
        then a `CovariateFit`.
    level
        Of the parameters' intervals.

    Raises
    ------
    DataError
        The summary is no table, lacks a column, has gaps in it, or lists a customer twice.
    FitError
        Where the data cannot tell the parameters or the search fails; says which and what to try.
    """
    if not (isinstance(model_class, type) and issubclass(model_class, Model)):
        raise DataError(f"fit wants a model such as cv.MbgNbd, not {shown(model_class)}.")
    check_level(level)
    check_names("covariates", covariates)
    table, unit = history_table(summary, model_class.data_columns), _unit(summary, time_unit)
    usable, excluded = model_class.usable(table)
    found: ModelFit
    if covariates:
        found = fit_covariates(model_class, usable, list(covariates), unit, weights, level)
    else:
        found = fit_plain(model_class, usable, time_unit=unit, weights=weights, level=level, excluded=excluded)
    return replace(found, currency=summary.currency) if isinstance(summary, PurchaseSummary) else found


def _unit(summary: object, time_unit: str | None) -> str:
    """Return the time unit: a summary carries its own, a table has the one given, or none."""
    if time_unit is not None:
        check_choice("time_unit", time_unit, DAYS_PER_UNIT)
    if not isinstance(summary, PurchaseSummary):
        return time_unit or ""
    if time_unit not in (None, summary.time_unit):
        raise DataError(f"The summary is in {summary.time_unit}s, not in {time_unit}s.", "Leave time_unit out.")
    return summary.time_unit
