"""BG/BB, purchases at discrete opportunities: Fader, Hardie & Shang (2010), Marketing Science 29(6), 1086-1108."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from scipy import special

from custvalue.errors import DataError
from custvalue.models.base import Model, check_counts, check_discount, check_horizon, checked_history, distinct
from custvalue.models.special import FloatArray, log_hyp2f1_unit, log_rising

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted


MOST_OPPORTUNITIES = 10_000
"""The likelihood adds up one term for each."""


@dataclass(frozen=True)
class BgBb(Model):
    """BG/BB: at each opportunity an active customer buys with p ~ Beta(alpha, beta), then leaves with θ.

    Parameters
    ----------
    alpha, beta
        Beta distribution of the probability to buy at an opportunity.
    gamma, delta
        Beta distribution of the probability θ to leave before the next opportunity.

    Notes
    -----
    T is the number of opportunities seen (`n_opportunities`), t_x the number of the one last taken.
    P(alive) refers to the *next* opportunity, T + 1, as in the paper.

    Examples
    --------
    >>> m = BgBb(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> m.probability_alive([0, 2, 6], [0, 4, 6], 6).round(2).tolist()
    [0.11, 0.59, 0.93]
    """

    alpha: float
    beta: float
    gamma: float
    delta: float

    label: ClassVar[str] = "BG/BB"
    data_columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "n_opportunities")

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history of T opportunities."""
        x, t_x, n = checked_opportunities(x, t_x, T)
        (ux, ut, un), which = distinct(x.ravel(), t_x.ravel(), n.ravel())
        i = np.arange(int((un - ut).max(initial=0)) + 1)
        gone = self._log_buys(ux[:, None], ut[:, None] + i) + self._log_leaves(ut[:, None] + i)
        gone[i >= (un - ut)[:, None]] = -np.inf
        still = self._log_buys(ux, un) + self._log_stays(un)
        terms = np.concatenate((gone, still[:, None]), axis=1)
        return np.asarray(special.logsumexp(terms, axis=1)[which].reshape(x.shape))

    def _log_buys(self, x: FloatArray, n: FloatArray) -> FloatArray:
        """Return ln P(one order of x purchases and n − x misses): B(α + x, β + n − x) / B(α, β)."""
        top = int(np.max(n, initial=0))
        k, miss = np.asarray(x).astype(np.intp), np.maximum(n - x, 0).astype(np.intp)
        all_ = np.asarray(n).astype(np.intp)
        up, down = log_rising(self.alpha, top), log_rising(self.beta, top)
        return np.asarray(up[k] + down[miss] - log_rising(self.alpha + self.beta, top)[all_])

    def _log_stays(self, n: FloatArray) -> FloatArray:
        """Return ln P(still active at opportunity n)."""
        k = np.asarray(n).astype(np.intp)
        top = int(k.max(initial=0))
        return np.asarray((log_rising(self.delta, top) - log_rising(self.gamma + self.delta, top))[k])

    def _log_leaves(self, n: FloatArray) -> FloatArray:
        """Return ln P(leaves right after opportunity n)."""
        return np.asarray(self._log_stays(n) + np.log(self.gamma) - np.log(self.gamma + self.delta + n))

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, ahead: int = 1) -> FloatArray:
        """Return P(active at opportunity T + ahead); ahead = 0 asks about the last one seen."""
        x, t_x, n = checked_opportunities(x, t_x, T)
        log_alive = self._log_buys(x, n) + self._log_stays(n + ahead) - self.log_likelihood(x, t_x, n)
        return np.asarray(np.exp(np.minimum(log_alive, 0.0)))

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases at the next `horizon` opportunities]."""
        h = _whole(horizon)
        x, t_x, n = checked_opportunities(x, t_x, T)
        h, x, t_x, n = np.broadcast_arrays(h, x, t_x, n)
        ahead = self._stays_ahead(0.0, n, h)
        return np.asarray(np.exp(self._log_next_buy(x, t_x, n)) * ahead)

    def _stays_ahead(self, delta: float, n: FloatArray, h: FloatArray) -> FloatArray:
        """Return the discounted sum of P(active) over the h opportunities after n, once for each distinct pair."""
        (un, uh), which = distinct(n.ravel(), h.ravel())
        i = np.arange(1.0, float(uh.max(initial=0.0)) + 1.0)
        log_terms = self._log_stays(un[:, None] + i) - delta * i
        total = np.where(i <= uh[:, None], np.exp(log_terms), 0.0).sum(axis=1)
        return np.asarray(total[which].reshape(n.shape))

    def _log_next_buy(self, x: FloatArray, t_x: FloatArray, n: FloatArray) -> FloatArray:
        """Return ln [P(history, active at n, buys at the next) / P(active at n) / L]."""
        share = np.log(self.alpha + x) - np.log(self.alpha + self.beta + n)
        return np.asarray(self._log_buys(x, n) + share - self.log_likelihood(x, t_x, n))

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[purchases of a newcomer at the first `horizon` opportunities]."""
        return self.expected_purchases(horizon, 0, 0, 0)

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n purchases at the first `horizon` opportunities)."""
        x, h = check_counts(n, _whole(horizon))
        i = np.arange(int(h.max(initial=0)) + 1.0)
        k = np.maximum(x[..., None], 0)
        fits = (i >= k) & (i < h[..., None])
        orders = np.where(fits, -special.betaln(k + 1, np.maximum(i - k, 0) + 1) - np.log(i + 1), -np.inf)
        gone = orders + self._log_buys(np.minimum(k, i), i) + self._log_leaves(i)
        last = -special.betaln(x + 1, np.maximum(h - x, 0) + 1) - np.log(h + 1)
        still = np.where(x <= h, last + self._log_buys(np.minimum(x, h), h) + self._log_stays(h), -np.inf)
        return np.asarray(np.exp(gone).sum(axis=-1) + np.exp(still))

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases at the next opportunities, the first one period ahead."""
        check_discount(delta, horizon)
        x, t_x, n = checked_opportunities(x, t_x, T)
        if horizon is None or horizon == np.inf:
            z = np.full_like(n, np.exp(-delta))
            tail = log_hyp2f1_unit(
                self.delta + n + 1, self.gamma + self.delta + n + 1, z, np.full_like(n, -np.expm1(-delta))
            )
            ahead = self._log_stays(n + 1) - delta + tail
            return np.asarray(np.exp(self._log_next_buy(x, t_x, n) + ahead))
        ahead = self._stays_ahead(delta, n, np.full_like(n, _whole(horizon)))
        return np.asarray(np.exp(self._log_next_buy(x, t_x, n)) * ahead)

    def churn_probability(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(no longer active at opportunity T + horizon)."""
        return 1.0 - self.probability_alive(x, t_x, T, ahead=int(_whole(horizon).max()))

    @classmethod
    def check_identified(cls, data: Counted) -> None:
        """Raise FitError where nobody bought."""
        x, t_x, n = (data.columns[c] for c in cls.data_columns)
        checked_opportunities(x, t_x, n)
        super().check_identified(data)

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:  # noqa: ARG003 (other models need the data)
        """Return where to start."""
        return [cls(1.0, 1.0, 0.7, 3.0), cls(0.5, 2.0, 1.0, 10.0), cls(3.0, 1.0, 0.3, 1.0)]


def _whole(horizon: ArrayLike) -> FloatArray:
    """Return a horizon in opportunities."""
    h = check_horizon(horizon)
    if not ((h == np.floor(h)) & (h <= MOST_OPPORTUNITIES)).all():
        raise DataError(f"BG/BB: the horizon is a whole number of opportunities, at most {MOST_OPPORTUNITIES:,}.")
    return h


def checked_opportunities(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, t_x, n as arrays; what no history of opportunities can be is an error."""
    x, t_x, n = checked_history(x, t_x, T)
    if not ((t_x == np.floor(t_x)) & (n == np.floor(n))).all():
        raise DataError("BG/BB: recency and n_opportunities are whole numbers of opportunities.")
    if (n > MOST_OPPORTUNITIES).any():
        raise DataError(f"BG/BB: n_opportunities can be at most {MOST_OPPORTUNITIES:,}.")
    if not (x <= t_x).all():
        raise DataError("BG/BB: nobody can buy more often than there were opportunities until recency.")
    return x, t_x, n
