"""Log-likelihood of the Pareto/NBD and its gradient on the counted table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custvalue.models.base import distinct
from custvalue.models.special import (
    NEAR_ONE,
    dot,
    fraction_length,
    log_hyp2f1_unit,
    log_rising,
    panel_nodes_and_logs,
    sum_reciprocals,
)

if TYPE_CHECKING:
    from custvalue.models.base import Counted
    from custvalue.models.special import FloatArray

SLOPE_DIGITS = 12.5
"""What an optimum and its curvature need; the likelihood itself is computed to 16."""
BLOCK = 4096
"""Pairs whose arrays stay in the processor's cache."""


class ParetoObjective:
    """Value and gradient in log parameters.

    The hypergeometric terms depend on (x, t_x) and on (x, T) only: each distinct pair is computed
    once, and there are far fewer of them than histories.
    """

    def __init__(self, data: Counted) -> None:
        x, t_x, T = data.history()
        self.n, self.x = data.count, x
        top = int(x.max(initial=0))
        self.by_x = np.bincount(x.astype(np.intp), weights=data.count, minlength=top + 1)
        (self.x1, self.t1), self.row1 = distinct(x, t_x)
        (self.x2, self.t2), self.row2 = distinct(x, T)

    def __call__(self, theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
        """Evaluate both."""
        r, alpha, s, beta = (float(v) for v in np.exp(theta))
        first, second = (
            self._term(r, alpha, s, beta, died=True, gradient=gradient),
            self._term(r, alpha, s, beta, died=False, gradient=gradient),
        )
        a, b = first[0][self.row1], second[0][self.row2]
        top = self.by_x.size - 1
        m = max(alpha, beta)
        front = r * np.log(alpha / m) + s * np.log(beta / m)
        both = np.logaddexp(a, b)
        value = self.by_x @ (log_rising(r, top) + front - np.arange(top + 1) * np.log(m)) + dot(self.n, both)
        if not gradient:
            return float(value), theta
        share = self.n * np.exp(a - both)
        by_first: FloatArray = np.bincount(self.row1, weights=share, minlength=self.x1.size).astype(np.float64)
        by_second: FloatArray = np.bincount(self.row2, weights=self.n - share, minlength=self.x2.size).astype(
            np.float64
        )
        d_r, d_alpha, d_s, d_beta = (dot(first[i], by_first) + dot(second[i], by_second) for i in range(1, 5))
        total, purchases = float(self.by_x.sum()), float(self.by_x @ np.arange(top + 1))
        d_r += self.by_x @ sum_reciprocals(r, top) + total * np.log(alpha / m)
        d_s += total * np.log(beta / m)
        d_alpha, d_beta = d_alpha + total * r / alpha, d_beta + total * s / beta
        d_m = -(total * (r + s) + purchases) / m
        d_alpha, d_beta = (d_alpha + d_m, d_beta) if alpha >= beta else (d_alpha, d_beta + d_m)
        return float(value), np.array([r * d_r, alpha * d_alpha, s * d_s, beta * d_beta])

    def _term(self, r: float, alpha: float, s: float, beta: float, *, died: bool, gradient: bool) -> list[FloatArray]:
        """Return ln of one of the two terms and, if wanted, its derivatives by r, alpha, s, beta."""
        x, t = (self.x1, self.t1) if died else (self.x2, self.t2)
        q, R = r + s + x, r + x
        first_larger = alpha >= beta
        m, low = max(alpha, beta), min(alpha, beta)
        z, rest = (m - low) / (m + t), (low + t) / (m + t)
        log_rest, log_size = np.log(rest), np.log1p(t / m)
        b = (R if died else R + 1.0) if first_larger else np.full_like(R, s + 1.0 if died else s)
        c = q + 1.0
        head = np.log(s / q) if died else np.log(R / q)
        if not gradient:
            return [head + (b - q) * log_rest + log_hyp2f1_unit(b, c, z, rest) - q * log_size]
        log_F, by_b, by_c = hyp2f1_slopes(b, c, z, rest)
        # z (1 − z) F' = (c − 1)(1 − F) + b z F
        by_z = np.where(z > 0, (q * np.expm1(-log_F) + b * z) / np.where(z > 0, z * rest, 1.0), b / c)
        by_low = (b - q) / (low + t) - by_z / (m + t)  # of (b − q) ln(rest) + ln F
        by_m = -(b - q) / (m + t) + by_z * rest / (m + t) - q * (1.0 / (m + t) - 1.0 / m)
        by_q = -1.0 / q + by_c - log_size
        shape = by_b + log_rest  # what moves with b
        b_r, b_s = (1.0, 0.0) if first_larger else (0.0, 1.0)
        d_r = by_q + b_r * shape - log_rest + (0.0 if died else 1.0 / R)
        d_s = by_q + b_s * shape - log_rest + (1.0 / s if died else 0.0)
        d_alpha, d_beta = (by_m, by_low) if first_larger else (by_low, by_m)
        return [head + (b - q) * log_rest + log_F - q * log_size, d_r, d_alpha, d_s, d_beta]


def hyp2f1_slopes(
    b: FloatArray, c: FloatArray, z: FloatArray, rest: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ln ₂F₁(1, b; c; z) and its derivatives by b and by c."""
    out = np.empty((3, z.size))
    terms = fraction_length(rest, SLOPE_DIGITS)
    for n in np.unique(terms[rest >= NEAR_ONE]):
        rows = np.flatnonzero((terms == n) & (rest >= NEAR_ONE))
        for i in range(0, rows.size, BLOCK):
            j = rows[i : i + BLOCK]
            out[:, j] = _fraction_slopes(b[j], c[j], z[j], int(n))
    near = np.flatnonzero(rest < NEAR_ONE)
    for i in range(0, near.size, BLOCK):
        j = near[i : i + BLOCK]
        out[:, j] = _near_one_slopes(b[j], c[j], z[j], rest[j])
    return out[0], out[1], out[2]


def _near_one_slopes(b: FloatArray, c: FloatArray, z: FloatArray, rest: FloatArray) -> FloatArray:
    """Return the same where z is close to 1: E[h] over p ~ Beta(c − b, b), and its covariances with the scores."""
    nodes, weights, log_p, log_rest = panel_nodes_and_logs(c - b, b, 1.0 / rest)
    mean = (weights / (rest[:, None] + z[:, None] * nodes)).sum(axis=1)
    tilt = weights / (rest[:, None] + z[:, None] * nodes) / mean[:, None] - weights
    by_first, by_second = (tilt * log_p).sum(axis=1), (tilt * log_rest).sum(axis=1)
    return np.stack((np.log(mean), by_second - by_first, by_first))


def _fraction_slopes(b: FloatArray, c: FloatArray, z: FloatArray, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Differentiate Gauss's continued fraction along with its evaluation."""
    f, f_b, f_c = np.zeros((3, z.size))
    for k in range(n, 0, -1):
        gap, c0, c1, c2 = c - b + (k - 1), c + (2 * k - 2), c + (2 * k - 1), c + 2 * k
        even, odd = k * z * gap / (c0 * c1), z * (b + k) * (c + (k - 1)) / (c1 * c2)
        even_c = even * (1.0 / gap - 1.0 / c0 - 1.0 / c1)
        odd_c = odd * (1.0 / (c + (k - 1)) - 1.0 / c1 - 1.0 / c2)
        G = 1.0 / (1.0 - f)
        H = 1.0 / (1.0 - odd * G)
        inner = odd * G * G
        f_b = H * (-even / gap + even * H * (odd / (b + k) * G + inner * f_b))
        f_c = H * (even_c + even * H * (odd_c * G + inner * f_c))
        f = even * H
    G = 1.0 / (1.0 - f)
    u = b / c * z * G
    u_b, u_c = u * (1.0 / b + G * f_b), u * (-1.0 / c + G * f_c)
    return -np.log1p(-u), u_b / (1.0 - u), u_c / (1.0 - u)
