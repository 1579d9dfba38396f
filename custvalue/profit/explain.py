"""Why a customer's figures are what they are: every entry with its rule, its provenance and its source row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.profit.waterfall import PLAIN_LINES, _window
from custvalue.results import Result

if TYPE_CHECKING:
    import datetime as dt

    from custvalue.data.warehouse import Warehouse

PROVENANCES = ("measured", "standard", "assumed", "simulated")
"""From the strongest to the weakest; a figure is as strong as its weakest entry."""

RULES = {
    "orders.gross_list": "goods at list price",
    "orders.discount": "taken off the list price",
    "orders.delivery_fee": "delivery charged to the customer",
    "orders.payment_fee": "what the payment provider takes",
    "order_lines.unit_cost": "pieces x unit cost of the line, or of the product",
    "returns.refund": "paid back",
    "returns.cogs_recovered": "cost of goods that came back",
    "returns.write_down": "came back and can't be sold again",
    "returns.inbound_freight": "carrier of the return",
    "deliveries.carrier_cost": "the carrier's invoice",
    "jobs.fee_charged": "fee of a job",
    "repairs.fee_charged": "fee of a repair",
    "repairs.parts_cost": "parts of a repair",
    "jobs.time": "minutes of the job x the month's cost per practical minute",
    "repairs.time": "minutes of the repair x the month's cost per practical minute",
    "contacts.handling_time": "minutes of the contact x the month's cost per practical minute",
    "returns.inspection_time": "minutes of inspection x the month's cost per practical minute",
    "deliveries.handling_time": "minutes of handling x the month's cost per practical minute",
    "courtesy.direct": "direct cost that the catalogue states",
    "courtesy_events.direct_cost": "direct cost that the log states, beyond what stands on another line",
    "move.carrier_cost": "free delivery bears the part of the carrier's cost that the fee would have covered",
    "move.refunds": "a refund beyond policy bears what was paid back",
    "move.goods_recovered": "a refund beyond policy gets the goods that came back",
    "move.write_down": "a refund beyond policy bears the write-down",
    "move.returns_handling": "a refund beyond policy bears the freight",
    "move.parts_cost": "a repair after warranty bears the parts that its fee did not cover",
    "move.service_time": "a repair after warranty bears the time that its fee did not cover",
    "courtesy.driver": "units x driver rate of the catalogue",
    "courtesy.time": "minutes above standard x the month's cost per practical minute",
    "courtesy.expected_loss": "expected loss rate x loss base of the catalogue",
    "courtesy.true_up": "loss that came, less the loss that was expected",
    "customers.acquisition_cost": "paid to win the customer",
    "transactions.sale": "lines of the flat export",
    "transactions.return": "returns of the flat export",
    "transactions.delivery": "delivery charged in the flat export",
    "transactions.adjustment": "adjustments of the flat export",
}


@dataclass(frozen=True, kw_only=True)
class Explanation(Result):
    """Every entry behind one customer's profit.

    Attributes
    ----------
    table
        `entry_date`, `order_id`, `pnl_line`, `measure`, `amount`, `avoidable`, `rule`, `provenance`, `account`,
        `source_table`, `source_key`: the row of the raw table that the money comes from.
    customer_id
        Whose.
    forgone_fees
        Fees not charged: a memo, in no sum.
    contribution, customer_profit
        Sums of the entries, before and after acquisition.
    """

    customer_id: str
    forgone_fees: pl.DataFrame
    contribution: Decimal
    customer_profit: Decimal

    @property
    def lines(self) -> pl.DataFrame:
        """One row per line of the waterfall: `pnl_line`, `amount`, `n_entries` and the weakest `provenance`."""
        rank = pl.col("provenance").replace_strict({p: i for i, p in enumerate(PROVENANCES)}, return_dtype=pl.Int64)
        order = pl.col("pnl_line").replace_strict({line: i for i, line in enumerate(PLAIN_LINES)}, default=99)
        return (
            self.table.group_by("pnl_line")
            .agg(pl.col("amount").sum(), pl.len().alias("n_entries"), rank.max().alias("weakest"))
            .sort(order)
            .with_columns(provenance=pl.col("weakest").replace_strict(dict(enumerate(PROVENANCES))))
            .drop("weakest")
        )

    def orders(self) -> pl.DataFrame:
        """One row per order (null: entries of no order): `ordered` first, contribution without acquisition."""
        kept = self.table.filter(pl.col("pnl_line") != "acquisition")
        return kept.group_by("order_id").agg(
            pl.col("entry_date").min().alias("first_entry"), pl.col("amount").sum().alias("contribution")
        ).sort(["first_entry", "order_id"])  # fmt: skip

    @property
    def worst_line(self) -> str:
        """The line that takes most from him beside his goods; '' where none takes anything."""
        goods = ("cost_of_goods", "gross_list", "goods_recovered", "delivery_charged")
        cost = self.lines.filter(~pl.col("pnl_line").is_in(goods) & (pl.col("amount") < 0)).sort("amount", "pnl_line")
        return str(cost["pnl_line"][0]) if cost.height else ""

    @property
    def title(self) -> str:
        """What the customer earned, and the line that took most of it."""
        verb = "brought" if self.customer_profit >= 0 else "cost"
        said = f"Customer {self.customer_id} {verb} {abs(self.customer_profit):,.2f} {self.currency}"
        if not self.worst_line:
            return said
        taken = -self.lines.filter(pnl_line=self.worst_line)["amount"].item()
        return f"{said}; beside his goods, {self.worst_line.replace('_', ' ')} took most, {taken:,.2f}"


@checked
def explain(
    shop: Warehouse, customer_id: str, start: str | dt.date | None = None, end: str | dt.date | None = None
) -> Explanation:
    """List every entry behind a customer's figures.

    Parameters
    ----------
    shop
        The warehouse.
    customer_id
        As in the table customers or orders.
    start, end
        First and last posting day, inclusive; default everything loaded.

    Raises
    ------
    DataError
        The customer has no entry.
    """
    window = _window(shop, start, end)
    entries = shop.fetch("customer_entries", customer_id=str(customer_id)).filter(
        pl.col("entry_date").is_between(window["start_date"], window["end_date"])
    )
    if entries.is_empty():
        raise DataError(
            f"Customer {customer_id!r} has no entry in this time.",
            "Check the number, and whether his orders were set aside: shop.rejected('orders').",
        )
    memo = shop.fetch("customer_forgone_fees", customer_id=str(customer_id)).filter(
        pl.col("occurred_on").is_between(window["start_date"], window["end_date"])
    )
    is_acquisition = entries["pnl_line"] == "acquisition"
    total = Decimal(entries["amount"].sum())
    return Explanation(
        table=entries.select(
            "entry_date", "order_id", "pnl_line", "measure", "amount", "avoidable",
            pl.col("rule_id").replace_strict(RULES, default=pl.col("rule_id")).alias("rule"),
            "provenance", "account", "source_table", "source_key",
        ),
        customer_id=str(customer_id), forgone_fees=memo, customer_profit=total,
        contribution=total - Decimal(entries.filter(is_acquisition)["amount"].sum()), currency=shop.currency,
    )  # fmt: skip
