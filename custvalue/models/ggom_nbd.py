"""GGom/NBD: Bemmaor & Glady (2012), Management Science 58(5), 1012-1021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from scipy import special

from custvalue.models.base import (
    Model,
    check_counts,
    check_discount,
    check_horizon,
    checked_history,
    distinct,
)
from custvalue.models.ggom_fit import BLOCK, GgomObjective
from custvalue.models.special import (
    NEGLIGIBLE,
    FloatArray,
    graded_panels,
    log_rising,
    negative_binomial_log_pmf,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted, Drawn, Objective, Past

LEAST_GROWTH = 1e-3
"""Of the dropout risk over the longest history: less of it cannot be seen in data."""


@dataclass(frozen=True)
class GgomNbd(Model):
    """GGom/NBD: Pareto/NBD with a dropout risk that grows (or fades) exponentially with age.

    Parameters
    ----------
    r, alpha
        Shape and rate of the gamma distribution of purchase rates; alpha in time units.
    b
        Growth of the dropout risk per time unit. As b → 0 with beta shrinking alike the model becomes
        the Pareto/NBD: on most data b is not identified, and `fit` says so.
    s, beta
        Shape and rate of the gamma distribution of the Gompertz scale; beta is a pure number.
    """

    r: float
    alpha: float
    b: float
    s: float
    beta: float

    label: ClassVar[str] = "GGom/NBD"
    advice: ClassVar[str] = "With b near 0 it is the Pareto/NBD: fit ParetoNbd instead."

    def _log_survival(self, u: FloatArray, t: FloatArray) -> FloatArray:
        """Return ln S(t + u) − ln S(t), exact where both are far below the smallest number."""
        bu, share = self.b * u, self._share(t)
        low = np.log1p(share * np.expm1(np.minimum(bu, 600.0)))
        return np.asarray(-self.s * np.where(bu < 600.0, low, bu + np.log(share)))

    def _share(self, t: FloatArray) -> FloatArray:
        """Return e^(bt) / (β − 1 + e^(bt)): the dropout risk at age t is s b times this."""
        return np.asarray(1.0 / (self.beta * np.exp(-self.b * t) - np.expm1(-self.b * t)))

    @property
    def _turn(self) -> float:
        """The age at which survival begins to fall: s e^(bt) reaches β."""
        return float(np.log(max(self.beta / max(self.s, 1.0), 1.0)) / self.b)

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history (x repeat purchases, the last at t_x, age T)."""
        x, t_x, T = checked_history(x, t_x, T)
        k = x.astype(np.intp)
        front = log_rising(self.r, int(k.max(initial=0)))[k] - x * np.log(self.alpha + t_x)
        front = front - self.r * np.log1p(t_x / self.alpha) + self._log_survival(t_x, np.zeros_like(t_x))
        return np.asarray(front + np.logaddexp(self._log_alive(x, t_x, T), self._log_died(x, t_x, T)))

    def _log_alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return ln P(no purchase in (t_x, T], alive at T | alive and just bought at t_x)."""
        wait = T - t_x
        return np.asarray(-(self.r + x) * np.log1p(wait / (self.alpha + t_x)) + self._log_survival(wait, t_x))

    def _log_died(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return ln P(no purchase in (t_x, T] before dropping out there | alive and just bought at t_x)."""
        (ux, ut, uT), which = distinct(x.ravel(), t_x.ravel(), T.ravel())
        out = np.empty(ux.shape)
        for i in range(0, ux.size, BLOCK):
            j = slice(i, i + BLOCK)
            start = ut[j, None]
            u, weights = graded_panels(uT[j] - ut[j], self._turn - ut[j])
            log_f = -(self.r + ux[j, None]) * np.log1p(u / (self.alpha + start)) + self._log_survival(u, start)
            total = (np.exp(log_f) * self._share(start + u) * weights).sum(axis=1)
            out[j] = np.log(self.s * self.b) + np.log(np.maximum(total, 1e-300))
        return np.where(t_x < T, out[which].reshape(x.shape), -np.inf)

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(still a customer at T)."""
        x, t_x, T = checked_history(x, t_x, T)
        out: FloatArray = special.expit(self._log_alive(x, t_x, T) - self._log_died(x, t_x, T))
        return out

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases in (T, T + horizon]] of customers with these histories."""
        x, t_x, T = checked_history(x, t_x, T)
        return self.probability_alive(x, t_x, T) * self._alive_purchases(check_horizon(horizon), 0.0, x, T)

    def _alive_purchases(self, h: FloatArray, delta: float, x: FloatArray, T: FloatArray) -> FloatArray:
        """R/A ∫ S(T + u)/S(T) e^(−δu) du over (0, h]: it depends on T alone."""
        T, h = np.broadcast_arrays(T, h)
        (ages, ends), which = distinct(T.ravel(), h.ravel())
        with np.errstate(divide="ignore"):
            ends = np.minimum(ends, NEGLIGIBLE / np.float64(delta))
        u, weights = graded_panels(ends, self._turn - ages)
        log_f = self._log_survival(u, ages[:, None]) - delta * u
        share = (np.exp(log_f) * weights).sum(axis=1)[which].reshape(T.shape)
        return np.asarray((self.r + x) / (self.alpha + T) * share)

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[repeat purchases of a newcomer in (0, horizon]]."""
        return self.expected_purchases(horizon, 0, 0, 0)

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases after T, to a horizon or (None) to infinity."""
        check_discount(delta, horizon)
        x, t_x, T = checked_history(x, t_x, T)
        limit = np.asarray(np.inf if horizon is None else horizon)
        return self.probability_alive(x, t_x, T) * self._alive_purchases(limit, delta, x, T)

    def expectations(
        self, horizon: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P(alive), expected purchases and discounted expected purchases within the horizon."""
        alive, h = self.probability_alive(x, t_x, T), np.asarray(horizon)
        return alive, alive * self._alive_purchases(h, 0.0, x, T), alive * self._alive_purchases(h, delta, x, T)

    def churn_probability(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(no longer a customer at T + horizon)."""
        x, t_x, T = checked_history(x, t_x, T)
        stays = np.exp(self._log_survival(check_horizon(horizon), T))
        return np.asarray(1.0 - self.probability_alive(x, t_x, T) * stays)

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n repeat purchases in (0, horizon])."""
        n, t = check_counts(n, horizon)
        start = np.zeros_like(t)
        alive = np.exp(negative_binomial_log_pmf(n, self.r, self.alpha, t) + self._log_survival(t, start))
        y, weights = graded_panels(t.ravel(), np.full(t.size, self._turn))
        density = self.s * self.b * self._share(y) * np.exp(self._log_survival(y, np.zeros_like(y)))
        inside = np.exp(negative_binomial_log_pmf(n.reshape(-1, 1), self.r, self.alpha, y)) * density
        return np.asarray(alive + (inside * weights).sum(axis=1).reshape(t.shape))

    @classmethod
    def draw_purchases(cls, parameters: Mapping[str, FloatArray], horizon: float, past: Past, rng: Generator) -> Drawn:
        """Draw what customers alive at T do in (T, T + horizon]; see `CustomerModel.draw_purchases`."""
        x, _, T = past
        r, alpha, b, s, beta = (parameters[name] for name in cls.parameter_names())
        levels, row = np.unique(x, return_inverse=True)
        rate = rng.standard_gamma(r + levels[:, None])[row] / (alpha + T[:, None])
        bt = b * T[:, None]
        now = np.where(bt < 30.0, np.log(beta + np.expm1(np.minimum(bt, 30.0))), bt)
        later = now + rng.standard_exponential(rate.shape) / s  # ln(β − 1 + e^(bt)) at dropout
        end = np.where(later < 30.0, np.log1p(np.maximum(np.exp(np.minimum(later, 30.0)) - beta, 0.0)), later)
        window = np.clip((end - bt) / b, 0.0, horizon)
        return rng.poisson(rate * window).astype(np.float64), window

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return where to start: with a dropout risk that grows fast, and one that hardly does."""
        scale = float(np.average(data.columns["T"], weights=data.count))
        guesses = ((0.5, 0.3, 1.0, 0.5, 0.5), (1.0, 1.0, 0.1, 1.0, 0.05))
        return [cls(r, share * scale, growth / scale, s, beta) for r, share, growth, s, beta in guesses]

    @classmethod
    def at_limit(cls, theta: FloatArray, data: Counted) -> bool:
        """Tell whether e^(bT) is 1 + bT for everybody: from there on the model is the Pareto/NBD."""
        return bool(np.exp(theta[2]) * data.columns["T"].max() < LEAST_GROWTH)

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return log-likelihood and gradient in log parameters, summed over the counted table."""
        return GgomObjective(data)
