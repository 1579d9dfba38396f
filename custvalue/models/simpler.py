"""The model that a shop's data can carry: the usual one, or where it is not identified a simpler one, said."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from custvalue.door import checked
from custvalue.errors import FitError
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.mean_spend import mean_spend
from custvalue.models.nbd import Nbd
from custvalue.models.poisson import Poisson

if TYPE_CHECKING:
    from custvalue.frames import Frame
    from custvalue.models.model_fit import ModelFit
    from custvalue.results import PurchaseSummary


@checked
def fit_purchases(summary: PurchaseSummary | Frame, *, time_unit: str | None = None) -> ModelFit:
    """Fit MBG/NBD; where the history does not show that anybody left, a model in which nobody does.

    That is NBD, or where customers do not differ in how often they buy either, Poisson.

    Parameters
    ----------
    summary
        A purchase summary, or a table with `frequency`, `recency` and `T`.
    time_unit
        Of the times in a table.

    Returns
    -------
    ModelFit
        With `note` saying why where it is the simpler model.

    Raises
    ------
    FitError
        Nobody came back.
    """
    with suppress(FitError):
        return fit(MbgNbd, summary, time_unit=time_unit)
    try:
        simpler, left = fit(Nbd, summary, time_unit=time_unit), "everybody counts as active (NBD)"
    except FitError:
        simpler = fit(Poisson, summary, time_unit=time_unit)
        left = "everybody counts as active and buys at the same rate (Poisson)"
    return replace(simpler, note=f"the history does not show that anybody left, so {left}; a longer one would tell")


@checked
def fit_spend(summary: PurchaseSummary | Frame, *, amount: float | None = None) -> ModelFit:
    """Fit Gamma-Gamma; where amounts do not tell customers apart, take their mean for everybody.

    Parameters
    ----------
    summary
        A purchase summary, or a table with `frequency` and `monetary_value`.
    amount
        What a purchase brings, where it is known, such as the one price of a shop; then nothing is fitted.

    Returns
    -------
    ModelFit
        With `note` saying why where it is the mean.

    Raises
    ------
    FitError
        Nobody came back with a spend above 0, and no amount is given.
    """
    if amount is not None:
        return mean_spend(summary, amount)
    try:
        fitted = fit(GammaGamma, summary)
        _ = cast("GammaGamma", fitted.model).population_mean  # infinite where a few enormous orders rule
    except FitError as problem:
        return mean_spend(summary, note=f"{problem.message.rstrip('.')}, so everybody gets the mean spend")
    return fitted
