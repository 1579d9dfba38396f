"""Who granted a courtesy and who bears it, and which segment gets which: two tables of one cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from custvalue.door import checked
from custvalue.results import Result

if TYPE_CHECKING:
    from custvalue.profit.courtesy import CourtesyCost

GRANTED, BORNE = "granted_by_dept", "borne_by_dept"


@dataclass(frozen=True, kw_only=True)
class GrantedAndBorne(Result):
    """Courtesy by the department that granted it (rows) and those that bear it (columns).

    Attributes
    ----------
    table
        `granted_by_dept`, one money column per bearer, `total`, and `own_share`, what came out of its own pocket.
    """

    @property
    def bearers(self) -> list[str]:
        """The columns."""
        return [name for name in self.table.columns if name not in (GRANTED, "total", "own_share")]

    @property
    def title(self) -> str:
        """How much is granted at the expense of colleagues, and who does it most."""
        others = self.table.with_columns(others=pl.col("total").cast(pl.Float64) * (1 - pl.col("own_share")))
        total, elsewhere = float(self.table["total"].sum() or 0), float(others["others"].sum())
        if not elsewhere or not total:
            return "Every department bears the courtesies that it grants"
        most = others.sort(["others", GRANTED], descending=[True, False]).row(0, named=True)
        return (
            f"{elsewhere / total:.0%} of courtesy is granted at the expense of other departments, "
            f"most by {most[GRANTED]}: {most['others']:,.0f} {self.currency}"
        )


@checked
def granted_and_borne(cost: CourtesyCost) -> GrantedAndBorne:
    """Set what departments granted against what they bear, in the accounting view."""
    pairs = cost.by("department").select(GRANTED, BORNE, "accounting").sort(GRANTED, BORNE)
    wide = pairs.pivot(BORNE, index=GRANTED, values="accounting", maintain_order=True).fill_null(0)
    bearers = sorted(name for name in wide.columns if name != GRANTED)
    own = pairs.filter(pl.col(GRANTED) == pl.col(BORNE)).select(GRANTED, own="accounting")
    total = pl.sum_horizontal(bearers) if bearers else pl.lit(0)
    share = pl.col("own").fill_null(0).cast(pl.Float64) / pl.col("total").cast(pl.Float64)
    table = wide.join(own, on=GRANTED, how="left").with_columns(total.alias("total"))
    shown = table.with_columns(own_share=pl.when(pl.col("total") != 0).then(share)).select(
        GRANTED, *bearers, "total", "own_share"
    )
    return GrantedAndBorne(table=shown.sort(GRANTED), currency=cost.currency)


@dataclass(frozen=True, kw_only=True)
class CourtesyBySegment(Result):
    """Courtesy by measure (rows) and declared segment (columns).

    Attributes
    ----------
    table
        `measure_id`, `measure`, one money column per segment, `total`; dearest measure first.
    """

    @property
    def segments(self) -> list[str]:
        """The columns."""
        return [name for name in self.table.columns if name not in ("measure_id", "measure", "total")]

    @property
    def title(self) -> str:
        """Which segment gets most, and by which measure."""
        if self.table.height == 0:
            return "No courtesy was granted in this window"
        sums = {name: float(self.table[name].sum()) for name in self.segments}
        most = max(sorted(sums), key=lambda name: sums[name])
        dearest = self.table.sort([most, "measure_id"], descending=[True, False]).row(0, named=True)
        return (
            f"{most} gets most courtesy, {sums[most]:,.0f} of {sum(sums.values()):,.0f} {self.currency}; "
            f"most of it is {dearest['measure']}, {dearest[most]:,.0f}"
        )


@checked
def courtesy_by_segment(cost: CourtesyCost) -> CourtesyBySegment:
    """Set each measure's full cost against the segments that got it."""
    keys = ["measure_id", "measure"]
    summed = cost.events.group_by([*keys, "segment"]).agg(pl.col("full").sum()).sort([*keys, "segment"])
    wide = summed.pivot("segment", index=keys, values="full", maintain_order=True).fill_null(0)
    segments = sorted(name for name in wide.columns if name not in keys)
    total = pl.sum_horizontal(segments) if segments else pl.lit(0)
    table = wide.with_columns(total.alias("total")).select(*keys, *segments, "total")
    return CourtesyBySegment(
        table=table.sort(["total", "measure_id"], descending=[True, False]), currency=cost.currency
    )  # fmt: skip
