"""The models once more in 40-digit arithmetic, straight from the papers' formulas; no code of custvalue."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np

DIGITS = 40


def beta_geometric_likelihood(r, alpha, a, b, x, t_x, T, first_coin):
    """BG/NBD: Fader, Hardie & Lee (2005), equation 3; MBG/NBD: Batislam et al. (2007), equation 2."""
    r, alpha, a, b, t_x, T = map(mp.mpf, (r, alpha, a, b, t_x, T))
    c = first_coin
    front = mp.gammaprod([r + x], [r]) * alpha**r
    alive = mp.beta(a, b + x + c) / mp.beta(a, b) * (alpha + T) ** -(r + x)
    left = mp.mpf(0)
    if x + c > 0:
        left = mp.beta(a + 1, b + x - 1 + c) / mp.beta(a, b) * (alpha + t_x) ** -(r + x)
    return front * (alive + left), front * alive


def beta_geometric(r, alpha, a, b, x, t_x, T, first_coin):
    """ln L and P(alive)."""
    with mp.workdps(DIGITS + 20):
        total, alive = beta_geometric_likelihood(r, alpha, a, b, x, t_x, T, first_coin)
        return mp.log(total), alive / total


def beta_geometric_purchases(r, alpha, a, b, x, T, first_coin, h):
    """E[purchases in h | alive]: the papers' closed form; where it is 0/0 with a moved by 1e-25."""
    with mp.workdps(DIGITS + 40):
        r, alpha, a, b, T, h = map(mp.mpf, (r, alpha, a, b, T, h))
        if a == 1 or a + b + x + first_coin == 1:
            a += mp.mpf(10) ** -25
        d, R, z = b + x + first_coin, r + x, h / (alpha + T + h)
        c = a + d - 1
        return c / (a - 1) * (1 - (1 - z) ** R * mp.hyp2f1(R, d, c, z))


def beta_geometric_discounted(r, alpha, a, b, x, T, first_coin, delta, h=None):
    """E[discounted purchases | alive]: numerics.md's integral of e^(−δu) ₂F₁(R + 1, a; a + d; −u/A)."""
    with mp.workdps(25):
        r, alpha, a, b, T, delta = map(mp.mpf, (r, alpha, a, b, T, delta))
        R, A, C = r + x, alpha + T, a + b + x + first_coin
        end = 60 / delta if h is None else min(mp.mpf(h), 60 / delta)
        low, high = float(mp.log(min(A / R, end))) - 25, float(mp.log(end))
        nodes, weights = np.polynomial.legendre.leggauss(16)
        panels = int(high - low) + 1
        width, total = (high - low) / panels, mp.mpf(0)
        for i in range(panels):  # over ln u, in panels of width 1: smooth there
            for node, weight in zip(nodes, weights, strict=True):
                u = mp.exp(low + (i + (node + 1) / 2) * width)
                total += weight / 2 * width * u * mp.exp(-delta * u) * mp.hyp2f1(R + 1, a, C, -u / A)
        return R / A * total


def pareto(r, alpha, s, beta, x, t_x, T):
    """ln L and P(alive): Fader & Hardie (2005), note 009, equations with A0; its cancellation in 150 digits."""
    with mp.workdps(150):
        r, alpha, s, beta, t_x, T = map(mp.mpf, (r, alpha, s, beta, t_x, T))
        q, m, gap = r + s + x, max(alpha, beta), abs(alpha - beta)
        b = s + 1 if alpha >= beta else r + x

        def term(t):
            return mp.hyp2f1(q, b, q + 1, gap / (m + t)) / (m + t) ** q

        alive = (alpha + T) ** -(r + x) * (beta + T) ** -s
        gone = s / q * (term(t_x) - term(T))
        front = mp.gammaprod([r + x], [r]) * alpha**r * beta**s
        return mp.log(front * (alive + gone)), alive / (alive + gone)


def pareto_purchases(r, alpha, s, beta, x, T, h):
    """E[purchases in h | alive]."""
    with mp.workdps(DIGITS + 20):
        r, alpha, s, beta, T, h = map(mp.mpf, (r, alpha, s, beta, T, h))
        if s == 1:
            return (r + x) / (alpha + T) * (beta + T) * mp.log1p(h / (beta + T))
        return (r + x) * (beta + T) / ((alpha + T) * (s - 1)) * (1 - ((beta + T) / (beta + T + h)) ** (s - 1))


