"""A fitted model: its parameters, their uncertainty, and the data it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from custvalue.errors import DataError
from custvalue.models.base import Model, count_rows
from custvalue.models.optimum import covariance_of, maximise, parameter_table
from custvalue.results import DAYS_PER_UNIT, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from custvalue.models.base import Counted
    from custvalue.models.posterior import Posterior, Prior
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind


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
    n_customers
        How many were fitted; with weights their sum, to the nearest whole customer.
    data
        The counted table that was fitted.
    time_unit
        Unit of every time that goes in or comes out of the model; empty where there is none.
    excluded
        Customers the model cannot use, and why they were left out.
    note
        Why it is this model and not the usual one; empty where it is.
    """

    model: Model
    covariance: FloatArray = field(repr=False)
    log_likelihood: float
    n_customers: int
    n_distinct: int
    time_unit: str = ""
    level: float = 0.95
    gradient_norm: float = 0.0
    excluded: str = ""
    note: str = ""
    data: Counted = field(repr=False)

    kinds: ClassVar[Mapping[str, Kind]] = {}

    @property
    def title(self) -> str:
        """Model, customers and log-likelihood."""
        fitted = f"{self.model.label} fitted to {self.n_customers:,} customers"
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


def fit_plain(
    model_class: type[Model],
    table: pl.DataFrame,
    *,
    time_unit: str,
    weights: str | None,
    level: float,
    excluded: str = "",
) -> ModelFit:
    """Fit a model without covariates to customers it can use; `fit` is the public way.

    Raises
    ------
    FitError
        Where the data cannot tell the parameters or the search fails.
    """
    data = count_rows(table, model_class.data_columns, weights)
    model_class.check_identified(data)
    theta, information, norm = maximise(model_class, data)
    covariance = covariance_of(model_class, theta, information)
    model = model_class.from_log(theta)
    value, _ = model_class.objective(data)(theta)
    return ModelFit(
        table=parameter_table(model, covariance, level), model=model, covariance=covariance,
        log_likelihood=value, n_customers=model_class.n_customers(data), n_distinct=data.size,
        time_unit=time_unit, level=level, gradient_norm=norm, excluded=excluded, data=data,
    )  # fmt: skip
