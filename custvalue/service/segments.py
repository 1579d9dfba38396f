"""Segments that a board can talk about: by value, churn risk and cost to serve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUE_BANDS = ("high value", "middle value", "low value")
RISK_BANDS = ("at risk", "active")
COST_BANDS = ("costly to serve", "cheap to serve")
_SUMS = ("expected_purchases", "n_orders")


@dataclass(frozen=True, kw_only=True)
class Segments(Result):
    """Customers by value, churn risk and, where costs are known, cost to serve.

    Attributes
    ----------
    table
        One row per segment, high value and at risk first: `segment`, `value_band`, `risk_band`, `cost_band`
        (null where the segment holds both),
        `n_customers`, `customer_share`, the total and mean of the value, `value_share`, mean
        `churn_probability`, mean `cost_to_serve`, and totals of `expected_purchases` and `n_orders`
        where they came.
    customers
        One row per customer: what came, and the segment with its three bands.
    value_column
        `clv`, or `revenue_value` where no margin is known.
    high_share, middle_share
        Shares of the customers, by rank of value, in the first and the second band; ties go by
        customer_id.
    at_risk_above
        Churn probability from which a customer counts as at risk.
    smallest_share
        A band is not split further where a part would hold fewer of the customers than this.
    cost_basis
        What cost to serve is compared with: `gross_margin`, `median`, or `none` where no costs came.
    costly_above
        Customers above it are costly to serve: a share of their gross margin, or money.
    """

    customers: pl.DataFrame
    value_column: str
    high_share: float
    middle_share: float
    at_risk_above: float
    smallest_share: float
    cost_basis: str
    costly_above: float | None
    note: str = ""

    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("clv", "clv_mean", "revenue_value", "revenue_value_mean", "cost_to_serve"), "money"),
        "expected_purchases": "number",
    }

    @property
    def title(self) -> str:
        """How concentrated the value is, and how much of the best customers' value is at risk."""
        total = float(self.table[self.value_column].sum())
        if total <= 0:
            return f"{self.table.height} segments; the customers together have no value left"
        best = self.customers.filter(value_band=VALUE_BANDS[0])
        at_risk = best.filter(risk_band=RISK_BANDS[0])
        what = "revenue" if self.value_column == "revenue_value" else "value"
        held, lost = (float(part[self.value_column].sum()) / total for part in (best, at_risk))
        found = f"{best.height / self.customers.height:.0%} of customers hold {held:.0%} of future {what}"
        return f"{found}; {at_risk.height:,} of them at risk, with {lost:.0%} of it" if at_risk.height else found


@checked
def segment_customers(
    customers: pl.DataFrame,
    *,
    value: str = "clv",
    high_share: float = 0.2,
    middle_share: float = 0.3,
    at_risk_above: float = 0.5,
    costly_above: float | None = None,
    smallest_share: float = 0.01,
    currency: str = "",
) -> Segments:
    """Put every customer in one segment.

    Parameters
    ----------
    customers
        `customer_id`, the value, `churn_probability`; if known `cost_to_serve` (money, positive, null
        where nothing was spent) and `gross_margin`, `expected_purchases`, `n_orders`.
    value
        Column of the value: `clv`, or `revenue_value` where no margin is known.
    high_share, middle_share
        The best 20 % by rank are high value, the next 30 % middle value.
    at_risk_above
        Churn probability from which a customer is at risk.
    costly_above
        Cost to serve above which a customer is costly: as a share of his gross margin where that column
        came, otherwise in money. None takes the company's own share, or the median cost.
    smallest_share
        Value bands are split by risk, and these by cost, only where every part holds at least this share
        of the customers: nobody serves a segment of three.

    Raises
    ------
    DataError
        A column is missing, a value is empty, a customer comes twice, or a share makes no sense.
    """
    _check(customers, value, high_share, middle_share, at_risk_above)
    cost, basis, threshold = _cost(customers, costly_above)
    rank = pl.int_range(1, pl.len() + 1)
    n_high = math.ceil(round(customers.height * high_share, 6))
    n_next = math.ceil(round(customers.height * (high_share + middle_share), 6))
    value_band = (
        pl.when(rank <= n_high).then(pl.lit(VALUE_BANDS[0]))
        .when(rank <= n_next).then(pl.lit(VALUE_BANDS[1])).otherwise(pl.lit(VALUE_BANDS[2]))
    )  # fmt: skip
    at_risk = pl.col("churn_probability") >= at_risk_above
    ranked = customers.sort(value, "customer_id", descending=[True, False]).with_columns(
        value_band=value_band,
        risk_band=pl.when(at_risk).then(pl.lit(RISK_BANDS[0])).otherwise(pl.lit(RISK_BANDS[1])),
        cost_band=cost,
    )
    named = _named(ranked, smallest=customers.height * smallest_share)
    return Segments(
        table=_summed(named, value),
        customers=named,
        value_column=value,
        high_share=high_share,
        middle_share=middle_share,
        at_risk_above=at_risk_above,
        smallest_share=smallest_share,
        cost_basis=basis,
        costly_above=threshold,
        currency=currency,
        note="" if basis != "none" else "No cost to serve is known, so customers are not split by it.",
    )


