"""Static covariates: what moves the purchase rate and the dropout of a customer.

Fader & Hardie (2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD
models": a covariate z multiplies the purchase rate by e^(γz) (alpha e^(−γz)), and in Pareto/NBD the
dropout rate by e^(ηz) (beta e^(−ηz)); in BG/NBD and MBG/NBD it multiplies the odds of leaving after a
purchase by about e^(ηz) (a e^(ηz)). Customers with the same covariates form a group with a plain
model of its own, so every function of the models serves unchanged.

Numbers are fitted centred and in standard deviations, so that their unit does not matter, and reported in their own
unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import special, stats

from custvalue.errors import DataError, FitError
from custvalue.models.base import count_rows
from custvalue.models.covariate_design import Design, make_design
from custvalue.models.model_fit import ModelFit, fit_plain
from custvalue.models.optimum import GRADIENT_TOLERANCE, LARGEST_LOG_ERROR, information_matrix, polish, search
from custvalue.models.posterior import Posterior, Prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from custvalue.models.base import Model, Objective
    from custvalue.models.special import FloatArray

MOST_GROUPS = 500
MOST_LOG_FACTOR = 300.0
"""Beyond it the factor of one unit is no number worth showing: the covariate's unit is far too large."""
PROCESSES = ("purchase rate", "dropout")


@dataclass(frozen=True, kw_only=True)
class CovariateFit(ModelFit):
    """A model with covariates; `model` is that of a customer at the reference.

    Attributes
    ----------
    table
        The parameters at the reference, then one row a coefficient and process: `purchase rate:
        channel=shop` is ln of the factor on the purchase rate.
    effects
        `process`, `covariate`, `estimate`, `standard_error`, interval, and `factor` = e^estimate, null
        where one unit is so large that the factor is beyond all numbers.
    tests
        Likelihood-ratio test of each covariate, on both processes at once: `statistic`,
        `degrees_of_freedom`, `p_value`.
    reference
        What the parameters hold for: the level each categorical covariate is compared with, and of a number 0 where
        the data reach it, or else the mean.
    """

    covariates: tuple[str, ...]
    reference: str
    effects: pl.DataFrame = field(repr=False)
    tests: pl.DataFrame = field(repr=False)
    joint_covariance: FloatArray = field(repr=False)
    design: Design = field(repr=False)

    @property
    def title(self) -> str:
        """Which covariates matter."""
        strong = self.tests.filter(pl.col("p_value") < 1 - self.level)["covariate"].to_list()
        told = f"what matters is {', '.join(strong)}" if strong else "no covariate matters"
        return f"{self.model.label} with covariates, {self.n_customers:,} customers: {told}"

    @property
    def n_parameters(self) -> int:
        """Parameters and coefficients."""
        return int(self.joint_covariance.shape[0])

    def model_for(self, **values: object) -> Model:
        """Return the plain model of customers with these covariates; the others are at the reference."""
        unknown = set(values) - set(self.covariates)
        if unknown:
            raise DataError(f"The fit has no covariate {sorted(unknown)[0]!r}; it has {', '.join(self.covariates)}.")
        z = self.design.encode(pl.DataFrame({c: [values.get(c, self.design.base(c))] for c in self.covariates}))[0]
        base, coefficients = self.model.log_parameters, self.effects["estimate"].to_numpy()
        return type(self.model).from_log(shifted(type(self.model), base, coefficients, z))

    def by_group(self, table: pl.DataFrame) -> list[tuple[NDArray[np.intp], GroupFit]]:
        """Return the rows of a table that share covariates, and the fit that holds for them."""
        missing = [c for c in self.covariates if c not in table.columns]
        if missing:
            raise DataError(f"The fit has the covariate {missing[0]!r}, which the summary lacks.")
        k, base = len(self.model.parameters), self.model.log_parameters
        out = []
        for part in table.with_row_index("__row").partition_by(self.covariates, maintain_order=True):
            z = self.design.encode(part.select(self.covariates).head(1))[0]
            jacobian = np.zeros((k, self.n_parameters))
            jacobian[:, :k] = np.eye(k)
            for i, (name, sign) in enumerate(_moves(type(self.model))):
                start = k + i * z.size
                jacobian[type(self.model).parameter_names().index(name), start : start + z.size] = sign * z
            model = type(self.model).from_log(shifted(type(self.model), base, self.effects["estimate"].to_numpy(), z))
            scale = np.array(list(model.parameters.values()))
            group = GroupFit(
                table=self.table, model=model, log_likelihood=self.log_likelihood, n_customers=self.n_customers,
                covariance=jacobian @ self.joint_covariance @ jacobian.T * np.outer(scale, scale),
                n_distinct=self.n_distinct, time_unit=self.time_unit, data=self.data, jacobian=jacobian,
            )  # fmt: skip
            out.append((part["__row"].to_numpy().astype(np.intp), group))
        return out