def pareto_discounted(r, alpha, s, beta, x, T, delta):
    """DERT | alive: Fader, Hardie & Lee (2005, JMR), with Ψ as Tricomi's function."""
    with mp.workdps(DIGITS):
        r, alpha, s, beta, T, delta = map(mp.mpf, (r, alpha, s, beta, T, delta))
        z = delta * (beta + T)
        psi = mp.exp(z) * mp.expint(s, z) if z < 20 else mp.hyperu(1, 2 - s, z)
        return (r + x) / (alpha + T) * (beta + T) * psi


def _graded_integral(f, low, high, marks):
    """∫ f by 24-point Gauss-Legendre in 40 digits on intervals that halve towards every mark and both ends."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    points = sorted({low, high, *(m for m in marks if low < m < high)})
    cuts = set(points)
    for a, b in itertools.pairwise(points):
        for k in range(1, 45):
            cuts |= {a + (b - a) / mp.mpf(2) ** k, b - (b - a) / mp.mpf(2) ** k}
    cuts = sorted(cuts)
    total = mp.mpf(0)
    for a, b in itertools.pairwise(cuts):
        total += (b - a) / 2 * sum(w * f(a + (b - a) * (1 + x) / 2) for x, w in zip(nodes, weights, strict=True))
    return total


def ggom(r, alpha, b, s, beta, x, t_x, T):
    """ln L and P(alive): Bemmaor & Glady (2012), equation 3, the dropout time integrated out."""
    with mp.workdps(DIGITS):
        r, alpha, b, s, beta, t_x, T = map(mp.mpf, (r, alpha, b, s, beta, t_x, T))
        R = r + x

        def survival(y):
            return (beta / (beta - 1 + mp.exp(b * y))) ** s

        def density(y):
            return (alpha + y) ** -R * s * b * mp.exp(b * y) / (beta - 1 + mp.exp(b * y)) * survival(y)

        turn = mp.log(beta) / b if beta > 1 else mp.mpf(0)
        alive = (alpha + T) ** -R * survival(T)
        died = _graded_integral(density, t_x, T, [turn]) if t_x < T else mp.mpf(0)
        front = mp.gammaprod([R], [r]) * alpha**r
        return mp.log(front * (alive + died)), alive / (alive + died)


def ggom_purchases(r, alpha, b, s, beta, x, T, h, delta=0):
    """E[(discounted) purchases in h | alive]."""
    with mp.workdps(DIGITS):
        r, alpha, b, s, beta, T, h, delta = map(mp.mpf, (r, alpha, b, s, beta, T, h, delta))
        now = beta - 1 + mp.exp(b * T)

        def stays(u):
            return mp.exp(-delta * u) * (now / (beta - 1 + mp.exp(b * (T + u)))) ** s

        turn = mp.log(beta) / b - T if beta > 1 else mp.mpf(0)
        return (r + x) / (alpha + T) * _graded_integral(stays, mp.mpf(0), h, [turn])


def bg_bb(alpha, beta, gamma, delta, x, t_x, n):
    """ln L, P(alive at n + 1) and E[purchases at the next 5]: Fader, Hardie & Shang (2010), equations 4, 5 and 13."""
    with mp.workdps(DIGITS):
        alpha, beta, gamma, delta = map(mp.mpf, (alpha, beta, gamma, delta))

        def buys(k, m):
            return mp.beta(alpha + k, beta + m - k) / mp.beta(alpha, beta)

        def stays(m):
            return mp.beta(gamma, delta + m) / mp.beta(gamma, delta)

        def leaves(m):
            return mp.beta(gamma + 1, delta + m) / mp.beta(gamma, delta)

        total = buys(x, n) * stays(n) + sum(buys(x, t_x + i) * leaves(t_x + i) for i in range(n - t_x))
        alive = buys(x, n) * stays(n + 1) / total
        ahead = buys(x + 1, n + 1) * sum(stays(n + i) for i in range(1, 6)) / total
        return mp.log(total), alive, ahead
