"""Special functions that stay exact where the textbook forms overflow or cancel."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import linalg, special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = "NDArray[np.float64]"

JACOBI_NODES = 32
PANEL_NODES = 16
PANELS = 24
PEAKED = 3.0
GAMMA_NODES = 200
GAMMA_TAIL = 38.0
"""Minus the logarithm of the density at which the tails of a gamma distribution are cut."""
NEAR_ONE = 0.005
"""Below this distance from 1 the continued fraction is longer than a quadrature."""
NEGLIGIBLE = 46.0
"""An exponent at which exp(-x) no longer changes a sum of doubles: 1e-20."""


@lru_cache
def gauss_legendre(nodes: int, panels: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1], the interval cut into equal panels."""
    t, w = np.polynomial.legendre.leggauss(nodes)
    starts = np.arange(panels)[:, None]
    return ((starts + (t + 1) / 2) / panels).ravel(), np.tile(w / 2 / panels, panels)


def log_rising(r: float, n: int) -> FloatArray:
    """Return ln Γ(r + x) − ln Γ(r) for x = 0 … n: a running sum, so nothing cancels."""
    return np.concatenate(([0.0], np.cumsum(np.log(r + np.arange(n)))))


def sum_reciprocals(r: float, n: int) -> FloatArray:
    """Return ψ(r + x) − ψ(r) for x = 0 … n, the derivative of `log_rising`."""
    return np.concatenate(([0.0], np.cumsum(1.0 / (r + np.arange(n)))))


def dot(u: FloatArray, v: FloatArray) -> float:
    """Multiply and sum on one core: the threads of BLAS wait for one another longer than they work."""
    return float(np.einsum("i,i->", u, v))


def softplus(z: FloatArray) -> FloatArray:
    """Return ln(1 + e^z) without overflow."""
    return np.logaddexp(0.0, z)


def negative_binomial_log_pmf(n: FloatArray, r: float, alpha: float, t: FloatArray) -> FloatArray:
    """Return ln P(N(t) = n) of a gamma-mixed Poisson process, shape r and rate alpha."""
    out: FloatArray = (
        special.gammaln(r + n) - special.gammaln(r) - special.gammaln(n + 1.0)
        - r * np.log1p(t / alpha) + special.xlogy(n, t / (alpha + t))
    )  # fmt: skip
    return out


def log_hyp2f1_unit(b: FloatArray, c: FloatArray, z: FloatArray, rest: FloatArray) -> FloatArray:
    """Return ln ₂F₁(1, b; c; z) for 0 < b < c and 0 ≤ z < 1; `rest` is 1 − z.

    Gauss's continued fraction: all partial quotients are positive, so nothing cancels and nothing
    overflows at large b and c, where the power series and SciPy's `hyp2f1` do. Close to z = 1 it is
    the expectation of 1 / (1 − z + z p) over p ~ Beta(c − b, b).
    """
    shaped = np.broadcast_arrays(b, c, z, rest)
    b, c, z, rest = (v.ravel() for v in shaped)
    out = np.empty(z.shape)
    terms = fraction_length(rest)
    for n in np.unique(terms[rest >= NEAR_ONE]):
        rows = (terms == n) & (rest >= NEAR_ONE)
        out[rows] = -np.log1p(-gauss_fraction(b[rows], c[rows], z[rows], int(n)))
    near = rest < NEAR_ONE
    if near.any():
        nodes, weights = panel_nodes((c - b)[near], b[near], 1.0 / rest[near])
        out[near] = np.log((weights / (rest[near, None] + z[near, None] * nodes)).sum(axis=1))
    return out.reshape(shaped[0].shape)


def fraction_length(rest: FloatArray, digits: float = 16.5) -> NDArray[np.int64]:
    """Return how many terms give that many digits at 1 − z = rest, rounded up to a few lengths."""
    root = np.sqrt(rest)
    rate = -2.0 * np.log((1.0 - root) / (1.0 + root) + 1e-300)
    wanted = np.clip(digits * np.log(10.0) / np.maximum(rate, 1e-3), 4, 4096)
    return np.asarray(np.ceil(2 ** (np.ceil(2.0 * np.log2(wanted)) / 2.0)), dtype=np.int64)


