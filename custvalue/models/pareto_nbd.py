"""Pareto/NBD: Schmittlein, Morrison & Colombo (1987), Management Science 33(1), 1-24."""

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
from custvalue.models.pareto_fit import ParetoObjective
from custvalue.models.special import (
    FloatArray,
    gauss_legendre,
    log_hyp2f1_unit,
    log_rising,
    negative_binomial_log_pmf,
    truncated_laplace,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted, Drawn, Objective, Past

LARGEST_SHAPE = 1e4
"""Of the gamma distribution of dropout rates, whose spread is 1/√s of their mean: more cannot be told from data."""


@dataclass(frozen=True)
class ParetoNbd(Model):
    """Pareto/NBD: Poisson purchases at rate λ, until a dropout that can come at any time.

    Parameters
    ----------
    r, alpha
        Shape and rate of the gamma distribution of purchase rates λ; alpha in time units.
    s, beta
        Shape and rate of the gamma distribution of dropout rates μ; beta in time units.

    Examples
    --------
    >>> m = ParetoNbd(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> float(m.probability_alive(26, 30.86, 31).round(4))
    0.9979
    """

    r: float
    alpha: float
    s: float
    beta: float

    label: ClassVar[str] = "Pareto/NBD"
    covariate_moves: ClassVar[tuple[tuple[str, float], tuple[str, float]] | None] = (("alpha", -1.0), ("beta", -1.0))

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history (x repeat purchases, the last at t_x, age T).

        No difference of powers as in the textbook's A₀: both terms are positive at every parameter.
        """
        x, t_x, T = checked_history(x, t_x, T)
        m = max(self.alpha, self.beta)
        k = x.astype(np.intp)
        front = self.r * np.log(self.alpha / m) + self.s * np.log(self.beta / m) - x * np.log(m)
        return np.asarray(log_rising(self.r, int(k.max(initial=0)))[k] + front + self._log_integral(x, t_x, T))

    def _log_integral(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return ln of dropped out in (t_x, T] plus still alive, in units of m = max(α, β)."""
        q, R = self.r + self.s + x, self.r + x
        b1, b2 = (R, R + 1.0) if self.alpha >= self.beta else (np.full_like(R, self.s + 1), np.full_like(R, self.s))
        died = np.log(self.s / q) + self._g(t_x, b1, q)
        return np.logaddexp(died, np.log(R / q) + self._g(T, b2, q))

    def _g(self, t: FloatArray, b: FloatArray, q: FloatArray) -> FloatArray:
        m, low = max(self.alpha, self.beta), min(self.alpha, self.beta)
        z, rest = (m - low) / (m + t), (low + t) / (m + t)
        return (b - q) * np.log(rest) + log_hyp2f1_unit(b, q + 1.0, z, rest) - q * np.log1p(t / m)

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(still a customer at T); exactly 1 at t_x = T."""
        x, t_x, T = checked_history(x, t_x, T)
        m = max(self.alpha, self.beta)
        alive = -(self.r + x) * np.log((self.alpha + T) / m) - self.s * np.log((self.beta + T) / m)
        out = np.exp(np.minimum(alive - self._log_integral(x, t_x, T), 0.0))
        return np.where(t_x == T, 1.0, out)

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases in (T, T + horizon]] of customers with these histories."""
        x, t_x, T = checked_history(x, t_x, T)
        return self.probability_alive(x, t_x, T) * self._alive_purchases(check_horizon(horizon), x, T)

    def _alive_purchases(self, h: FloatArray, x: FloatArray, T: FloatArray) -> FloatArray:
        """E[purchases in h | alive]; (1 − e^(−u)) / u instead of a division by s − 1."""
        width = np.log1p(h / (self.beta + T))
        share = width * special.exprel(-(self.s - 1.0) * width)
        return np.asarray((self.r + x) / (self.alpha + T) * (self.beta + T) * share)

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[repeat purchases in (0, horizon]] of a newcomer."""
        return self.expected_purchases(horizon, 0, 0, 0)

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases after T: Fader, Hardie & Lee (2005), JMR 42(4), 415-430.

        Parameters
        ----------
        delta
            Continuous discount rate per time unit: ln(1 + annual rate) × days per unit / 365.
        horizon
            Time units from T on (DECT), or None for no end (DERT).
        """
        check_discount(delta, horizon)
        x, t_x, T = checked_history(x, t_x, T)
        return self.probability_alive(x, t_x, T) * self._alive_discounted(delta, x, T, horizon)

    def _alive_discounted(self, delta: float, x: FloatArray, T: FloatArray, horizon: float | None) -> FloatArray:
        (ages,), which = distinct(T.ravel())
        B = self.beta + ages
        limit = np.full_like(B, np.inf) if horizon is None else horizon / B
        share = (B * truncated_laplace(delta * B, np.full_like(B, self.s), limit))[which].reshape(T.shape)
        return np.asarray((self.r + x) / (self.alpha + T) * share)

    def expectations(
        self, horizon: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P(alive), expected purchases and discounted expected purchases within the horizon."""
        alive = self.probability_alive(x, t_x, T)
        expected = alive * self._alive_purchases(np.asarray(horizon), x, T)
        return alive, expected, alive * self._alive_discounted(delta, x, T, horizon)

    def churn_probability(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(no longer a customer at T + horizon)."""
        alive, h = self.probability_alive(x, t_x, T), check_horizon(horizon)
        stays = np.exp(-self.s * np.log1p(h / (self.beta + np.asarray(T, dtype=np.float64))))
        return np.asarray((1.0 - alive) - alive * (stays - 1.0))

    def expected_time_to_next_purchase(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[time from T to the next purchase | one will come]; infinite where r + s + x ≤ 1."""
        x, _, T = checked_history(x, t_x, T)
        R, A, B = self.r + x, self.alpha + T, self.beta + T
        out = np.full(x.shape, np.inf)
        for i in np.ndindex(x.shape):
            if R[i] + self.s > 1:
                out[i] = _mean_wait(float(R[i]), float(A[i]), self.s, float(B[i]))
        return out

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n repeat purchases in (0, horizon])."""
        n, t = check_counts(n, horizon)
        alive = np.exp(negative_binomial_log_pmf(n, self.r, self.alpha, t) - self.s * np.log1p(t / self.beta))
        nodes, weights = gauss_legendre(16, 60)
        safe = np.maximum(t, 1e-300)
        low = np.log(1e-17 * np.minimum(min(self.alpha, self.beta), safe))
        ell = low[..., None] + (np.log(safe) - low)[..., None] * nodes  # ln of the time of dropout
        y = np.exp(ell)
        log_density = np.log(self.s) + ell - np.log(self.beta) - (self.s + 1) * np.log1p(y / self.beta)
        inside = np.exp(negative_binomial_log_pmf(n[..., None], self.r, self.alpha, y) + log_density)
        return np.asarray(alive + (inside @ weights) * (np.log(safe) - low) * (t > 0))

    @classmethod
    def draw_purchases(cls, parameters: Mapping[str, FloatArray], horizon: float, past: Past, rng: Generator) -> Drawn:
        """Draw what customers alive at T do in (T, T + horizon]; see `CustomerModel.draw_purchases`."""
        x, _, T = past
        r, alpha, s, beta = (parameters[name] for name in cls.parameter_names())
        levels, row = np.unique(x, return_inverse=True)
        rate = rng.standard_gamma(r + levels[:, None])[row] / (alpha + T[:, None])
        dropout = rng.standard_gamma(np.broadcast_to(s, rate.shape)) / (beta + T[:, None])
        life = rng.standard_exponential(rate.shape) / np.maximum(dropout, 1e-300)
        window = np.minimum(life, horizon)
        return rng.poisson(rate * window).astype(np.float64), window

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return the guesses of where to start: the best known first."""
        scale = float(np.average(data.columns["T"], weights=data.count))
        guesses = ((0.5, 0.3, 0.5, 0.35), (1.0, 1.0, 1.0, 1.0), (2.0, 0.5, 0.3, 0.1), (0.2, 0.1, 2.0, 5.0))
        return [cls(r, share * scale, s, other * scale) for r, share, s, other in guesses]

    @classmethod
    def at_limit(cls, theta: FloatArray, data: Counted) -> bool:  # noqa: ARG003 (other models need the data)
        """Tell whether everybody leaves at the same rate, within 1 %: from there on only beta / s matters."""
        return bool(theta[2] > np.log(LARGEST_SHAPE))

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return log-likelihood and gradient in log parameters, summed over the counted table."""
        return ParetoObjective(data)


def _mean_wait(R: float, A: float, s: float, B: float) -> float:
    """∫ t f(t) dt / ∫ f(t) dt with f(t) ∝ (1 + t/A)^(−R−1) (1 + t/B)^(−s), over ln t."""
    nodes, weights = gauss_legendre(16, 80)
    small, large = min(A / R, B), max(A, B)
    low, high = np.log(small) - 40.0, np.log(large) + 46.0 / (R + s - 1.0)
    high = min(high, np.log(large) + 600.0)
    ell = low + (high - low) * nodes
    t = np.exp(ell)
    log_f = -(R + 1) * np.log1p(t / A) - s * np.log1p(t / B) + ell
    f = np.exp(log_f - log_f.max()) * weights
    return float(f @ t / f.sum())
