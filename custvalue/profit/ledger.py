"""Does the sub-ledger tie to the general ledger? Per month and account, to the cent, every difference with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError, MissingInputError
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse

PARTS = ("assigned", "unused_capacity", "facility", "unassigned")
"""What the ledger is made of; each is summed from its own rows, none is what is left of the others."""
MONEY = ("ledger", *PARTS, "difference")
ROWS = {
    "part": pl.String(), "amount": pl.Decimal(18, 2), "customer_id": pl.String(), "order_id": pl.String(),
    "rule_id": pl.String(), "source_table": pl.String(), "source_key": pl.String(),
}  # fmt: skip
By = Literal["account", "month"]
KEYS: dict[str, list[str]] = {"account": ["account", "name", "pnl_line"], "month": ["period"]}


@dataclass(frozen=True, kw_only=True)
class LedgerReconciliation(Result):
    """The general ledger against the sub-ledger.

    Attributes
    ----------
    table
        One row per month and account: `ledger` = `assigned` (to customers) + `unused_capacity` (paid for,
        used by nobody; positive where a resource was overloaded) + `facility` + `unassigned` (rows without
        a customer, accounts without a rule) + `difference`. Income positive, costs negative.
    differences
        Every row of money behind a month and account whose difference is not 0.00: `part`, `amount`,
        `customer_id`, `order_id`, `rule_id`, `source_table`, `source_key`.
    unassigned
        `period`, `account`, `reason`, `n_rows`, `amount`.
    open_months
        `period`, `n_entries`, `amount` of months with entries that the ledger does not cover; they are in
        no sum above.
    """

    differences: pl.DataFrame
    unassigned: pl.DataFrame
    open_months: pl.DataFrame

    @property
    def ties(self) -> bool:
        """True where no month and account differs by a cent."""
        return self.failing.height == 0

    @property
    def failing(self) -> pl.DataFrame:
        """The months and accounts that differ."""
        return self.table.filter(pl.col("difference") != 0)

    @property
    def title(self) -> str:
        """Whether the ledger ties, and how much of it is assigned to customers."""
        n, total = self.table.height, self.table.select(pl.col(MONEY).sum()).row(0, named=True)
        if self.ties:
            return (
                f"All {n:,} months and accounts tie to the cent: {total['ledger']:,.2f} {self.currency} in the ledger, "
                f"of it {total['unused_capacity']:,.2f} unused capacity and {total['unassigned']:,.2f} unassigned"
            )
        first = self.failing.row(0, named=True)
        return (
            f"{self.failing.height:,} of {n:,} months and accounts do not tie; the first is account "
            f"{first['account']} in {first['period']:%Y-%m}, by {first['difference']:,.2f} {self.currency}"
        )

    def by(self, what: By) -> pl.DataFrame:
        """Sum the parts by account or by month.

        Raises
        ------
        DataError
            `what` is neither.
        """
        if what not in KEYS:
            raise DataError(f"The reconciliation has no view by {what!r}.", f"Take one of {', '.join(KEYS)}.")
        return self.table.group_by(KEYS[what]).agg(pl.col(MONEY).sum()).sort(KEYS[what], nulls_last=True)


@checked
def reconcile(shop: Warehouse) -> LedgerReconciliation:
    """Compare the sub-ledger with the general ledger, per month and account.

    Parameters
    ----------
    shop
        The warehouse, with `gl_accounts` and `gl_totals` loaded.

    Raises
    ------
    MissingInputError
        No ledger is loaded.

    Examples
    --------
    >>> import custvalue as cv
    >>> from custvalue.profit.ledger import reconcile
    >>> with cv.open() as shop:
    ...     reconcile(shop)
    Traceback (most recent call last):
    ...
    custvalue.errors.MissingInputError: Table gl_totals is not loaded.
    It would give the proof that every cent of the ledger is accounted for.
    """
    for needed in ("gl_totals", "gl_accounts"):
        if not shop.has(needed):
            raise MissingInputError(
                f"Table {needed} is not loaded.",
                "It would give the proof that every cent of the ledger is accounted for.",
            )
    table = shop.fetch("ledger_reconciliation").sort("period", "account")
    return LedgerReconciliation(
        table=table,
        differences=_rows_behind(shop, table),
        unassigned=shop.fetch("ledger_unassigned").sort("period", "account", "reason"),
        open_months=shop.fetch("ledger_open_months"),
        currency=shop.currency,
    )


def _rows_behind(shop: Warehouse, table: pl.DataFrame) -> pl.DataFrame:
    """Fetch every row of money of the months and accounts that differ."""
    failing = table.filter(pl.col("difference") != 0).select("period", "account", "difference").iter_rows()
    found = [
        shop.fetch("ledger_rows", period=period, account=account)
        .sort(pl.all())
        .select(pl.lit(period).alias("period"), pl.lit(account).alias("account"),
                pl.lit(difference, dtype=pl.Decimal(18, 2)).alias("difference"), pl.all())
        for period, account, difference in failing
    ]  # fmt: skip
    schema = {**{name: table.schema[name] for name in ("period", "account", "difference")}, **ROWS}
    return pl.concat(found) if found else pl.DataFrame(schema=schema)
