"""Poisson: everybody buys at random at one rate, and nobody leaves; the limit of NBD as customers become alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import special

from custvalue.models.base import Model, check_counts, check_discount, check_horizon, checked_history

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted, Drawn, Objective, Past
    from custvalue.models.special import FloatArray


@dataclass(frozen=True)
class Poisson(Model):
    """Poisson purchases at one rate for everybody.

    Where the data do not show that customers differ in how often they buy, NBD can't be told; this is what is left to
    say: how often a customer buys on average. It is fitted in closed form: all repeat purchases over all time observed.

    Parameters
    ----------
    rate
        Purchases per time unit.

    Examples
    --------
    >>> float(Poisson(rate=0.25).expected_purchases(52, 3, 10, 12))
    13.0
    """

    label: ClassVar[str] = "Poisson"
    advice: ClassVar[str] = "Take a longer history."

    rate: float

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history: x ln rate − rate T."""
        x, _, T = checked_history(x, t_x, T)
        return np.asarray(x * np.log(self.rate) - self.rate * T)

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return 1 for everybody."""
        return np.ones_like(checked_history(x, t_x, T)[0])

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases in (T, T + horizon]] = rate × horizon."""
        return np.asarray(self.rate * check_horizon(horizon) * self.probability_alive(x, t_x, T))

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[repeat purchases of a newcomer in (0, horizon]]."""
        return self.expected_purchases(horizon, 0, 0, 0)

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n repeat purchases in (0, horizon])."""
        n, t = check_counts(n, horizon)
        return np.asarray(np.exp(special.xlogy(n, self.rate * t) - self.rate * t - special.gammaln(n + 1)))

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases after T: rate × (1 − exp(−delta horizon)) / delta."""
        check_discount(delta, horizon)
        limit = np.inf if horizon is None else horizon
        length = -np.expm1(-delta * limit) / delta if delta > 0 else limit
        return np.asarray(self.expected_purchases(1.0, x, t_x, T) * length)

    def expectations(
        self, horizon: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P(alive), expected purchases and discounted expected purchases within the horizon."""
        return (
            self.probability_alive(x, t_x, T),
            self.expected_purchases(horizon, x, t_x, T),
            self.discounted_expected_purchases(delta, x, t_x, T, horizon),
        )

    def churn_probability(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return 0 for everybody."""
        return np.zeros(np.broadcast_shapes(np.shape(horizon), checked_history(x, t_x, T)[0].shape))

    @classmethod
    def draw_purchases(cls, parameters: Mapping[str, FloatArray], horizon: float, past: Past, rng: Generator) -> Drawn:
        """Draw what customers do in (T, T + horizon]; see `CustomerModel.draw_purchases`."""
        made = rng.poisson(parameters["rate"] * horizon, (past.x.size, parameters["rate"].size)).astype(np.float64)
        return made, np.full_like(made, horizon)

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return the optimum: all repeat purchases over all time observed."""
        x, _, T = data.history()
        return [cls(float(data.count @ x) / float(data.count @ T))]

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return log-likelihood and gradient in the log rate."""
        x, _, T = data.history()
        bought, time = float(data.count @ x), float(data.count @ T)

        def value_and_gradient(theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
            expected = float(np.exp(theta[0])) * time
            value = bought * float(theta[0]) - expected
            return value, np.array([bought - expected]) if gradient else theta

        return value_and_gradient
