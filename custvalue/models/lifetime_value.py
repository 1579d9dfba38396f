"""What each customer is worth from now on: margin less service cost, over a horizon, discounted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import polars as pl

from custvalue.errors import DataError
from custvalue.models.base import CustomerModel, checked_history
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.results import PurchaseSummary, Result, arrays

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, kw_only=True)
class LifetimeValue(Result):
    """Value, churn and expected purchases of each customer.

    Attributes
    ----------
    table
        `customer_id`, `p_alive`, `churn_probability` (1 − p_alive, at `as_of`), `expected_purchases`
        within the horizon, and `clv`: expected discounted purchases × (expected spend × margin rate −
        service cost). Without a margin rate the column is `revenue_value`, never `clv`.
    horizon_days, annual_discount_rate, margin_rate, service_cost_per_order
        As given; a rate or cost that is a column of the summary is shown by that column's name.
    purchase_model, spend_model
        The models and their parameters.
    n_without_spend
        Repeat buyers whose mean spend is missing or not above zero (refunds, free goods): they get
        the population's mean spend, like customers who never came back.
    n_margin_not_positive
        Customers with a margin rate at or below zero; their value is negative or nought, as given.
    """

    horizon_days: float
    annual_discount_rate: float
    margin_rate: float | str | None
    service_cost_per_order: float | str
    level: float
    purchase_model: str
    spend_model: str
    time_unit: str
    as_of: dt.date | None = None
    n_without_spend: int = 0
    n_margin_not_positive: int = 0

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


def lifetime_value(
    purchase_fit: ModelFit,
    spend_fit: ModelFit,
    summary: PurchaseSummary | pl.DataFrame,
    *,
    horizon_days: float = 365,
    annual_discount_rate: float = 0.10,
    margin_rate: float | str | None = None,
    service_cost_per_order: float | str = 0.0,
    level: float = 0.95,
    currency: str = "EUR",
) -> LifetimeValue:
    """Compute what each customer is worth from `as_of` on.

    Parameters
    ----------
    purchase_fit, spend_fit
        A fitted buy-till-you-die model and a fitted Gamma-Gamma model; the time unit is the fit's.
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
        Of the intervals.

    Raises
    ------
    DataError
        Where units differ, a column is missing, or a rate makes no sense.
    """
    table = _table(summary, purchase_fit)
    _check_settings(horizon_days, annual_discount_rate, margin_rate, service_cost_per_order, level)
    model, spend = cast("CustomerModel", purchase_fit.model), spend_fit.model
    if not isinstance(spend, GammaGamma):
        raise DataError(f"The second fit must be a Gamma-Gamma fit, not {spend.label}.")
    days = purchase_fit.days_per_unit
    delta = float(np.log1p(annual_discount_rate)) * days / DAYS_PER_YEAR
    x, t_x, T = checked_history(*arrays(table, ("frequency", "recency", "T")))
    m = table["monetary_value"].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
    known = np.where(m > 0, x, 0.0)
    amount = spend.expected_value(known, np.where(known > 0, m, 1.0))
    rate = _setting(table, margin_rate, "margin_rate", 1.0)
    per_order = amount * rate - _setting(table, service_cost_per_order, "service_cost_per_order", 0.0)
    alive = model.probability_alive(x, t_x, T)
    horizon = horizon_days / days
    discounted = model.discounted_expected_purchases(delta, x, t_x, T, horizon)
    name = "revenue_value" if margin_rate is None else "clv"
    out = pl.DataFrame({
        "customer_id": table["customer_id"], "p_alive": alive, "churn_probability": 1.0 - alive,
        "expected_purchases": model.expected_purchases(horizon, x, t_x, T), name: discounted * per_order,
    })  # fmt: skip
    return LifetimeValue(
        table=out, currency=currency, level=level, time_unit=purchase_fit.time_unit,
        horizon_days=float(horizon_days), annual_discount_rate=annual_discount_rate,
        margin_rate=margin_rate, service_cost_per_order=service_cost_per_order,
        purchase_model=str(purchase_fit.model), spend_model=str(spend),
        as_of=summary.as_of if isinstance(summary, PurchaseSummary) else None,
        n_without_spend=int(np.count_nonzero((x > 0) & (m <= 0))),
        n_margin_not_positive=int(np.count_nonzero(rate <= 0)),
    )  # fmt: skip


def _table(summary: object, purchase_fit: ModelFit) -> pl.DataFrame:
    if isinstance(summary, PurchaseSummary):
        if summary.time_unit != purchase_fit.time_unit:
            raise DataError(
                f"The model was fitted in {purchase_fit.time_unit}s, the summary is in {summary.time_unit}s.",
                "Make both with the same time_unit.",
            )
        summary = summary.table
    if not isinstance(summary, pl.DataFrame):
        raise DataError(f"lifetime_value wants a purchase summary or a Polars frame, not {type(summary).__name__}.")
    missing = [c for c in ("customer_id", "monetary_value") if c not in summary.columns]
    if missing:
        raise DataError(f"The summary has no column {missing[0]!r}; it has {', '.join(summary.columns)}.")
    return summary


def _check_settings(
    horizon_days: float, rate: float, margin: float | str | None, cost: float | str, level: float
) -> None:
    if not (np.isfinite(horizon_days) and horizon_days > 0):
        raise DataError(f"horizon_days must be above 0, not {horizon_days!r}.")
    if not (np.isfinite(rate) and 0 <= rate < 10):
        raise DataError(f"annual_discount_rate must be 0 or more, as a share (0.10 for 10 %), not {rate!r}.")
    if not 0 < level < 1:
        raise DataError(f"level must lie between 0 and 1, not {level!r}.")
    if margin is None and cost != 0:
        raise DataError(
            "A service cost was given but no margin rate: revenue less cost is not a value.",
            "Give margin_rate=, or leave service_cost_per_order out.",
        )


def _setting(table: pl.DataFrame, value: float | str | None, what: str, default: float) -> FloatArray:
    """Return a number or a column of the summary as an array of one value a customer."""
    if isinstance(value, str):
        (out,) = arrays(table, (value,))
    else:
        out = np.full(table.height, default if value is None else float(value))
    if not np.isfinite(out).all() or (what == "margin_rate" and (out > 1).any()):
        limit = " and at most 1 (0.45 for 45 %)" if what == "margin_rate" else ""
        raise DataError(f"{what} must be a finite number{limit}; {value!r} is not, for at least one customer.")
    return out
