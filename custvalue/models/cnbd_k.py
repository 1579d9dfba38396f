"""BG/CNBD-k and MBG/CNBD-k, regular buyers: Reutterer, Platzer & Schröder (2020), Int. J. of Research in Marketing.

The time between purchases is Erlang-k instead of exponential: every k-th event of a Poisson process
is a purchase. Platzer & Reutterer (2016), Marketing Science 35(5), 779-799, for the idea of regularity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np
from scipy import special

from custvalue.errors import DataError, FitError
from custvalue.models.base import (
    Model,
    check_counts,
    check_discount,
    check_horizon,
    checked_history,
    distinct,
)
from custvalue.models.special import (
    NEGLIGIBLE,
    FloatArray,
    gamma_nodes,
    gauss_legendre,
    log_hyp2f1_unit,
    log_rising,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    from custvalue.models.base import Counted, Drawn, Past

MOST_PURCHASES = 100_000


@dataclass(frozen=True)
class BgCnbd(Model):
    """BG/CNBD-k with k = 2; `BgCnbd.of(3)` is the class for k = 3.

    Parameters
    ----------
    r, alpha
        Shape and rate of the gamma distribution of the rate of Poisson events; alpha in time units.
        A purchase takes k events.
    a, b
        Beta distribution of the probability to leave after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    label: ClassVar[str] = "BG/CNBD-2"
    k: ClassVar[int] = 2
    first_coin: ClassVar[int] = 0
    data_columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T", "sum_log_intervals")

    @classmethod
    def of(cls, k: int) -> type[Self]:
        """Return the class for another k; k = 1 is BG/NBD (or MBG/NBD)."""
        if k < 1:
            raise DataError(f"k must be a whole number from 1 on, not {k!r}.")
        return _class_of(cls, k)  # type: ignore[return-value, arg-type]

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, sum_log_intervals: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each history.

        Parameters
        ----------
        sum_log_intervals
            Σ ln(time between purchases): what regular buying needs besides x, t_x and T.
        """
        x, t_x, T = checked_history(x, t_x, T)
        spacing = (self.k - 1) * np.asarray(sum_log_intervals, dtype=np.float64) - x * special.gammaln(self.k)
        n = x.astype(np.intp)
        events = (self.k * x).astype(np.intp)
        top = int(n.max(initial=0)) + 1
        stayed = log_rising(self.b, top) - log_rising(self.a + self.b, top)
        front = log_rising(self.r, self.k * top)[events] - self.r * np.log1p(t_x / self.alpha)
        front = front - events * np.log(self.alpha + t_x) + stayed[n + self.first_coin]
        silent = self._log_silence(x, t_x, T)
        return np.asarray(front + spacing + np.logaddexp(silent, self._log_leave_odds(x)))

    def _log_leave_odds(self, x: FloatArray) -> FloatArray:
        """Return ln odds that the coin after the last purchase said leave; −∞ where none was flipped."""
        coins = x - 1.0 + self.first_coin
        odds = np.log(self.a) - np.log(np.maximum(self.b + coins, 1e-300))
        return np.where(coins >= 0, odds, -np.inf)

    def _log_stages(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return ln P(j events since the last purchase, alive), j = 0 … k − 1 on the last axis."""
        j = np.arange(float(self.k))
        R = (self.r + self.k * x)[..., None]
        wait, start = (T - t_x)[..., None], (self.alpha + t_x)[..., None]
        share = special.xlogy(j, wait / (start + wait))
        return np.asarray(
            special.gammaln(R + j) - special.gammaln(R) - special.gammaln(j + 1) + share - R * np.log1p(wait / start)
        )

    def _stage_weights(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return P(j events since the last purchase | alive), j on the last axis."""
        return np.asarray(special.softmax(self._log_stages(x, t_x, T), axis=-1))

    def _log_silence(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        return np.asarray(special.logsumexp(self._log_stages(x, t_x, T), axis=-1))

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return P(still a customer at T)."""
        x, t_x, T = checked_history(x, t_x, T)
        return np.asarray(special.expit(self._log_silence(x, t_x, T) - self._log_leave_odds(x)))

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return E[purchases in (T, T + horizon]] of customers with these histories."""
        x, t_x, T = checked_history(x, t_x, T)
        h, x, t_x, T = np.broadcast_arrays(check_horizon(horizon), x, t_x, T)
        rows, which = distinct(x.ravel(), t_x.ravel(), T.ravel(), h.ravel())
        out = self._alive_purchases(*rows)[which].reshape(x.shape)
        return np.asarray(self.probability_alive(x, t_x, T) * out)

    def _alive_purchases(self, x: FloatArray, t_x: FloatArray, T: FloatArray, h: FloatArray) -> FloatArray:
        """Σ over n of P(n-th purchase comes within h) · P(the n − 1 coins before it say stay), over the stages."""
        weight = self._stage_weights(x, t_x, T)
        j = np.arange(float(self.k))
        R, z = (self.r + self.k * x)[:, None] + j, (h / (self.alpha + T + h))[:, None]
        d = self.b + x + self.first_coin
        total, stay = np.zeros(x.shape), np.ones(x.shape)
        open_ = h > 0
        for n in range(1, MOST_PURCHASES):
            arrives = special.betainc(self.k * n - j, R[open_], z[open_])
            term = stay[open_] * (weight[open_] * arrives).sum(axis=1)
            total[open_] += term
            stay *= (d + n - 1) / (self.a + d + n - 1)
            going = np.flatnonzero(open_)[term > 1e-15 * total[open_]]
            if going.size == 0:
                return total
            open_ = np.zeros_like(open_)
            open_[going] = True
        raise DataError(f"{self.label}: more than {MOST_PURCHASES:,} purchases lie within the horizon.", "Shorten it.")

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """Return E[repeat purchases in (0, horizon]] of a newcomer."""
        return self.expected_purchases(horizon, 0, 0, 0)

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Return the discounted expected purchases after T, to a horizon (DECT) or to infinity (DERT).

        Notes
        -----
        With an end by parts, e^(−δh) E(h) + δ ∫ e^(−δt) E(t) dt, over ln(1 + t R / (k A)). Without one an event
        at rate λ is worth e = λ / (λ + δ), and a purchase k of them: with j events done P(alive) ·
        E[e^(k − j) ₂F₁(1, d; a + d; e^k)] over λ ~ Gamma(R + j, A), d = b + x (MBG + 1), is left.
        """
        check_discount(delta, horizon)
        x, t_x, T = np.broadcast_arrays(*checked_history(x, t_x, T))
        rows, which = distinct(x.ravel(), t_x.ravel(), T.ravel())
        endless = horizon is None or delta * horizon > NEGLIGIBLE
        out = self._endless(delta, *rows) if endless else self._until(cast("float", horizon), delta, *rows)
        return np.asarray(self.probability_alive(x, t_x, T) * out[which].reshape(x.shape))

    def _endless(self, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return the discounted expected purchases ever of customers who are alive."""
        weight = self._stage_weights(x, t_x, T)
        (ux, uT), which = distinct(x, T)
        d = (self.b + ux + self.first_coin)[:, None]
        out = np.zeros(x.shape)
        for j in range(self.k):
            rate, chance = gamma_nodes(self.r + self.k * ux + j, self.alpha + uT, delta)
            log_event = -np.log1p(delta / rate)
            log_all = log_hyp2f1_unit(d, self.a + d, np.exp(self.k * log_event), -np.expm1(self.k * log_event))
            out += weight[:, j] * (chance * np.exp((self.k - j) * log_event + log_all)).sum(axis=1)[which]
        return out

    def _until(self, end: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """Return the discounted expected purchases in (T, T + end] of customers who are alive."""
        out = np.asarray(np.exp(-delta * end) * self._alive_purchases(x, t_x, T, np.full_like(x, end)))
        if delta == 0.0:
            return out
        scale = self.k * (self.alpha + T) / (self.r + self.k * x + self.k)  # of the time to a purchase
        width = np.log1p(end / scale)
        for node, w in zip(*gauss_legendre(16, int(width.max(initial=1.0) / 2.0) + 1), strict=True):
            t = scale * np.expm1(width * node)
            out += delta * w * width * (scale + t) * np.exp(-delta * t) * self._alive_purchases(x, t_x, T, t)
        return out

    def expectations(
        self, horizon: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P(alive), expected purchases and discounted expected purchases within the horizon."""
        expected = self.expected_purchases(horizon, x, t_x, T)
        return (
            self.probability_alive(x, t_x, T),
            expected,
            self.discounted_expected_purchases(delta, x, t_x, T, horizon),
        )

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """Return P(a newcomer makes n repeat purchases in (0, horizon])."""
        n, t = check_counts(n, horizon)
        z, k = t / (self.alpha + t), n.astype(np.intp)
        top = int(k.max(initial=0)) + 2
        stayed = np.exp(log_rising(self.b, top) - log_rising(self.a + self.b, top))

        def reached(m: NDArray[np.intp]) -> FloatArray:
            return np.where(m > 0, special.betainc(np.maximum(self.k * m, 1e-300), self.r, z), 1.0)

        coins = k - 1 + self.first_coin
        left = stayed[np.maximum(coins, 0)] * self.a / (self.a + self.b + coins)
        going = stayed[k + self.first_coin] * (reached(k) - reached(k + 1))
        return np.asarray(going + np.where(coins >= 0, left * reached(k), 0.0))

    @classmethod
    def draw_purchases(cls, parameters: Mapping[str, FloatArray], horizon: float, past: Past, rng: Generator) -> Drawn:
        """Draw what customers alive at T do in (T, T + horizon]; see `CustomerModel.draw_purchases`."""
        x, t_x, T = past
        r, alpha, a, b = (parameters[name] for name in cls.parameter_names())
        shape = (x.size, r.size)
        # events since the last purchase: their weights at the mean shape and rate, which vary little
        middle = cls(*(float(np.exp(np.mean(np.log(parameters[name])))) for name in cls.parameter_names()))
        below = np.cumsum(middle._stage_weights(x, t_x, T), axis=-1)
        stage = (rng.random(shape)[..., None] > below[:, None, :-1]).sum(axis=-1)
        rate = rng.standard_gamma(r + cls.k * x[:, None] + stage) / (alpha + T[:, None])
        p = rng.beta(np.broadcast_to(a, shape), b + x[:, None] + cls.first_coin)
        wanted = (rng.poisson(rate * horizon) + stage) // cls.k
        made = np.minimum(wanted, rng.geometric(np.maximum(p, 1e-12))).astype(np.float64)
        return made, np.where(made < wanted, horizon * made / (wanted + 1.0), horizon)

    @classmethod
    def check_identified(cls, data: Counted) -> None:
        """Raise FitError where nobody came back."""
        super().check_identified(data)
        if not np.isfinite(data.columns["sum_log_intervals"]).all():
            raise FitError(f"{cls.label}: two purchases at the same time.", "Merge purchases of one day first.")

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return the guesses of where to start: the best known first."""
        scale = float(np.average(data.columns["T"], weights=data.count))
        guesses = ((0.5, 0.2, 0.8, 2.0), (1.0, 0.5, 0.3, 1.0), (5.0, 1.0, 0.1, 1.0))
        return [cls(r, share * scale / cls.k, a, b) for r, share, a, b in guesses]


@dataclass(frozen=True)
class MbgCnbd(BgCnbd):
    """MBG/CNBD-k with k = 2: the first purchase can be the last one too; `MbgCnbd.of(3)` for k = 3."""

    label: ClassVar[str] = "MBG/CNBD-2"
    first_coin: ClassVar[int] = 1


@lru_cache
def _class_of(base: type[BgCnbd], k: int) -> type[BgCnbd]:
    label = f"{base.label.rpartition('-')[0]}-{k}"
    return dataclass(frozen=True)(
        type(f"{base.__name__}{k}", (base,), {"k": k, "label": label, "__doc__": base.__doc__})
    )


def __getattr__(name: str) -> type[BgCnbd]:
    """Return `MbgCnbd3` and its like, the classes that `of` makes: by that name a pickle finds them again."""
    known = re.fullmatch(r"(BgCnbd|MbgCnbd)([1-9]\d*)", name)
    if known is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _class_of(BgCnbd if known[1] == "BgCnbd" else MbgCnbd, int(known[2]))
