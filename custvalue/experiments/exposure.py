"""What a measure does to the purchase rate and to dropout: MBG/NBD with exposure from the start of a test.

Static covariates would spread an effect over a customer's whole history. Here the rate of a customer who gets the
measure is λ·e^γ from the start of the test on, his chance of leaving after a purchase p·e^η; the time of the test
has a factor of its own in both arms (season). λ is Gamma(r, alpha), p Beta(a, b), as in MBG/NBD (Batislam,
Denizel & Filiztekin 2007). Given λ and p, with clock S that runs e^γ faster during the test,

    L = λⁿ e^(γ·n₂) (1 − p)^k₁ (1 − p e^η)^k₂ [(1 − p_last) e^(−λ S(T)) + p_last e^(−λ S(t_x))];

λ is integrated in closed form, p by Gauss-Jacobi quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit, gammaincinv, gammaln, logsumexp, roots_jacobi

from custvalue.errors import DataError, FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COLUMNS = ("n_before", "n_within", "first_purchase_days", "last_purchase_days", "observed_days")
YEAR: Final = 365.0
NODES: Final = 16
RATE_NODES: Final = 32
MOST_CUSTOMERS: Final = 2_000
MIN_CUSTOMERS: Final = 200
START: Final = np.array([0.0, 0.0, -3.0, 3.0, 0.0, 0.0, 0.0])
RATE, DROPOUT = 5, 6  # places of γ and η
# weak priors where a year tells little: how alike customers leave, ln(a + b), and the effect on dropout
PRIORS = ((3, math.log(20.0), 1.5), (DROPOUT, 0.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class ExposureFit:
    """Effects of a measure on rate and dropout, with everything else that the purchases tell.

    Attributes
    ----------
    theta
        ln r, ln alpha (years), logit of mean p, ln(a + b), ln factor of the test's time, γ, η.
    covariance
        Of theta, shape (7, 7).
    history
        Per customer with a purchase before the test: number of purchases, years from the first to the last of
        them, and to the test's start; shape (n, 3).
    n_customers
        That the fit rests on.
    """

    theta: Floats
    covariance: Floats
    history: Floats
    n_customers: int

    def factor(self, place: int, z: float) -> tuple[float, float, float]:
        """Return the factor on rate or dropout with its interval, `z` standard errors wide."""
        mean, error = float(self.theta[place]), math.sqrt(float(self.covariance[place, place]))
        return math.exp(mean), math.exp(mean - z * error), math.exp(mean + z * error)


def fit_exposure(purchases: pl.DataFrame) -> ExposureFit:
    """Fit the model to the purchases of a test's customers; of many an evenly spaced part.

    Parameters
    ----------
    purchases
        One row per customer: `treated`, and the columns of the relation experiment_purchases.

    Raises
    ------
    DataError
        A column is missing, or there are fewer than 200 customers.
    FitError
        The purchases do not tell the parameters.
    """
    if missing := [c for c in COLUMNS if c not in purchases.columns]:
        raise DataError(f"The purchases have no column {missing[0]!r}.")
    if purchases.height < MIN_CUSTOMERS:
        raise DataError(f"{purchases.height} customers with a purchase; {MIN_CUSTOMERS} are needed.")
    rows = purchases.gather_every(math.ceil(purchases.height / MOST_CUSTOMERS))
    data = _data(rows)
    with np.errstate(all="ignore"):  # a step too far is taken back by the search
        found = minimize(_objective, START, args=(data,), method="BFGS", options={"gtol": 1e-2})
        information = _curvature(found.x, data)
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information)[0] <= 0.0:
        raise FitError("The purchases of the test do not tell rate and dropout.", "A longer test would.")
    known = rows.filter(pl.col("n_before") > 0)
    first, last = (known[c].cast(pl.Float64).to_numpy() / YEAR for c in ("first_purchase_days", "last_before_days"))
    history = np.column_stack([known["n_before"].cast(pl.Float64).to_numpy(), last - first, -first])
    covariance: Floats = np.linalg.inv(information).astype(np.float64)
    return ExposureFit(theta=found.x, covariance=covariance, history=history, n_customers=rows.height)


def _data(rows: pl.DataFrame) -> dict[str, Floats]:
    """Turn a customer's row into the symbols of the likelihood, time in years."""
    first, last, end = (rows[c].cast(pl.Float64).to_numpy() / YEAR for c in COLUMNS[2:])
    before, within = (rows[c].cast(pl.Float64).to_numpy() for c in COLUMNS[:2])
    late = (last >= 0.0).astype(np.float64)
    fresh = (first >= 0.0).astype(np.float64)
    start = np.maximum(first, 0.0)
    return {
        "w": rows["treated"].cast(pl.Float64).to_numpy(), "late": late,
        "n": before + within - 1.0, "n2": within - fresh, "k1": before - (1.0 - late), "k2": within - late,
        "before_end": np.maximum(-first, 0.0), "within_end": end - start,
        "before_last": np.maximum(np.minimum(last, 0.0) - first, 0.0), "within_last": np.maximum(last - start, 0.0),
    }  # fmt: skip


