"""The comparison that a launch without randomisation invites, shown only beside, marked as wrong and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
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


def _mean(customers: pl.DataFrame, column: str) -> float:
    return float(customers[column].mean())  # type: ignore[arg-type]