@dataclass(frozen=True, kw_only=True)
class GroupFit(ModelFit):
    """The plain model of customers with the same covariates, with what all groups' data tell of it."""

    jacobian: FloatArray = field(repr=False)

    def posterior(self, draws: int = 2000, seed: int = 1, prior: Prior | None = None) -> Posterior:
        """Draw log parameters from the normal approximation: the likelihood of one group is not all there is."""
        if prior is not None:
            raise DataError("A prior cannot be given for one group of customers.", "Fit without covariates.")
        rng = np.random.default_rng(seed)
        theta = rng.multivariate_normal(self.model.log_parameters, self.log_covariance, draws)
        table = pl.DataFrame(np.exp(theta), schema=list(self.model.parameters), orient="row")
        return Posterior(
            table=table, label=self.model.label, model_class=type(self.model), pareto_k=0.0,
            effective_draws=float(draws), prior="normal approximation", n_draws=draws, seed=seed,
        )  # fmt: skip


def shifted(model_class: type[Model], base: FloatArray, coefficients: FloatArray, z: FloatArray) -> FloatArray:
    """Return the log parameters of a group: the coefficients of the rate first, then those of dropout."""
    theta = base.copy()
    for (name, sign), part in zip(_moves(model_class), np.split(coefficients, 2), strict=True):
        theta[model_class.parameter_names().index(name)] += sign * float(part @ z)
    return theta


def _moves(model_class: type[Model]) -> tuple[tuple[str, float], tuple[str, float]]:
    if model_class.covariate_moves is None:
        message = f"{model_class.label} takes no covariates."
        raise DataError(message, "BgNbd, MbgNbd and ParetoNbd do.")
    return model_class.covariate_moves


