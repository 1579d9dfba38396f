"""Courtesies beyond the limits that the catalogue states: a yearly maximum, a stage not reached, a guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.profit.waterfall import _window
from custvalue.results import Result

if TYPE_CHECKING:
    import datetime as dt

    from custvalue.data.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class CourtesyLimits(Result):
    """What was granted beyond the catalogue's own limits.

    Attributes
    ----------
    table
        By measure: `guard` (in the catalogue's words; whoever grants has to mind it, no table tells),
        `max_per_customer_year`, `n_beyond` courtesies more than that, to `n_customers_beyond`, at `cost_beyond`;
        `needs_stage`, `unmet` (the requirement that the company does not meet yet), `n_too_early` courtesies granted
        all the same, at `cost_too_early`. Dearest first. A courtesy can be both.
    start, end
        The window, inclusive.
    """

    start: dt.date
    end: dt.date

    @property
    def title(self) -> str:
        """What courtesies beyond a limit cost, and the measure that goes beyond it most."""
        if self.table.is_empty():
            return "The catalogue states no limit of a courtesy that was granted"
        beyond, early = float(self.table["cost_beyond"].sum()), float(self.table["cost_too_early"].sum())
        n_beyond, n_early = self.table["n_beyond"].sum(), self.table["n_too_early"].sum()
        if not n_beyond and not n_early:
            return "No courtesy was granted beyond the catalogue's limits"
        parts = []
        if n_beyond:
            most = self.table.sort(["cost_beyond", "measure_id"], descending=[True, False]).row(0, named=True)
            noun = "courtesy" if n_beyond == 1 else "courtesies"
            parts.append(
                f"{n_beyond:,} {noun} beyond the yearly maximum cost {beyond:,.0f} {self.currency}, most of it"
                f" {most['measure']}, {most['cost_beyond']:,.0f}"
            )
        if n_early:
            parts.append(f"{n_early:,} before their stage was reached, {early:,.0f} {self.currency}")
        return "; ".join(parts)


@checked
def courtesy_limits(
    shop: Warehouse, start: str | dt.date | None = None, end: str | dt.date | None = None
) -> CourtesyLimits:
    """Count the courtesies beyond the yearly maximum, the stage and the guard that the catalogue states.

    Parameters
    ----------
    shop
        The warehouse.
    start, end
        First and last day of the events, inclusive; default everything loaded.

    Returns
    -------
    CourtesyLimits
        Money as DECIMAL, exact to the cent.

    Raises
    ------
    MissingInputError
        No catalogue of measures is loaded.
    """
    if not shop.has("courtesy_catalogue"):
        raise MissingInputError("Table courtesy_catalogue is not loaded.", "It states the limits of each courtesy.")
    window = _window(shop, start, end)
    table = shop.fetch("courtesy_limits", **window)
    worst = pl.max_horizontal("cost_beyond", "cost_too_early")
    return CourtesyLimits(
        table=table.sort(worst, "measure_id", descending=[True, False]),
        start=window["start_date"], end=window["end_date"], currency=shop.currency,
    )  # fmt: skip
