"""What a measure must bring about to pay for itself: more orders, larger baskets, longer stay, or referrals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.results import Result
from custvalue.validation import check_number, check_share

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class BreakEven(Result):
    """The change at which a measure breaks even, by the one channel alone.

    Attributes
    ----------
    table
        `channel`, `change` (a share, or points of retention or dropout, or referrals a customer and period; null
        where it can't be had), `reads` (the same in words).
    cost_share
        Cost of the measure as a share of the margin, k/m.
    """

    margin_per_order: float
    cost_per_order: float
    orders_per_period: float
    fixed_cost_per_period: float
    cost_share: float

    kinds: ClassVar = {"change": "number"}

    @property
    def title(self) -> str:
        """The uplift in orders that pays for it."""
        first = self.table.row(0, named=True)
        if first["change"] is None:
            costs = "more than" if self.cost_per_order > self.margin_per_order else "as much as"
            return f"No number of additional orders pays for it: an order costs {costs} it earns"
        return f"It breaks even with {first['change']:+.1%} orders".replace("-", "−").replace("%", " %")

    def change(self, channel: str) -> float | None:
        """Return the change of one channel."""
        rows = self.table.filter(channel=channel)
        if rows.height == 0:
            raise DataError(f"No channel {channel!r}; there are {', '.join(self.table['channel'])}.")
        return rows["change"][0]  # type: ignore[no-any-return]


@checked
def break_even(
    *,
    margin_per_order: float,
    cost_per_order: float,
    orders_per_period: float = 1.0,
    fixed_cost_per_period: float = 0.0,
    basket: float | None = None,
    margin_rate: float | None = None,
    retention: float | None = None,
    discount_rate: float | None = None,
    dropout_rate: float | None = None,
    new_customer_value: float | None = None,
    margin_after_renewal: bool = False,
    currency: str = "",
) -> BreakEven:
    """Compute the break-evens of a measure, with g, c, λ, K, m = λg and k = λc + K.

    Parameters
    ----------
    margin_per_order, cost_per_order
        g and c: contribution of an order before the measure, and what the measure avoidably costs on it; money.
    orders_per_period
        λ, per customer. A period is a year, a month, ...: the same for all that follows.
    fixed_cost_per_period
        K, per customer; money.
    basket, margin_rate
        Mean basket, and the share of it that an addition earns: they give the basket's break-even.
    retention, discount_rate
        Share of customers who stay, and the discount rate, per period: they give the retention's.
    dropout_rate
        Continuous rate of leaving: with `discount_rate` it gives the dropout's.
    new_customer_value
        Lifetime value of a referred customer: it gives the referrals'.
    margin_after_renewal
        The margin comes only from those who renewed, as in CLV = m·r/(1 + d − r); otherwise it comes at the start
        of the period.
    currency
        Of all money.

    Raises
    ------
    DataError
        A margin, cost, rate or number of orders makes no sense.

    Examples
    --------
    >>> break_even(margin_per_order=20.0, cost_per_order=4.0).title
    'It breaks even with +25.0 % orders'
    """
    above = {"margin_per_order": margin_per_order, "orders_per_period": orders_per_period, "basket": basket,
             "new_customer_value": new_customer_value}  # fmt: skip
    least = {"cost_per_order": cost_per_order, "fixed_cost_per_period": fixed_cost_per_period,
             "discount_rate": discount_rate, "dropout_rate": dropout_rate}  # fmt: skip
    shares = {"margin_rate": margin_rate, "retention": retention}
    _check(above, least, shares)
    per_order = cost_per_order + fixed_cost_per_period / orders_per_period
    share = per_order / margin_per_order
    left = margin_per_order - cost_per_order
    frequency = per_order / left if left > 0.0 else None
    rows = [("frequency", frequency, "more orders, as a share of today's")]
    if basket and margin_rate:
        rows.append(("basket", per_order / (margin_rate * basket), "larger baskets, as a share of today's"))
    if retention is not None and discount_rate is not None:
        points = _retention(share, retention, discount_rate, after=margin_after_renewal)
        rows.append(("retention", points, "points of retention a period"))
    if dropout_rate is not None and discount_rate is not None:
        delta = math.log1p(discount_rate)
        lowest = (1.0 - share) * (dropout_rate + delta) - delta
        rows.append(("dropout", lowest - dropout_rate if lowest >= 0.0 else None, "change of the dropout rate"))
    if new_customer_value:
        cost = orders_per_period * cost_per_order + fixed_cost_per_period
        rows.append(("referral", cost / new_customer_value, "new customers brought, per customer and period"))
    schema = {"channel": pl.String, "change": pl.Float64, "reads": pl.String}
    return BreakEven(
        table=pl.DataFrame(rows, schema=schema, orient="row"), currency=currency, margin_per_order=margin_per_order,
        cost_per_order=cost_per_order, orders_per_period=orders_per_period,
        fixed_cost_per_period=fixed_cost_per_period, cost_share=share,
    )  # fmt: skip


def _check(
    above: Mapping[str, float | None], least: Mapping[str, float | None], shares: Mapping[str, float | None]
) -> None:
    """Check what is stated: numbers above 0, numbers of 0 or more, and shares."""
    for name, value in above.items():
        if value is not None:
            check_number(name, value, above=0.0)
    for name, value in least.items():
        if value is not None:
            check_number(name, value, least=0.0)
    for name, value in shares.items():
        if value is not None:
            check_share(name, value, with_limits=True)


def _retention(share: float, retention: float, discount_rate: float, *, after: bool) -> float | None:
    """Points of retention that keep lifetime value where it was; None where even keeping everybody does not.

    At the start of the period Δr = (k/m)(1 + d − r); after renewal r* = (1 + d)q/(1 + q) with q = CLV/m', the
    Net-4-You exercise of Kerin & Peterson, Strategic Marketing Problems.
    """
    if after:
        if share >= 1.0:
            return None
        q = retention / (1.0 + discount_rate - retention) / (1.0 - share)
        points = (1.0 + discount_rate) * q / (1.0 + q) - retention
    else:
        points = share * (1.0 + discount_rate - retention)
    return points if retention + points <= 1.0 else None
