"""Profit and loss per customer and order: every line from one sub-ledger, so that all views add up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from custvalue.data.purchases import to_date
from custvalue.door import checked
from custvalue.errors import DataError, MissingInputError
from custvalue.profit.conservation import gap_text
from custvalue.profit.views import COMPANY_LINES, by_segment, whole, with_company_lines, with_facility
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse

Per = Literal["customer", "order", "segment", "month", "company"]
KEYS: dict[str, str] = {"customer": "customer_id", "order": "order_id", "segment": "segment", "month": "period",
                        "company": "company"}  # fmt: skip
PLURALS = {"company": "companies"}
SUBTOTALS = {
    "net_revenue": ("gross_list", "service_fees", "discounts", "refunds"),
    "gross_margin": ("net_revenue", "cost_of_goods", "parts_cost", "goods_recovered", "write_down"),
    "contribution": (
        "gross_margin", "delivery_charged", "carrier_cost", "payment_fees", "returns_handling", "support",
        "service_time", "courtesy", "adjustments",
    ),
    "customer_profit": ("contribution", "acquisition"),
}  # fmt: skip
"""Each subtotal is the sum of the lines after it; income is positive, costs are negative."""

PLAIN_LINES = tuple(part for parts in SUBTOTALS.values() for part in parts if part not in SUBTOTALS)
"""The lines that entries are booked on, in the order of the waterfall."""

SERVICE_LINES = ("carrier_cost", "payment_fees", "returns_handling", "support", "service_time", "courtesy")
"""What serving an order costs; delivery charged is income and stands against it."""

OPTIONAL_LINES = ("service_fees", "parts_cost", "service_time", "adjustments")
"""Nothing is missing where a shop has no services, and only a flat export has adjustments."""

NEEDED_FOR = {"gross_margin": "cost_of_goods"}
"""A subtotal is not shown where this line can't be computed: a margin without cost would be a lie."""


@dataclass(frozen=True, kw_only=True)
class CustomerProfit(Result):
    """Profit and loss, one row per customer (or order), by line.

    Attributes
    ----------
    table
        `customer_id` (or the key of `per`), then lines and subtotals of the waterfall; ex tax, income positive,
        costs negative. By segment also `n_customers`, `profit_per_customer` and, where a ledger is loaded,
        `allocated_facility` (by net revenue) and `after_facility`. By month and for the company, where
        a ledger is loaded, `facility`, `unused_capacity`, `without_rule` and `result`, which is the ledger's.
    company
        The same lines for the company: all customers and the unattributed rows, one row.
    unattributed
        The lines of orders without a customer, one row.
    missing
        `pnl_line`, `needs`, `gives`: lines left out because their input is not loaded, and work or goods without a
        cost inside a line that is there; never taken for zero.
    uncosted_sales
        Sales of goods without a cost in the window. The margin of a customer or an order with such goods is null.
    start, end
        First and last posting day, inclusive.
    per
        `customer`, `order`, `segment`, `month` or `company`: what a row of the table is.
    """

    company: pl.DataFrame
    unattributed: pl.DataFrame
    missing: pl.DataFrame
    start: dt.date
    end: dt.date
    per: str = "customer"
    uncosted_sales: Decimal = Decimal(0)

    @property
    def title(self) -> str:
        """What is left of every 100 earned; where costs are not loaded, what is known instead."""
        total = self.company.row(0, named=True)
        revenue = f"{total['net_revenue']:,.0f} {self.currency} of net revenue"
        if "gross_margin" not in total:
            nobody = self.unattributed["net_revenue"].sum()
            of_it = f", {nobody:,.0f} of it without a customer" if nobody and self.per == "customer" else ""
            return f"{revenue} from {self._rows()}{of_it}; {self._costs_in()}"
        share = total["contribution"] / total["net_revenue"] * 100 if total["net_revenue"] else Decimal(0)
        if self.per == "company":
            last = (
                f", {self.table['result'].item():,.0f} are the ledger's result"
                if "result" in self.table.columns
                else ""
            )
            return f"{share:.0f} % of {revenue} are contribution{last}"
        losing = self.table.filter(pl.col("contribution") < 0).height
        if self.uncosted_sales:
            unknown = self.table["contribution"].null_count()
            return (
                f"Goods sold for {self.uncosted_sales:,.0f} {self.currency} have no cost, so contribution is too high; "
                f"{losing:,} of the {self.table.height - unknown:,} {self._plural()} with all costs lose money"
            )
        return f"{share:.0f} % of {revenue} are contribution; {losing:,} of {self._rows()} lose money"

    def _costs_in(self) -> str:
        """Say which costs contribution is after, where the cost of goods is not loaded."""
        total = self.company.row(0, named=True)
        known = [line.replace("_", " ") for line in ("parts_cost", *SERVICE_LINES) if total.get(line)]
        if not known:
            return "no costs are loaded, so contribution is revenue"
        return f"contribution is before the cost of goods, which is not loaded, and after {', '.join(known)}"

    def _rows(self) -> str:
        n = self.table.height
        return f"{n:,} {self.per if n == 1 else self._plural()}"

    def _plural(self) -> str:
        return PLURALS.get(self.per, f"{self.per}s")

    @property
    def has_margin(self) -> bool:
        """True where goods have a cost, so that a margin can be computed."""
        return "gross_margin" in self.company.columns

    def cost_to_serve(self) -> pl.DataFrame:
        """Return `customer_id`, `cost_to_serve` (positive, less what delivery brought in) and `gross_margin`."""
        lines = [line for line in ("delivery_charged", *SERVICE_LINES) if line in self.table.columns]
        cost = -pl.sum_horizontal(lines) if set(lines) & set(SERVICE_LINES) else pl.lit(None, dtype=pl.Float64)
        margin = [pl.col("gross_margin").cast(pl.Float64)] if self.has_margin else []
        return self.table.select("customer_id", cost.cast(pl.Float64).alias("cost_to_serve"), *margin)

    def margin_rate(self) -> float | None:
        """Gross margin as a share of sales less discounts; None where goods have no cost."""
        sales = float(self._company("gross_list") + self._company("discounts"))
        return float(self._company("gross_margin")) / sales if self.has_margin and sales else None

    def service_cost_per_order(self, n_orders: int) -> float:
        """Net cost of serving one order: what delivery brought in less every service line."""
        lines = ("delivery_charged", *SERVICE_LINES)
        return -float(sum(self._company(line) for line in lines)) / n_orders if n_orders else 0.0

    def _company(self, line: str) -> Decimal:
        return Decimal(self.company[line].item()) if line in self.company.columns else Decimal(0)

    @property
    def lines(self) -> list[str]:
        """Lines and subtotals, in the order of the waterfall."""
        return [name for name in self.company.columns if name != "customer_id"]


