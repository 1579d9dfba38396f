"""The grid of extremes on which models are compared with 40 digits, and how close they must come."""

from __future__ import annotations

import random

import numpy as np

VALUES = [1e-3, 0.05, 0.5, 1.0, 1.3, 7.0, 100.0, 1000.0]
AGES = [0.1, 1.0, 38.86, 500.0, 5000.0]
COUNTS = [0, 1, 3, 100, 500, 2000]
HORIZONS = [0.1, 39.0, 5000.0]
DELTAS = [1e-6, 0.0018, 0.05, 2.0]


def grid(n: int, seed: int) -> list[tuple]:
    """Random corners, and the special cases the acceptance list names."""
    rng = random.Random(seed)
    cases = []
    for _ in range(n):
        parameters = [rng.choice(VALUES) for _ in range(4)]
        x, T = rng.choice(COUNTS), rng.choice(AGES)
        t_x = 0.0 if x == 0 else rng.choice([T, 0.3 * T, T * (1 - 1e-12)])
        cases.append((*parameters, x, t_x, T, rng.choice(HORIZONS), rng.choice(DELTAS)))
    special = [(1.0, 7.0, 1.0, 7.0), (0.5, 0.001, 1.0, 0.001), (0.001, 1000.0, 1000.0, 1000.0)]
    cases += [(*p, x, 0.5 * T * (x > 0), T, 39.0, 0.0018) for p in special for x in (0, 1, 2000) for T in (0.1, 5000.0)]
    return cases


def close(value, wanted, *, relative: float = 1e-9, absolute: float = 0.0) -> bool:
    value = float(value)
    assert np.isfinite(value)
    return abs(value - wanted) <= max(relative * abs(wanted), absolute)