def gauss_fraction(b: FloatArray, c: FloatArray, z: FloatArray, n: int) -> FloatArray:
    """Return f in ₂F₁(1, b; c; z) = 1 / (1 − f), from n pairs of partial quotients."""
    f = np.zeros_like(z)
    for k in range(n, 0, -1):
        even = k * (c - b + (k - 1)) / ((c + (2 * k - 2)) * (c + (2 * k - 1)))
        odd = (b + k) * (c + (k - 1)) / ((c + (2 * k - 1)) * (c + 2 * k))
        f = even * z / (1.0 - odd * z / (1.0 - f))
    return np.asarray(b / c * z / (1.0 - f))


def laplace_power(z: FloatArray, s: FloatArray) -> FloatArray:
    """Return ∫₀^∞ e^(−z t) (1 + t)^(−s) dt = U(1, 2 − s, z) = e^z E_s(z) for z, s > 0.

    SciPy's `hyperu` gives NaN at s = 1000 and the wrong value at s = 2, z = 1e-9; here a continued
    fraction serves large z or s, a series with an upward recurrence in s the rest.
    """
    z, s = np.broadcast_arrays(z, s)
    out = np.empty(z.shape)
    small = (z < 1.0) & (s < 30.0)
    steep = ~small & (z >= 10.0) | (s >= 100.0)
    high = ~small & ~steep & (s >= 30.0)
    middle = ~(small | steep | high)
    for rows, terms in ((steep, 16), (high, 32), (middle, 128)):
        if rows.any():
            zr, sr = z[rows], s[rows]
            f = np.zeros(zr.shape)
            for k in range(terms, 0, -1):
                f = k * (sr + (k - 1)) / (zr + sr + 2 * k - f)
            out[rows] = 1.0 / (zr + sr - f)
    if small.any():
        out[small] = _laplace_power_small(z[small], s[small])
    return out


def _laplace_power_small(z: FloatArray, s: FloatArray) -> FloatArray:
    """Sum the series at an order s0 in (0, 1.5], then climb: s I(s + 1) = 1 − z I(s)."""
    steps = np.maximum(np.round(s - 1.0), 0.0)
    s0 = s - steps
    e = 1.0 - s0
    lead = log_gamma_one_plus(e) - e * np.log(z)  # Γ(1 − s0) z^(s0 − 1) has its pole at s0 = 1 ...
    pole = np.abs(e) < 1e-15
    total = np.where(pole, -np.euler_gamma - np.log(z), np.expm1(lead) / np.where(pole, 1.0, e))
    power = np.ones_like(z)
    for k in range(1, 20):  # ... which the first term of the series cancels: they are one term above
        power *= -z / k
        total -= power / (k + e)
    out = np.exp(z) * total
    for i in range(int(steps.max())):
        climb = steps > i
        order = s0[climb] + i
        out[climb] = (1.0 - z[climb] * out[climb]) / order
    return out


def log_gamma_one_plus(e: FloatArray) -> FloatArray:
    """Return ln Γ(1 + e) to full relative precision near e = 0, where 1 + e rounds."""
    k = np.arange(2, 9)
    coefficients = np.concatenate(([0.0, -np.euler_gamma], special.zeta(k) * (-1.0) ** k / k))
    near = np.polynomial.polynomial.polyval(e, coefficients)
    return np.where(np.abs(e) < 0.01, near, special.loggamma(1.0 + e))


def truncated_laplace(z: FloatArray, s: FloatArray, upper: FloatArray) -> FloatArray:
    """Return ∫₀^upper e^(−z t) (1 + t)^(−s) dt; `upper` may be infinite where z > 0."""
    z, s, upper = np.broadcast_arrays(z, s, upper)
    width = np.log1p(upper)
    with np.errstate(invalid="ignore"):
        drop = z * upper + (s - 1.0) * width
    short = (drop < 2.0) & (width < 3.0) & (s < 60.0)
    if not z.any():
        return np.asarray(width * special.exprel(-(s - 1.0) * width))
    if short.all():
        return _laplace_panels(z, s, width, panels=1)
    out = np.empty(z.shape)
    endless = np.isinf(upper) | (drop > NEGLIGIBLE) & (s >= 1.0)
    split = ~short & ~endless & (s >= 1.0) & (drop >= 2.0)
    rest = ~(short | endless | split)
    out[short] = _laplace_panels(z[short], s[short], width[short], panels=1)
    out[endless] = laplace_power(z[endless], s[endless])
    zs, ss, us = z[split], s[split], upper[split]
    out[split] = laplace_power(zs, ss) - np.exp(-drop[split]) * laplace_power(zs * (1.0 + us), ss)
    out[rest] = _laplace_panels(z[rest], s[rest], width[rest], panels=24)
    return out


