"""Where each euro went: every money column of the raw tables against the lines of the profit and loss that carry it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse

RAW, LINE, LEFT_OUT = "came", "line", "left out"


@dataclass(frozen=True, kw_only=True)
class ControlTotals(Result):
    """Raw money against booked money.

    Attributes
    ----------
    table
        One row per money column of the raw tables: `raw_column`, `came`, `carried` by lines of the profit and loss,
        `left_out` for a named reason, `difference`, which is 0.00.
    flows
        `raw_column`, `part` (line, or left out), `destination` (the line after moves, or the reason), `amount`.
    rules
        One row per rule that books money: `rule_id`, `n_entries`, `income`, `cost`, `rest`. The rest of a rule that
        moves money from one line to another is zero.
    gaps
        What has no cost, or was decided for want of a fact: `pnl_line`, `source_table`, `resource_id`, `period`,
        `n_rows`, `amount` in `unit`, `why`.
    """

    flows: pl.DataFrame
    rules: pl.DataFrame
    gaps: pl.DataFrame

    @property
    def ties(self) -> bool:
        """True where no column differs by a cent."""
        return self.failing.height == 0

    @property
    def failing(self) -> pl.DataFrame:
        """The columns whose money the books do not carry."""
        return self.table.filter(pl.col("difference") != 0)

    @property
    def title(self) -> str:
        """Whether every cent that came is in the books, and how many gaps there are."""
        if not self.ties:
            worst = self.failing.sort(pl.col("difference").abs(), descending=True).row(0, named=True)
            return (
                f"{self.failing.height} of {self.table.height} money columns do not tie; the largest difference is "
                f"{worst['difference']:,.2f} {self.currency} of {worst['raw_column']}"
            )
        gaps = f"; {_counted(self.gaps.height)}" if self.gaps.height else ""
        return f"Every cent of {self.table.height} money columns is in the books or left out by name{gaps}"


@checked
def control_totals(shop: Warehouse) -> ControlTotals:
    """Compare every money column of the raw tables with the entries that carry it.

    Parameters
    ----------
    shop
        The warehouse; works with or without a ledger, a catalogue of courtesies or capacity.

    Returns
    -------
    ControlTotals
        Money as DECIMAL, exact to the cent.

    Examples
    --------
    >>> import custvalue as cv
    >>> import polars as pl
    >>> with cv.open() as shop:
    ...     _ = shop.load(pl.DataFrame({"customer_id": ["a"], "ordered_at": ["2025-01-05"], "amount": [12.5]}))
    ...     control_totals(shop)
    ControlTotals: Every cent of 1 money columns is in the books or left out by name
    """
    flows = shop.fetch("money_conservation").filter(pl.col("part") != RAW)
    return ControlTotals(
        table=shop.fetch("money_balance").sort("raw_column"),
        flows=flows.sort("raw_column", "part", "destination"),
        rules=shop.fetch("rule_balance").sort("rule_id"),
        gaps=shop.fetch("book_gaps").sort("pnl_line", "source_table", "resource_id", "period", nulls_last=True),
        currency=shop.currency,
    )


def _counted(n: int) -> str:
    return "1 gap is named" if n == 1 else f"{n:,} gaps are named"


def gap_text(gap: dict[str, object]) -> str:
    """Write a gap in words: how much work of whom has no cost, and why."""
    amount = f"{gap['amount']:,.0f} {gap['unit']}"
    whose = f" of {gap['resource_id']}" if gap["resource_id"] else ""
    when = f" in {gap['period']:%Y-%m}" if gap["period"] else ""
    return f"{amount}{whose}{when} ({gap['n_rows']:,} rows of {gap['source_table']}): {gap['why']}"
