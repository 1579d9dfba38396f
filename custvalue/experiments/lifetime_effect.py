"""What a test's effect comes to over the years, through what the measure does to purchase rate and dropout."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from scipy.stats import norm

from custvalue.errors import CustvalueError, DataError
from custvalue.experiments.exposure import (
    DROPOUT,
    RATE,
    ExposureFit,
    alive_at_start,
    discounted_purchases,
    fit_exposure,
)
from custvalue.experiments.money import Belief, long_run_effect
from custvalue.experiments.randomised import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from custvalue.experiments.trial import Shop, Trial
    from custvalue.experiments.verdict import Verdict

    Floats = NDArray[np.float64]

YEARS: Final = 3
ANNUAL_DISCOUNT_RATE: Final = 0.10
PERSISTENCE: Final = (0.0, 0.5, 1.0)
MODEL, CARRIED = "rate and dropout", "effect carried on"
STEP: Final = 1e-4
N_BASE: Final = 4  # parameters of rates and dropout; the others do not change who is alive at the start
SCHEMA = {
    "segment": pl.String, "basis": pl.String, "persistence": pl.Float64, "effect": pl.Float64,
    "effect_low": pl.Float64, "effect_high": pl.Float64, "p_pays": pl.Float64, "rate_factor": pl.Float64,
    "rate_factor_low": pl.Float64, "rate_factor_high": pl.Float64, "dropout_factor": pl.Float64,
    "dropout_factor_low": pl.Float64, "dropout_factor_high": pl.Float64, "n_fitted": pl.Int64,
    "horizon_years": pl.Int64, "annual_discount_rate": pl.Float64,
}  # fmt: skip


def with_long_run(verdict: Verdict, trial: Trial, shop: Shop | None) -> Verdict:
    """Add the long-run effect by segment and persistence.

    With the purchases of a warehouse, rate and dropout effects are estimated (see `exposure`) and the effect is
    c₁·DEP₁ − c₀·DEP₀ per customer: contribution per purchase in each arm times the discounted expected purchases
    over the years. The measure stays, and so does its cost per purchase; what it does to rate and dropout fades by
    the persistence from year to year, which no short test can tell. Elsewhere the measured effect itself is carried
    on with that persistence, as if no customer left.
    """
    if verdict.design != "rct" or verdict.table["effect"].null_count() == verdict.table.height:
        return verdict
    measured = {r["segment"]: r for r in verdict.table.drop_nulls("effect").to_dicts()}
    purchases = None if shop is None or trial.is_by_unit else _purchases(shop, trial)
    z = float(norm.ppf(0.5 + verdict.settings.level / 2.0))
    found: dict[str, list[dict[str, Any]]] = {}
    for segment in [s for s in measured if s != ALL] or [ALL]:
        found[segment] = [] if purchases is None else _modelled(purchases, trial, segment, z)
    if ALL not in found:
        found = {ALL: _together(found, trial, z) if purchases is not None else []} | found
    rows = [
        {"segment": segment, **row}
        for segment, modelled in found.items()
        for row in modelled or _carried(measured[segment], verdict, z)
    ]
    return replace(verdict, long_run=pl.DataFrame(rows, schema=SCHEMA))


def _together(found: dict[str, list[dict[str, Any]]], trial: Trial, z: float) -> list[dict[str, Any]]:
    """Average the segments by their customers; empty where one of them, or of the customers, is left out."""
    counts = dict(trial.customers.group_by("segment").len().iter_rows())
    if set(counts) != set(found) or not all(found.values()):
        return []
    shares = {segment: n / trial.customers.height for segment, n in counts.items()}
    out = []
    for i, persistence in enumerate(PERSISTENCE):
        rows = {segment: modelled[i] for segment, modelled in found.items()}
        mean = sum(shares[s] * r["effect"] for s, r in rows.items())
        half = math.sqrt(sum((shares[s] * (r["effect_high"] - r["effect"])) ** 2 for s, r in rows.items()))
        belief = Belief(mean=mean, sd=half / z)
        out.append(_row(MODEL, persistence, belief, z) | {"n_fitted": sum(r["n_fitted"] for r in rows.values())})
    return out


def _purchases(shop: Shop, trial: Trial) -> pl.DataFrame | None:
    try:
        found = shop.fetch("experiment_purchases", experiment=trial.name)
    except CustvalueError:
        return None
    if "n_within" not in found.columns:
        return None
    arms = trial.customers.select("customer_id", "treated").drop_nulls()
    return found.join(arms, on="customer_id").sort("customer_id")


def _modelled(purchases: pl.DataFrame, trial: Trial, segment: str, z: float) -> list[dict[str, Any]]:
    """Value rate and dropout effects; empty where the purchases do not tell them."""
    customers = trial.customers if segment == ALL else trial.customers.filter(pl.col("segment") == segment)
    mine = purchases.join(customers.select("customer_id"), on="customer_id", how="semi")
    try:
        fit = fit_exposure(mine)
        worth = [_per_purchase(mine, customers, treated=t) for t in (False, True)]
    except CustvalueError:
        return []
    if fit.history.shape[0] < fit.n_customers / 2:  # most are new: their past says nothing of their future
        return []
    factors: dict[str, Any] = {"n_fitted": fit.n_customers}
    for name, place in (("rate_factor", RATE), ("dropout_factor", DROPOUT)):
        factors |= dict(zip((name, f"{name}_low", f"{name}_high"), fit.factor(place, z), strict=True))
    bought = mine.height / customers.height  # of the others nothing is expected
    beliefs = [Belief(mean=bought * b.mean, sd=bought * b.sd) for b in _beliefs(fit, worth)]
    return [_row(MODEL, p, belief, z) | factors for p, belief in zip(PERSISTENCE, beliefs, strict=True)]


def _per_purchase(purchases: pl.DataFrame, customers: pl.DataFrame, *, treated: bool) -> tuple[float, float]:
    """Contribution per purchase of an arm and its standard error, by the delta method."""
    arm = customers.filter(pl.col("treated") == treated)
    both = arm.join(purchases.select("customer_id", "n_within"), on="customer_id", how="left")
    x = both["n_within"].fill_null(0).cast(pl.Float64).to_numpy()
    y = both["outcome"].to_numpy()
    if not x.sum():
        raise DataError("An arm has no purchase in the window.")
    ratio = float(y.sum() / x.sum())
    return ratio, float((y - ratio * x).std() / x.mean() / math.sqrt(x.size))


def _beliefs(fit: ExposureFit, worth: Sequence[tuple[float, float]]) -> list[Belief]:
    """Effect at each persistence, its error by the delta method over all parameters."""
    (control, control_error), (treated, treated_error) = worth
    grid = alive_at_start(fit.theta, fit.history)
    mean, of_treated, of_control = _values(fit.theta, grid, control, treated)
    slopes = np.empty((len(PERSISTENCE), fit.theta.size))
    for i in range(fit.theta.size):
        shift = np.zeros(fit.theta.size)
        shift[i] = STEP
        sides = []
        for theta in (fit.theta + shift, fit.theta - shift):
            moved = alive_at_start(theta, fit.history) if i < N_BASE else grid
            sides.append(_values(theta, moved, control, treated)[0])
        slopes[:, i] = (sides[0] - sides[1]) / (2.0 * STEP)
    variance = np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes)
    variance += (of_treated * treated_error) ** 2 + (of_control * control_error) ** 2
    return [Belief(mean=float(m), sd=math.sqrt(float(v))) for m, v in zip(mean, variance, strict=True)]


def _values(
    theta: Floats, grid: tuple[Floats, Floats, Floats], control: float, treated: float
) -> tuple[Floats, Floats, float]:
    """Return the effects by persistence, and the discounted purchases of either arm."""
    delta = math.log1p(ANNUAL_DISCOUNT_RATE)
    with_it = np.array([
        discounted_purchases(theta, grid, treated=True, persistence=p, delta=delta, years=YEARS) for p in PERSISTENCE
    ])  # fmt: skip
    without = discounted_purchases(theta, grid, treated=False, persistence=0.0, delta=delta, years=YEARS)
    return treated * with_it - control * without, with_it, without


def _carried(row: dict[str, Any], verdict: Verdict, z: float) -> list[dict[str, Any]]:
    year = 365.0 / verdict.outcome_days
    error = row["standard_error"] * year  # an always-valid interval is wider than its error says
    out = []
    for persistence in PERSISTENCE:
        factor = long_run_effect(
            1.0, retention=1.0, persistence=persistence, discount_rate=ANNUAL_DISCOUNT_RATE, periods=YEARS
        )
        belief = Belief(mean=row["effect"] * year * factor, sd=error * factor)
        out.append(_row(CARRIED, persistence, belief, z))
    return out


def _row(basis: str, persistence: float, belief: Belief, z: float) -> dict[str, Any]:
    return {
        "basis": basis, "persistence": persistence, "effect": belief.mean,
        "effect_low": belief.mean - z * belief.sd, "effect_high": belief.mean + z * belief.sd,
        "p_pays": belief.p_pays(), "horizon_years": YEARS, "annual_discount_rate": ANNUAL_DISCOUNT_RATE,
    }  # fmt: skip
