"""Writes tests/golden/models_discounted.json: DERT and DECT in 25 digits, minutes of work, for a test of milliseconds.

python tests/models/make_exact_discounted.py
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import exact_models as exact
import mpmath as mp

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models_discounted.json"
VALUES = [1e-3, 0.05, 0.5, 1.0, 1.3, 7.0, 100.0, 1000.0]


def cases(n: int, seed: int) -> list[tuple]:
    """Corners: parameters from 1e-3 to 1e3, x to 2,000, T to 5,000, both with and without an end."""
    rng, out = random.Random(seed), []
    for i in range(n):
        a = 1.0 if i == 0 else rng.choice(VALUES)
        x, T = rng.choice([0, 1, 3, 100, 2000]), rng.choice([0.1, 38.86, 5000.0])
        horizon = rng.choice([0.1, 39.0, 5000.0]) if i % 2 else None
        out.append((rng.choice(VALUES), rng.choice(VALUES), a, rng.choice(VALUES), x, T, i % 3 % 2,
                    rng.choice([1e-6, 0.0018, 0.05, 2.0]), horizon))  # fmt: skip
    return out


def solve(case: tuple) -> dict:
    """One case and its value given that the customer is alive."""
    names = ("r", "alpha", "a", "b", "x", "T", "first_coin", "delta", "horizon")
    return dict(zip(names, case, strict=True)) | {"value": mp.nstr(exact.beta_geometric_discounted(*case), 17)}


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(solve, cases(24, 5)))
    source = (
        "mpmath, 25 digits: numerics.md's integral of e^(-delta u) 2F1(R + 1, a; a + d; -u/A); " + Path(__file__).name
    )
    GOLDEN.write_text(json.dumps({"source": source, "tolerance": 1e-9, "cases": rows}, indent=1) + "\n")
