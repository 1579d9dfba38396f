"""What more money or more hours would bring to a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from custvalue.service.optimise import (
    HUNDRED,
    LevelProblem,
    best_choice,
    cheapest_better,
    relaxed_prices,
)

if TYPE_CHECKING:
    from custvalue.service.optimise import Ints

SCHEMA = {
    "constraint": pl.String(),
    "unit": pl.String(),
    "limit": pl.Float64(),
    "used": pl.Float64(),
    "left": pl.Float64(),
    "one_more": pl.Float64(),
    "relaxed_price": pl.Float64(),
    "more_needed": pl.Float64(),
    "net_then": pl.Float64(),
}


def shadow_prices(problem: LevelProblem, chosen: Ints) -> pl.DataFrame:
    """Price the limits of a plan, one row per limit that was set.

    Steps are whole, so one unit more is often worth nothing until there is enough for a step: `one_more`
    is what the plan gains when solved again with one unit (of money, or one hour) more; `relaxed_price` the
    dual of the linear relaxation; `more_needed` the least extra with which a better plan exists, and
    `net_then` what that plan gains; both null where no amount would better the plan.
    """
    relaxed = relaxed_prices(problem)
    rows = [_row(problem, chosen, limit, price) for limit, price in relaxed.items()]
    return pl.DataFrame(rows, schema=SCHEMA)


def _row(problem: LevelProblem, chosen: Ints, limit: str, relaxed_price: float) -> dict[str, Any]:
    is_budget = limit == "budget"
    used = problem.spent(chosen) if is_budget else problem.used_hours(chosen)
    allowed = problem.spend_limit if is_budget else problem.hours_limit
    assert allowed is not None  # noqa: S101 - only limits that were set are priced
    better = cheapest_better(problem, chosen, limit=limit)
    more = net_then = None
    if better is not None:
        more = (problem.spent(better) if is_budget else problem.used_hours(better)) - allowed
        net_then = _gain(problem, chosen, is_budget=is_budget, more=more)
    return {
        "constraint": limit,
        "unit": "money" if is_budget else "hour",
        "limit": allowed / HUNDRED,
        "used": used / HUNDRED,
        "left": (allowed - used) / HUNDRED,
        "one_more": _gain(problem, chosen, is_budget=is_budget, more=HUNDRED),
        "relaxed_price": round(relaxed_price, 4),
        "more_needed": None if more is None else more / HUNDRED,
        "net_then": net_then,
    }


def _gain(problem: LevelProblem, chosen: Ints, *, is_budget: bool, more: int) -> float:
    """Return what the plan gains when a limit is wider by `more`."""
    if is_budget:
        wider = replace(problem, spend_limit=(problem.spend_limit or 0) + more)
    else:
        wider = replace(problem, hours_limit=(problem.hours_limit or 0) + more)
    return (wider.net(best_choice(wider)) - problem.net(chosen)) / HUNDRED