@checked
def customer_profit(
    shop: Warehouse, start: str | dt.date | None = None, end: str | dt.date | None = None, *,
    per: Per = "customer",
) -> CustomerProfit:  # fmt: skip
    """Compute the profit and loss of every customer.

    Parameters
    ----------
    shop
        The warehouse.
    start, end
        First and last posting day, inclusive; default everything loaded.
    per
        What a row of the table is: a customer, an order (rows of no order are in none), a declared segment,
        a month of posting, or the company.

    Returns
    -------
    CustomerProfit
        Money as DECIMAL, exact to the cent.

    Raises
    ------
    MissingInputError
        No orders are loaded.
    DataError
        `per` is none of these.
    """
    if per not in KEYS:
        raise DataError(f"Profit has no view per {per!r}.", f"Take one of {', '.join(KEYS)}.")
    window = _window(shop, start, end)
    availability = shop.fetch("pnl_availability").sort("position")
    available = availability.filter("is_available")["pnl_line"].to_list()
    customers = _with_subtotals(shop.fetch("customer_profit", **window), "customer_id", available)
    lines = [name for name in customers.columns if name != "customer_id"]
    uncosted = shop.fetch("uncosted_sales", **window)
    table = _without_margin(customers.filter(pl.col("customer_id").is_not_null()), "customer_id", uncosted)
    unattributed = customers.filter(pl.col("customer_id").is_null()).select(lines)
    if per == "order":
        orders = _with_subtotals(shop.fetch("order_profit", **window), "order_id", available)
        table = _without_margin(orders, "order_id", uncosted)
    elif per == "segment":
        table = by_segment(shop, customers, lines)
        if (facility := _facility(shop, window)) is not None:
            table = with_facility(table, facility)
    elif per in ("month", "company"):
        months = with_company_lines(shop, _with_subtotals(shop.fetch("month_profit", **window), "period", available))
        table = months if per == "month" else whole(months)
    return CustomerProfit(
        table=table,
        company=customers.select(pl.col(lines).sum()),
        unattributed=unattributed if unattributed.height else unattributed.clear(1).fill_null(Decimal(0)),
        missing=_missing(shop, availability),
        start=window["start_date"], end=window["end_date"], per=per, currency=shop.currency,
        uncosted_sales=Decimal(uncosted["sales"].sum() or 0),
    )  # fmt: skip


