"""What each customer is worth from now on: margin less service cost, over a horizon, discounted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import polars as pl
from scipy import special

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.frames import LARGEST, to_numbers
from custvalue.models.base import checked_history
from custvalue.models.covariates import CovariateFit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.histories import history_table
from custvalue.models.mean_spend import MeanSpend
from custvalue.models.value_inputs import Inputs, Point, Spread
from custvalue.results import PurchaseSummary, Result, arrays
from custvalue.validation import check_currency, check_days, check_level, check_number, check_whole

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.frames import Frame
    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind

DAYS_PER_YEAR = 365.0
HIGHEST_DISCOUNT = 5.0
"""A rate of 500 % a year; what is more was meant as a percentage."""
MOST_DRAWN = 40_000_000
"""Customers times draws, where the number of draws is not given."""


@dataclass(frozen=True, kw_only=True)
class LifetimeValue(Result):
    """Value, churn and expected purchases of each customer.

    Attributes
    ----------
    table
        `customer_id`, `p_alive`, `churn_probability` (1 − p_alive, at `as_of`), `expected_purchases`
        within the horizon, and `clv`: expected discounted purchases × (expected spend × margin rate −
        service cost). Without a margin rate the column is `revenue_value`, never `clv`. `clv_low` and
        `clv_high` bound what the customer will really turn out to be worth: they hold the
        uncertainty of the parameters *and* the customer's own randomness.
    horizon_days, annual_discount_rate, margin_rate, service_cost_per_order
        As given; a rate or cost that is a column of the summary is shown by that column's name.
    purchase_model, spend_model
        The models and their parameters.
    n_without_spend
        Repeat buyers whose mean spend is missing or not above zero (refunds, free goods): they get
        the population's mean spend, like customers who never came back.
    n_margin_not_positive
        Customers with a margin rate at or below zero; their value is negative or nought, as given.
    draws, seed
        Of the bounds.
    spread
        What `intervals` and `total_by` need; None without a level.
    """

    horizon_days: float
    annual_discount_rate: float
    margin_rate: float | str | None
    service_cost_per_order: float | str
    level: float | None
    purchase_model: str
    spend_model: str
    time_unit: str
    as_of: dt.date | None = None
    n_without_spend: int = 0
    n_margin_not_positive: int = 0
    draws: int = 0
    seed: int = 1
    spread: Spread | None = field(default=None, repr=False)

    kinds: ClassVar[Mapping[str, Kind]] = {
        name + end: "money" for name in ("clv", "revenue_value") for end in ("", "_low", "_high")
    }

    @property
    def value_column(self) -> str:
        """`clv`, or `revenue_value` where no margin was given."""
        return "revenue_value" if self.margin_rate is None else "clv"

    @property
    def title(self) -> str:
        """The total, and how much of it the best tenth holds."""
        value = self.table[self.value_column].sort(descending=True)
        total, best = float(value.sum()), float(value.head(max(1, self.table.height // 10)).sum())
        what = "revenue" if self.margin_rate is None else "value"
        share = f"; the best tenth of customers holds {best / total:.0%}" if total > 0 else ""
        return f"{total:,.0f} {self.currency} {what} expected within {self.horizon_days:,.0f} days{share}"

    def intervals(self) -> pl.DataFrame:
        """Return what the parameters' uncertainty alone does to each customer's expectations.

        Returns
        -------
        polars.DataFrame
            `customer_id`, then `churn_probability`, `expected_purchases` and the expected value, each
            with `_low` and `_high`. The customer's own randomness is not in these: it is in
            `clv_low` and `clv_high` of the table.
        """
        spread = self._spread()
        columns = ("customer_id", "churn_probability", "expected_purchases", self.value_column)
        bounds = pl.DataFrame({
            "churn_probability_low": spread.churn[0], "churn_probability_high": spread.churn[1],
            "expected_purchases_low": spread.expected[0], "expected_purchases_high": spread.expected[1],
            f"{self.value_column}_low": spread.mean_value[0], f"{self.value_column}_high": spread.mean_value[1],
        })  # fmt: skip
        order = [c for name in columns for c in (name, f"{name}_low", f"{name}_high")]
        both = pl.concat((self.table.select(columns), bounds), how="horizontal")
        return both.select([c for c in order if c in both.columns])

    def total_by(self, customers: pl.DataFrame | None = None, column: str | None = None) -> ValueTotals:
        """Add up value by a column of another frame (or over everybody), with intervals of the totals.

        A total's uncertainty is not the sum of its customers': their own randomness averages out, the
        parameters' does not, since all share them.

        Parameters
        ----------
        customers
            A frame with `customer_id` and the column to group by.
        column
            Its name.
        """
        spread = self._spread()
        groups = pl.Series("group", ["all"] * self.table.height) if column is None else self._groups(customers, column)
        name = self.value_column
        z = float(special.ndtri((1 + cast("float", self.level)) / 2))
        rows = []
        for (key,), part in (
            pl.DataFrame({"group": groups}).with_row_index("row").group_by("group", maintain_order=True)
        ):
            i = part["row"].to_numpy()
            total = float(self.table[name].to_numpy()[i].sum())
            parameters, own = spread.total_sd(i)
            reach = z * float(np.hypot(parameters, own))
            rows.append((key, i.size, total, total - reach, total + reach, parameters, own))
        schema = [
            column or "group", "n_customers", name, f"{name}_low", f"{name}_high",
            f"{name}_parameter_sd", f"{name}_own_sd",
        ]  # fmt: skip
        table = pl.DataFrame(rows, schema=schema, orient="row").sort(name, descending=True)
        return ValueTotals(
            table=table,
            currency=self.currency,
            horizon_days=self.horizon_days,
            level=cast("float", self.level),
            by=column or "",
        )

    def _spread(self) -> Spread:
        if self.spread is None:
            raise DataError("The value was computed without intervals.", "Compute it with a level, such as level=0.95.")
        return self.spread

    def _groups(self, customers: pl.DataFrame | None, column: str) -> pl.Series:
        if customers is None or column not in customers.columns or "customer_id" not in customers.columns:
            raise DataError(f"total_by wants a frame with customer_id and {column!r}.")
        one = customers.select("customer_id", column).unique("customer_id")
        return self.table.select("customer_id").join(one, on="customer_id", how="left", maintain_order="left")[column]


@dataclass(frozen=True, kw_only=True)
class ValueTotals(Result):
    """Totals of value with intervals.

    Attributes
    ----------
    table
        One row a group: `n_customers`, the value with `_low` and `_high` (both kinds of uncertainty),
        `_parameter_sd` and `_own_sd`: the two kinds apart.
    by
        The column of the groups; empty for everybody.
    """

    horizon_days: float
    level: float
    by: str = ""

    kinds: ClassVar[Mapping[str, Kind]] = {
        name + end: "money"
        for name in ("clv", "revenue_value")
        for end in ("", "_low", "_high", "_parameter_sd", "_own_sd")
    }

    @property
    def title(self) -> str:
        """The largest group and its interval."""
        first = self.table.row(0)
        return (
            f"{first[0]}: {first[2]:,.0f} {self.currency} within {self.horizon_days:,.0f} days, "
            f"{self.level:.0%} interval {first[3]:,.0f} to {first[4]:,.0f}"
        )


@checked
def lifetime_value(
    purchase_fit: ModelFit,
    spend_fit: ModelFit,
    summary: PurchaseSummary | Frame,
    *,
    horizon_days: float = 365,
    annual_discount_rate: float = 0.10,
    margin_rate: float | str | None = None,
    service_cost_per_order: float | str = 0.0,
    level: float | None = 0.95,
    draws: int | None = None,
    seed: int = 1,
    currency: str | None = None,
) -> LifetimeValue:
    """Compute what each customer is worth from `as_of` on.

    Parameters
    ----------
    purchase_fit, spend_fit
        A fitted buy-till-you-die model and a fit of spend (`fit_spend`, Gamma-Gamma); the time unit is the former's.
    summary
        The customers: `customer_id`, `frequency`, `recency`, `T`, `monetary_value`.
    horizon_days
        How far ahead purchases are counted.
    annual_discount_rate
        Per year of 365 days; 0.10 makes 110 in a year worth 100 today.
    margin_rate
        Contribution margin as a share of spend: a number, or a column of the summary by name.
    service_cost_per_order
        What serving one order costs: a number, or a column of the summary by name.
    level
        Of the intervals; None leaves them out.
    draws, seed
        How many draws the customers' bounds rest on (default 2,000, fewer above 20,000 customers), and
        their random numbers.

    Raises
    ------
    DataError
        Where units differ, a column is missing, or a rate makes no sense.
    """
    table = history_table(summary, ("customer_id", "monetary_value"), purchase_fit)
    _check_settings(horizon_days, annual_discount_rate, margin_rate, service_cost_per_order, level)
    if draws is not None:
        check_whole("draws", draws, least=100, most=100_000)
    check_whole("seed", seed, least=0)
    check_currency("" if currency is None else currency)
    known = currency or str(getattr(summary, "currency", ""))
    spend = spend_fit.model
    if not isinstance(spend, GammaGamma | MeanSpend):
        raise DataError(f"The second fit must be one of spend, not {spend.label}.", "Such as fit_spend(summary).")
    if not hasattr(purchase_fit.model, "expectations"):
        raise DataError(
            f"The first fit must be one of purchases, not {purchase_fit.model.label}.",
            "Such as fit_purchases(summary).",
        )
    inputs = _inputs(
        table, purchase_fit, spend_fit, horizon_days, annual_discount_rate, margin_rate, service_cost_per_order
    )
    draws = draws or int(np.clip(MOST_DRAWN // max(table.height, 1), 200, 2000))
    point, spread = _compute(inputs, table, level, draws, seed)
    name = "revenue_value" if margin_rate is None else "clv"
    columns = {
        "p_alive": point.alive, "churn_probability": 1.0 - point.alive,
        "expected_purchases": point.expected, name: point.value,
    }  # fmt: skip
    if spread is not None:
        columns |= {f"{name}_low": spread.value_low, f"{name}_high": spread.value_high}
    return LifetimeValue(
        table=pl.DataFrame({"customer_id": table["customer_id"], **columns}), currency=known,
        level=level, time_unit=purchase_fit.time_unit, horizon_days=float(horizon_days),
        annual_discount_rate=annual_discount_rate, margin_rate=margin_rate,
        service_cost_per_order=service_cost_per_order, purchase_model=str(purchase_fit.model), spend_model=str(spend),
        as_of=summary.as_of if isinstance(summary, PurchaseSummary) else None,
        n_without_spend=int(np.count_nonzero((inputs.x > 0) & (inputs.known == 0))),
        n_margin_not_positive=int(np.count_nonzero(inputs.margin <= 0)), draws=draws, seed=seed, spread=spread,
    )  # fmt: skip


def _inputs(
    table: pl.DataFrame,
    purchase_fit: ModelFit,
    spend_fit: ModelFit,
    horizon_days: float,
    annual_discount_rate: float,
    margin_rate: float | str | None,
    service_cost_per_order: float | str,
) -> Inputs:
    """Turn columns and settings into arrays; times in the unit of the purchase fit."""
    days = purchase_fit.days_per_unit
    x, t_x, T = checked_history(*arrays(table, ("frequency", "recency", "T")))
    m = to_numbers(table["monetary_value"], "monetary_value").fill_null(0.0).to_numpy()
    return Inputs(
        purchase_fit=purchase_fit, spend_fit=spend_fit, horizon=horizon_days / days,
        delta=float(np.log1p(annual_discount_rate)) * days / DAYS_PER_YEAR, x=x, t_x=t_x, T=T,
        known=np.where(m > 0, x, 0.0), mean_amount=np.where(m > 0, m, 1.0),
        margin=_setting(table, margin_rate, "margin_rate", 1.0),
        cost=_setting(table, service_cost_per_order, "service_cost_per_order", 0.0),
    )  # fmt: skip


def _compute(
    inputs: Inputs, table: pl.DataFrame, level: float | None, draws: int, seed: int
) -> tuple[Point, Spread | None]:
    """Compute point and spread; with covariates group by group, put back in the order of the customers."""
    if not isinstance(inputs.purchase_fit, CovariateFit):
        point = inputs.point()
        return point, None if level is None else inputs.spread(point, level, draws, seed)
    groups = inputs.purchase_fit.by_group(table)
    parts = [inputs.part(rows, group) for rows, group in groups]
    points = [part.point() for part in parts]
    order = np.argsort(np.concatenate([rows for rows, _ in groups]), kind="stable")
    point = Point.join(points, order)
    if level is None:
        return point, None
    spreads = [part.spread(own, level, draws, seed) for part, own in zip(parts, points, strict=True)]
    jacobians = [group.jacobian for _, group in groups]
    return point, Spread.join(spreads, jacobians, inputs.purchase_fit.joint_covariance, order)


def _check_settings(
    horizon_days: object, rate: object, margin: float | str | None, cost: float | str, level: float | None
) -> None:
    check_days("horizon_days", horizon_days, whole=False)
    check_number("annual_discount_rate", rate, least=0.0, most=HIGHEST_DISCOUNT, such_as="0.10 for 10 %")
    if level is not None:
        check_level(level)
    if not isinstance(cost, str):
        check_number("service_cost_per_order", cost, least=0.0, most=LARGEST)
    if margin is not None and not isinstance(margin, str):
        check_number("margin_rate", margin, least=-LARGEST, most=1.0, such_as="0.45 for 45 %")
    if margin is None and cost != 0:
        raise DataError(
            "A service cost was given but no margin rate: revenue less cost is not a value.",
            "Give margin_rate=, or leave service_cost_per_order out.",
        )


def _setting(table: pl.DataFrame, value: float | str | None, what: str, default: float) -> FloatArray:
    """Return a number or a column of the summary as an array of one value a customer."""
    if not isinstance(value, str):
        return np.full(table.height, default if value is None else float(value))
    (out,) = arrays(table, (value,))
    if what == "margin_rate" and (out > 1).any():
        raise DataError(f"Column {value!r} holds a margin_rate of {out.max():g}: at most 1 (0.45 for 45 %) can be one.")
    if what == "service_cost_per_order" and (out < 0).any():
        raise DataError(f"Column {value!r} holds a service cost of {out.min():g}: a cost is 0 or more.")
    return out
