"""Gamma-Gamma model of spend: Fader & Hardie (2013), note 025, "The Gamma-Gamma Model of Monetary Value"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import polars as pl
from scipy import special

from custvalue.errors import DataError, FitError
from custvalue.frames import check_column, to_numbers
from custvalue.models.base import MOST_PURCHASES, Counted, Model, together
from custvalue.results import arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from custvalue.models.base import Objective
    from custvalue.models.special import FloatArray


MOST_TABLED = 4096
"""Up to this many purchases the amounts are drawn once for each number, above it for each customer."""


@dataclass(frozen=True)
class GammaGamma(Model):
    """Spend per purchase: gamma with shape p around a customer's own mean, whose rate is Gamma(q, v).

    It is for amounts above zero. A margin rate multiplies the expected spend afterwards; margins at
    or below zero never go in.

    Parameters
    ----------
    p
        Shape of one purchase's amount: the larger, the steadier a customer.
    q, v
        Shape and scale of the differences between customers; v in money.

    Examples
    --------
    >>> spend = GammaGamma(p=6.25, q=3.74, v=15.44)
    >>> spend.expected_value([0, 2], [0, 22.35]).round(2).tolist()
    [35.22, 24.66]
    """

    p: float
    q: float
    v: float

    label: ClassVar[str] = "Gamma-Gamma"
    data_columns: ClassVar[tuple[str, ...]] = ("frequency", "monetary_value")
    advice: ClassVar[str] = (
        "Customers hardly differ in spend, or too few came back: take the mean spend: fit_spend(summary)."
    )

    @property
    def population_mean(self) -> float:
        """Mean spend per purchase over the population: p v / (q − 1), which exists for q > 1 only."""
        if self.q <= 1:
            raise FitError(
                f"Gamma-Gamma: q = {self.q:.3g} is not above 1, so the population's mean spend is infinite.",
                "A few enormous orders do this: look at the largest, or fit to more customers.",
            )
        return self.p * self.v / (self.q - 1)

    def expected_value(self, x: ArrayLike, m: ArrayLike) -> FloatArray:
        """Return E[mean spend | x purchases of mean m], shrunk towards the population's mean.

        Parameters
        ----------
        x
            Purchases whose mean is m; with 0 the population's mean comes back, whatever m is.
        m
            Their mean amount, in money.
        """
        x, m = together(x=x, m=m)
        if not (x >= 0).all():
            raise DataError("The number of purchases must be 0 or more.", "Give x = 0 for customers without.")
        known = x > 0
        if not (np.isfinite(m[known]) & (m[known] > 0)).all():
            raise DataError(
                "The mean spend of customers with purchases must be above 0.", "Give x = 0 for those without."
            )
        if not known.all():
            _ = self.population_mean
        if self.p * float(x.min(initial=np.inf)) + self.q <= 1:
            raise FitError(f"Gamma-Gamma: p x + q is not above 1 with q = {self.q:.3g}: the mean spend is infinite.")
        total = np.where(known, m, 0.0) * x
        return np.asarray(self.p * (self.v + total) / (self.p * x + self.q - 1))

    def draw_totals(
        self, parameters: Mapping[str, FloatArray], purchases: FloatArray, known: FloatArray, mean_amount: FloatArray,
        rng: Generator,
    ) -> FloatArray:  # fmt: skip
        """Draw what a customer's next purchases add up to, given the mean of those known.

        Parameters
        ----------
        parameters
            p, q and v, one element a draw: shape (draws,).
        purchases
            Shape (customers, draws).
        known, mean_amount
            How many purchases are known of each customer, and their mean: shape (customers,).
        """
        p, q, v = (parameters[name] for name in ("p", "q", "v"))
        total = _sum_of_amounts(purchases, p, rng)
        levels, row = np.unique(known, return_inverse=True)
        rate = rng.standard_gamma(q + p * levels[:, None])[row] / (v + (known * mean_amount)[:, None])
        return np.asarray(total / rate)

    def log_likelihood(self, x: ArrayLike, m: ArrayLike) -> FloatArray:
        """Return ln f(m | x) (note 025, equation 1a) of x ≥ 1 purchases with mean m > 0."""
        x, m = together(x=x, m=m)
        if not ((x >= 1) & (m > 0)).all():
            raise DataError("Gamma-Gamma tells the likelihood of customers with x ≥ 1 purchases of mean m > 0.")
        px = self.p * x
        ratio = m * x / self.v
        shape = special.betaln(px, self.q) + self.q * np.log1p(ratio) + px * np.log1p(1.0 / ratio)
        return np.asarray(-shape - np.log(m))

    @classmethod
    def usable(cls, table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
        """Keep repeat buyers with a mean spend above zero; count the others."""
        (x,) = arrays(table, ("frequency",))
        check_column(table, "monetary_value")
        if x.max(initial=0.0) > MOST_PURCHASES:
            raise DataError(f"Column 'frequency' holds {x.max():g}: at most {MOST_PURCHASES:,} can be read.")
        spend = to_numbers(table["monetary_value"], "monetary_value")
        repeat = table.with_columns(spend, frequency=x).filter(pl.col("frequency") > 0)
        kept = repeat.filter(pl.col("monetary_value") > 0)
        lost = repeat.height - kept.height
        return kept, f"{lost:,} repeat buyers whose mean spend is missing or not above 0" if lost else ""

    @classmethod
    def check_identified(cls, data: Counted) -> None:
        """Raise FitError where there is no spread to fit."""
        m = data.columns["monetary_value"]
        if data.total < 10:
            raise FitError(
                f"Gamma-Gamma: only {data.total:.0f} repeat buyers with spend above 0.",
                "Use a longer history.",
            )
        if m.max() - m.min() <= 1e-9 * m.max():
            raise FitError(f"Gamma-Gamma: everybody spends {m[0]:g}.", "fit_spend(summary) takes that amount.")

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return where to start: the mean spend is matched, the shapes are guessed."""
        mean = float(np.average(data.columns["monetary_value"], weights=data.count))
        return [cls(p, q, mean * (q - 1) / p) for p, q in ((3.0, 3.0), (1.0, 10.0), (20.0, 2.0), (0.5, 1.5))]

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return log-likelihood and gradient in log parameters."""
        x, m = data.columns["frequency"], data.columns["monetary_value"]
        k, n = x.astype(np.intp), data.count
        levels = np.flatnonzero(np.bincount(k))
        by_x = np.bincount(k, weights=n)[levels]
        X = levels.astype(np.float64)
        log_total, constant = np.log(x * m), float(n @ np.log(m))
        nx = n * x

        def value_and_gradient(theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
            p, q, _ = np.exp(theta)
            gap = log_total - theta[2]  # ln(x m / v)
            up = np.logaddexp(0.0, gap)
            share = special.expit(gap)
            q_part, p_part = float(n @ up), float(nx @ (up - gap))
            value = -by_x @ special.betaln(p * X, q) - q * q_part - p * p_part - constant
            if not gradient:
                return float(value), theta
            both = special.digamma(p * X + q)
            d_p = by_x @ (X * (both - special.digamma(p * X))) - p_part
            d_q = by_x @ (both - special.digamma(q)) - q_part
            d_log_v = q * float(n @ share) - p * float(nx @ (1.0 - share))
            return float(value), np.array([p * d_p, q * d_q, d_log_v])

        return value_and_gradient


def _sum_of_amounts(purchases: FloatArray, p: FloatArray, rng: Generator) -> FloatArray:
    """Draw the sum of n amounts of a customer with rate 1: gamma of shape p n."""
    top = int(purchases.max(initial=0))
    if top > MOST_TABLED:
        return rng.standard_gamma(p * purchases)
    table = rng.standard_gamma(p * np.arange(top + 1)[:, None])
    return np.asarray(table[purchases.astype(np.intp), np.arange(p.size)])
