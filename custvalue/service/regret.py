"""How a plan stands against today's service and against the best plan in hindsight, draw by draw."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from custvalue.service.optimise import HUNDRED, LevelProblem, best_choice

if TYPE_CHECKING:
    from custvalue.service.optimise import Ints

MOST_DRAWS = 200
SCHEMA = {
    "n_draws": pl.Int64(),
    "p_beats_today": pl.Float64(),
    "net_low": pl.Float64(),
    "net_high": pl.Float64(),
    "regret": pl.Float64(),
    "regret_high": pl.Float64(),
}


def plan_regret(problem: LevelProblem, chosen: Ints, draws: Ints, *, interval: float = 0.95) -> pl.DataFrame:
    """Compare a plan, in every draw of the effects, with today's levels and with the best plan of that draw.

    Parameters
    ----------
    problem, chosen
        The choice and its solution.
    draws
        Gains in cents, one row per draw, one column per option; of more than `MOST_DRAWS` an even selection
        is looked at, as each needs a plan of its own.
    interval
        Of the net gain.

    Returns
    -------
    pl.DataFrame
        One row: `p_beats_today` (share of the draws in which the plan earns more than today's levels), `net_low`,
        `net_high`, `regret` (what knowing the effects beforehand would bring on average: the value of perfect
        information) and `regret_high`, its 95th percentile.
    """
    rows = draws[np.unique(np.linspace(0, len(draws) - 1, min(len(draws), MOST_DRAWS)).astype(int))]
    today = np.flatnonzero(problem.step == 0)
    net, gap, beats = [], [], []
    for gain in rows:
        drawn = replace(problem, gain=gain)
        own = drawn.net(chosen)
        net.append(own / HUNDRED)
        gap.append((drawn.net(best_choice(drawn)) - own) / HUNDRED)
        beats.append(own > drawn.net(today))
    tail = (1 - interval) / 2
    low, high = np.quantile(net, [tail, 1 - tail])
    row = {
        "n_draws": len(rows), "p_beats_today": float(np.mean(beats)), "net_low": round(float(low), 2),
        "net_high": round(float(high), 2), "regret": round(float(np.mean(gap)), 2),
        "regret_high": round(float(np.quantile(gap, 0.95)), 2),
    }  # fmt: skip
    return pl.DataFrame([row], schema=SCHEMA)
