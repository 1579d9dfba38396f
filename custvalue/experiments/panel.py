"""A panel of units and periods, some of which got a measure: checked and brought to one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.columns import to_boolean
from custvalue.experiments.trial import experiment_row
from custvalue.frames import check_columns, to_polars

if TYPE_CHECKING:
    from custvalue.experiments.trial import Shop
    from custvalue.frames import Frame

NEVER = 0  # diff-diff's mark of a unit without launch


def launch_panel(panel: Frame, unit: str, period: str, outcome: str, exposed: str) -> pl.DataFrame:
    """Check the panel and give every unit the period of its launch, 0 for none.

    Returns
    -------
    polars.DataFrame
        `unit`, `period` (the first is 1), `outcome`, `exposed`, `start`; sorted by unit and period.
    """
    frame = to_polars(panel)
    named = {"unit": unit, "period": period, "outcome": outcome, "exposed": exposed}
    if missing := [c for c in named.values() if c not in frame.columns]:
        raise DataError(f"The panel has no column {missing[0]!r}; it has {', '.join(frame.columns)}.")
    if empty := [c for c in named.values() if frame[c].null_count()]:
        raise DataError(f"Column {empty[0]!r} is empty in {frame[empty[0]].null_count():,} rows.")
    if not frame.schema[period].is_integer():
        raise DataError(f"Column {period!r} must hold whole numbers, one per period; it holds {frame.schema[period]}.")
    check_columns(frame, [outcome], "of the panel")
    table = frame.select(
        unit=pl.col(unit).cast(pl.String),
        period=pl.col(period).cast(pl.Int64) - pl.col(period).min() + 1,
        outcome=pl.col(outcome).cast(pl.Float64),
        exposed=to_boolean(frame[exposed], exposed),
    ).sort("unit", "period")
    n_units, n_periods = table["unit"].n_unique(), table["period"].n_unique()
    if table.height != n_units * n_periods or table.select("unit", "period").is_duplicated().any():
        raise DataError(f"{n_units} units × {n_periods} periods make {n_units * n_periods} rows, got {table.height}.")
    first = pl.col("period").filter(pl.col("exposed")).min().over("unit").fill_null(NEVER)
    table = table.with_columns(start=first)
    withdrawn = table.filter((pl.col("start") > NEVER) & (pl.col("period") >= pl.col("start")) & ~pl.col("exposed"))
    if withdrawn.height:
        raise DataError(
            f"The measure was withdrawn from {withdrawn['unit'].n_unique()} units; the estimators need it kept."
        )
    _compare(table)
    return table


def panel_of_shop(shop: Shop, experiment: str | None, period_days: int) -> pl.DataFrame:
    """Read regions and periods of a launch from a warehouse: contribution per customer known before the first launch.

    A region got the measure in a period from the first of its customers' `exposed_at` on, the period of that day
    included. Periods are counted from the first launch, those that the data hold only in part are left out.

    Returns
    -------
    polars.DataFrame
        `unit`, `period`, `exposed`, `contribution`.
    """
    if experiment is None:
        raise DataError("Name the experiment, as in launch_effect(shop, experiment='free_delivery').")
    if period_days < 1:
        raise DataError(f"A period has a day or more, got period_days={period_days}.")
    experiment_row(shop, experiment)
    found = shop.fetch("region_periods", experiment=experiment, period_days=period_days)
    if found.height == 0:
        raise MissingInputError(
            f"No region of the launch {experiment!r} is known.",
            "Load `assignments` with `exposed_at` and `customers` with `region`.",
        )
    if not found["has_goods_cost"].all():
        raise DataError(
            "No cost of goods is loaded: more orders would seem to pay anyway.",
            "Load order_lines or products with unit_cost.",
        )
    if new := found.filter(n_customers=0)["region"].unique().sort().to_list():
        raise DataError(f"Region {new[0]!r} had no customer before the first launch: there is nothing to compare with.")
    return found.select(
        "period", unit="region", exposed="is_exposed",
        contribution=pl.col("contribution").cast(pl.Float64) / pl.col("n_customers"),
    )  # fmt: skip


def _compare(table: pl.DataFrame) -> None:
    launched = table.filter(pl.col("start") > NEVER)
    never = table["unit"].n_unique() - launched["unit"].n_unique()
    if launched.height == 0 or never < 2:
        got = launched["unit"].n_unique()
        raise DataError(f"{got} units got the measure and {never} never did; both are needed, 2 without it at least.")
    if int(launched["start"].min()) < 3:  # type: ignore[arg-type]
        raise DataError("Fewer than two periods lie before the first launch: trends can't be compared.")
