"""From an effect to a decision: chance that it pays, loss of either mistake, worth of more testing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from custvalue.errors import DataError


def unit_normal_loss(z: float) -> float:
    """Return UNL(z) = φ(z) − z(1 − Φ(z)), a standard normal's mean excess over z (DeGroot 1970, §11.9)."""
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    if z > 25.0:  # both terms cancel there: φ(z)/z² is exact to 1 %, and below 1e-138
        return density / (z * z)
    return max(density - z * 0.5 * math.erfc(z / math.sqrt(2.0)), 0.0)


@dataclass(frozen=True, kw_only=True)
class Belief:
    """What is believed of an effect per customer and window: normal, in money.

    Attributes
    ----------
    mean, sd
        Of the effect.
    """

    mean: float
    sd: float

    def p_pays(self, threshold: float = 0.0) -> float:
        """Chance that the effect is above the threshold; it is shown and never the rule."""
        return float(norm.cdf((self.mean - threshold) / self.sd))

    def loss_if_launched(self, threshold: float = 0.0) -> float:
        """Return the expected loss per customer of launching a measure that may not pay."""
        return self.sd * unit_normal_loss((self.mean - threshold) / self.sd)

    def loss_if_kept(self, threshold: float = 0.0) -> float:
        """Return the expected loss per customer of leaving a measure that may pay."""
        return self.sd * unit_normal_loss(-(self.mean - threshold) / self.sd)

    def perfect_information(self, customers: float, threshold: float = 0.0) -> float:
        """EVPI: what knowing the effect exactly is worth, for that many customers and windows."""
        return customers * self.sd * unit_normal_loss(abs(self.mean - threshold) / self.sd)

    def sample_information(
        self, customers: float, n_per_arm: float, sd_per_customer: float, threshold: float = 0.0
    ) -> float:
        """EVSI: worth of another test of `n_per_arm` before its costs (Raiffa & Schlaifer 1961, §5.5)."""
        if n_per_arm <= 0:
            return 0.0
        preposterior = self.sd**2 / math.sqrt(self.sd**2 + 2.0 * sd_per_customer**2 / n_per_arm)
        return customers * preposterior * unit_normal_loss(abs(self.mean - threshold) / preposterior)


def belief(effect: float, standard_error: float, prior_sd: float | None = None, prior_mean: float = 0.0) -> Belief:
    """Combine an estimate with a normal prior from past tests; None is the flat prior.

    The prior shrinks the estimate and so undoes the winner's curse.
    """
    if not standard_error > 0.0:
        raise DataError(f"A standard error above 0 was expected, got {standard_error}.")
    if prior_sd is None:
        return Belief(mean=effect, sd=standard_error)
    weight = prior_sd**2 / (prior_sd**2 + standard_error**2)
    return Belief(mean=weight * effect + (1.0 - weight) * prior_mean, sd=math.sqrt(weight) * standard_error)


@dataclass(frozen=True, kw_only=True)
class FurtherTest:
    """The further test that is worth most.

    Attributes
    ----------
    n_per_arm
        Customers still to enter each arm; 0 when no further test is worth its costs.
    net_benefit
        Expected gain from deciding better, less the costs; money.
    cost
        What the test costs: customers treated otherwise than today's best choice, and its running costs.
    """

    n_per_arm: int
    net_benefit: float
    cost: float