def _named(ranked: pl.DataFrame, *, smallest: float) -> pl.DataFrame:
    """Name the segments: value, then risk and cost where the parts are large enough."""
    by_risk = _smallest_part(["value_band"], "risk_band") >= smallest
    split = ranked.with_columns(_risk=pl.when(by_risk).then("risk_band"))
    by_cost = _smallest_part(["value_band", "_risk"], "cost_band") >= smallest
    split = split.with_columns(_cost=pl.when(by_cost).then("cost_band"))
    name = pl.concat_str("value_band", "_risk", "_cost", separator=", ", ignore_nulls=True)
    return split.with_columns(segment=name).drop("_risk", "_cost")


def _smallest_part(whole: list[str], part: str) -> pl.Expr:
    return pl.len().over([*whole, part]).min().over(whole)


def _check(customers: pl.DataFrame, value: str, high: float, middle: float, at_risk: float) -> None:
    for name in ("customer_id", value, "churn_probability"):
        if name not in customers.columns:
            have = ", ".join(customers.columns)
            raise DataError(f"The customers have no column {name!r}; they have {have}.")
        column = customers[name]
        if name != "customer_id":
            column = column.cast(pl.Float64).fill_nan(None)
        if n := column.null_count():
            raise DataError(f"Column {name!r} is empty for {n:,} of {customers.height:,} customers.")
    if customers.is_empty():
        raise DataError("There is no customer to put in a segment.")
    if n := customers.height - customers["customer_id"].n_unique():
        raise DataError(f"{n:,} customers come more than once; segments need one row per customer.")
    if not (0 < high < 1 and 0 <= middle <= 1 - high):
        raise DataError(f"high_share {high} and middle_share {middle} must be shares of at most 1 together.")
    if not 0 < at_risk < 1:
        raise DataError(f"at_risk_above must be a probability between 0 and 1, not {at_risk}.")


def _cost(customers: pl.DataFrame, costly_above: float | None) -> tuple[pl.Expr, str, float | None]:
    """Return the cost band, what the cost is compared with, and the threshold."""
    if "cost_to_serve" not in customers.columns or customers["cost_to_serve"].is_null().all():
        return pl.lit(None, dtype=pl.String), "none", None
    cost = pl.col("cost_to_serve").cast(pl.Float64).fill_null(0.0)
    if "gross_margin" in customers.columns:
        margin = pl.col("gross_margin").cast(pl.Float64).fill_null(0.0)
        spent, earned = customers.select(cost.sum().alias("c"), margin.sum().alias("m")).row(0)
        own = spent / earned if earned > 0 else 0.0
        threshold = own if costly_above is None else costly_above
        costly = cost > threshold * pl.max_horizontal(margin, 0.0)
    else:
        threshold = float(customers.select(cost.median()).item()) if costly_above is None else costly_above
        costly = cost > threshold
    band = pl.when(costly).then(pl.lit(COST_BANDS[0])).otherwise(pl.lit(COST_BANDS[1]))
    return band, "gross_margin" if "gross_margin" in customers.columns else "median", float(threshold)


def _summed(named: pl.DataFrame, value: str) -> pl.DataFrame:
    """Sum customers to segments, high value first and, within a band, those at risk first."""
    total = float(named[value].sum())
    share = pl.col(value) / total if total > 0 else pl.lit(None, pl.Float64)
    sums = [pl.col(name).sum() for name in _SUMS if name in named.columns]
    if "cost_to_serve" in named.columns:
        sums = [pl.col("cost_to_serve").cast(pl.Float64).fill_null(0.0).mean(), *sums]
    bands = [name for name in ("value_band", "risk_band", "cost_band") if named[name].null_count() == 0]
    shared = [pl.when(pl.col(b).n_unique() == 1).then(pl.col(b).first()).alias(b) for b in bands]
    table = named.group_by("segment").agg(
        *shared,
        pl.len().cast(pl.Int64).alias("n_customers"),
        (pl.len() / named.height).alias("customer_share"),
        pl.col(value).cast(pl.Float64).sum(),
        pl.col(value).cast(pl.Float64).mean().alias(f"{value}_mean"),
        pl.col("churn_probability").mean(),
        *sums,
    )
    order = {name: k for k, name in enumerate((*VALUE_BANDS, *RISK_BANDS, *COST_BANDS))}
    place = [pl.col(band).replace_strict(order, return_dtype=pl.Int64) for band in bands]
    table = table.with_columns(share.alias("value_share")).sort(place, nulls_last=True)
    first = ["segment", *bands, "n_customers", "customer_share", value, "value_share"]
    return table.select(*first, pl.exclude(first))
