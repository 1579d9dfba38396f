"""Unprofitable customers: the line that makes them so, and what an action on it would free."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.results import Result
from custvalue.validation import check_choice

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse
    from custvalue.profit.waterfall import CustomerProfit

MONEY = pl.Decimal(18, 2)
CAUSES = {
    "low prices": ("discounts",),
    "dear goods": ("cost_of_goods", "goods_recovered", "parts_cost"),
    "returns": ("write_down", "returns_handling"),
    "delivery": ("carrier_cost", "delivery_charged"),
    "payment": ("payment_fees",),
    "support": ("support", "service_time"),
    "courtesy": ("courtesy",),
    "acquisition": ("acquisition",),
}
"""Lines that belong together: what delivery brings in stands against what it costs. A refund is none of them: it undoes
a sale, so it is taken off the sales; what a return costs is what the goods lost and the work on them."""

ACTIONS = {
    "low prices": ("price", "no more than the usual discount"),
    "dear goods": ("price", "a price that earns the usual margin"),
    "returns": ("advice", "better advice, so that no more goods come back than usual"),
    "delivery": ("threshold", "a fee, or a higher basket for free delivery"),
    "payment": ("channel", "a cheaper way to pay"),
    "support": ("channel", "a cheaper channel of support"),
    "courtesy": ("withdraw", "the courtesies beyond the rules, with notice; what a rule gives to all stays"),
    "acquisition": ("channel", "a cheaper channel of acquisition"),
}


@dataclass(frozen=True, kw_only=True)
class Unprofitable(Result):
    """Customers who lose money, and why.

    Attributes
    ----------
    table
        `customer_id`, `profit` (below zero), `cause`: the group of lines that takes most beyond what it takes of the
        company's sales less refunds; `excess`, that much in money; `frees`, the part of it that would be saved (paid
        time only as far as it is avoidable; of a courtesy all that is avoidable and was granted beyond the rules: what
        is his right, or free to everybody by a rule, can't be withdrawn from one customer); `action`. Largest loss
        first.
    actions
        `action`, `cause`, `what`, `n_customers` who take more than usual there, `n_mainly` of them for whom it is the
        cause, `frees` from all of them; dearest first. The last row are those who lose money after all of it.
    line
        What was taken for profit.
    n_customers
        All customers looked at.
    """

    actions: pl.DataFrame
    line: str
    n_customers: int

    @property
    def title(self) -> str:
        """How many lose how much, and the action that frees most."""
        if self.table.height == 0:
            return f"None of {self.n_customers:,} customers loses money"
        lost, best = -self.table["profit"].sum(), self.actions.row(0, named=True)
        return (
            f"{self.table.height:,} of {self.n_customers:,} customers lose {lost:,.0f} {self.currency}; "
            f"{best['cause']} is where most could be saved, {best['frees']:,.0f}"
        )


@checked
def unprofitable(shop: Warehouse, pnl: CustomerProfit, line: str = "contribution") -> Unprofitable:
    """Find the customers who lose money, the line that makes them so, and what an action frees.

    A customer's cause is found by comparison: each group of lines takes a share of the company's sales less refunds;
    what it takes of a customer's beyond this share is its excess, and the largest is the cause. Money freed assumes
    that customers go on buying as they do; whether they would is a question for a test.

    Parameters
    ----------
    shop, pnl
        The warehouse, and its profit and loss per customer.
    line
        `contribution` or `customer_profit`.

    Raises
    ------
    MissingInputError
        Goods have no cost: nobody can be called unprofitable.
    """
    check_choice("line", line, ("contribution", "customer_profit"))
    if not pnl.has_margin:
        raise MissingInputError(
            "Goods have no cost, so nobody can be called unprofitable.", "Load unit_cost of order_lines or products."
        )
    groups = {cause: lines for cause, lines in CAUSES.items() if line == "customer_profit" or cause != "acquisition"}
    usual = pl.col("cause").replace_strict(_usual(pnl, groups))
    losing = pnl.table.filter(pl.col(line) < 0).select("customer_id", sales=_sales(pnl.table), profit=pl.col(line))
    by_cause = (
        losing.join(_taken(shop, pnl, groups), on="customer_id")
        .join(_beyond_rules(shop, pnl), on="customer_id", how="left")
        .with_columns(excess=-pl.col("amount") - pl.col("sales") * usual, beyond=pl.col("beyond").fill_null(0.0))
        .with_columns(frees=_freed().round(2).cast(MONEY), excess=pl.col("excess").round(2).cast(MONEY))
        .sort(["customer_id", "excess", "cause"], descending=[False, True, False])
    )
    action = pl.col("cause").replace_strict({cause: name for cause, (name, _) in ACTIONS.items()})
    main = by_cause.group_by("customer_id", maintain_order=True).first()
    return Unprofitable(
        table=main.select("customer_id", "profit", "cause", "excess", "frees", action.alias("action")).sort(
            "profit", "customer_id"
        ),
        actions=_actions(by_cause, main), line=line, n_customers=pnl.table.height, currency=pnl.currency,
    )  # fmt: skip


def _taken(shop: Warehouse, pnl: CustomerProfit, groups: dict[str, tuple[str, ...]]) -> pl.DataFrame:
    """Sum each customer's lines by cause, full and avoidable, as floats to compare by."""
    cause_of = {name: cause for cause, names in groups.items() for name in names}
    lines = shop.fetch("customer_lines", start_date=pnl.start, end_date=pnl.end)
    known = lines.filter(pl.col("pnl_line").is_in(list(cause_of)))
    return known.group_by("customer_id", pl.col("pnl_line").replace_strict(cause_of).alias("cause")).agg(
        pl.col("amount", "avoidable").cast(pl.Float64).sum()
    )


