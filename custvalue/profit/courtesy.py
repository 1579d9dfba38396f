"""What each courtesy measure costs: by measure, segment, customer and department, in every view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl

from custvalue.errors import DataError, MissingInputError
from custvalue.profit.waterfall import _window
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse

By = Literal["measure", "segment", "customer", "department"]
KEYS: dict[str, list[str]] = {
    "measure": ["measure_id", "measure"],
    "segment": ["segment"],
    "customer": ["customer_id"],
    "department": ["granted_by_dept", "borne_by_dept"],
}


@dataclass(frozen=True, kw_only=True)
class CourtesyCost(Result):
    """Cost of courtesy measures in a window.

    Attributes
    ----------
    table
        By measure: `n_events`, `minutes`, and in money `full` (with its share of paid capacity),
        `avoidable` (what would be saved without it), `accounting` (ties to the sub-ledger), `economic`
        (what decides: a fee forgone counts whole, as long as no test shows that the order came because
        of it), `forgone_fee` (a memo, in no sum).
    events
        The same per measure, customer and departments.
    gross_margin
        Of the company in the window; None where goods have no cost.
    """

    events: pl.DataFrame
    gross_margin: float | None
    start: dt.date
    end: dt.date

    kinds: ClassVar[Mapping[str, Kind]] = {"minutes": "count"}

    def by(self, what: By) -> pl.DataFrame:
        """Sum the cost by measure, declared segment, customer, or departments that grant and bear it.

        Raises
        ------
        DataError
            `what` is none of these.
        """
        if what not in KEYS:
            raise DataError(f"Cost of courtesy has no view by {what!r}.", f"Take one of {', '.join(KEYS)}.")
        return _sum(self.events, KEYS[what])

    @property
    def courtesy_ratio(self) -> float | None:
        """Cost of courtesy as a share of gross margin; None where goods have no cost."""
        return float(self.table["full"].sum()) / self.gross_margin if self.gross_margin else None

    @property
    def title(self) -> str:
        """The cost of all courtesy, its share of the margin, and the dearest measure."""
        if self.table.height == 0:
            return "No courtesy was granted in this window"
        full, dearest = self.table["full"].sum(), self.table.row(0, named=True)
        share = f", {self.courtesy_ratio:.1%} of gross margin" if self.courtesy_ratio else ""
        part = dearest["full"] / full if full else 0
        return f"Courtesy cost {full:,.0f} {self.currency}{share}; {dearest['measure']} alone {part:.0%} of it"


def courtesy_cost(
    shop: Warehouse, start: str | dt.date | None = None, end: str | dt.date | None = None
) -> CourtesyCost:
    """Compute what each courtesy measure cost.

    Parameters
    ----------
    shop
        The warehouse; events are logged by the company or derived from its transactions.
    start, end
        First and last day of the events, inclusive; default everything loaded.

    Raises
    ------
    MissingInputError
        No catalogue of measures is loaded.
    """
    if not shop.has("courtesy_catalogue"):
        raise MissingInputError(
            "Table courtesy_catalogue is not loaded.", "It would give the cost of every courtesy measure."
        )
    window = _window(shop, start, end)
    events = shop.fetch("courtesy_costs", **window)
    segments = shop.fetch("customer_segments")
    events = events.join(segments, on="customer_id", how="left").with_columns(
        pl.col("segment").fill_null("not declared")
    )
    events = events.rename({"full_cost": "full", "avoidable_cost": "avoidable", "economic_cost": "economic"})
    events = events.with_columns(accounting=pl.col("full"))
    margin = _gross_margin(shop, window)
    return CourtesyCost(
        table=_sum(events, KEYS["measure"]), events=events, gross_margin=margin,
        start=window["start_date"], end=window["end_date"], currency=shop.currency,
    )  # fmt: skip


def _sum(events: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    money = ["full", "avoidable", "accounting", "economic", "forgone_fee"]
    table = events.group_by(keys).agg(
        pl.col("n_events").sum(), pl.col("customer_id").n_unique().alias("n_customers"),
        pl.col("minutes").sum().round(0), pl.col(money).sum(),
    )  # fmt: skip
    return table.sort(["full", *keys], descending=[True] + [False] * len(keys))


def _gross_margin(shop: Warehouse, window: dict[str, dt.date]) -> float | None:
    from custvalue.profit.waterfall import customer_profit

    company = customer_profit(shop, window["start_date"], window["end_date"]).company
    return float(company["gross_margin"].item()) if "gross_margin" in company.columns else None