def best_further_test(
    now: Belief,
    *,
    customers: float,
    sd_per_customer: float,
    cost_per_customer: float = 0.0,
    lost_waiting: float = 0.0,
    lost_per_customer: float = 0.0,
    available: float = math.inf,
) -> FurtherTest:
    """Find the size of a further test with the highest expected net benefit of sampling (ENBS).

    Customers in the test get the measure by halves instead of today's better choice: ENBS(n) =
    (N − L − 2n(1 + l))·gain(n) − n·|m| − 2n·c. What is decided better only after the test is no gain while it runs,
    so the windows L and l that pass meanwhile don't count.

    Parameters
    ----------
    now
        What is believed today.
    customers
        Customers and windows that the decision is about, those of the test included.
    sd_per_customer
        Standard deviation of the outcome of one customer.
    cost_per_customer
        Running costs of the test per customer in it.
    lost_waiting, lost_per_customer
        Customers and windows that pass before the result is there, L: at least, and l: with each customer who enters.
    available
        Customers who can enter at the most.
    """

    def cost(n: float) -> float:
        return n * abs(now.mean) + 2.0 * n * cost_per_customer

    def net(n: float) -> float:
        left = customers - lost_waiting - 2.0 * n * (1.0 + lost_per_customer)
        return now.sample_information(left, n, sd_per_customer) - cost(n)

    most = min((customers - lost_waiting) / (1.0 + lost_per_customer), available) / 2.0
    if most < 1.0:
        return FurtherTest(n_per_arm=0, net_benefit=0.0, cost=0.0)
    grid = np.geomspace(1.0, most, 200)
    best = int(np.argmax([net(n) for n in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    inner = minimize_scalar(lambda n: -net(n), bounds=(low, high), method="bounded", options={"xatol": 0.1})
    n = max(round(float(inner.x)), 1)
    n = max((k for k in (n - 1, n, n + 1) if 1 <= k <= most), key=net)
    if net(n) <= 0.0:
        return FurtherTest(n_per_arm=0, net_benefit=0.0, cost=0.0)
    return FurtherTest(n_per_arm=n, net_benefit=net(n), cost=cost(n))


def arm_size_test_and_roll(customers: float, response_sd: float, prior_sd: float) -> float:
    """Size of each arm that maximises profit when the winner gets the rest (Feit & Berman 2019, eq. 10).

    Parameters
    ----------
    customers
        All customers that can be reached, N.
    response_sd
        Standard deviation of one response, s.
    prior_sd
        Standard deviation of the arms' true means over past tests, σ.
    """
    if min(customers, response_sd, prior_sd) <= 0.0:
        raise DataError("Test & Roll needs a number of customers and two standard deviations above 0.")
    ratio = (response_sd / prior_sd) ** 2
    return math.sqrt(customers / 4.0 * ratio + (0.75 * ratio) ** 2) - 0.75 * ratio


def free_delivery_uplift(
    *,
    margin_rate: float,
    basket_before: float,
    basket_after: float,
    fee: float,
    paying_share: float,
    carrier_cost: float,
) -> float | None:
    """Uplift in orders at which free delivery breaks even, u* = (g·m₀ + f·P(b < X) − s)/(g·m₁ − s) − 1.

    Parameters
    ----------
    margin_rate
        Gross margin, share of the basket.
    basket_before, basket_after
        Mean basket without and with the measure, money.
    fee, paying_share
        Delivery fee, and the share of orders that pay it today.
    carrier_cost
        Cost of a delivery.

    Returns
    -------
    float or None
        A share (0.41 is 41 % more orders); None where an order delivered free earns nothing.
    """
    return order_uplift(
        margin_rate * basket_before + fee * paying_share - carrier_cost,
        margin_rate * basket_after - carrier_cost,
    )


def order_uplift(contribution_before: float, contribution_after: float) -> float | None:
    """Uplift in orders that makes up for a smaller contribution per order; None where that is 0 or less."""
    if contribution_after <= 0.0:
        return None
    return contribution_before / contribution_after - 1.0


def long_run_effect(
    first: float, *, retention: float, persistence: float, discount_rate: float, periods: float = math.inf
) -> float:
    """Effect over many periods, δ₀(1 − q^T)/(1 − q) with q = retention × persistence/(1 + i).

    Parameters
    ----------
    first
        Effect of the first period, money.
    retention, persistence
        Share of customers, and of the effect on one, that is left after each period.
    discount_rate
        Per period, not per year.
    periods
        Number of periods, T.
    """
    if not (0.0 <= retention <= 1.0 and 0.0 <= persistence <= 1.0 and discount_rate >= 0.0):
        raise DataError("Retention and persistence are shares between 0 and 1, the discount rate is 0 or more.")
    q = retention * persistence / (1.0 + discount_rate)
    if q == 1.0:
        return first * periods
    return first * (1.0 - (0.0 if math.isinf(periods) else q**periods)) / (1.0 - q)
