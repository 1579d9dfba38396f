"""What BG/NBD and MBG/NBD share: Poisson purchases, and a coin flipped after each of them.

Purchases come at a rate λ ~ Gamma(r, α); after a purchase the customer leaves with probability
p ~ Beta(a, b). BG/NBD lets the first purchase pass without a coin, MBG/NBD does not. Given that a
customer is alive at T, λ ~ Gamma(r + x, α + T) and p ~ Beta(a, d), independent, with d = b + x
(BG) or b + x + 1 (MBG): every expectation below is one over p alone.
"""

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
from custvalue.models.beta_geometric_fit import BetaGeometricObjective
from custvalue.models.special import (
    FloatArray,
    jacobi_is_exact,
    jacobi_nodes,
    log_rising,
    negative_binomial_log_pmf,
    panel_nodes,
    softplus,
    truncated_laplace,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted, Drawn, Objective, Past

    Kernel = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]

_CHUNK = 1_000


@dataclass(frozen=True)
class BetaGeometricNbd(Model):
    """Base of BG/NBD and MBG/NBD.

    Parameters
    ----------
    r, alpha
        Shape and rate of the gamma distribution of purchase rates; alpha in time units.
    a, b
        Beta distribution of the probability to leave after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    covariate_moves: ClassVar[tuple[tuple[str, float], tuple[str, float]] | None] = (("alpha", -1.0), ("a", 1.0))
    first_coin: ClassVar[int] = 0
    """1 where the first purchase can be the last one, 0 where it cannot."""

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history.

        Parameters
        ----------
        x, t_x, T
            Repeat purchases, age at the last one, age now; arrays that broadcast, in time units.
        """
        x, t_x, T = checked_history(x, t_x, T)
        k = x.astype(np.intp)
        n = int(k.max(initial=0)) + 1
        stayed = log_rising(self.b, n) - log_rising(self.a + self.b, n)
        return (
            log_rising(self.r, n)[k] - self.r * np.log1p(T / self.alpha) - x * np.log(self.alpha + T)
            + stayed[k + self.first_coin] + softplus(self._logit_dead(x, t_x, T))
        )  # fmt: skip

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(still a customer at T), shape as the arrays broadcast."""
        x, t_x, T = checked_history(x, t_x, T)
        out: FloatArray = special.expit(-self._logit_dead(x, t_x, T))
        return out

    def _logit_dead(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        coins = x - 1.0 + self.first_coin
        with np.errstate(divide="ignore"):
            odds = np.log(self.a) - np.log(self.b + coins, where=coins >= 0, out=np.full_like(x, np.inf))
        return np.asarray(odds + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x)))

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases in (T, T + horizon]] of customers with these histories."""
        return self._expect([_purchases], check_horizon(horizon), x, t_x, T)[0]

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[repeat purchases in (0, horizon]] of a newcomer."""
        return self._expect([_purchases], check_horizon(horizon), 0, 0, 0)[0]

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases after T.

        Parameters
        ----------
        delta
            Continuous discount rate per time unit: ln(1 + annual rate) × days per unit / 365.
        horizon
            Time units from T on (DECT), or None for no end (DERT).

        Notes
        -----
        P(alive) · E[λ (1 − e^(−(δ + λp)h)) / (δ + λp)]; over λ ~ Gamma(R, A) the expectation is
        (R/p) ∫₀^(ph/A) e^(−δA t/p) (1 + t)^(−R−1) dt, and only the one over p is left.
        """
        check_discount(delta, horizon)
        limit = np.inf if horizon is None else horizon
        return self._expect([_discounted(delta)], limit, x, t_x, T, delta)[0]

    def expectations(
        self, horizon: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P(alive), expected purchases and discounted expected purchases within the horizon."""
        expected, discounted = self._expect([_purchases, _discounted(delta)], horizon, x, t_x, T, delta)
        return self.probability_alive(x, t_x, T), expected, discounted

    def churn_probability(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(no longer a customer at T + horizon)."""
        return 1.0 - self._expect([_survival], check_horizon(horizon), x, t_x, T)[0]

    def expected_time_to_next_purchase(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[time from T to the next purchase | alive] = (α + T) / (r + x − 1).

        The expectation is infinite where r + x ≤ 1: then nothing bounds how rarely he buys.
        """
        x, _, T = checked_history(x, t_x, T)
        R = self.r + x
        return np.where(R > 1, (self.alpha + T) / np.where(R > 1, R - 1, 1.0), np.inf)

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n repeat purchases in (0, horizon])."""
        n, t = check_counts(n, horizon)
        k = n.astype(np.intp)
        top = int(k.max(initial=0)) + 1
        stayed = log_rising(self.b, top) - log_rising(self.a + self.b, top)
        running = np.exp(negative_binomial_log_pmf(n, self.r, self.alpha, t) + stayed[k + self.first_coin])
        coins = k - 1 + self.first_coin  # coins that came up "stay" before the one that did not
        left = np.exp(stayed[np.maximum(coins, 0)]) * self.a / (self.a + self.b + np.maximum(coins, 0))
        reached = special.betainc(np.maximum(n, 1e-300), self.r, t / (self.alpha + t))
        return running + np.where(coins >= 0, left * np.where(n > 0, reached, 1.0), 0.0)

    @classmethod
    def draw_purchases(cls, parameters: Mapping[str, FloatArray], horizon: float, past: Past, rng: Generator) -> Drawn:
        """Draw what customers alive at T do in (T, T + horizon]; see `CustomerModel.draw_purchases`."""
        x, _, T = past
        levels, row = np.unique(x, return_inverse=True)
        r, alpha, a, b = (parameters[name] for name in cls.parameter_names())
        rate = rng.standard_gamma(r + levels[:, None])
        p = rng.beta(a, b + levels[:, None] + cls.first_coin)
        coins = rng.geometric(np.maximum(p, 1e-12)).astype(np.float64)[row]
        wanted = rng.poisson(rate[row] * (horizon / (alpha + T[:, None]))).astype(np.float64)
        made = np.minimum(wanted, coins)
        # purchase times are uniform: the j-th of w is at j/(w + 1), so the first j fill this window
        return made, np.where(made < wanted, horizon * made / (wanted + 1.0), horizon)

    def _expect(
        self,
        kernels: list[Kernel],
        horizon: ArrayLike,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        delta: float = 0.0,
    ) -> list[FloatArray]:
        """Return P(alive) · E_p[kernel], p ~ Beta(a, b + x + first_coin), of each kernel.

        The expectations are computed once for each distinct (x, T).
        """
        x, t_x, T = checked_history(x, t_x, T)
        h, x, t_x, T = np.broadcast_arrays(np.asarray(horizon, dtype=np.float64), x, t_x, T)
        alive = self.probability_alive(x, t_x, T)
        (ux, uT, uh), which = distinct(x.ravel(), T.ravel(), h.ravel())
        R, A, d = self.r + ux, self.alpha + uT, self.b + ux + self.first_coin
        out = np.empty((len(kernels), ux.size))
        easy = jacobi_is_exact(R + 1.0, uh / A) & (d < 1e4) & (0.02 < self.a < 1e3)
        if easy.any():
            ds, which_d = np.unique(d[easy], return_inverse=True)
            nodes, weights = jacobi_nodes(self.a, ds)
            out[:, easy] = _integrate(kernels, nodes[which_d], weights[which_d], R[easy], A[easy], uh[easy])
        hard = np.flatnonzero(~easy)
        for i in range(0, hard.size, _CHUNK):
            j = hard[i : i + _CHUNK]
            bend = (R[j] + 1.0) / np.maximum(A[j] / np.maximum(uh[j], 1e-300), delta * A[j])
            nodes, weights = panel_nodes(self.a, d[j], bend)
            out[:, j] = _integrate(kernels, nodes, weights, R[j], A[j], uh[j])
        return [alive * values[which].reshape(alive.shape) for values in out]

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return the guesses of where to start: the best known first."""
        scale = float(np.average(data.columns["T"], weights=data.count))
        return [cls(r, share * scale, a, b) for r, share, a, b in _STARTS]

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return log-likelihood and gradient in log parameters, summed over the counted table."""
        return BetaGeometricObjective(data, cls.first_coin)


_STARTS = (
    (0.4, 0.2, 0.8, 2.0),
    (1.0, 0.5, 0.3, 1.0),
    (0.1, 0.05, 1.0, 5.0),
    (5.0, 1.0, 0.1, 1.0),
    (0.2, 1.0, 5.0, 5.0),
)


def _purchases(p: FloatArray, R: FloatArray, A: FloatArray, h: FloatArray) -> FloatArray:
    """E[purchases in h | p, alive]: geometric stopping of a gamma-mixed Poisson process."""
    return np.asarray(-np.expm1(-R * np.log1p(p * (h / A))) / p)


def _discounted(delta: float) -> Kernel:
    """E[discounted purchases in h | p, alive], over λ ~ Gamma(R, A)."""

    def kernel(p: FloatArray, R: FloatArray, A: FloatArray, h: FloatArray) -> FloatArray:
        return np.asarray(R / p * truncated_laplace(delta * A / p, R + 1.0, p * (h / A)))

    return kernel


def _survival(p: FloatArray, R: FloatArray, A: FloatArray, h: FloatArray) -> FloatArray:
    """P(still alive after h | p, alive)."""
    return np.asarray(np.exp(-R * np.log1p(p * (h / A))))


def _integrate(
    kernels: list[Kernel], nodes: FloatArray, weights: FloatArray, R: FloatArray, A: FloatArray, h: FloatArray
) -> FloatArray:
    values = (kernel(nodes, R[:, None], A[:, None], h[:, None]) for kernel in kernels)
    return np.stack([np.einsum("ij,ij->i", v, weights) for v in values])
