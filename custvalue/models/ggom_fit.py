"""Log-likelihood of the GGom/NBD (Bemmaor & Glady 2012, equation 3) and its gradient on the counted table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from custvalue.models.special import dot, graded_panels, log_rising, sum_reciprocals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from custvalue.models.base import Counted
    from custvalue.models.special import FloatArray

Parameters: TypeAlias = tuple[float, float, float, float, float]
"""r, alpha, b, s, beta."""
BLOCK = 100
"""Rows whose nodes stay in the processor's cache."""
FINEST = 31
"""How often panels are halved at most."""
TINY = 1e-300


@dataclass(frozen=True)
class _Ages:
    """What survival to some ages y needs: S(y) = (β / D)^s with D = β − 1 + e^(by)."""

    y: FloatArray
    log_d: FloatArray
    share: FloatArray
    """e^(by) / D."""
    reciprocal: FloatArray
    """1 / D."""

    @classmethod
    def of(cls, y: FloatArray, b: float, beta: float) -> _Ages:
        fall = np.expm1(-b * y)
        scaled = beta * (1.0 + fall) - fall
        share = 1.0 / scaled
        return cls(y, b * y + np.log(scaled), share, (1.0 + fall) * share)


class GgomObjective:
    """Value and gradient in log parameters; the age at dropout is integrated out on graded panels."""

    def __init__(self, data: Counted) -> None:
        self.x, self.t_x, self.T = data.history()
        self.n = data.count
        self.top = int(self.x.max(initial=0))
        self.by_x = np.bincount(self.x.astype(np.intp), weights=self.n, minlength=self.top + 1)

    def __call__(self, theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
        """Evaluate both."""
        r, alpha, b, s, beta = (float(v) for v in np.exp(theta))
        turn = float(np.log(max(beta / max(s, 1.0), 1.0)) / b)
        fineness = self._halvings(r, alpha, b, s, beta)
        order = np.argsort(fineness, kind="stable")  # so that one restless customer does not make all panels fine
        value = float(self.by_x @ log_rising(r, self.top))
        slope = np.zeros(5)
        for i in range(0, order.size, BLOCK):
            rows = order[i : i + BLOCK]
            part = self._block(rows, (r, alpha, b, s, beta), turn, int(fineness[rows[-1]]), gradient)
            value += part[0]
            slope += part[1]
        if not gradient:
            return value, theta
        slope[0] += self.by_x @ sum_reciprocals(r, self.top)
        return value, slope * np.exp(theta)

    def _halvings(self, r: float, alpha: float, b: float, s: float, beta: float) -> FloatArray:
        """Return how fine the panels of each row must be: as fine as what is integrated is steep."""
        ends = np.maximum(_Ages.of(self.t_x, b, beta).share, _Ages.of(self.T, b, beta).share)
        pole = -np.log1p(-beta) / b if beta < 1 else np.inf  # survival would be infinite that long before age 0
        steepness = (r + self.x) / (alpha + self.t_x) + (s + 1.0) * b * ends + 1.0 / (pole + self.t_x + TINY) + b
        return np.clip(np.ceil(np.log2(np.maximum((self.T - self.t_x) * steepness, 1.0))), 2, FINEST)

    def _block(
        self, rows: NDArray[np.intp], parameters: Parameters, turn: float, halvings: int, gradient: bool
    ) -> tuple[float, FloatArray]:
        """Return what some rows add, but for the rising factorial of r, and its derivatives."""
        r, alpha, b, s, beta = parameters
        x, t, T, n = self.x[rows], self.t_x[rows], self.T[rows], self.n[rows]
        R, start, now = r + x, _Ages.of(t, b, beta), _Ages.of(T, b, beta)
        front = -x * np.log(alpha + t) - r * np.log1p(t / alpha) - s * (start.log_d - np.log(beta))
        log_wait = np.log1p((T - t) / (alpha + t))
        alive = -R * log_wait - s * (now.log_d - start.log_d)
        u, weights = graded_panels(T - t, turn - t, halvings)
        ages, log_u = _Ages.of(t[:, None] + u, b, beta), np.log1p(u / (alpha + t)[:, None])
        decline = ages.log_d - start.log_d[:, None]
        density = np.exp(-R[:, None] * log_u - s * decline) * ages.share * weights
        total = np.maximum(density.sum(axis=1), TINY)
        died = np.where(t < T, np.log(s * b) + np.log(total), -np.inf)
        both = np.logaddexp(alive, died)
        value = dot(n, front + both)
        if not gradient:
            return value, np.zeros(5)
        gone = _slopes_died(density / total[:, None], R, parameters, ages, log_u, decline)
        here = np.stack((-log_wait, -R / (alpha + T), -s * T * now.share, start.log_d - now.log_d, -s * now.reciprocal))
        fixed = np.zeros_like(here)
        fixed[0], fixed[1] = -np.log1p(t / alpha), r / alpha
        fixed[3], fixed[4] = np.log(beta) - start.log_d, s / beta
        dead = np.exp(died - both)
        return value, np.asarray((fixed + here * (1.0 - dead) + gone * dead) @ n)


def _slopes_died(
    density: FloatArray, R: FloatArray, parameters: Parameters, ages: _Ages, log_u: FloatArray, decline: FloatArray
) -> FloatArray:
    """Return the derivatives of ln P(dropped out before T) by the five parameters: means over the age at dropout."""
    _, alpha, b, s, _ = parameters

    def mean(v: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("ij,ij->i", density, v))

    return np.stack((
        -mean(log_u), -R * mean(1.0 / (alpha + ages.y)),
        1.0 / b + mean(ages.y) - (s + 1.0) * mean(ages.share * ages.y),
        1.0 / s - mean(decline), -(s + 1.0) * mean(ages.reciprocal),
    ))  # fmt: skip
