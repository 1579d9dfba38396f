"""How sure a plan is, what its limits are worth, and what it would earn at other budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from custvalue.errors import PlanError
from custvalue.service.programme import tail_loss
from custvalue.service.solve import solve
from custvalue.service.wording import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from custvalue.service.cases import Case
    from custvalue.service.programme import Limits, Steps
    from custvalue.service.solve import Solution

    Floats = NDArray[np.float64]

INTERVAL = 0.90
TAIL = 0.05
FRONTIER = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
SHADOW = {
    "constraint": pl.String, "unit": pl.String, "limit": pl.Float64, "used": pl.Float64, "left": pl.Float64,
    "one_more": pl.Float64, "in_words": pl.String,
}  # fmt: skip


def risk(found: Solution, cases: Sequence[Case], draws: Floats, *, moves: bool) -> pl.DataFrame:
    """Set a plan against today's service, everybody's and nobody's, and the best in hindsight, draw by draw.

    Everybody and nobody get what was tested, and so does the best in hindsight.
    """
    net = found.accounts.outcomes
    known = [k for k, case in enumerate(cases) if case.basis == "measured"]
    size = np.array([cases[k].n_customers for k in known])
    today = np.array([cases[k].given_today for k in known])
    effects = draws[:, known] * size
    everybody, nobody = effects @ (1.0 - today), -effects @ today
    best = (np.maximum(effects * (1.0 - today), 0.0) + np.maximum(-effects * today, 0.0)).sum(axis=1)
    low, high = np.quantile(net, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    row = {
        "net": found.accounts.net, "net_low": round(float(low), 2), "net_high": round(float(high), 2),
        "p_beats_today": float((net > 0).mean()) if moves else None,
        "p_beats_nobody": float((net >= nobody).mean()), "p_beats_everybody": float((net >= everybody).mean()),
        "regret": round(float(np.maximum(best - net, 0.0).mean()), 2), "tail_loss": round(tail_loss(net, TAIL), 2),
    }  # fmt: skip
    return pl.DataFrame([row], schema_overrides={"p_beats_today": pl.Float64})


def shadow_prices(steps: Steps, limits: Limits, found: Solution, currency: str) -> pl.DataFrame:
    """Price each limit by solving with one unit more: of money, or an hour a quarter."""
    rows = []
    accounts = found.accounts
    if limits.budget is not None:
        wider = _gain(steps, replace(limits, budget=limits.budget + 1.0), found)
        free, used = limits.budget - limits.reserve, float(accounts.spent.sum())
        rows.append(("budget", currency, free, used, free - used, wider, in_words("budget", currency, wider, currency)))
    for k, resource in enumerate(limits.resources):
        used, given = float(accounts.needed[:, k].sum()), float(resource.idle_hours.sum())
        if used == 0.0 and not steps.hours[:, k].any():
            continue
        eased = [replace(r, idle_hours=r.idle_hours + 1.0) if r is resource else r for r in limits.resources]
        wider = _gain(steps, replace(limits, resources=eased), found)
        said = in_words(resource.name.replace("_", " "), "hour a quarter", wider, currency)
        rows.append((f"hours of {resource.name}", "hour", given, used, given - used, wider, said))
    return pl.DataFrame(rows, schema=SHADOW, orient="row").with_columns(pl.col("limit", "used", "left").round(2))


def _gain(steps: Steps, limits: Limits, found: Solution) -> float:
    return round(max(solve(steps, limits).accounts.objective - found.accounts.objective, 0.0), 2)


def frontier(steps: Steps, limits: Limits, found: Solution) -> pl.DataFrame:
    """Solve at shares of the budget, or of what the plan spends where there is none."""
    base = limits.budget - limits.reserve if limits.budget is not None else float(found.accounts.spent.sum())
    rows = []
    for share in FRONTIER if base > 0 else ():
        try:
            at = solve(steps, replace(limits, budget=share * base, reserve=0.0)).accounts
        except PlanError:  # less than what was promised costs
            continue
        rows.append((round(share * base, 2), round(at.net, 2), round(float(at.spent.sum()), 2)))
    return pl.DataFrame(rows, schema={"budget": pl.Float64, "net": pl.Float64, "cost": pl.Float64}, orient="row")
