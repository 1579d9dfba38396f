"""What a tested measure brought back for each unit of money that it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.judge import NOT_JUDGED
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.experiments.verdict import Verdict

SCHEMA = {
    "experiment": pl.String,
    "segment": pl.String,
    "n_treated": pl.Int64,
    "cost": pl.Float64,
    "incremental_margin": pl.Float64,
    "margin_low": pl.Float64,
    "margin_high": pl.Float64,
    "recovery_ratio": pl.Float64,
    "ratio_low": pl.Float64,
    "ratio_high": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class Recovery(Result):
    """What a measure brought back in its test.

    Attributes
    ----------
    table
        By segment, all customers first: `n_treated`, `cost` of the measure in the books for the treated, beyond what
        the control arm had of it; `incremental_margin`, what they earned more before that cost, with the interval of
        the verdict; `recovery_ratio`, margin for each unit of cost: above 1 the measure pays. Totals over the window
        of the test; ratio null where the measure cost nothing.
    outcome_days
        The window.
    """

    outcome_days: int

    kinds: ClassVar[Mapping[str, Kind]] = {"recovery_ratio": "number", "ratio_low": "number", "ratio_high": "number"}

    @property
    def title(self) -> str:
        """What came back for each unit of money, with its interval."""
        row = self.table.row(0, named=True)
        name = row["experiment"].replace("_", " ")
        if row["recovery_ratio"] is None:
            return f"{name.capitalize()} cost nothing in the books, so nothing had to come back"
        return (
            f"Of each {self.currency} that {name} cost, {row['recovery_ratio']:.2f} came back "
            f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) within {self.outcome_days} days"
        )


@checked
def recovery(verdict: Verdict) -> Recovery:
    """Set what a measure earned in its test against what the books say that it cost.

    The verdict's effect is net of the measure's cost, so the margin before it is the effect plus the cost. Contribution
    is what counts, so a sale that would have come anyway brings back nothing.

    Parameters
    ----------
    verdict
        Of a randomised test whose measure has a cost in the books.

    Raises
    ------
    DataError
        The verdict could not be judged, or its measure's cost is not known.
    """
    if verdict.decision == NOT_JUDGED or verdict.design != "rct":
        raise DataError(
            f"The verdict on {verdict.experiment!r} rests on no judged randomised test: nothing can be said to have"
            " come back.",
            "See verdict.checks for what stands in the way.",
        )
    joined = verdict.table.join(verdict.costs, on="segment", how="inner", suffix="_of_costs", maintain_order="left")
    known = joined.drop_nulls(["effect", "measure_cost", "measure_cost_control"])
    if known.is_empty():
        raise DataError(
            f"What the measure of {verdict.experiment!r} cost is not known.",
            "Load its events, or a frame with the column measure_cost.",
        )
    n = pl.col("n_treated_of_costs")
    each = pl.col("measure_cost") - pl.col("measure_cost_control")
    costly = pl.when(each > 0).then(each)
    table = known.select(
        pl.lit(verdict.experiment).alias("experiment"), "segment", n.alias("n_treated"), (each * n).alias("cost"),
        *((each + pl.col(effect)).mul(n).alias(margin) for effect, margin in MARGINS.items()),
        *(((each + pl.col(effect)) / costly).alias(ratio) for effect, ratio in RATIOS.items()),
    )  # fmt: skip
    return Recovery(
        table=table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()),
        outcome_days=verdict.outcome_days, currency=verdict.currency,
    )  # fmt: skip


MARGINS = {"effect": "incremental_margin", "effect_low": "margin_low", "effect_high": "margin_high"}
RATIOS = {"effect": "recovery_ratio", "effect_low": "ratio_low", "effect_high": "ratio_high"}
