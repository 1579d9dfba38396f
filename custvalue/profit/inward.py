"""Signs of looking inward: what customers feel, how the operation runs, what it earns, and what waiting costs."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from custvalue.errors import MissingInputError
from custvalue.profit.waterfall import customer_profit
from custvalue.results import Kind, Result
from custvalue.validation import takes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse

WINDOW_DAYS = 365
FOLLOW_DAYS = 180
BEYOND_CHANCE = 2.0
"""Standard errors from which a change is called one."""
NEEDS = {
    "customers who did not come back": "orders of two years with a customer_id",
    "complaints": "contacts.complaint",
    "waiting on hold": "contacts.wait_s",
    "waiting for the goods": "deliveries.delivered_at",
    "late deliveries": "deliveries.promised_to and delivered_at",
    "width of the delivery promise": "deliveries.promised_from and promised_to",
    "orders with goods sent back": "returns",
    "transfers between departments": "contacts.transfers",
    "answers that differ from the usual one": "contacts.answer_code and reason",
    "contacts not solved at once": "contacts.resolved_first",
    "handling of a contact": "contacts.handle_s",
    "inventory": "stock: value of the goods on hand, by day of counting",
}


@dataclass(frozen=True, kw_only=True)
class InwardPanel(Result):
    """Signs of looking inward, against the window before and against peers.

    Attributes
    ----------
    table
        `sign`, `aspect` (what customers feel, or operation), `unit`, `n`, `value`, `before`, `benchmark` (null where
        peers publish none), `is_worse`: higher than before by more than two standard errors, `is_above_benchmark`:
        higher than the benchmark by as much. For every sign higher is worse.
    profit
        What all this brings, shown apart: `figure`, `value`, `before`; money a customer or an order.
    customer_side
        By segment what a customer receives, pays and waits for an order.
    waiting
        Orders delivered late and on time: carrier's cost, who came back within `follow_days`, what was earned on
        them then. A comparison, not an experiment.
    missing
        `sign`, `needs`.
    start, end
        The window, inclusive; the one before it is as long.
    """

    profit: pl.DataFrame
    customer_side: pl.DataFrame
    waiting: pl.DataFrame
    missing: pl.DataFrame
    start: dt.date
    end: dt.date
    follow_days: int = FOLLOW_DAYS

    kinds: ClassVar[Mapping[str, Kind]] = {"value": "number", "before": "number", "benchmark": "number"}

    @property
    def title(self) -> str:
        """Which signs got worse, and which stand above the benchmark."""
        worse = self.table.filter("is_worse")["sign"].to_list()
        above = self.table.filter("is_above_benchmark")["sign"].to_list()
        parts = [f"worse than before: {', '.join(worse)}" if worse else "no sign got worse"]
        if above:
            parts.append(f"worse than peers: {', '.join(above)}")
        n = self.table.height
        return f"Of {n} sign{'' if n == 1 else 's'} of looking inward, " + "; ".join(parts)

    @property
    def department_against_company(self) -> str:
        """What one department saves with late deliveries, and what the company earns less on those who waited."""
        if self.waiting.height < 2:
            return "Deliveries that were late can't be compared with those on time"
        on_time, late = self.waiting.sort("is_late").rows(named=True)
        saved = on_time["carrier_cost"] - late["carrier_cost"]
        lost = on_time["later_contribution"] - late["later_contribution"]
        error = math.sqrt(sum(row["later_variance"] / row["n_orders"] for row in (on_time, late)))
        chance = "" if abs(lost) > BEYOND_CHANCE * error else " (within chance)"
        carrier = (
            f"costs {saved:,.2f} {self.currency} less" if saved > 0 else f"costs {-saved:,.2f} {self.currency} more"
        )
        return (
            f"A late delivery {carrier} than one on time; whoever waited then brings {abs(lost):,.2f} "
            f"{'less' if lost >= 0 else 'more'} in {self.follow_days} days{chance}"
        )


@takes("Warehouse")
def inward_signs(shop: Warehouse, end: str | dt.date | None = None, days: int = WINDOW_DAYS) -> InwardPanel:
    """Measure the signs of looking inward in a window and in the one before it.

    Parameters
    ----------
    shop
        The warehouse.
    end
        Last day of the window, inclusive; default the last day with an order.
    days
        Length of the window.

    Raises
    ------
    MissingInputError
        No orders are loaded.
    """
    from custvalue.data.purchases import to_date

    last = shop.fetch("data_span")["last_day"].item()
    if last is None:
        raise MissingInputError("No orders are loaded.", "Load a table with customer_id, ordered_at and amount first.")
    day = last if end is None else to_date(end)
    now = (day - dt.timedelta(days=days - 1), day)
    before = (now[0] - dt.timedelta(days=days), now[0] - dt.timedelta(days=1))
    table = _compared(*(shop.fetch("inward_signs", start_date=a, end_date=b) for a, b in (now, before)))
    measured = set(table["sign"])
    missing = [(sign, needs) for sign, needs in NEEDS.items() if sign not in measured]
    return InwardPanel(
        table=table, profit=_profit(shop, now, before), waiting=shop.fetch("waiting_losses", follow_days=FOLLOW_DAYS),
        customer_side=shop.fetch("customer_side", start_date=now[0], end_date=now[1]),
        missing=pl.DataFrame(missing, schema=["sign", "needs"], orient="row"),
        start=now[0], end=now[1], currency=shop.currency,
    )  # fmt: skip


def _compared(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Put the windows side by side and say which changes are beyond chance."""
    both = now.join(before.select("sign", "n", "value", "variance"), on="sign", how="left", suffix="_before")
    own = pl.col("variance").fill_null(0.0) / pl.col("n")
    error = (own + pl.col("variance_before").fill_null(0.0) / pl.col("n_before")).sqrt()
    return both.select(
        "sign", "aspect", "unit", "n", "value", pl.col("value_before").alias("before"), "benchmark",
        is_worse=(pl.col("value") > pl.col("value_before") + BEYOND_CHANCE * error).fill_null(value=False),
        is_above_benchmark=(pl.col("value") > pl.col("benchmark") + BEYOND_CHANCE * own.sqrt()).fill_null(value=False),
    ).sort(pl.col("aspect") == "operation", "sign")  # fmt: skip


def _profit(shop: Warehouse, now: tuple[dt.date, dt.date], before: tuple[dt.date, dt.date]) -> pl.DataFrame:
    """Return what a customer and an order brought in both windows; lines that can't be computed stay out."""
    columns = [_figures(shop, *window) for window in (now, before)]
    names = [name for name in columns[0] if name in columns[1]]
    rows = [(name, columns[0][name], columns[1][name]) for name in names]
    return pl.DataFrame(
        rows, schema=["figure", "value", "before"], orient="row", schema_overrides={"value": pl.Float64}
    )


def _figures(shop: Warehouse, start: dt.date, end: dt.date) -> dict[str, float]:
    pnl = customer_profit(shop, start, end)
    total: dict[str, Any] = pnl.company.row(0, named=True)
    n_orders = customer_profit(shop, start, end, per="order").table.filter(pl.col("gross_list") > 0).height
    if not n_orders or not pnl.table.height:
        return {}
    figures = {
        "net revenue an order": float(total["net_revenue"]) / n_orders,
        "orders a customer": n_orders / pnl.table.height,
    }
    if pnl.has_margin:
        figures["contribution an order"] = float(total["contribution"]) / n_orders
        figures["contribution a customer"] = float(total["contribution"]) / pnl.table.height
    return {name: round(value, 2) for name, value in figures.items()}
