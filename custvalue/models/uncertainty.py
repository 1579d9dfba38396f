"""Two kinds of not knowing, kept apart.

*Parameters*: other parameters fit the data nearly as well; less of it with more customers. By the
delta method, on the logit of P(alive) and the logarithm of everything else.

*The customer's own randomness*: with every parameter known he still buys by chance. By draws: each
with its own parameters from their posterior, then rate, dropout, purchases and amounts. These hold
both kinds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import special

from custvalue.models.base import Past

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from custvalue.models.base import CustomerModel, SpendModel
    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray

    Quantity = Callable[[CustomerModel], FloatArray]

STEP = 1e-4
CHUNK = 4096


def log_gradient(fit: ModelFit, quantity: Quantity) -> FloatArray:
    """Differentiate a quantity of each customer by the log parameters; shape (customers, parameters)."""
    theta = fit.model.log_parameters
    columns = []
    for i in range(theta.size):
        h = np.zeros_like(theta)
        h[i] = STEP
        up, down = (quantity(cast("CustomerModel", fit.model.from_log(t))) for t in (theta + h, theta - h))
        columns.append((up - down) / (2 * STEP))
    return np.stack(columns, axis=1)


def delta_sd(gradient: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the standard deviation that a covariance of the parameters gives each row."""
    return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", gradient, covariance, gradient), 0.0)))


@dataclass(frozen=True)
class Customers:
    """What a draw of value needs of each customer, one array element each.

    `known` is the number of purchases whose mean amount is `mean_amount`: 0 where there is none.
    """

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    alive_logit: FloatArray
    alive_gradient: FloatArray
    known: FloatArray
    mean_amount: FloatArray
    margin: FloatArray
    cost: FloatArray

    def part(self, rows: slice) -> Customers:
        """Return some of the customers."""
        return Customers(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class ParameterDraws:
    """The same number of draws of the purchase and of the spend parameters."""

    purchase: dict[str, FloatArray]
    spend: dict[str, FloatArray]
    shift: FloatArray
    """Log purchase parameters less the estimate, shape (draws, parameters)."""


def parameter_draws(purchase_fit: ModelFit, spend_fit: ModelFit, draws: int, seed: int) -> ParameterDraws:
    """Draw parameters of both models from their posteriors."""
    purchase, spend = purchase_fit.posterior(draws, seed).table, spend_fit.posterior(draws, seed + 1).table
    shift = np.log(purchase.to_numpy()) - purchase_fit.model.log_parameters
    return ParameterDraws(
        {c: purchase[c].to_numpy() for c in purchase.columns}, {c: spend[c].to_numpy() for c in spend.columns}, shift
    )


def value_quantiles(
    model: type[CustomerModel],
    spend: SpendModel,
    parameters: ParameterDraws,
    customers: Customers,
    *,
    horizon: float,
    delta: float,
    levels: Sequence[float],
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Return quantiles (customers, levels) and standard deviation (customers,) of the value each will have."""
    n = customers.x.size
    starts = range(0, n, CHUNK)
    seeds = np.random.SeedSequence(seed).spawn(len(starts))
    quantiles, sd = np.empty((n, len(levels))), np.empty(n)

    def run(i: int) -> None:
        rows = slice(starts[i], starts[i] + CHUNK)
        rng = np.random.default_rng(seeds[i])
        values = draw_values(model, spend, parameters, customers.part(rows), horizon, delta, rng)
        sd[rows] = values.std(axis=1)
        values.sort(axis=1)
        at = np.asarray(levels) * (values.shape[1] + 1) - 1
        low = np.clip(np.floor(at).astype(int), 0, values.shape[1] - 2)
        part = np.clip(at - low, 0.0, 1.0)
        quantiles[rows] = values[:, low] * (1 - part) + values[:, low + 1] * part

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(len(starts))))
    return quantiles, sd


def draw_values(
    model: type[CustomerModel],
    spend: SpendModel,
    parameters: ParameterDraws,
    customers: Customers,
    horizon: float,
    delta: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw the discounted value of each customer within the horizon, shape (customers, draws)."""
    c = customers
    purchases, window = model.draw_purchases(parameters.purchase, horizon, Past(c.x, c.t_x, c.T), rng)
    chance = special.expit(c.alive_logit[:, None] + c.alive_gradient @ parameters.shift.T)
    purchases *= rng.random(purchases.shape) < chance
    weight = -np.expm1(-delta * window) / np.where(window > 0, delta * window, 1.0) if delta > 0 else 1.0
    total = spend.draw_totals(parameters.spend, purchases, c.known, c.mean_amount, rng)
    return np.asarray((c.margin[:, None] * total - c.cost[:, None] * purchases) * weight)
