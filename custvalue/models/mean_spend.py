"""Everybody spends the same on average: what is left to say where amounts do not tell customers apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from custvalue.errors import DataError, FitError
from custvalue.frames import LARGEST
from custvalue.models.base import Model, count_rows, together
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.histories import history_table
from custvalue.models.model_fit import ModelFit
from custvalue.models.optimum import parameter_table
from custvalue.models.posterior import Posterior, Prior
from custvalue.results import PurchaseSummary
from custvalue.validation import check_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.frames import Frame
    from custvalue.models.special import FloatArray


@dataclass(frozen=True)
class MeanSpend(Model):
    """Spend per purchase with one mean for everybody.

    Parameters
    ----------
    mean
        Of a purchase, in money.
    variation
        Standard deviation of a purchase as a share of the mean; 0 where all amounts are equal.

    Examples
    --------
    >>> MeanSpend(mean=29.90).expected_value([0, 3], [0, 29.90]).tolist()
    [29.9, 29.9]
    """

    mean: float
    variation: float = 0.0

    label: ClassVar[str] = "Mean spend"
    data_columns: ClassVar[tuple[str, ...]] = ("frequency", "monetary_value")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("variation", self.variation, least=0.0)

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Only the mean is estimated for its own sake."""
        return ("mean",)

    @property
    def parameters(self) -> dict[str, float]:
        """The mean."""
        return {"mean": float(self.mean)}

    @property
    def population_mean(self) -> float:
        """The mean."""
        return self.mean

    def expected_value(self, x: ArrayLike, m: ArrayLike) -> FloatArray:
        """Return the mean for everybody, whatever x purchases of mean m a customer made."""
        return np.full(together(x=x, m=m)[0].shape, self.mean)

    def draw_totals(
        self, parameters: Mapping[str, FloatArray], purchases: FloatArray, known: FloatArray, mean_amount: FloatArray,
        rng: Generator,
    ) -> FloatArray:  # fmt: skip
        """Draw what n purchases add up to: n means, and normal chance around them; shape as `purchases`."""
        del known, mean_amount  # what a customer spent tells nothing here
        if self.variation == 0:
            return np.asarray(parameters["mean"] * purchases)
        chance = self.variation * rng.standard_normal(purchases.shape) * np.sqrt(purchases)
        return np.asarray(parameters["mean"] * np.maximum(purchases + chance, 0.0))


@dataclass(frozen=True, kw_only=True)
class MeanSpendFit(ModelFit):
    """A mean spend, with the uncertainty of a mean.

    Attributes
    ----------
    standard_error
        Of the mean; 0 where the amount was given, or all are equal.
    """

    standard_error: float = field(repr=False)

    @property
    def title(self) -> str:
        """The mean, and of how many customers."""
        mean = f"{self.model.parameters['mean']:,.2f} {self.currency}".rstrip()
        return f"Mean spend of a purchase {mean}" + (f", of {self.n_customers:,} customers" * (self.n_customers > 0))

    def posterior(self, draws: int = 2000, seed: int = 1, prior: Prior | None = None) -> Posterior:
        """Draw the mean: log-normal around the estimate."""
        if prior is not None:
            raise DataError("A mean spend takes no prior.", "Give the amount itself: fit_spend(summary, amount=...).")
        mean = self.model.parameters["mean"]
        error = self.standard_error / mean
        drawn = mean * np.exp(error * np.random.default_rng(seed).standard_normal(draws))
        return Posterior(
            table=pl.DataFrame({"mean": drawn}), label=self.model.label, model_class=type(self.model), pareto_k=0.0,
            effective_draws=float(draws), prior="normal approximation", n_draws=draws, seed=seed,
        )  # fmt: skip


def mean_spend(summary: PurchaseSummary | Frame, amount: float | None = None, note: str = "") -> MeanSpendFit:
    """Take the mean spend of a purchase, or the amount given.

    The mean is that of all repeat purchases. Its error is that of customers' means around it, each by its number of
    purchases; a purchase varies around it as much as those means tell.

    Parameters
    ----------
    summary
        `frequency` and `monetary_value` of each customer.
    amount
        What a purchase brings, where it is known.
    note
        Why no model is fitted.

    Raises
    ------
    FitError
        Nobody came back with a spend above 0, and no amount is given.
    """
    table = history_table(summary, GammaGamma.data_columns)
    currency = summary.currency if isinstance(summary, PurchaseSummary) else ""
    used, excluded = GammaGamma.usable(table)
    if amount is not None:
        check_number("amount", amount, above=0.0, most=LARGEST)
        return _made(MeanSpend(float(amount)), 0.0, used.head(0), currency, note or "the amount was given", excluded)
    if used.is_empty():
        raise FitError(
            "Nobody came back with a spend above 0: no mean spend can be told.",
            "Give it: fit_spend(summary, amount=...).",
        )
    x, m = (used[name].cast(pl.Float64).to_numpy() for name in GammaGamma.data_columns)
    mean = float(np.average(m, weights=x))
    squares = float(x @ (m - mean) ** 2)  # x (m - mean)² has the variance of one purchase, if customers are alike
    variance = squares / max(x.size - 1, 1)
    variation = float(np.sqrt(variance)) / mean
    if variation < 1e-9:  # all equal, but for rounding of their means
        mean, variance, variation = float(m[0]), 0.0, 0.0
    return _made(MeanSpend(mean, variation), float(np.sqrt(variance / x.sum())), used, currency, note, excluded)


def _made(model: MeanSpend, error: float, used: pl.DataFrame, currency: str, note: str, excluded: str) -> MeanSpendFit:
    covariance = np.array([[error**2]])
    return MeanSpendFit(
        table=parameter_table(model, covariance, 0.95), model=model, covariance=covariance, standard_error=error,
        log_likelihood=0.0, n_customers=used.height, n_distinct=used.height, note=note, excluded=excluded,
        currency=currency, data=count_rows(used, GammaGamma.data_columns),
    )  # fmt: skip
