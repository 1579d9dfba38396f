"""What one event of a courtesy measure costs: direct, driver, minutes at their rate, expected loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError

if TYPE_CHECKING:
    import datetime as dt

MONTHS = 12
PRACTICAL_SHARE = 0.8
"""Of theoretical capacity, where a resource states none."""


def resource_rates(resources: pl.DataFrame, *, as_of: dt.date | None = None) -> pl.DataFrame:
    """Return what a minute of each resource costs, over its last twelve months up to `as_of`.

    Parameters
    ----------
    resources
        `resource_id`, `period`, `theoretical_min`, `practical_share`, `cost`, `avoidable_share`.

    Returns
    -------
    pl.DataFrame
        `resource_id`, `rate` (cost ÷ practical minutes), `avoidable_rate` (the part that fewer minutes
        save; all of it where no share is stated).
    """
    kept = resources if as_of is None else resources.filter(pl.col("period") <= as_of)
    last = kept.sort("resource_id", "period").group_by("resource_id", maintain_order=True).tail(MONTHS)
    cost = pl.col("cost").cast(pl.Float64)
    minutes = pl.col("theoretical_min") * _number("practical_share", PRACTICAL_SHARE)
    avoidable = cost * _number("avoidable_share", 1.0)
    return last.group_by("resource_id").agg(
        rate=cost.sum() / minutes.sum(), avoidable_rate=avoidable.sum() / minutes.sum()
    ).sort("resource_id")  # fmt: skip


def measure_costs(
    catalogue: pl.DataFrame, rates: pl.DataFrame, *, observed: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return what one event of each measure costs.

    Parameters
    ----------
    catalogue
        `measure_id`, `name`, `direct_cost`, `driver_rate`, `base_minutes`, `minutes_per_unit`,
        `resource_id`, `forgone_fee`, `expected_loss_rate`, `loss_base`.
    rates
        As `resource_rates` gives them.
    observed
        Means of past events by `measure_id`: `units`, `direct_cost`, `minutes`, `loss`, `forgone_fee`;
        they fill what the catalogue leaves open, but for the direct cost of a measure that gives up a fee.
        Without it an event counts one unit.

    Returns
    -------
    pl.DataFrame
        `measure_id`, `name`, `cost_full`, `cost_avoidable`, `minutes`, `forgone_fee` (a memo: income given
        up, no cost), all per event, and `is_costed`: false where nothing says what it costs.

    Raises
    ------
    DataError
        A measure takes minutes of a resource that has no rate.
    """
    empty = pl.Schema({"measure_id": pl.String(), **dict.fromkeys(_OBSERVED, pl.Float64())})
    past = pl.DataFrame(schema=empty) if observed is None else observed.select(*empty).cast(empty)
    table = catalogue.join(past, on="measure_id", how="left", suffix="_seen")
    table = table.rename({name: f"{name}_seen" for name in ("units", "minutes", "loss") if name in table.columns})
    units = pl.col("units_seen").fill_null(1.0)
    stated = pl.col("base_minutes", "minutes_per_unit").is_not_null()
    by_rule = _number("base_minutes", 0.0) + _number("minutes_per_unit", 0.0) * units
    loss = pl.col("expected_loss_rate").cast(pl.Float64) * pl.col("loss_base").cast(pl.Float64)
    table = table.with_columns(
        minutes=pl.when(pl.any_horizontal(stated)).then(by_rule).otherwise("minutes_seen"),
        # where a fee is given up, past events carry the carrier's cost, which is paid with or without the measure
        direct=pl.coalesce(
            pl.col("direct_cost").cast(pl.Float64), pl.when(pl.col("forgone_fee").is_null()).then("direct_cost_seen")
        ),
        driver=pl.col("driver_rate").cast(pl.Float64) * units,
        loss=pl.coalesce(loss, "loss_seen"),
        forgone_fee=pl.coalesce(pl.col("forgone_fee").cast(pl.Float64), "forgone_fee_seen"),
    ).join(rates, on="resource_id", how="left")  # fmt: skip
    unrated = table.filter((pl.col("minutes").fill_null(0.0) != 0) & pl.col("rate").is_null()).sort("measure_id")
    if not unrated.is_empty():
        first = unrated.row(0, named=True)
        raise DataError(
            f"Measure {first['measure_id']!r} takes minutes of resource {first['resource_id']!r}, which has no "
            "row in table resources.",
            "Load resources with its cost and minutes, or take the minutes out of courtesy_catalogue.",
        )
    parts = ("direct", "driver", "loss", "minutes", "forgone_fee")
    known = pl.any_horizontal(pl.col(parts).is_not_null())
    other = pl.sum_horizontal(pl.col("direct", "driver", "loss").fill_null(0.0))
    spent, fee = pl.col("minutes").fill_null(0.0), pl.col("forgone_fee").fill_null(0.0)
    return table.select(
        "measure_id",
        "name",
        cost_full=other + spent * pl.col("rate").fill_null(0.0),
        cost_avoidable=other + spent * pl.col("avoidable_rate").fill_null(0.0),
        minutes=spent,
        forgone_fee=fee,
        is_costed=known,
    ).sort("measure_id")


_OBSERVED = ("units", "direct_cost", "minutes", "loss", "forgone_fee")


def _number(column: str, default: float) -> pl.Expr:
    return pl.col(column).cast(pl.Float64).fill_null(default)
