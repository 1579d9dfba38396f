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


def _walk(node, step):
    """The trapezoid rule over the whole line: nodes from 0 outwards until their weights no longer count."""
    total = mp.mpf(0)
    for direction in (1, -1):
        i = 0 if direction == 1 else -1
        while True:
            *values, weight = node(i * step)
            total += weight
            if weight < mp.mpf(10) ** -(DIGITS + 2) * total:
                break
            yield *values, weight * step
            i += direction


def _gamma_nodes(shape, rate):
    """λ and weights of ∫ … λ^(shape − 1) e^(−rate λ) dλ: in s, with λ ∝ e^(s − e^(−s))."""
    scale, start = max(shape, 1) / rate, mp.lambertw(1).real if shape > 1 else mp.mpf(0)

    def node(s):
        bends = mp.exp(-s - start)
        value = scale * mp.exp(s + start - bends)
        return value, mp.exp(shape * mp.log(value) - rate * value) * (1 + bends)

    return _walk(node, min(mp.mpf("0.08"), 1 / (3 * mp.sqrt(shape + 3))))


def _beta_nodes(a, b):
    """p, 1 − p and weights of ∫ … p^(a − 1) (1 − p)^(b − 1) dp: in s, with logit p = centre + width sinh(s)."""
    centre, width = mp.log(a / b), min(1, mp.sqrt(1 / a + 1 / b))

    def node(s):
        y = centre + width * mp.sinh(s)
        p, rest = 1 / (1 + mp.exp(-y)), 1 / (1 + mp.exp(y))
        return p, rest, width * mp.cosh(s) * p**a * rest**b

    return _walk(node, mp.mpf("0.04"))


def _mass(nodes):
    return mp.fsum(weight for *_, weight in nodes)


def cnbd(r, alpha, a, b, k, x, t_x, T, sum_log_intervals, first_coin):
    """(M)BG/CNBD-k: ln L and P(alive), from the story that Reutterer, Platzer & Schröder (2020) tell.

    Times between purchases are Erlang-k of rate λ, a coin p is flipped after each purchase; the last
    interval is unfinished. λ ~ Gamma(r, alpha) and p ~ Beta(a, b) are integrated out numerically, none of
    the paper's closed forms is used.
    """
    with mp.workdps(DIGITS):
        r, alpha, a, b, t_x, T, sums = map(mp.mpf, (r, alpha, a, b, t_x, T, sum_log_intervals))
        wait, coins, events = T - t_x, x + first_coin, k * x

        def silent(rate):
            return mp.exp(-rate * wait) * sum((rate * wait) ** j / mp.factorial(j) for j in range(k))

        # λ^(kx) e^(−λ t_x) is what the densities of the x intervals have of λ, less their spacing
        gamma = mp.exp(r * mp.log(alpha) - mp.loggamma(r))
        running = gamma * mp.fsum(w * silent(v) * mp.exp(v * wait) for v, w in _gamma_nodes(r + events, alpha + T))
        any_end = gamma * _mass(_gamma_nodes(r + events, alpha + t_x))
        coin = _mass(_beta_nodes(a, b))
        stays = _mass(_beta_nodes(a, b + coins)) / coin
        leaves = _mass(_beta_nodes(a + 1, b + coins - 1)) / coin if coins else mp.mpf(0)
        likelihood = running * stays + any_end * leaves
        spacing = (k - 1) * sums - x * mp.loggamma(k)
        return mp.log(likelihood) + spacing, running * stays / likelihood


def cnbd_purchases(r, alpha, a, b, k, x, t_x, T, first_coin, h):
    """(M)BG/CNBD-k: E[purchases in h | alive], counting events: j of them since the last purchase, m in h."""
    with mp.workdps(DIGITS):
        r, alpha, a, b, t_x, T, h = map(mp.mpf, (r, alpha, a, b, t_x, T, h))
        wait, shape = T - t_x, r + k * x
        coins = list(_beta_nodes(a, b + x + first_coin))
        coin = _mass(coins)
        made = {}  # purchases until the coin says leave, of n that would come

        def until_leaving(n):
            if n not in made:
                made[n] = mp.fsum(w * -mp.expm1(-n * mp.log1p(p / rest)) / p for p, rest, w in coins) / coin
            return made[n]

        total = alive = mp.mpf(0)
        for rate, weight in _gamma_nodes(shape, alpha + T):
            since = [(rate * wait) ** j / mp.factorial(j) for j in range(k)]
            alive += weight * sum(since)
            if weight * sum(since) < mp.mpf(10) ** -20 * alive:
                continue
            chance, m = mp.exp(-rate * h), 0
            while m < rate * h or chance > mp.mpf(10) ** -20:
                total += weight * chance * sum(share * until_leaving((j + m) // k) for j, share in enumerate(since))
                m += 1
                chance *= rate * h / m
        return total / alive


def cnbd_discounted(r, alpha, a, b, k, x, t_x, T, first_coin, delta, h=None):
    """(M)BG/CNBD-k: E[discounted purchases | alive], ever or in h: an event is worth λ/(λ + δ) of one now."""
    with mp.workdps(DIGITS):
        r, alpha, a, b, t_x, T, delta = map(mp.mpf, (r, alpha, a, b, t_x, T, delta))
        wait, shape = T - t_x, r + k * x
        coins = list(_beta_nodes(a, b + x + first_coin))
        coin, total, alive = _mass(coins), mp.mpf(0), mp.mpf(0)
        stays = []  # P(the first n − 1 coins say stay)

        def until(rate):  # the m-th event comes within h, discounted: Erlang of rate λ + δ
            y = (rate + delta) * h
            chances = [mp.exp(-y)]
            while len(chances) < y or chances[-1] > mp.mpf(10) ** -22:
                chances.append(chances[-1] * y / len(chances))
            return list(itertools.accumulate(reversed(chances)))[::-1]

        for rate, weight in _gamma_nodes(shape, alpha + T):
            event = rate / (rate + delta)
            since = [(rate * wait) ** j / mp.factorial(j) for j in range(k)]
            alive += weight * sum(since)
            if weight * sum(since) < mp.mpf(10) ** -20 * alive:
                continue
            if h is None:
                later = sum(share * event ** (k - j) for j, share in enumerate(since))
                total += weight * later * mp.fsum(v / (1 - rest * event**k) for _, rest, v in coins) / coin
                continue
            reached = until(rate)
            for n in range(1, len(reached) // k + 2):
                if len(stays) < n:
                    stays.append(mp.fsum(v * rest ** (n - 1) for _, rest, v in coins) / coin)
                come = [(k * n - j, share) for j, share in enumerate(since) if k * n - j < len(reached)]
                total += weight * stays[n - 1] * sum(share * event**m * reached[m] for m, share in come)
        return total / alive
