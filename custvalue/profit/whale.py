"""Who makes the profit: customers from best to worst, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custvalue.profit.waterfall import CustomerProfit

DECILES = 10


@dataclass(frozen=True, kw_only=True)
class WhaleCurve(Result):
    """Cumulative profit over customers from the best to the worst.

    Attributes
    ----------
    table
        `rank`, `customer_id`, `profit`, `cumulative`.
    peak
        Largest cumulative profit; more than this the customers never earned together.
    peak_rank
        Customers it takes to get there.
    total
        Profit of all of them.
    gini
        Concentration of profit, 0 where all earn the same; above 1 where losses take away more than the best
        half earns more. None where all together earn nothing.
    line
        What was taken for profit.
    """

    peak: Decimal
    peak_rank: int
    total: Decimal
    gini: float | None = None
    line: str = "contribution"

    @property
    def erosion(self) -> Decimal:
        """What the customers after the peak take away again."""
        return self.peak - self.total

    @property
    def deciles(self) -> pl.DataFrame:
        """Tenths of the customers, best first: `decile`, `n_customers`, `profit`, `cumulative`, `of_total_share`."""
        tenth = ((pl.col("rank").cast(pl.Int64) - 1) * DECILES // self.table.height + 1).alias("decile")
        summed = (
            self.table.group_by(tenth)
            .agg(pl.len().alias("n_customers"), pl.col("profit").sum())
            .sort("decile")
            .with_columns(cumulative=pl.col("profit").cum_sum())
        )
        total = float(self.total) or None
        return summed.with_columns(of_total_share=pl.col("profit").cast(pl.Float64) / total)

    @property
    def title(self) -> str:
        """How much the best earn, and how much the rest takes away."""
        share = self.peak_rank / self.table.height if self.table.height else 0
        return (
            f"The best {share:.0%} of customers earn {self.peak:,.0f} {self.currency}; "
            f"the others take {self.erosion:,.0f} of it away"
        )


@checked
def whale_curve(pnl: CustomerProfit, line: str = "contribution", *, without: Sequence[str] = ()) -> WhaleCurve:
    """Order customers by profit and add it up.

    Parameters
    ----------
    pnl
        Profit and loss per customer.
    line
        The subtotal taken for profit.
    without
        Lines to leave out of it: `("courtesy",)` shows whom courtesy alone makes unprofitable. Nothing is
        assumed about what customers would have done without it.

    Raises
    ------
    DataError
        There is no such line.

    References
    ----------
    Kaplan & Narayanan (2001), Measuring and Managing Customer Profitability, Journal of Cost Management 15(5).
    """
    if unknown := [name for name in (line, *without) if name not in pnl.table.columns]:
        raise DataError(f"The profit and loss has no line {unknown[0]!r}.", f"It has {', '.join(pnl.lines)}.")
    profit = pl.col(line) - pl.sum_horizontal(*without) if without else pl.col(line)
    # a customer with goods that have no cost has no known profit
    known = pnl.table.select("customer_id", profit=profit).drop_nulls("profit")
    ranked = known.sort(["profit", "customer_id"], descending=[True, False])
    table = ranked.with_columns(cumulative=pl.col("profit").cum_sum()).with_row_index("rank", offset=1)
    best = table.sort(["cumulative", "rank"], descending=[True, False]).row(0, named=True) if table.height else None
    return WhaleCurve(
        table=table, currency=pnl.currency, gini=gini(table["profit"].cast(pl.Float64).to_list()),
        line=" without ".join([line, *without]),
        peak=best["cumulative"] if best else Decimal(0), peak_rank=best["rank"] if best else 0,
        total=table["cumulative"].to_list()[-1] if table.height else Decimal(0),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class WhaleComparison(Result):
    """The whale curve with and without the cost of courtesy.

    Attributes
    ----------
    table
        Tenths of the customers, best first in each curve: `decile`, `profit`, `profit_without`, money.
    with_courtesy, without_courtesy
        The curves.
    n_turned
        Customers whom courtesy alone makes unprofitable.
    """

    with_courtesy: WhaleCurve
    without_courtesy: WhaleCurve
    n_turned: int

    @property
    def title(self) -> str:
        """What courtesy takes from the peak, and whom it alone makes unprofitable."""
        taken = self.without_courtesy.total - self.with_courtesy.total
        return (
            f"Courtesy takes {taken:,.0f} {self.currency} of {self.without_courtesy.total:,.0f} and alone makes "
            f"{self.n_turned:,} of {self.with_courtesy.table.height:,} customers unprofitable"
        )


@checked
def whale_comparison(pnl: CustomerProfit, line: str = "contribution") -> WhaleComparison:
    """Draw up the whale curve with and without the cost of courtesy.

    Raises
    ------
    DataError
        The profit and loss has no courtesy.
    """
    both = whale_curve(pnl, line), whale_curve(pnl, line, without=("courtesy",))
    deciles = [curve.deciles.select("decile", "profit") for curve in both]
    turned = pnl.table.filter((pl.col(line) < 0) & (pl.col(line) - pl.col("courtesy") >= 0)).height
    return WhaleComparison(
        table=deciles[0].join(deciles[1], on="decile", suffix="_without").sort("decile"),
        with_courtesy=both[0], without_courtesy=both[1], n_turned=turned, currency=pnl.currency,
    )  # fmt: skip


def gini(values: Sequence[float]) -> float | None:
    """Return the Gini coefficient, half the mean absolute difference over the mean; None where the sum is not positive.

    With losses among the values it can exceed 1 (Chen, Tsaur & Rhai 1982, Oxford Economic Papers 34, 473-478).

    Examples
    --------
    >>> round(gini([0, 0, 10]), 4)
    0.6667
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    n = len(x)
    if n == 0 or x.sum() <= 0:
        return None
    return float(np.sum((2 * np.arange(1, n + 1) - n - 1) * x) / (n * x.sum()))
