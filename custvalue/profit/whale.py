"""Who makes the profit: customers from best to worst, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.profit.waterfall import CustomerProfit


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
    """

    peak: Decimal
    peak_rank: int
    total: Decimal

    @property
    def erosion(self) -> Decimal:
        """What the customers after the peak take away again."""
        return self.peak - self.total

    @property
    def title(self) -> str:
        """How much the best earn, and how much the rest takes away."""
        share = self.peak_rank / self.table.height if self.table.height else 0
        return (
            f"The best {share:.0%} of customers earn {self.peak:,.0f} {self.currency}; "
            f"the others take {self.erosion:,.0f} of it away"
        )


def whale_curve(pnl: CustomerProfit, line: str = "contribution") -> WhaleCurve:
    """Order customers by profit and add it up.

    Parameters
    ----------
    pnl
        Profit and loss per customer.
    line
        The subtotal taken for profit.

    References
    ----------
    Kaplan & Narayanan (2001), Measuring and Managing Customer Profitability, Journal of Cost Management 15(5).
    """
    ranked = pnl.table.select("customer_id", profit=pl.col(line)).sort(
        ["profit", "customer_id"], descending=[True, False]
    )
    table = ranked.with_columns(cumulative=pl.col("profit").cum_sum()).with_row_index("rank", offset=1)
    best = table.sort(["cumulative", "rank"], descending=[True, False]).row(0, named=True) if table.height else None
    return WhaleCurve(
        table=table, currency=pnl.currency,
        peak=best["cumulative"] if best else Decimal(0), peak_rank=best["rank"] if best else 0,
        total=table["cumulative"].to_list()[-1] if table.height else Decimal(0),
    )  # fmt: skip
