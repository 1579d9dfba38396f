"""The comparison that a launch without randomisation invites, shown only beside, marked as wrong and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import CustvalueError
from custvalue.experiments.opt_in import OptInEffect, estimate
from custvalue.experiments.trial import BEFORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custvalue.experiments.checks import Check
    from custvalue.experiments.trial import Trial

WHY_USERS = "Wrong: those who got the measure were chosen, and differ from the others without it."
WHY_BEFORE_AFTER = "Wrong: season, growth and the return of lucky customers to their mean are taken for the effect."


def naive_comparison(trial: Trial) -> pl.DataFrame | None:
    """Compare users with non-users, and before with after, where the launch was not randomised.

    Returns
    -------
    polars.DataFrame or None
        comparison, naive_difference (money per customer and window), why_it_is_wrong.
    """
    if trial.design == "rct":
        return None
    customers = trial.customers.drop_nulls(["treated", "outcome"])
    treated, others = (customers.filter(pl.col("treated") == t) for t in (True, False))
    rows: list[tuple[str, float, str]] = []
    if treated.height and others.height:
        difference = _mean(treated, "outcome") - _mean(others, "outcome")
        rows.append(("with the measure less without", difference, WHY_USERS))
    if treated.height and trial.has("before") and not treated["before"].null_count():
        rows.append(("after less before", _mean(treated, "outcome") - _mean(treated, "before"), WHY_BEFORE_AFTER))
    schema = {"comparison": pl.String, "naive_difference": pl.Float64, "why_it_is_wrong": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def launch_estimate(trial: Trial, checks: Sequence[Check], level: float, currency: str) -> OptInEffect | None:
    """Estimate a launch that was not randomised from what was known before; None where that cannot be.

    It is given only where nothing else is wrong with the customers, something was known before, and enough
    customers alike went without the measure.
    """
    if [c.check for c in checks if c.status == "block"] != ["randomised"]:
        return None
    known = {c: c for c in BEFORE if trial.has(c)}
    if trial.before is not None:
        known[trial.before] = "before"
    if not known or any(trial.customers[c].null_count() for c in known.values()):
        return None
    groups = ["segment"] if trial.has("segment") else []
    named = {name: pl.col(column) for name, column in known.items()}
    frame = trial.customers.select("treated", "outcome", *groups, **named)
    try:
        found = estimate(frame, (*sorted(known), *groups), level=level, currency=currency)
    except CustvalueError:
        return None
    return found if found.has_overlap else None


def _mean(customers: pl.DataFrame, column: str) -> float:
    return float(customers[column].mean())  # type: ignore[arg-type]