def _missing(shop: Warehouse, availability: pl.DataFrame) -> pl.DataFrame:
    """List the lines whose input is not loaded, then the gaps inside lines that are there: those that lack a cost."""
    absent = availability.filter(~pl.col("is_available") & ~pl.col("pnl_line").is_in(OPTIONAL_LINES))
    gaps = shop.fetch("book_gaps").drop_nulls("pnl_line").sort("pnl_line", "source_table", "resource_id", "period")
    named = pl.DataFrame(
        [
            (gap["pnl_line"], gap_text(gap), "the cost that is missing here")
            for gap in gaps.filter(pl.col("amount") > 0).iter_rows(named=True)
        ],
        schema={"pnl_line": pl.String, "needs": pl.String, "gives": pl.String}, orient="row",
    )  # fmt: skip
    return pl.concat([absent.select("pnl_line", "needs", "gives"), named])


def _without_margin(table: pl.DataFrame, key: str, uncosted: pl.DataFrame) -> pl.DataFrame:
    """State no margin for rows with goods that have no cost: it would be 100 % of their sales."""
    margins = [name for name in ("gross_margin", "contribution", "customer_profit") if name in table.columns]
    if uncosted.height == 0 or "gross_margin" not in margins:
        return table
    has_gap = pl.col(key).is_in(uncosted[key].drop_nulls().to_list())
    return table.with_columns(pl.when(~has_gap).then(pl.col(name)).alias(name) for name in margins)


def _window(shop: Warehouse, start: str | dt.date | None, end: str | dt.date | None) -> dict[str, dt.date]:
    span = shop.fetch("data_span").row(0, named=True)
    if span["first_day"] is None and not (shop.has("jobs") or shop.has("repairs")):
        raise MissingInputError("No orders are loaded.", "Load a table with customer_id, ordered_at and amount first.")
    # costs may be posted before the first order (acquisition) and after the last one (returns)
    return {
        "start_date": dt.date(1900, 1, 1) if start is None else to_date(start),
        "end_date": dt.date(2999, 12, 31) if end is None else to_date(end),
    }


def _facility(shop: Warehouse, window: dict[str, dt.date]) -> Decimal | None:
    """Sum the ledger's facility accounts over the months that begin in the window; None without a ledger."""
    if not (shop.has("gl_totals") and shop.has("gl_accounts")):
        return None
    tied = shop.fetch("ledger_reconciliation").filter(
        pl.col("period").is_between(window["start_date"], window["end_date"])
    )
    return Decimal(tied["facility"].sum() or 0)


def _with_subtotals(table: pl.DataFrame, key: str, available: list[str]) -> pl.DataFrame:
    """Order the lines as in the waterfall, each subtotal after its lines; leave out what can't be computed."""
    table = table.with_columns(_total(parts).alias(name) for name, parts in _expanded().items())
    shown = [key]
    for name, parts in SUBTOTALS.items():
        shown += [part for part in parts if part in available]
        if NEEDED_FOR.get(name) is None or NEEDED_FOR[name] in available:
            shown.append(name)
    return table.select(shown).sort(key, nulls_last=True)


def _expanded() -> dict[str, list[str]]:
    """Write each subtotal as the plain lines it is made of."""
    plain: dict[str, list[str]] = {}
    for name, parts in SUBTOTALS.items():
        plain[name] = [line for part in parts for line in plain.get(part, [part])]
    return plain


def _total(lines: list[str]) -> pl.Expr:
    return pl.sum_horizontal(pl.col(line) for line in lines)


def waterfall_steps(pnl: CustomerProfit) -> list[tuple[str, Any, bool]]:
    """List the company's steps as (name, amount, whether it is a subtotal), for tables and figures.

    The view of the company goes on to the ledger's result.
    """
    total = pnl.company.row(0, named=True)
    steps = [(name, total[name], name in SUBTOTALS) for name in pnl.lines]
    if pnl.per == "company" and "result" in pnl.table.columns:
        last = pnl.table.row(0, named=True)
        steps += [(name, last[name], name == "result") for name in (*COMPANY_LINES, "result")]
    return steps