def _laplace_panels(z: FloatArray, s: FloatArray, width: FloatArray, panels: int) -> FloatArray:
    """Integrate over w = ln(1 + t): e^(−z (e^w − 1) − (s − 1) w), on Gauss-Legendre panels."""
    nodes, weights = gauss_legendre(20, panels)
    with np.errstate(divide="ignore"):
        u = np.minimum(width, np.log1p(NEGLIGIBLE / z))
    out = np.zeros(z.shape)
    for node, weight in zip(nodes, weights, strict=True):
        w = u * node
        out += weight * np.exp(-z * np.expm1(w) - (s - 1.0) * w)
    return out * u


def jacobi_nodes(a: float, d: FloatArray, n: int = JACOBI_NODES) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights for expectations over p ~ Beta(a, d), one row for each d.

    Golub & Welsch (1969): eigenvalues of the Jacobi matrix of the weight p^(a−1) (1−p)^(d−1).
    """
    k = np.arange(n)
    total = 2 * k + a + d[:, None]
    alpha, beta = d[:, None] - 1.0, a - 1.0
    # at k = 0 the general form is 0/0 where a + d = 2, so its limit a/(a+d) is written in
    safe = np.where(k == 0, 1.0, total * (total - 2))
    diagonal = np.where(k == 0, (a - d[:, None]) / (a + d[:, None]), (beta**2 - alpha**2) / safe)
    m = k[1:]
    two = 2 * m + alpha + beta
    ratio = np.where(m == 1, 1.0 / (two + 1), (m + alpha + beta) / ((two + 1) * np.where(m == 1, 1.0, two - 1)))
    off = np.sqrt(4 * m * (m + alpha) * (m + beta) * ratio) / two
    nodes, weights = np.empty((d.size, n)), np.empty((d.size, n))
    for i in range(d.size):
        values, vectors = linalg.eigh_tridiagonal(diagonal[i], off[i], check_finite=False)
        nodes[i], weights[i] = (1 + values) / 2, vectors[0] ** 2
    return np.clip(nodes, 1e-30, 1.0), weights


def gamma_nodes(shape: FloatArray, rate: FloatArray, least: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights for expectations over λ ~ Gamma(shape, rate), one row for each shape.

    The trapezoid rule in ln λ, which converges exponentially for what is analytic around the positive
    half-line (Trefethen & Weideman 2014, SIAM Review 56(3), 385-458).

    Parameters
    ----------
    least
        The integrand must fall at least as fast as λ below this rate: shapes near 0 reach far down there.
    """
    scale = np.maximum(shape, 1.0)
    bottom = GAMMA_TAIL + np.maximum(-np.log(least * rate / scale), 0.0)
    low = -np.where(shape < 50.0, np.minimum(GAMMA_TAIL / shape + 1.0, bottom), 1.3 * np.sqrt(2 * GAMMA_TAIL / scale))
    high = np.log1p(GAMMA_TAIL / scale + np.sqrt(2 * GAMMA_TAIL / scale))
    s = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, GAMMA_NODES)
    density = np.exp(shape[:, None] * s - scale[:, None] * np.expm1(s))
    step = (high - low) / (GAMMA_NODES - 1)
    whole = np.where(shape < 1.0, np.e * special.gamma(np.minimum(shape, 1.0)) / step, density.sum(axis=1))
    return (scale / rate)[:, None] * np.exp(s), density / whole[:, None]


