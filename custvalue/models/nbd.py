"""NBD: Ehrenberg (1959), Applied Statistics 8(1), 26-41: customers buy at random, and none of them leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from custvalue.models.base import Model, check_counts, check_discount, check_horizon, checked_history
from custvalue.models.special import FloatArray, log_rising, negative_binomial_log_pmf, sum_reciprocals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted, Drawn, Objective, Past


@dataclass(frozen=True)
class Nbd(Model):
    """NBD: gamma-mixed Poisson purchases without dropout, the limit of BG/NBD and MBG/NBD as a goes to 0.

    Where a history is too short to show that anybody left, those models cannot tell how customers leave,
    and this one says what is left to say: how they buy.

    Parameters
    ----------
    r, alpha
        Shape and rate of the gamma distribution of purchase rates; alpha in time units.

    Examples
    --------
    >>> m = Nbd(r=0.8, alpha=10.0)
    >>> float(m.expected_purchases(52, 4, 30, 38).round(2))
    5.2
    """

    label: ClassVar[str] = "NBD"
    advice: ClassVar[str] = "Take a longer history or more customers."

    r: float
    alpha: float

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history; the time of the last purchase tells nothing."""
        x, _, T = checked_history(x, t_x, T)
        rising = log_rising(self.r, int(x.max(initial=0)) + 1)[x.astype(np.intp)]
        return np.asarray(rising - self.r * np.log1p(T / self.alpha) - x * np.log(self.alpha + T))

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return 1 for everybody."""
        return np.ones_like(checked_history(x, t_x, T)[0])

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases in (T, T + horizon]] = horizon (r + x) / (alpha + T)."""
        x, _, T = checked_history(x, t_x, T)
        return np.asarray(check_horizon(horizon) * (self.r + x) / (self.alpha + T))

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[repeat purchases of a newcomer in (0, horizon]]."""
        return self.expected_purchases(horizon, 0, 0, 0)

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n repeat purchases in (0, horizon]): negative binomial."""
        n, t = check_counts(n, horizon)
        return np.exp(negative_binomial_log_pmf(n, self.r, self.alpha, t))

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases after T: rate x (1 - exp(-delta horizon)) / delta."""
        check_discount(delta, horizon)
        limit = np.inf if horizon is None else horizon
        length = -np.expm1(-delta * limit) / delta if delta > 0 else limit
        return self.expected_purchases(1.0, x, t_x, T) * length

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
        x, _, T = past
        levels, row = np.unique(x, return_inverse=True)
        rate = rng.standard_gamma(parameters["r"] + levels[:, None])[row]
        made = rng.poisson(rate * (horizon / (parameters["alpha"] + T[:, None]))).astype(np.float64)
        return made, np.full_like(made, horizon)

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return a start at the mean purchase rate, and two others."""
        x, _, T = data.history()
        rate = float(data.count @ x) / float(data.count @ T)
        return [cls(r, r / rate) for r in (0.8, 0.2, 3.0)]

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return log-likelihood and gradient in log parameters, summed over the counted table."""
        x, _, T = data.history()
        n, top = data.count, int(x.max(initial=0)) + 1
        by_x = np.bincount(x.astype(np.intp), weights=n, minlength=top)
        total_x, total = n * x, data.total

        def value_and_gradient(theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
            r, alpha = np.exp(theta)
            log_A = np.log(alpha + T)
            shrink = float(n @ log_A) - total * np.log(alpha)
            value = float(by_x @ log_rising(r, top)[:top] - r * shrink - total_x @ log_A)
            if not gradient:
                return value, theta
            d_r = by_x @ sum_reciprocals(r, top)[:top] - shrink
            d_alpha = r * (n @ (T / (alpha * (alpha + T)))) - total_x @ (1.0 / (alpha + T))
            return value, np.array([r * d_r, alpha * d_alpha])

        return value_and_gradient
