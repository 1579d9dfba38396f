"""The arithmetic of lifetime value on arrays: point, parameters' spread, customers' own spread."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import special

from custvalue.models.base import distinct
from custvalue.models.uncertainty import Customers, delta_sd, log_gradient, parameter_draws, value_quantiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from custvalue.models.base import CustomerModel, SpendModel
    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray

TINY = 1e-300


@dataclass(frozen=True)
class Point:
    """Expectations of each customer at the fitted parameters."""

    alive: FloatArray
    expected: FloatArray
    discounted: FloatArray
    amount: FloatArray
    value: FloatArray

    @classmethod
    def join(cls, parts: Sequence[Point], order: NDArray[np.intp]) -> Point:
        """Put groups of customers together, in the order given."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts])[order] for f in fields(cls)))


@dataclass(frozen=True)
class Spread:
    """The uncertainty of each customer's value, and what totals need of it."""

    value_low: FloatArray
    value_high: FloatArray
    churn: tuple[FloatArray, FloatArray]
    expected: tuple[FloatArray, FloatArray]
    mean_value: tuple[FloatArray, FloatArray]
    own_variance: FloatArray
    gradient: FloatArray
    covariance: FloatArray

    @classmethod
    def join(
        cls, parts: Sequence[Spread], jacobians: Sequence[FloatArray], covariance: FloatArray, order: NDArray[np.intp]
    ) -> Spread:
        """Put groups together whose parameters depend on joint ones: by the jacobians, with their covariance."""

        def pair(name: str) -> tuple[FloatArray, FloatArray]:
            low, high = (np.concatenate([getattr(p, name)[i] for p in parts])[order] for i in (0, 1))
            return low, high

        gradients = []
        for part, jacobian in zip(parts, jacobians, strict=True):
            k = jacobian.shape[0]
            gradients.append(np.concatenate((part.gradient[:, :k] @ jacobian, part.gradient[:, k:]), axis=1))
        of_spend = parts[0].covariance[jacobians[0].shape[0] :, jacobians[0].shape[0] :]
        return cls(
            value_low=np.concatenate([p.value_low for p in parts])[order],
            value_high=np.concatenate([p.value_high for p in parts])[order],
            churn=pair("churn"), expected=pair("expected"), mean_value=pair("mean_value"),
            own_variance=np.concatenate([p.own_variance for p in parts])[order],
            gradient=np.concatenate(gradients)[order], covariance=_block_diagonal(covariance, of_spend),
        )  # fmt: skip

    def total_sd(self, rows: NDArray[np.intp]) -> tuple[float, float]:
        """Return the standard deviation of a total: by the parameters, by the customers' own chance."""
        shared = self.gradient[rows].sum(axis=0)
        return float(np.sqrt(shared @ self.covariance @ shared)), float(np.sqrt(self.own_variance[rows].sum()))


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything the value of each customer depends on; times in the unit of the fit."""

    purchase_fit: ModelFit
    spend_fit: ModelFit
    horizon: float
    delta: float
    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    known: FloatArray
    mean_amount: FloatArray
    margin: FloatArray
    cost: FloatArray

    def part(self, rows: NDArray[np.intp], purchase_fit: ModelFit) -> Inputs:
        """Return some of the customers, with a fit of their own."""
        names = ("x", "t_x", "T", "known", "mean_amount", "margin", "cost")
        return replace(self, purchase_fit=purchase_fit, **{name: getattr(self, name)[rows] for name in names})

    @property
    def model(self) -> CustomerModel:
        """The purchase model."""
        return cast("CustomerModel", self.purchase_fit.model)

    def point(self) -> Point:
        """Compute the expectations, once for each distinct history."""
        history, which = distinct(self.x, self.t_x, self.T)
        alive, expected, discounted = (v[which] for v in self.model.expectations(self.horizon, self.delta, *history))
        amount = self._amount(cast("SpendModel", self.spend_fit.model))
        return Point(alive, expected, discounted, amount, discounted * (amount * self.margin - self.cost))

    def _amount(self, spend: SpendModel) -> FloatArray:
        return spend.expected_value(self.known, self.mean_amount)

    def spread(self, point: Point, level: float, draws: int, seed: int) -> Spread:
        """Compute both kinds of uncertainty."""
        z = float(special.ndtri((1 + level) / 2))
        history, which = distinct(self.x, self.t_x, self.T)

        def logs(model: CustomerModel) -> FloatArray:
            alive, expected, discounted = model.expectations(self.horizon, self.delta, *history)
            logit = np.log(np.maximum(alive, TINY)) - np.log(np.maximum(1.0 - alive, 1e-16))
            return np.stack((logit, np.log(np.maximum(expected, TINY)), np.log(np.maximum(discounted, TINY))))

        slopes = log_gradient(self.purchase_fit, logs)  # 3 quantities, parameters, histories
        covariance = self.purchase_fit.log_covariance
        by_alive, by_expected, by_discounted = (slopes[i].T[which] for i in range(3))
        logit = np.log(np.maximum(point.alive, TINY)) - np.log(np.maximum(1.0 - point.alive, 1e-16))
        churn, expected = z * delta_sd(by_alive, covariance), z * delta_sd(by_expected, covariance)
        by_amount = log_gradient(self.spend_fit, lambda spend: np.log(self._amount(cast("SpendModel", spend))))
        gradient = np.concatenate(
            (
                point.value[:, None] * by_discounted,
                (point.discounted * point.amount * self.margin)[:, None] * by_amount,
            ),
            axis=1,
        )
        joint = _block_diagonal(covariance, self.spend_fit.log_covariance)
        value_sd = delta_sd(gradient, joint)
        quantiles, sd = self._draw(logit, by_alive, level, draws, seed)
        return Spread(
            value_low=quantiles[:, 0], value_high=quantiles[:, 1],
            churn=(special.expit(-logit - churn), special.expit(-logit + churn)),
            expected=(point.expected * np.exp(-expected), point.expected * np.exp(expected)),
            mean_value=_bounds(point.value, z * value_sd),
            own_variance=np.maximum(sd**2 - value_sd**2, 0.0), gradient=gradient, covariance=joint,
        )  # fmt: skip

    def _draw(
        self, logit: FloatArray, by_alive: FloatArray, level: float, draws: int, seed: int
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the value of each distinct kind of customer: identical ones get identical bounds."""
        every = (self.x, self.t_x, self.T, self.known, self.mean_amount, self.margin, self.cost)
        kinds, which = distinct(*every)
        first = np.empty(kinds[0].size, dtype=np.intp)
        first[which] = np.arange(which.size)
        x, t_x, T, known, mean_amount, margin, cost = kinds
        customers = Customers(x, t_x, T, logit[first], by_alive[first], known, mean_amount, margin, cost)
        quantiles, sd = value_quantiles(
            type(self.model), cast("SpendModel", self.spend_fit.model),
            parameter_draws(self.purchase_fit, self.spend_fit, draws, seed), customers,
            horizon=self.horizon, delta=self.delta, levels=((1 - level) / 2, (1 + level) / 2), seed=seed,
        )  # fmt: skip
        return quantiles[which], sd[which]


def _bounds(value: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return an interval around each value: log-normal, so that it keeps the value's sign."""
    share = np.exp(reach / np.maximum(np.abs(value), TINY)) if value.size else value
    share = np.where(value == 0, 1.0, np.minimum(share, 1e6))
    low, high = value / share, value * share
    return np.minimum(low, high), np.maximum(low, high)


def _block_diagonal(a: FloatArray, b: FloatArray) -> FloatArray:
    out = np.zeros((a.shape[0] + b.shape[0],) * 2)
    out[: a.shape[0], : a.shape[0]] = a
    out[a.shape[0] :, a.shape[0] :] = b
    return out