def panel_nodes(a: ArrayLike, d: FloatArray, curvature: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights for expectations over p ~ Beta(a, d) that hold everywhere.

    Gauss-Legendre panels in ln p and in ln(1 − p), with one node at the mean of either far tail.

    Parameters
    ----------
    curvature
        Bound on |d ln h / dp| at p = 0 of the functions h to be integrated: below 1e-7 / curvature
        they are straight lines.
    """
    nodes, weights, _, _ = panel_nodes_and_logs(a, d, curvature)
    return nodes, weights


def panel_nodes_and_logs(
    a: ArrayLike, d: FloatArray, curvature: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return nodes, weights, ln p and ln(1 − p): in the tails these are means, not the logarithm of the mean."""
    a = np.broadcast_to(np.asarray(a, dtype=np.float64), d.shape)
    left, right = _half_panels(a, d, curvature), _half_panels(d, a, curvature)
    nodes = np.concatenate((left[0], 1.0 - right[0]), axis=1)
    weights = np.concatenate((left[1], right[1]), axis=1)
    log_p, log_rest = (np.concatenate((left[i], right[5 - i]), axis=1) for i in (2, 3))
    return nodes, weights / weights.sum(axis=1, keepdims=True), log_p, log_rest


def _half_panels(
    first: FloatArray, second: FloatArray, curvature: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return nodes u in (0, 1/2], weights, ln u and ln(1 − u) of u ~ Beta(first, second)."""
    t, w = gauss_legendre(PANEL_NODES, PANELS)
    scale = np.maximum(curvature, 1.0) + second
    peaked = first > PEAKED  # elsewhere nothing of weight lies below the straight part anyhow
    quantile = np.zeros_like(first)
    quantile[peaked] = np.nan_to_num(special.betaincinv(first[peaked], second[peaked], 1e-25))
    low = np.log(np.clip(quantile, 1e-7 / scale, 0.499))
    ell = low[:, None] + (np.log(0.5) - low)[:, None] * t
    log_far = np.log(-np.expm1(ell))
    constant = special.betaln(first, second)
    density = np.exp(first[:, None] * ell + (second[:, None] - 1) * log_far - constant[:, None])
    bend = (second - 1) * np.log1p(-np.exp(low)) * first / (first + 1)  # of (1 − u)^(second − 1) within the tail
    tail = np.exp(first * low + bend - constant) / first
    middle = np.exp(low) * first / (first + 1)

    def put(tail_value: FloatArray, values: FloatArray) -> FloatArray:
        return np.concatenate((tail_value[:, None], values), axis=1)

    weights = put(tail, (np.log(0.5) - low)[:, None] * w * density)
    return put(middle, np.exp(ell)), weights, put(low - 1.0 / first, ell), put(-middle, log_far)


def jacobi_is_exact(power: FloatArray, width: FloatArray, n: int = JACOBI_NODES) -> NDArray[np.bool_]:
    """Tell where n Gauss-Jacobi nodes integrate (1 + width·p)^(−power) to 13 digits.

    The integrand is analytic up to p = −1/width; the error is at most its maximum on a Bernstein
    ellipse divided by rho^(2n), for any ellipse that stays clear of the singularity.
    """
    best = np.full(np.broadcast_shapes(power.shape, width.shape), np.inf)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        v = 1 + 2 * share / np.maximum(width, 1e-12)
        rho = np.log(v + np.sqrt(v * v - 1))
        best = np.minimum(best, -power * np.log1p(-share) - 2 * n * rho)
    return np.asarray(best + np.log1p(power * width) < np.log(1e-14))


def graded_panels(width: FloatArray, turn: FloatArray, halvings: int = 31) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on (0, width] that resolve any scale near either end and near `turn`.

    Parameters
    ----------
    width, turn
        Shape (rows,); an empty interval has weights of nought, a turn outside it does not count.
    halvings
        How often the panels halve towards the ends: as many resolve a scale of width / 2^halvings.

    Returns
    -------
    nodes, weights
        Shape (rows, nodes).
    """
    t, w = gauss_legendre(16, 1)
    coarse = min(halvings, 7)
    finer = 2.0 ** -np.arange(float(halvings), coarse, -2.0)
    left = np.concatenate(([0.0], finer, 2.0 ** -np.arange(float(coarse), 0.0, -1.0)))
    edges = np.concatenate((left, 1.0 - left[-2::-1]))
    pieces = np.diff(edges)
    unit = (edges[:-1, None] + pieces[:, None] * t).ravel()
    unit_weights = (pieces[:, None] * w).ravel()
    middle = np.clip(turn, 0.0, width)
    parts = [(np.zeros_like(width), middle), (middle, width - middle)]
    parts = [part for part in parts if (part[1] > 0).any()] or parts[:1]
    nodes = np.concatenate([start[:, None] + size[:, None] * unit for start, size in parts], axis=1)
    weights = np.concatenate([size[:, None] * unit_weights for _, size in parts], axis=1)
    return nodes, weights
