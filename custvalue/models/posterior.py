"""The posterior of a model's parameters by importance sampling: milliseconds instead of minutes.

Four to six parameters with a known optimum and curvature need no Markov chain: draws from a wide
Student-t around the optimum are weighted by posterior over proposal, the largest weights smoothed
by a generalised Pareto tail (Vehtari, Simpson, Gelman, Yao & Gabry 2024, "Pareto smoothed
importance sampling"), and k̂ says whether that was enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl
from scipy import special

from custvalue.errors import FitError
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.models.base import Model
    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray

Prior: TypeAlias = Callable[[Mapping[str, "FloatArray"]], "FloatArray"]
"""Log density of the parameters (by name, one array element a draw), up to a constant."""

DEGREES_OF_FREEDOM = 6.0
WIDENING = 1.1
GOOD_PARETO_K = 0.7


@dataclass(frozen=True, kw_only=True)
class Posterior(Result):
    """Draws of the parameters, each equally likely.

    Attributes
    ----------
    table
        One row a draw, one column a parameter.
    diagnostics
        `pareto_k` (below 0.7 the draws can be trusted), `effective_draws`, `mean`, `sd` by parameter.
    prior
        `flat` in the parameters themselves, or `given`.
    """

    label: str
    model_class: type[Model]
    pareto_k: float
    effective_draws: float
    prior: str
    n_draws: int
    seed: int

    @property
    def title(self) -> str:
        """Whether the draws can be trusted."""
        trust = "reliable" if self.pareto_k < GOOD_PARETO_K else "NOT reliable"
        return f"Posterior of {self.label}: {self.n_draws:,} draws, {trust} (Pareto k {self.pareto_k:.2f})"

    @property
    def diagnostics(self) -> pl.DataFrame:
        """One row a parameter: mean, sd, and what the importance weights say of all of them."""
        return pl.DataFrame({
            "parameter": self.table.columns,
            "mean": [float(self.table[c].mean()) for c in self.table.columns],  # type: ignore[arg-type]
            "sd": [float(self.table[c].std()) for c in self.table.columns],  # type: ignore[arg-type]
            "pareto_k": self.pareto_k,
            "effective_draws": self.effective_draws,
        })  # fmt: skip

    def models(self) -> list[Model]:
        """Return the model of each draw."""
        return [self.model_class(*row) for row in self.table.iter_rows()]


def draw_posterior(fit: ModelFit, *, draws: int = 2000, seed: int = 1, prior: Prior | None = None) -> Posterior:
    """Draw from the posterior of a fit's parameters.

    Parameters
    ----------
    fit
        A fitted model.
    draws
        How many; at least 100.
    seed
        Of the random numbers: the same seed gives the same draws.
    prior
        Log density of the parameters; without one the prior is flat in the parameters, so that the
        posterior's mode is the maximum-likelihood estimate.

    Raises
    ------
    FitError
        Where the weights of all draws vanish: the fit is not an optimum of its data.
    """
    if draws < 100:
        raise FitError(f"A posterior of {draws} draws says nothing.", "Ask for at least 100.")
    rng = np.random.default_rng(seed)
    covariance = fit.log_covariance
    # with a density flat in the parameters, the mode in their logarithms lies one Newton step further
    centre = fit.model.log_parameters + (covariance.sum(axis=1) if prior is None else 0.0)
    theta, log_proposal = _student(centre, covariance * WIDENING**2, draws, rng)
    objective = type(fit.model).objective(fit.data)
    with np.errstate(all="ignore"):
        log_target = np.array([objective(t, gradient=False)[0] for t in theta]) + theta.sum(axis=1)
    if prior is not None:
        names = type(fit.model).parameter_names()
        log_target += prior({name: np.exp(theta[:, i]) for i, name in enumerate(names)})
    log_ratio = np.where(np.isfinite(log_target), log_target - log_proposal, -np.inf)
    if not np.isfinite(log_ratio).any():
        raise FitError(f"No draw of {fit.model.label} has a finite likelihood.", "Fit the model again on these data.")
    log_weights, pareto_k = pareto_smooth(log_ratio)
    weights = special.softmax(log_weights)
    chosen = _systematic(weights, rng)
    return Posterior(
        table=pl.DataFrame(np.exp(theta[chosen]), schema=list(fit.model.parameters), orient="row"),
        label=fit.model.label, model_class=type(fit.model), pareto_k=pareto_k,
        effective_draws=float(1.0 / np.sum(weights**2)), prior="flat" if prior is None else "given",
        n_draws=draws, seed=seed,
    )  # fmt: skip


def _student(
    centre: FloatArray, covariance: FloatArray, n: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw from a multivariate Student-t; return the draws and their log density up to a constant."""
    nu, k = DEGREES_OF_FREEDOM, centre.size
    z = rng.standard_normal((n, k))
    stretch = np.sqrt(nu / rng.chisquare(nu, n))
    unit = z * stretch[:, None]
    root = np.linalg.cholesky(covariance)
    return centre + unit @ root.T, -(nu + k) / 2 * np.log1p((unit**2).sum(axis=1) / nu)


def _systematic(weights: FloatArray, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Resample with the least noise: every draw comes floor or ceil of n·w times, then in random order."""
    n = weights.size
    points = (rng.random() + np.arange(n)) / n
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), points), n - 1)
    return rng.permutation(chosen)


def pareto_smooth(log_ratio: FloatArray) -> tuple[FloatArray, float]:
    """Replace the largest importance ratios by quantiles of a Pareto fitted to them; return k̂ too."""
    n = log_ratio.size
    shifted = log_ratio - log_ratio.max()
    tail = int(min(0.2 * n, 3 * np.sqrt(n)))
    order = np.argsort(shifted)
    top = order[-tail:]
    cut = shifted[order[-tail - 1]]
    excess = np.exp(shifted[top]) - np.exp(cut)
    if tail < 5 or excess[-1] <= 1e-300 or not (excess > 0).all():
        return shifted, 0.0
    k, sigma = fit_generalised_pareto(excess)
    p = (np.arange(tail) + 0.5) / tail
    quantiles = sigma * np.expm1(-k * np.log1p(-p)) / k if abs(k) > 1e-12 else -sigma * np.log1p(-p)
    out = shifted.copy()
    out[top] = np.minimum(np.log(np.exp(cut) + quantiles), 0.0)
    return out, float(k)


def fit_generalised_pareto(excess: FloatArray) -> tuple[float, float]:
    """Estimate shape k and scale of sorted excesses: Zhang & Stephens (2009), Technometrics 51(3)."""
    n = excess.size
    m = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    theta = 1 / excess[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quartile)
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-theta / shape) - shape - 1)
    weights = special.softmax(profile)
    best = float(theta @ weights)
    k = float(np.log1p(-best * excess).mean())
    sigma = -k / best
    return (n * k + 5.0) / (n + 10.0), sigma  # the prior of Vehtari et al. (2024), appendix C: ten draws at k = 0.5