class CovariateObjective:
    """The groups' objectives added up, their gradients passed on to the coefficients."""

    def __init__(self, model_class: type[Model], groups: Sequence[tuple[FloatArray, Objective]]) -> None:
        self.model_class, self.groups = model_class, groups
        self.at = [(model_class.parameter_names().index(name), sign) for name, sign in _moves(model_class)]

    def __call__(self, theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
        """Evaluate both."""
        k = len(self.model_class.parameter_names())
        total, slope = 0.0, np.zeros_like(theta)
        for z, objective in self.groups:
            value, part = objective(shifted(self.model_class, theta[:k], theta[k:], z), gradient)
            total += value
            if gradient:
                slope[:k] += part
                slope[k:] += np.concatenate([sign * part[i] * z for i, sign in self.at])
        return total, slope


def fit_covariates(
    model_class: type[Model],
    table: pl.DataFrame,
    covariates: Sequence[str],
    time_unit: str,
    weights: str | None = None,
    level: float = 0.95,
) -> CovariateFit:
    """Fit a model with covariates; called by `fit(..., covariates=[...])`."""
    _moves(model_class)
    design = make_design(table, covariates)
    plain = fit_plain(model_class, table, time_unit=time_unit, weights=weights, level=level)
    theta, information, value, norm = _maximise(model_class, table, design, plain, weights)
    k = len(model_class.parameter_names())
    to_user = design.to_user(k, [(model_class.parameter_names().index(n), sign) for n, sign in _moves(model_class)])
    theta = to_user @ theta
    joint: FloatArray = to_user @ np.linalg.inv(information).astype(np.float64) @ to_user.T
    model = model_class.from_log(theta[:k])
    scale = np.exp(theta[:k])
    effects = _effects(design, theta[k:], np.sqrt(np.diag(joint))[k:], level)
    return CovariateFit(
        table=_table(model, np.sqrt(np.diag(joint))[:k], effects, level), model=model,
        covariance=joint[:k, :k] * np.outer(scale, scale), log_likelihood=value, n_customers=plain.n_customers,
        n_distinct=plain.n_distinct, time_unit=time_unit, level=level, gradient_norm=norm, data=plain.data,
        covariates=tuple(covariates), reference=design.reference,
        effects=effects, tests=_tests(model_class, table, covariates, plain, value, weights),
        joint_covariance=joint, design=design,
    )  # fmt: skip


def _maximise(
    model_class: type[Model], table: pl.DataFrame, design: Design, plain: ModelFit, weights: str | None
) -> tuple[FloatArray, FloatArray, float, float]:
    """Return log parameters and coefficients (numbers standardised), information, log-likelihood, gradient's size."""
    names = list(design.levels)
    groups = []
    parts = table.partition_by(names, maintain_order=True)
    if len(parts) > MOST_GROUPS:
        message = f"The covariates make {len(parts):,} groups of customers; at most {MOST_GROUPS} are fitted."
        raise DataError(message, "Cut numbers into a few classes.")
    for part in parts:
        data = count_rows(part, model_class.data_columns, weights)
        groups.append((design.encode(part.select(names).head(1), standard=True)[0], model_class.objective(data)))
    objective = CovariateObjective(model_class, groups)
    start = np.concatenate((plain.model.log_parameters, np.zeros(2 * len(design.names))))
    theta = search(objective, [start], plain.n_customers)
    theta, norm = polish(objective, theta, information_matrix(objective, theta), plain.n_customers)
    information = information_matrix(objective, theta)
    if np.linalg.eigvalsh(information)[0] <= 1.0 / LARGEST_LOG_ERROR**2 or norm > 100 * GRADIENT_TOLERANCE:
        raise FitError(
            f"{model_class.label} with {', '.join(names)} is not identified on these data.",
            "A level has too few customers or repeat purchases: join levels, or leave the covariate out.",
        )
    return theta, information, objective(theta, False)[0], norm


def _effects(design: Design, estimate: FloatArray, error: FloatArray, level: float) -> pl.DataFrame:
    z = float(special.ndtri((1 + level) / 2))
    return pl.DataFrame({
        "process": [p for p in PROCESSES for _ in design.names], "covariate": design.names * 2,
        "estimate": estimate, "standard_error": error,
        "estimate_low": estimate - z * error, "estimate_high": estimate + z * error,
        "factor": np.exp(np.clip(estimate, -MOST_LOG_FACTOR, MOST_LOG_FACTOR)),
    }).with_columns(factor=pl.when(pl.col("estimate").abs() < MOST_LOG_FACTOR).then("factor"))  # fmt: skip


def _table(model: Model, log_error: FloatArray, effects: pl.DataFrame, level: float) -> pl.DataFrame:
    estimate = np.array(list(model.parameters.values()))
    reach = np.exp(special.ndtri((1 + level) / 2) * log_error)
    base = pl.DataFrame({
        "parameter": list(model.parameters), "estimate": estimate, "standard_error": log_error * estimate,
        "estimate_low": estimate / reach, "estimate_high": estimate * reach,
    })  # fmt: skip
    named = effects.with_columns((pl.col("process") + ": " + pl.col("covariate")).alias("parameter"))
    return pl.concat((base, named.select(base.columns)))


def _tests(
    model_class: type[Model],
    table: pl.DataFrame,
    covariates: Sequence[str],
    plain: ModelFit,
    value: float,
    weights: str | None,
) -> pl.DataFrame:
    """Leave out one covariate after the other: twice the loss of log-likelihood is chi-squared."""
    rows = []
    for name in covariates:
        rest = [c for c in covariates if c != name]
        without = plain.log_likelihood
        if rest:
            without = _maximise(model_class, table, make_design(table, rest), plain, weights)[2]
        degrees = 2 * make_design(table, [name]).owners.count(name)
        statistic = max(2.0 * (value - without), 0.0)
        rows.append((name, statistic, degrees, float(stats.chi2.sf(statistic, degrees))))
    return pl.DataFrame(rows, schema=["covariate", "statistic", "degrees_of_freedom", "p_value"], orient="row")
