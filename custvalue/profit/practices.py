"""What a department saves by how it works, and what the company earns less for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.results import Kind, Result
from custvalue.validation import is_number, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse

FOLLOW_DAYS = 180
BEYOND_CHANCE = 1.96
UNITS = {
    "late delivery": "day late", "delivery promise wider than usual": "hour of the promise",
    "contact handed on": "transfer", "wait on hold longer than usual": "minute on hold",
}  # fmt: skip
"""What one more of makes a practice worse; a contact that was not solved has no size."""


@dataclass(frozen=True, kw_only=True)
class DepartmentAgainstCompany(Result):
    """Practices of departments: what each saves its department, and what the company earns less after it.

    Attributes
    ----------
    table
        By `practice` and `department`: `n` cases and `n_other` (done better); `department_saves`, money a case (null
        where the department's cost is not known); `company_loses`, contribution a case within `follow_days`, with its
        95 % interval; `is_beyond_chance`; `unit`, `more` units in such a case than in another, `loses_per_unit`;
        `total`, what all cases together took from the company beyond what they saved. Largest loss first. Cases are
        compared within declared segments, weighed by where the practice is followed. A comparison, not an experiment:
        who waited may differ in more than that.
    follow_days
        How long each case was followed.
    """

    follow_days: int

    kinds: ClassVar[Mapping[str, Kind]] = {"more": "number", "loses_per_unit": "money"}

    @property
    def title(self) -> str:
        """The practice that takes most from the company, or that none is beyond chance."""
        sure = self.table.filter(pl.col("is_beyond_chance") & (pl.col("company_loses") > 0))
        if self.table.is_empty():
            return "No practice of a department can be compared"
        if sure.is_empty():
            n = self.table.height
            return f"None of {n} practices of departments costs the company more than chance explains"
        row = sure.row(0, named=True)
        saves = row["department_saves"]
        own = (
            "" if saves is None else f" It {'saves' if saves >= 0 else 'costs'} {row['department']} {abs(saves):,.2f}."
        )
        return (
            f"After a {row['practice']} a customer brings {row['company_loses']:,.2f} {self.currency} less"
            f" ({row['loses_low']:,.2f} to {row['loses_high']:,.2f}) in {self.follow_days} days.{own}"
        )


@checked
def department_against_company(shop: Warehouse, follow_days: int = FOLLOW_DAYS) -> DepartmentAgainstCompany:
    """Compare what departments save by how they work with what customers bring the company afterwards.

    Late deliveries, wide delivery promises, contacts not solved at once, contacts handed on and long waits: as far as
    deliveries and contacts tell.

    Parameters
    ----------
    shop
        The warehouse.
    follow_days
        How long a customer's contribution is followed after each case; younger cases are left out.

    Returns
    -------
    DepartmentAgainstCompany
        Money as floats: means of cases.

    Raises
    ------
    DataError
        `follow_days` is no whole number of days.
    """
    if not (is_number(follow_days) and 1 <= follow_days <= 3650 and int(follow_days) == follow_days):
        raise DataError(f"follow_days={shown(follow_days)}: a whole number of days from 1 to 3,650 was expected.")
    cases = shop.fetch("practice_cases", follow_days=int(follow_days))
    rows = [row for (_,), group in cases.group_by("practice", maintain_order=True) if (row := _compared(group))]
    table = pl.DataFrame(rows, schema=SCHEMA).sort("total", "practice", descending=[True, False])
    return DepartmentAgainstCompany(table=table, follow_days=int(follow_days), currency=shop.currency)


SCHEMA = {
    "practice": pl.String, "department": pl.String, "n": pl.Int64, "n_other": pl.Int64,
    "department_saves": pl.Float64, "company_loses": pl.Float64, "loses_low": pl.Float64, "loses_high": pl.Float64,
    "is_beyond_chance": pl.Boolean, "unit": pl.String, "more": pl.Float64, "loses_per_unit": pl.Float64,
    "total": pl.Float64,
}  # fmt: skip


def _compared(cases: pl.DataFrame) -> dict[str, object] | None:
    """Set the cases of a practice against the others, segment by segment; None where no segment has two of both."""
    so, other = (cases.filter(pl.col("is_so") == way, pl.col("n") > 1) for way in (True, False))
    both = so.join(other, on="segment", suffix="_other")
    if both.is_empty():
        return None
    n = both["n"].sum()
    weight = pl.col("n") / n
    loses, variance, saves, more = both.select(
        loses=(weight * (pl.col("later_other") - pl.col("later"))).sum(),
        variance=(
            weight**2 * (pl.col("later_variance") / pl.col("n") + pl.col("later_variance_other") / pl.col("n_other"))
        ).sum(),
        saves=(weight * (pl.col("own_cost_other") - pl.col("own_cost"))).sum(),
        more=(weight * (pl.col("size") - pl.col("size_other"))).sum(),
    ).row(0)
    half = BEYOND_CHANCE * float(variance) ** 0.5
    first = cases.row(0, named=True)
    saved = None if both["own_cost"].null_count() or both["own_cost_other"].null_count() else saves
    unit = UNITS.get(first["practice"])
    return {
        "practice": first["practice"], "department": first["department"], "n": n, "n_other": both["n_other"].sum(),
        "department_saves": saved, "company_loses": loses, "loses_low": loses - half, "loses_high": loses + half,
        "is_beyond_chance": abs(loses) > half, "unit": unit, "more": more if unit else None,
        "loses_per_unit": loses / more if unit and more > 0 else None, "total": n * (loses - (saved or 0.0)),
    }  # fmt: skip
