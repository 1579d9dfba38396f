"""Signs of looking inward: what customers feel, how the operation runs, what it earns, and what waiting costs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.profit.waterfall import customer_profit
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse

Window = tuple[dt.date, dt.date]
WINDOW_DAYS = 365
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
        peers publish none), `is_worse`: higher than before by more than two standard errors, for all or for those who
        stayed; `is_above_benchmark`: higher than the benchmark by as much; `value_stayed`, `before_stayed`: of the
        customers who bought in both windows; `is_better`: lower than before by as much, and for them, too;
        `improved_by_leaving`: lower only because those who had it worst have left. For every sign higher is worse.
    profit
        What all this brings, shown apart: `figure`, `value`, `before`; money a customer or an order.
    customer_side
        By segment what a customer receives, pays and waits for an order, and what he receives beyond what he pays.
    missing
        `sign`, `needs`.
    start, end
        The window, inclusive; the one before it is as long.
    """

    profit: pl.DataFrame
    customer_side: pl.DataFrame
    missing: pl.DataFrame
    start: dt.date
    end: dt.date

    kinds: ClassVar[Mapping[str, Kind]] = {"value": "number", "before": "number", "benchmark": "number"}

    @property
    def title(self) -> str:
        """Which signs got worse, and which stand above the benchmark."""
        worse = self.table.filter("is_worse")["sign"].to_list()
        above = self.table.filter("is_above_benchmark")["sign"].to_list()
        parts = [f"worse than before: {', '.join(worse)}" if worse else "no sign got worse"]
        if above:
            parts.append(f"worse than peers: {', '.join(above)}")
        if left := self.table.filter("improved_by_leaving")["sign"].to_list():
            parts.append(f"lower only because those who had it worst left: {', '.join(left)}")
        n = self.table.height
        return f"Of {n} sign{'' if n == 1 else 's'} of looking inward, " + "; ".join(parts)


@checked
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
    table = _compared(
        _signs(shop, now, None), _signs(shop, before, None), _signs(shop, now, before), _signs(shop, before, now)
    )
    measured = set(table["sign"])
    missing = [(sign, needs) for sign, needs in NEEDS.items() if sign not in measured]
    return InwardPanel(
        table=table, profit=_profit(shop, now, before),
        customer_side=shop.fetch("customer_side", start_date=now[0], end_date=now[1]),
        missing=pl.DataFrame(missing, schema=["sign", "needs"], orient="row"),
        start=now[0], end=now[1], currency=shop.currency,
    )  # fmt: skip


def _signs(shop: Warehouse, window: Window, other: Window | None) -> pl.DataFrame:
    """Fetch the signs of a window, of those only who bought in the other one, too, where it is given."""
    start, end = other or (None, None)
    return shop.fetch("inward_signs", start_date=window[0], end_date=window[1], other_start=start, other_end=end)


def _compared(now: pl.DataFrame, before: pl.DataFrame, now_stayed: pl.DataFrame, stayed: pl.DataFrame) -> pl.DataFrame:
    """Put the windows side by side and say which changes are beyond chance, for all and for those who stayed."""
    own = pl.col("variance").fill_null(0.0) / pl.col("n")
    pairs = [_changed(now, before), _changed(now_stayed, stayed).rename(lambda name: f"{name}_stayed")]
    both = pairs[0].join(pairs[1], left_on="sign", right_on="sign_stayed", how="left")
    # of what is no customer's there are none who stayed
    of_customers = pl.col("value_stayed").is_not_null() & pl.col("before_stayed").is_not_null()
    fell, fell_stayed = pl.col("is_lower"), pl.col("is_lower_stayed").fill_null(value=False)
    return both.select(
        "sign", "aspect", "unit", "n", "value", "before", "benchmark",
        is_worse=pl.col("is_higher") | pl.col("is_higher_stayed").fill_null(value=False),
        is_above_benchmark=(pl.col("value") > pl.col("benchmark") + BEYOND_CHANCE * own.sqrt()).fill_null(value=False),
        value_stayed="value_stayed", before_stayed="before_stayed",
        is_better=fell & (fell_stayed | ~of_customers),
        improved_by_leaving=fell & ~fell_stayed & of_customers,
    ).sort(pl.col("aspect") == "operation", "sign")  # fmt: skip


def _changed(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Set each sign beside its figure before; `is_higher` and `is_lower` are beyond chance."""
    both = now.join(before.select("sign", "n", "value", "variance"), on="sign", how="left", suffix="_before")
    error = (
        pl.col("variance").fill_null(0.0) / pl.col("n") + pl.col("variance_before").fill_null(0.0) / pl.col("n_before")
    ).sqrt()
    change = pl.col("value") - pl.col("value_before")
    return both.select(
        pl.all().exclude("n_before", "value_before", "variance_before"), before="value_before",
        is_higher=(change > BEYOND_CHANCE * error).fill_null(value=False),
        is_lower=(change < -BEYOND_CHANCE * error).fill_null(value=False),
    )  # fmt: skip


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
