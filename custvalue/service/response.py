"""How a customer's value answers to a change of his purchase rate or of his dropout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from custvalue.errors import DataError
from custvalue.models.beta_geometric import BetaGeometricNbd
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary

if TYPE_CHECKING:
    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray

_STEP = 0.05


def value_response(fit: ModelFit, summary: PurchaseSummary, *, horizon_days: float) -> pl.DataFrame:
    """Return elasticities of each customer's expected purchases.

    Purchases in a horizon t at a rate e^β times as high are those in a horizon e^β t (dropout hangs on
    purchases, not on time, so the process only runs faster). Dropout e^c times as likely scales the mean
    of its beta distribution: a → a e^c with a + b kept, for the future only; what the past says about
    being alive stays. Both as central differences on the log scale, so value answers as
    exp(elasticity × change), right to first order.

    Parameters
    ----------
    fit
        A fitted BG/NBD or MBG/NBD.
    summary
        The customers, in the fit's time unit.
    horizon_days
        Of the value.

    Returns
    -------
    pl.DataFrame
        `customer_id`, `rate_elasticity`, `dropout_elasticity`.

    Raises
    ------
    DataError
        Another model: its dropout runs in calendar time.
    """
    model = fit.model
    if not isinstance(model, BetaGeometricNbd):
        raise DataError(f"A service plan needs a BG/NBD or MBG/NBD fit, not {model.label}.", "Fit MbgNbd.")
    x, t_x, T = summary.arrays()
    h = horizon_days / DAYS_PER_UNIT[fit.time_unit]
    faster, slower = (model.expected_purchases(h * np.exp(s), x, t_x, T) for s in (_STEP, -_STEP))
    step = min(_STEP, 0.5 * float(np.log1p(model.b / model.a)))
    more, fewer = (_while_alive(_dropout(model, s), h, x, t_x, T) for s in (step, -step))
    return pl.DataFrame({
        "customer_id": summary.table["customer_id"],
        "rate_elasticity": _slope(faster, slower, 2 * _STEP),
        "dropout_elasticity": _slope(more, fewer, 2 * step),
    })  # fmt: skip


def _dropout(model: BetaGeometricNbd, log_change: float) -> BetaGeometricNbd:
    """Scale the mean dropout probability, with the beta distribution's strength a + b kept."""
    a = model.a * float(np.exp(log_change))
    return replace(model, a=a, b=model.b - (a - model.a))


def _while_alive(model: BetaGeometricNbd, h: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
    """Return expected purchases given that the customer is alive; 0 where he certainly is not."""
    alive = model.probability_alive(x, t_x, T)
    expected = model.expected_purchases(h, x, t_x, T)
    return np.divide(expected, alive, out=np.zeros_like(alive), where=alive > 0)


def _slope(up: FloatArray, down: FloatArray, width: float) -> FloatArray:
    """Return the difference of logarithms over its width; 0 for who buys nothing anyhow."""
    buys = (up > 0) & (down > 0)
    ratio = np.divide(up, down, out=np.ones_like(up), where=buys)
    out: FloatArray = np.log(ratio) / width
    return out