def _beta(theta: Floats) -> tuple[float, float]:
    mean, size = float(expit(theta[2])), math.exp(float(theta[3]))
    return mean * size, (1.0 - mean) * size


def _dropout_nodes(theta: Floats) -> tuple[Floats, Floats]:
    a, b = _beta(theta)
    x, weight = roots_jacobi(NODES, b - 1.0, a - 1.0)
    return np.clip((1.0 + x) / 2.0, 1e-12, 1.0 - 1e-9), np.log(weight) - math.log(float(weight.sum()))


def _objective(theta: Floats, data: dict[str, Floats]) -> float:
    """Return minus the log posterior."""
    if np.abs(theta).max() > 15.0:
        return 1e12
    r, alpha = np.exp(theta[:2])
    p, log_weight = _dropout_nodes(theta)
    fast = np.exp(theta[4] + theta[RATE] * data["w"])
    left = np.minimum(p * np.exp(theta[DROPOUT] * data["w"])[:, None], 1.0 - 1e-9)
    at_last = np.where(data["late"][:, None] > 0.0, left, p)
    n = data["n"]
    until_end = (r + n) * np.log(alpha + data["before_end"] + fast * data["within_end"])
    until_last = (r + n) * np.log(alpha + data["before_last"] + fast * data["within_last"])
    stayed = data["k1"][:, None] * np.log1p(-p) + data["k2"][:, None] * np.log1p(-left)
    alive = np.log1p(-at_last) - until_end[:, None]
    gone = np.log(at_last) - until_last[:, None]
    each = logsumexp(stayed + np.logaddexp(alive, gone) + log_weight, axis=1)
    each += gammaln(r + n) - gammaln(r) + r * theta[1] + data["n2"] * np.log(fast)
    prior = sum(((float(theta[i]) - mean) / sd) ** 2 for i, mean, sd in PRIORS)
    value = -float(each.sum()) + 0.5 * prior
    return value if math.isfinite(value) else 1e12


def _curvature(theta: Floats, data: dict[str, Floats], step: float = 1e-3) -> Floats:
    """Second differences of the objective."""
    k = theta.size
    unit = step * np.eye(k)
    out = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            corners = [
                s * t * _objective(theta + s * unit[i] + t * unit[j], data) for s in (1.0, -1.0) for t in (1.0, -1.0)
            ]
            out[i, j] = out[j, i] = sum(corners) / (4.0 * step * step)
    return out


def alive_at_start(theta: Floats, history: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rates and dropout chances on a grid, and for it the mean chance that a customer is there and alive.

    Returns
    -------
    tuple of ndarray
        λ (per year), p and the weights; all of shape (rate nodes × dropout nodes,).
    """
    r, alpha = np.exp(theta[:2])
    rate = gammaincinv(r, (np.arange(RATE_NODES) + 0.5) / RATE_NODES) / alpha
    p, log_weight = _dropout_nodes(theta)
    n, last, end = history[:, :1], history[:, 1:2], history[:, 2:]
    stays = (n - 1.0) * np.log1p(-p) + log_weight
    on_rate = (n - 1.0) * np.log(rate)
    log_alive = (on_rate - rate * end)[:, :, None] + (stays + np.log1p(-p))[:, None, :]
    log_gone = (on_rate - rate * last)[:, :, None] + (stays + np.log(p))[:, None, :]
    top = np.maximum(log_alive, log_gone).max(axis=(1, 2), keepdims=True)
    alive, gone = np.exp(log_alive - top), np.exp(log_gone - top)
    weight = alive / (alive + gone).sum(axis=(1, 2), keepdims=True)
    grid = np.meshgrid(rate, p, indexing="ij")
    return grid[0].ravel(), grid[1].ravel(), weight.mean(axis=0).ravel()


def discounted_purchases(
    theta: Floats, grid: tuple[Floats, Floats, Floats], *, treated: bool, persistence: float, delta: float, years: int
) -> float:
    """Return discounted expected purchases per customer; year k has the effects γ and η times persistence^(k−1).

    In a year with rate l and chance q of leaving, ∫ l e^(−(l q + δ)t) dt from 0 to 1.
    """
    rate, p, weight = grid
    total, left = np.zeros_like(rate), np.ones_like(rate)
    for year in range(years):
        share = persistence**year if treated else 0.0
        fast = rate * math.exp(share * float(theta[RATE]))
        leave = fast * np.minimum(p * math.exp(share * float(theta[DROPOUT])), 1.0)
        fall = leave + delta
        total += left * fast * -np.expm1(-fall) / np.maximum(fall, 1e-12)
        left *= np.exp(-fall)
    return float(weight @ total)
