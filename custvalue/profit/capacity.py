"""Time-driven costing: what resources can do, what was used of it, and what nobody used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.data.warehouse import Warehouse

SUMS = ("practical_min", "needed_min", "used_min", "unused_min", "idle_min", "overload_min",
        "cost", "used_cost", "unused_cost")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CapacityUse(Result):
    """Practical capacity of each resource and month, used and unused.

    Attributes
    ----------
    table
        `resource_id`, `name`, `period`, minutes (`practical_min`, `needed_min`, `used_min`, `unused_min`, `idle_min`,
        `overload_min`), money (`cost`, `used_cost`, `unused_cost`, `avoidable_cost`), `used_share`, `is_overloaded`.
        Unused capacity is shown and never allocated; below zero, more was used than the practical capacity gives:
        unused = idle less overload. Of a month without a row in resources only what its work needs is known.
    """

    @property
    def overloaded(self) -> pl.DataFrame:
        """Resources and months that were used beyond their practical capacity."""
        return self.table.filter("is_overloaded")

    @property
    def by_resource(self) -> pl.DataFrame:
        """The whole time, one row per resource, with the number of overloaded months."""
        keys = ["resource_id", "name"]
        summed = self.table.group_by(keys).agg(
            pl.col(SUMS).sum(), pl.col("is_overloaded").sum().alias("n_overloaded"), pl.len().alias("n_months")
        )
        return summed.with_columns(used_share=_used()).sort(["unused_cost", "resource_id"], descending=[True, False])

    @property
    def title(self) -> str:
        """What paid time nobody used; then a warning of overload."""
        cost, unused = float(self.table["cost"].sum()), float(self.table["unused_cost"].sum())
        share = f" ({unused / cost:.0%})" if cost else ""
        said = f"{unused:,.0f} of {cost:,.0f} {self.currency}{share} paid for capacity was used by nobody"
        if self.overloaded.height == 0:
            return said
        first = self.overloaded.sort("used_share", descending=True).row(0, named=True)
        name, month, used = first["name"] or first["resource_id"], f"{first['period']:%Y-%m}", first["used_share"]
        if self.overloaded.height == 1:
            return f"{said}; {name} was overloaded in {month}, at {used:.0%}"
        return f"{said}; overloaded {self.overloaded.height} times, most in {month}: {name} at {used:.0%}"


@checked
def capacity_use(shop: Warehouse) -> CapacityUse:
    """Compare the minutes used with the practical capacity of every resource and month.

    Parameters
    ----------
    shop
        The warehouse; minutes come from contacts, inspections, handling and courtesies, measured or by the
        time equation of their activity (base minutes and terms).

    Raises
    ------
    MissingInputError
        No table of resources is loaded.

    References
    ----------
    Kaplan & Anderson (2004), Time-Driven Activity-Based Costing, Harvard Business Review 82(11), 131-138: cost
    rate = cost of the capacity / its practical minutes.
    """
    if not shop.has("resources"):
        raise MissingInputError("Table resources is not loaded.", "It would give what a minute costs, and unused time.")
    table = shop.fetch("capacity_use").with_columns(
        used_share=_used(), is_overloaded=(pl.col("used_min") > pl.col("practical_min")).fill_null(value=False)
    )
    return CapacityUse(table=table, currency=shop.currency)


def _used() -> pl.Expr:
    return pl.col("used_min") / pl.col("practical_min")
