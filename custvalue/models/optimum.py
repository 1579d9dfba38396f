"""The one optimiser: a search for the maximum in log parameters, and the observed information there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import optimize, special

from custvalue.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from custvalue.models.base import Counted, Model, Objective
    from custvalue.models.special import FloatArray

SAMPLE_ROWS = 6_000
"""Above twice this many distinct rows the search begins on a sample of them."""
GRADIENT_TOLERANCE = 1e-7
"""Largest gradient of the mean log-likelihood in log parameters at an accepted optimum."""
LARGEST_LOG_ERROR = 6.0
"""A standard error this large in a log parameter (a factor of 400) means that it is not identified."""


def maximise(model_class: type[Model], data: Counted) -> tuple[FloatArray, FloatArray, float]:
    """Return the log parameters at the maximum, the information there, and the largest mean gradient."""
    objective, total = model_class.objective(data), data.total
    large = data.size > 2 * SAMPLE_ROWS
    sample = data.sample(SAMPLE_ROWS) if large else data
    starts = [m.log_parameters for m in model_class.starts(sample)]
    rough = model_class.objective(sample) if large else objective
    first = search(rough, starts, sample.total, lambda theta: model_class.at_limit(theta, data))
    if model_class.at_limit(first, data):
        raise not_identified(model_class, first, "the search runs to its limit")
    curvature = information_matrix(rough, first) * (total / sample.total)
    theta, norm = polish(objective, first, curvature, total)
    if norm > GRADIENT_TOLERANCE:
        theta, norm = polish(objective, theta, information_matrix(objective, theta), total)
    if norm > 100 * GRADIENT_TOLERANCE:
        raise FitError(
            f"{model_class.label} did not converge: it is probably not identified on these data.",
            f"The gradient is still {norm:.1e} a customer at {model_class.from_log(theta)}. {model_class.advice}",
        )
    return theta, information_matrix(objective, theta, central=data.size <= 2 * SAMPLE_ROWS), norm


def never(theta: FloatArray) -> bool:  # noqa: ARG001 (of the same form as `Model.at_limit`)
    """Stand for a model without a limit."""
    return False


def search(
    objective: Objective,
    starts: Sequence[FloatArray],
    total: float,
    at_limit: Callable[[FloatArray], bool] = never,
) -> FloatArray:
    """Run BFGS from the first start, and from the others when that one looks bad or ran to the model's limit."""

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        with np.errstate(all="ignore"):
            value, gradient = objective(theta)
        good = np.isfinite(value) and np.isfinite(gradient).all()
        return (-value / total, -gradient / total) if good else (1e10, np.zeros_like(theta))

    def stop_at_limit(intermediate_result: optimize.OptimizeResult) -> None:
        if at_limit(intermediate_result.x):
            raise StopIteration

    bounds = [(-14.0, 14.0)] * starts[0].size
    options = {"maxiter": 300, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 20}
    results: list[optimize.OptimizeResult] = []
    for start in starts:
        found = optimize.minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options, callback=stop_at_limit
        )
        far = np.abs(found.x).max() >= 10.0
        good = not at_limit(found.x) and found.fun < 1e9 and np.abs(found.jac).max() < 1e-4
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


def covariance_of(model_class: type[Model], theta: FloatArray, information: FloatArray) -> FloatArray:
    """Invert the information into the covariance of the parameters.

    Raises
    ------
    FitError
        Nothing in the data tells one of them.
    """
    if not np.isfinite(information).all():
        raise FitError(f"{model_class.label} is not identified on these data.", model_class.advice)
    values, vectors = np.linalg.eigh(information)
    if values[0] <= 1.0 / LARGEST_LOG_ERROR**2:
        weakest = model_class.parameter_names()[int(np.abs(vectors[:, 0]).argmax())]
        raise not_identified(model_class, theta, f"nothing tells {weakest}")
    scale = np.exp(theta)
    return np.asarray(np.linalg.inv(information) * np.outer(scale, scale))


def not_identified(model_class: type[Model], theta: FloatArray, why: str) -> FitError:
    """Say which model it is, why, and where the search stood."""
    stood = ", ".join(f"{n} {v:.3g}" for n, v in zip(model_class.parameter_names(), np.exp(theta), strict=True))
    said = f"{model_class.label} is not identified on these data: {why}."
    return FitError(said, f"The search stood at {stood}. {model_class.advice}")


def parameter_table(model: Model, covariance: FloatArray, level: float) -> pl.DataFrame:
    """Return estimates with standard errors and intervals, made on the log scale."""
    estimate = np.array(list(model.parameters.values()))
    error = np.sqrt(np.diag(covariance))
    reach = np.exp(special.ndtri((1 + level) / 2) * error / estimate)
    return pl.DataFrame({
        "parameter": list(model.parameters), "estimate": estimate, "standard_error": error,
        "estimate_low": estimate / reach, "estimate_high": estimate * reach,
    })  # fmt: skip
