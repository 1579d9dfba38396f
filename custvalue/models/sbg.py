"""Shifted-beta-geometric model of contracts: Fader & Hardie (2007), J. of Interactive Marketing 21(1), 76-90."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from custvalue.errors import DataError, FitError
from custvalue.models.base import Model, together
from custvalue.models.special import FloatArray, log_hyp2f1_unit, log_rising
from custvalue.validation import check_number, check_whole, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from custvalue.models.base import Counted


MOST_RENEWALS = 10_000


def _renewals(t: ArrayLike) -> FloatArray:
    """Return numbers of renewals as an array."""
    (k,) = together(t=t)
    if not ((k >= 0) & (k <= MOST_RENEWALS) & (k == np.floor(k))).all():
        raise DataError(f"t={shown(t)}: whole numbers of renewals from 0 to {MOST_RENEWALS:,} were expected.")
    return k


@dataclass(frozen=True)
class ShiftedBetaGeometric(Model):
    """Renewals of a cohort: each customer leaves at a renewal with probability θ ~ Beta(alpha, beta).

    Fitted to a frame with `period` (0, 1, 2, …) and `n_active`: how many of the cohort were still
    under contract.

    Examples
    --------
    >>> m = ShiftedBetaGeometric(alpha=0.704, beta=1.182)
    >>> m.survival([1, 2]).round(3).tolist()
    [0.627, 0.474]
    """

    alpha: float
    beta: float

    label: ClassVar[str] = "Shifted beta-geometric"
    data_columns: ClassVar[tuple[str, ...]] = ("period", "n_active")
    advice: ClassVar[str] = "Give more periods, or a cohort in which some leave and some stay."

    def survival(self, t: ArrayLike) -> FloatArray:
        """Return the share still under contract after t renewals: B(α, β + t) / B(α, β)."""
        k = _renewals(t).astype(np.intp)
        n = int(k.max(initial=0))
        return np.asarray(np.exp(log_rising(self.beta, n) - log_rising(self.alpha + self.beta, n))[k])

    def retention_rate(self, t: ArrayLike) -> FloatArray:
        """Return the share of those in period t − 1 who renew into period t: (β + t − 1)/(α + β + t − 1)."""
        t = _renewals(t)
        return (self.beta + t - 1) / (self.alpha + self.beta + t - 1)

    def discounted_expected_lifetime(self, rate: float, renewals: int = 0) -> float:
        """Return the discounted number of payments to come: Fader & Hardie (2010), Marketing Science 29(1).

        Parameters
        ----------
        rate
            Discount rate per contract period.
        renewals
            0 for a new customer, whose first payment is now; n for one about to decide on renewal n.
        """
        check_number("rate", rate, above=0.0)
        check_whole("renewals", renewals, least=0, most=MOST_RENEWALS)
        b, c = self.beta + renewals, self.alpha + self.beta + renewals
        z, rest = 1.0 / (1.0 + rate), rate / (1.0 + rate)
        payments = float(np.exp(log_hyp2f1_unit(*(np.array([v]) for v in (b, c, z, rest))))[0])
        return payments if renewals == 0 else float(self.retention_rate(renewals)) * payments

    @classmethod
    def n_customers(cls, data: Counted) -> int:
        """Return the size of the cohort."""
        return round(float(data.columns["n_active"].max()))

    @classmethod
    def check_identified(cls, data: Counted) -> None:
        """Raise FitError where the counts are no cohort, or nobody left, or everybody did at once."""
        period, active = data.columns["period"], data.columns["n_active"]
        if period.size > MOST_RENEWALS:
            raise DataError(f"A cohort of {period.size:,} periods came; at most {MOST_RENEWALS:,} can be read.")
        if not np.array_equal(period, np.arange(period.size)):
            raise DataError("period must run 0, 1, 2, … without a gap.")
        if (np.diff(active) > 0).any():
            raise DataError("n_active must not rise: a cohort gains nobody.")
        if period.size < 3 or active[0] == active[-1]:
            message = "Shifted beta-geometric: at least two renewals with somebody leaving are needed."
            raise FitError(message, cls.advice)

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:  # noqa: ARG003 (other models need the data)
        """Return where to start."""
        return [cls(1.0, 1.0), cls(0.5, 5.0), cls(5.0, 5.0)]

    @classmethod
    def log_likelihood_of(cls, parameters: Sequence[float], data: Counted) -> float:
        """Return Σ losses ln P(T = t) + survivors ln S."""
        alpha, beta = parameters
        active = data.columns["n_active"]
        n = active.size - 1
        survival = log_rising(beta, n) - log_rising(alpha + beta, n)
        left = np.log(alpha) - np.log(alpha + beta + np.arange(n)) + survival[:-1]
        return float(-np.diff(active) @ left + active[-1] * survival[-1])
