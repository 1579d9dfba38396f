"""One optimiser for every model: maximum likelihood on the counted table, in log parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
import polars as pl
from scipy import optimize, special

from custvalue.errors import DataError, FitError
from custvalue.models.base import Model, count_rows
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.models.base import Counted, Objective
    from custvalue.models.posterior import Posterior, Prior
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind

M = TypeVar("M", bound=Model)

SAMPLE_ROWS = 6_000
"""Above twice this many distinct rows the search begins on a sample of them."""
GRADIENT_TOLERANCE = 1e-7
"""Largest gradient of the mean log-likelihood in log parameters at an accepted optimum."""
LARGEST_LOG_ERROR = 6.0
"""A standard error this large in a log parameter (a factor of 400) means that it is not identified."""


@dataclass(frozen=True, kw_only=True)
class ModelFit(Result):
    """A fitted model.

    Attributes
    ----------
    table
        One row a parameter: `estimate`, `standard_error`, and an interval at `level` (log-normal, so
        never below 0).
    model
        The model at the optimum.
    covariance
        Inverse of the observed information, in the parameters themselves and their order.
    data
        The counted table that was fitted.
    time_unit
        Unit of every time that goes in or comes out of the model; empty where there is none.
    excluded
        Customers the model cannot use, and why they were left out.
    """

    model: Model
    covariance: FloatArray = field(repr=False)
    log_likelihood: float
    n_customers: float
    n_distinct: int
    time_unit: str = ""
    level: float = 0.95
    gradient_norm: float = 0.0
    excluded: str = ""
    data: Counted = field(repr=False)

    kinds: ClassVar[Mapping[str, Kind]] = {}

    @property
    def title(self) -> str:
        """Model, customers and log-likelihood."""
        fitted = f"{self.model.label} fitted to {self.n_customers:,.0f} customers"
        return f"{fitted}, log-likelihood {self.log_likelihood:,.1f}"

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter."""
        return dict(zip(self.model.parameter_names(), np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @property
    def n_parameters(self) -> int:
        """How many numbers were estimated."""
        return len(self.model.parameters)

    @property
    def aic(self) -> float:
        """Akaike's criterion: 2k − 2 ln L; less is better."""
        return 2.0 * self.n_parameters - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion: k ln n − 2 ln L; less is better."""
        return float(self.n_parameters * np.log(self.n_customers) - 2.0 * self.log_likelihood)

    @property
    def days_per_unit(self) -> float:
        """Days in the time unit of the fit."""
        if self.time_unit not in DAYS_PER_UNIT:
            raise DataError(
                f"The {self.model.label} fit has no time unit.", "Fit a purchase summary, or give time_unit=."
            )
        return DAYS_PER_UNIT[self.time_unit]

    @property
    def log_covariance(self) -> FloatArray:
        """Covariance of the log parameters."""
        values = np.array(list(self.model.parameters.values()))
        return self.covariance / np.outer(values, values)

    def posterior(self, draws: int = 2000, seed: int = 1, prior: Prior | None = None) -> Posterior:
        """Draw from the posterior of the parameters.

        Parameters
        ----------
        draws, seed
            How many, at least 100, and their random numbers.
        prior
            Log density of the parameters, given by name as arrays of one element a draw; flat without.

        See Also
        --------
        custvalue.models.posterior
        """
        from custvalue.models.posterior import draw_posterior

        return draw_posterior(self, draws=draws, seed=seed, prior=prior)


def fit(
    model_class: type[M],
    summary: PurchaseSummary | pl.DataFrame,
    *,
    time_unit: str | None = None,
    weights: str | None = None,
    covariates: Sequence[str] = (),
    level: float = 0.95,
) -> ModelFit:
    """Fit a model by maximum likelihood.

    Parameters
    ----------
    model_class
        `MbgNbd`, `BgNbd`, `ParetoNbd`, `GammaGamma`, …
    summary
        A purchase summary, or a frame with the columns the model needs (`model_class.data_columns`).
    time_unit
        Unit of the times in a frame; a summary carries its own.
    weights
        Column that says how many customers a row stands for.
    covariates
        Columns of the summary that move the purchase rate and the dropout of a customer; the result is
        then a `CovariateFit`.
    level
        Of the parameters' intervals.

    Raises
    ------
    FitError
        Where the data cannot tell the parameters or the search fails; says which and what to try.
    """
    table, unit = _table_and_unit(summary, time_unit)
    usable, excluded = _usable(model_class, table)
    if covariates:
        from custvalue.models.covariates import fit_covariates

        return fit_covariates(model_class, usable, list(covariates), unit, weights, level)
    data = count_rows(usable, model_class.data_columns, weights)
    model_class.check_identified(data)
    theta, information, norm = maximise(model_class, data)
    covariance = _covariance(model_class, theta, information)
    model = model_class.from_log(theta)
    value, _ = model_class.objective(data)(theta)
    return ModelFit(
        table=_parameter_table(model, covariance, level), model=model, covariance=covariance,
        log_likelihood=value, n_customers=model_class.n_customers(data), n_distinct=data.size,
        time_unit=unit, level=level, gradient_norm=norm, excluded=excluded, data=data,
    )  # fmt: skip


def _table_and_unit(summary: object, time_unit: str | None) -> tuple[pl.DataFrame, str]:
    if isinstance(summary, pl.DataFrame):
        table, unit = summary, time_unit or ""
    elif isinstance(summary, PurchaseSummary):
        table, unit = summary.table, summary.time_unit
        if time_unit not in (None, unit):
            raise DataError(f"The summary is in {unit}s, not in {time_unit}s.", "Leave time_unit out.")
    else:
        raise DataError(f"fit wants a purchase summary or a Polars frame, not {type(summary).__name__}.")
    if unit and unit not in DAYS_PER_UNIT:
        raise DataError(f"time_unit {unit!r} is not one of {', '.join(DAYS_PER_UNIT)}.")
    return table, unit


def _usable(model_class: type[Model], table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Leave out the customers a model cannot use, and say how many and why."""
    rule = getattr(model_class, "usable", None)
    return rule(table) if rule is not None else (table, "")


def maximise(model_class: type[Model], data: Counted) -> tuple[FloatArray, FloatArray, float]:
    """Return the log parameters at the maximum, the information there, and the largest mean gradient."""
    objective, total = model_class.objective(data), data.total
    starts = [m.log_parameters for m in model_class.starts(data)]
    if data.size > 2 * SAMPLE_ROWS:
        sample = data.sample(SAMPLE_ROWS)
        first = search(model_class.objective(sample), starts, sample.total)
        curvature = information_matrix(model_class.objective(sample), first) * (total / sample.total)
    else:
        first = search(objective, starts, total)
        curvature = information_matrix(objective, first)
    theta, norm = polish(objective, first, curvature, total)
    if norm > GRADIENT_TOLERANCE:
        theta, norm = polish(objective, theta, information_matrix(objective, theta), total)
    if norm > 100 * GRADIENT_TOLERANCE:
        raise FitError(
            f"{model_class.label} did not converge: the gradient is still {norm:.1e} a customer "
            f"at {model_class.from_log(theta)}.",
            "It is probably not identified on these data: try a simpler one (MBG/NBD), or more customers.",
        )
    return theta, information_matrix(objective, theta, central=data.size <= 2 * SAMPLE_ROWS), norm


def search(objective: Objective, starts: Sequence[FloatArray], total: float) -> FloatArray:
    """Run BFGS from the first start, and from the others when that one looks bad."""

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        with np.errstate(all="ignore"):
            value, gradient = objective(theta)
        good = np.isfinite(value) and np.isfinite(gradient).all()
        return (-value / total, -gradient / total) if good else (1e10, np.zeros_like(theta))

    bounds = [(-14.0, 14.0)] * starts[0].size
    options = {"maxiter": 300, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 20}
    results: list[optimize.OptimizeResult] = []
    for start in starts:
        found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        far = np.abs(found.x).max() >= 10.0
        good = found.fun < 1e9 and np.abs(found.jac).max() < 1e-4
        again = bool(results) and abs(found.fun - results[-1].fun) < 1e-6 * abs(found.fun)
        results.append(found)
        if good and (not far or again):  # two searches that run off the same way will not come back
            break
    return np.asarray(min(results, key=lambda found: found.fun).x)


def polish(objective: Objective, theta: FloatArray, curvature: FloatArray, total: float) -> tuple[FloatArray, float]:
    """Newton steps with a fixed curvature: it is nearly constant near the optimum."""
    value, gradient = objective(theta)
    for _ in range(12):
        if np.abs(gradient).max() / total < GRADIENT_TOLERANCE * 1e-2:
            break
        step = np.clip(np.linalg.lstsq(curvature, gradient, rcond=1e-12)[0], -0.5, 0.5)
        new_value, new_gradient = objective(theta + step)
        if not new_value >= value - 1e-9 * abs(value):
            break
        theta, value, gradient = theta + step, new_value, new_gradient
    return theta, float(np.abs(gradient).max() / total)


def information_matrix(
    objective: Objective, theta: FloatArray, *, step: float = 1e-5, central: bool = True
) -> FloatArray:
    """Return the observed information in log parameters: differences of the gradient.

    One-sided ones (half the work, for big data) are off by one part in 100,000.
    """
    steps = np.eye(theta.size) * step
    here = None if central else objective(theta)[1]
    if here is None:
        rows = np.array([(objective(theta - h)[1] - objective(theta + h)[1]) / (2 * step) for h in steps])
    else:
        rows = np.array([(here - objective(theta + h)[1]) / step for h in steps])
    return np.asarray((rows + rows.T) / 2)


def _covariance(model_class: type[Model], theta: FloatArray, information: FloatArray) -> FloatArray:
    names = model_class.parameter_names()
    values, vectors = np.linalg.eigh(information)
    if values[0] <= 1.0 / LARGEST_LOG_ERROR**2:
        weakest = names[int(np.abs(vectors[:, 0]).argmax())]
        raise FitError(
            f"{model_class.label} is not identified on these data: nothing tells {weakest} "
            f"(estimates {', '.join(f'{n} {v:.3g}' for n, v in zip(names, np.exp(theta), strict=True))}).",
            model_class.advice,
        )
    scale = np.exp(theta)
    return np.asarray(np.linalg.inv(information) * np.outer(scale, scale))


def _parameter_table(model: Model, covariance: FloatArray, level: float) -> pl.DataFrame:
    estimate = np.array(list(model.parameters.values()))
    error = np.sqrt(np.diag(covariance))
    reach = np.exp(special.ndtri((1 + level) / 2) * error / estimate)
    return pl.DataFrame({
        "parameter": list(model.parameters), "estimate": estimate, "standard_error": error,
        "estimate_low": estimate / reach, "estimate_high": estimate * reach,
    })  # fmt: skip