def _beyond_rules(shop: Warehouse, pnl: CustomerProfit) -> pl.DataFrame:
    """Return by customer what would be saved of the courtesies granted beyond the rules, as `beyond`."""
    costs = shop.fetch("courtesy_costs", start_date=pnl.start, end_date=pnl.end)
    granted = costs.filter(pl.col("granted") == "beyond rule", pl.col("customer_id").is_not_null())
    return granted.group_by("customer_id").agg(pl.col("avoidable_cost").cast(pl.Float64).sum().alias("beyond"))


def _sales(lines: pl.DataFrame) -> pl.Expr:
    """Return what was sold and kept: sales at list and services, less refunds; never below zero."""
    held = [name for name in ("gross_list", "service_fees", "refunds") if name in lines.columns]
    return pl.sum_horizontal(pl.col(held).cast(pl.Float64)).clip(lower_bound=0.0)


def _usual(pnl: CustomerProfit, groups: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """Return what each cause takes of the company's sales less refunds."""
    total = pnl.company.row(0, named=True)
    sales = pnl.company.select(_sales(pnl.company)).item() or 1.0
    return {
        cause: -sum(float(total.get(name, Decimal(0))) for name in names) / sales for cause, names in groups.items()
    }


def _freed() -> pl.Expr:
    """Return what an action saves: the avoidable part of the excess; of a courtesy what the rules don't ask for."""
    share = pl.when(pl.col("amount") < 0).then(pl.col("avoidable") / pl.col("amount")).otherwise(0.0)
    withdrawn = pl.min_horizontal("beyond", -pl.col("avoidable"))
    return (
        pl.when(pl.col("cause") == "courtesy").then(withdrawn).otherwise(pl.col("excess") * share).clip(lower_bound=0.0)
    )


def _actions(by_cause: pl.DataFrame, main: pl.DataFrame) -> pl.DataFrame:
    """Sum what each action frees, and count who loses money whatever is done."""
    mainly = main.group_by("cause").agg(pl.len().alias("n_mainly"))
    summed = (
        by_cause.filter(pl.col("frees") > 0)
        .group_by("cause")
        .agg(pl.len().alias("n_customers"), pl.col("frees").sum())
        .join(mainly, on="cause", how="left")
        .with_columns(
            pl.col("n_mainly").fill_null(0),
            action=pl.col("cause").replace_strict({cause: name for cause, (name, _) in ACTIONS.items()}),
            what=pl.col("cause").replace_strict({cause: what for cause, (_, what) in ACTIONS.items()}),
        )
        .sort(["frees", "cause"], descending=[True, False])
    )
    after = by_cause.group_by("customer_id").agg(pl.col("profit").first() + pl.col("frees").sum())
    still = after.filter(pl.col("profit") < 0)
    last = summed.clear().vstack(
        pl.DataFrame(
            {"cause": "whatever is done", "n_customers": still.height, "frees": -(still["profit"].sum() or 0),
             "n_mainly": still.height, "action": "withdraw", "what": "the offer itself: let them go, with notice"}
        ).select(pl.col(name).cast(dtype) for name, dtype in summed.schema.items())
    )  # fmt: skip
    return pl.concat([summed, last.filter(pl.col("n_customers") > 0)]).select(
        "action", "cause", "what", "n_customers", "n_mainly", "frees"
    )
