"""Log-likelihood of BG/NBD and MBG/NBD and its gradient on the counted table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custvalue.models.special import dot, log_rising, sum_reciprocals

if TYPE_CHECKING:
    from custvalue.models.base import Counted
    from custvalue.models.special import FloatArray

BLOCK = 16_384
"""Rows whose arrays stay in the processor's cache."""


class BetaGeometricObjective:
    """Value and gradient in log parameters.

    All but one term depends on x alone or on T alone and is summed once for each of their few
    values; what is left for every row is one logistic term, where a coin was flipped at all.
    """

    def __init__(self, data: Counted, first_coin: int) -> None:
        x, t_x, T = data.history()
        n = data.count
        self.top = int(x.max(initial=0)) + 1
        self.first_coin = first_coin
        self.by_x = np.bincount(x.astype(np.intp), weights=n, minlength=self.top)
        self.ages, of_age = np.unique(T, return_inverse=True)
        self.by_age = np.bincount(of_age, weights=n)
        self.purchases_by_age = np.bincount(of_age, weights=n * x)
        flipped = slice(None) if first_coin else x > 0
        self.x, self.t_x, self.T, self.n = x[flipped], t_x[flipped], T[flipped], n[flipped]
        self.coin = self.x.astype(np.intp) - 1 + first_coin

    def __call__(self, theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
        """Evaluate both."""
        r, alpha, a, b = (float(v) for v in np.exp(theta))
        top, c = self.top, self.first_coin
        stayed = (log_rising(b, top) - log_rising(a + b, top))[c : top + c]
        shrink = float(np.sum(self.by_age * np.log1p(self.ages / alpha)))
        spread = float(np.sum(self.purchases_by_age * np.log(alpha + self.ages)))
        value = float(np.sum(self.by_x * (log_rising(r, top)[:-1] + stayed))) - r * shrink - spread
        log_odds = np.log(a) - np.log(b + np.arange(top + 1.0))
        by_coin, d_shape, d_scale = np.zeros(top), 0.0, 0.0
        for i in range(0, self.n.size, BLOCK):
            j = slice(i, i + BLOCK)
            n, coin, start, now = self.n[j], self.coin[j], self.t_x[j] + alpha, self.T[j] + alpha
            log_gap, shape = np.log(now / start), self.x[j] + r
            logit = log_odds[coin] + shape * log_gap
            small = np.exp(-np.abs(logit))
            value += dot(n, np.maximum(logit, 0.0) + np.log1p(small))
            if gradient:
                left = n * np.where(logit > 0, 1.0, small) / (1.0 + small)
                by_coin += np.bincount(coin, weights=left, minlength=top)
                d_shape += dot(left, log_gap)
                d_scale += dot(left * shape, 1.0 / start - 1.0 / now)
        if not gradient:
            return value, theta
        B1, AB1 = (sum_reciprocals(v, top)[c : top + c] for v in (b, a + b))
        d_r = float(np.sum(self.by_x * sum_reciprocals(r, top)[:-1])) - shrink + d_shape
        by_age = r * self.by_age * (self.ages / alpha) - self.purchases_by_age
        d_alpha = float(np.sum(by_age / (alpha + self.ages)))
        d_alpha -= d_scale
        d_a = -float(np.sum(self.by_x * AB1)) + float(by_coin.sum()) / a
        d_b = float(np.sum(self.by_x * (B1 - AB1))) - float(np.sum(by_coin / (b + np.arange(by_coin.size))))
        return value, np.array([r * d_r, alpha * d_alpha, a * d_a, b * d_b])
