"""Fit any model: maximum likelihood on the counted table, in log parameters, by one optimiser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from custvalue.errors import DataError
from custvalue.models.base import Model
from custvalue.models.covariates import fit_covariates
from custvalue.models.model_fit import ModelFit, fit_plain
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ModelFit", "fit"]

M = TypeVar("M", bound=Model)


def fit(
    model_class: type[M],
    summary: PurchaseSummary | pl.DataFrame,
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
        A purchase summary, or a frame with the columns the model needs (`model_class.data_columns`).
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
    FitError
        Where the data cannot tell the parameters or the search fails; says which and what to try.
    """
    if not (isinstance(model_class, type) and issubclass(model_class, Model)):
        raise DataError(f"fit wants a model such as cv.MbgNbd, not {model_class!r}.")
    if not 0 < level < 1:
        raise DataError(f"level is a share between 0 and 1 (0.95 for 95 %), not {level!r}.")
    table, unit = _table_and_unit(summary, time_unit)
    usable, excluded = model_class.usable(table)
    found: ModelFit
    if covariates:
        found = fit_covariates(model_class, usable, list(covariates), unit, weights, level)
    else:
        found = fit_plain(model_class, usable, time_unit=unit, weights=weights, level=level, excluded=excluded)
    return replace(found, currency=summary.currency) if isinstance(summary, PurchaseSummary) else found


def _table_and_unit(summary: object, time_unit: str | None) -> tuple[pl.DataFrame, str]:
    if isinstance(summary, pl.DataFrame):
        table, unit = summary, time_unit or ""
    elif isinstance(summary, PurchaseSummary):
        table, unit = summary.table, summary.time_unit
        if time_unit not in (None, unit):
            raise DataError(f"The summary is in {unit}s, not in {time_unit}s.", "Leave time_unit out.")
    else:
        raise DataError(f"fit wants a purchase summary or a Polars frame, not {type(summary).__name__}.")
    if unit and unit not in DAYS_PER_UNIT:
        raise DataError(f"time_unit {unit!r} is not one of {', '.join(DAYS_PER_UNIT)}.")
    return table, unit
