"""What each level of service costs and brings for each segment, against today's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from custvalue.errors import DataError
from custvalue.results import arrays
from custvalue.service.effects import EVERYBODY, BundleEffect, Effects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.0
_CELL = ("segment", "level_today", "effect_segment", "business_type")
_NEEDED = ("p_alive", "rate_elasticity", "dropout_elasticity")


@dataclass(frozen=True, kw_only=True)
class LevelCatalogue:
    """What the levels are made of.

    Attributes
    ----------
    levels
        `level`, `name`, `setup_cost`; if gates are kept, `gate`: what keeps a level shut, null when open.
    bundles
        `bundle_items`: `level`, `business_type` (or `all`), `measure_id`, `dose` (events per customer and
        year).
    costs
        As `measure_costs` gives them.
    effects
        As `Effects` reads them.
    """

    levels: pl.DataFrame
    bundles: pl.DataFrame
    costs: pl.DataFrame
    effects: Effects

    def doses(self, level: int, business_type: str) -> dict[str, float]:
        """Return the measures of a level for a type of customer, with their doses."""
        fits = pl.col("business_type").is_in([business_type, EVERYBODY])
        rows = self.bundles.filter((pl.col("level") == level) & fits)
        doses = rows.group_by("measure_id").agg(pl.col("dose").max()).sort("measure_id")
        return dict(doses.iter_rows())


def level_options(
    customers: pl.DataFrame,
    catalogue: LevelCatalogue,
    *,
    value: str = "clv",
    clv_new: float = 0.0,
    horizon_days: float = 365,
    within_spare_hours: bool = True,
    interval: float = 0.95,
) -> pl.DataFrame:
    """Price every level for every segment, as the change against the level it has today.

    A customer's value V becomes V · exp(ε_r Δrate + ε_d Δdropout + Δspend), the changes being those of the
    bundle's effects against today's bundle, on the log scale; a referred customer counts `clv_new`. An effect
    is that of having a measure, whatever its dose; costs follow the dose, and arise for customers still alive.
    Spend scales the whole value, so what a larger basket saves on service is left out. A fee given up (free
    delivery) lowers the gain: it is income lost on orders that would have come anyway.

    Parameters
    ----------
    customers
        `customer_id`, `segment`, `level_today`, the value, `p_alive`, `rate_elasticity`,
        `dropout_elasticity`; if known `effect_segment` (for which effects were stated; else `all`) and
        `business_type`.
    catalogue
        Levels, bundles, costs and effects.
    value
        Column of the value over the horizon.
    clv_new
        What a referred customer is worth.
    horizon_days
        Of the value; costs and referrals are counted over the same time.
    within_spare_hours
        True charges minutes at their avoidable cost, as spare hours are there anyway; False in full.
    interval
        Share of the draws between `gain_low` and `gain_high`.

    Returns
    -------
    pl.DataFrame
        One row per segment and level: `segment`, `level`, `name`, `level_today`, `n_customers`, `value`,
        `gain` (null where no effect is stated), `gain_low`, `gain_high`, `gain_draws`, `forgone_fee` (a memo: already
        taken off the gain), `cost`, `cost_full`, `staff_hours`, `setup_cost`, `basis` (`measured`,
        `prior`, `none`, `today`), `gate`.

    Raises
    ------
    DataError
        A column is missing or empty, or a bundle holds a measure that the catalogue lacks.
    """
    _check(customers, catalogue, value)
    years = horizon_days / DAYS_PER_YEAR
    unit = _unit_costs(catalogue.costs, within_spare_hours=within_spare_hours)
    sums: dict[tuple[str, int], _Sum] = {}
    for cell in _cells(customers, value):
        today = _Bundle.of(catalogue, cell["level_today"], cell)
        for level in catalogue.levels["level"].sort().to_list():
            added = _priced(cell, today, _Bundle.of(catalogue, level, cell), unit, clv_new * years, years)
            key = (cell["segment"], level)
            sums[key] = added if key not in sums else sums[key].plus(added)
    tail = (1 - interval) / 2
    rows = [{"segment": segment, "level": level, **total.row(tail)} for (segment, level), total in sums.items()]
    gate = [] if "gate" in catalogue.levels.columns else [pl.lit(None, dtype=pl.String).alias("gate")]
    named = catalogue.levels.with_columns(gate).select(
        pl.col("level").cast(pl.Int64), "name", pl.col("setup_cost").cast(pl.Float64).fill_null(0.0), "gate"
    )
    return pl.DataFrame(rows, schema_overrides=_SCHEMA).join(named, on="level").sort("segment", "level")


_SCHEMA = {
    "level": pl.Int64(), "gain": pl.Float64(), "gain_low": pl.Float64(), "gain_high": pl.Float64(),
    "gain_draws": pl.List(pl.Float64()),
}  # fmt: skip


@dataclass(frozen=True)
class _Bundle:
    """A level's measures for one kind of customer."""

    doses: Mapping[str, float]
    effect: BundleEffect

    @classmethod
    def of(cls, catalogue: LevelCatalogue, level: int, cell: Mapping[str, Any]) -> _Bundle:
        doses = catalogue.doses(level, cell["business_type"])
        return cls(doses, catalogue.effects.bundle(doses, cell["effect_segment"]))

    def times(self, unit: Mapping[str, Floats]) -> Floats:
        """Return full cost, deciding cost, minutes and forgone fee per customer and year."""
        return sum((dose * unit[m] for m, dose in self.doses.items()), np.zeros(4))


@dataclass(frozen=True)
class _Sum:
    """Money of one option, added up over its cells."""

    level_today: int
    n_customers: int
    value: float
    gain: Floats
    cost: Floats
    evidence: frozenset[str]
    is_today: bool

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(
            self.level_today, self.n_customers + other.n_customers, self.value + other.value,
            self.gain + other.gain, self.cost + other.cost, self.evidence | other.evidence,
            self.is_today and other.is_today,
        )  # fmt: skip

    @property
    def basis(self) -> str:
        if self.is_today:
            return "today"
        if not self.evidence:
            return "none"
        return "measured" if self.evidence == {"measured"} else "prior"

    def row(self, tail: float) -> dict[str, Any]:
        basis = self.basis
        low, high = np.quantile(self.gain, [tail, 1 - tail])
        full, cost, minutes, fee = (float(v) for v in self.cost)
        stated = basis != "none"
        return {
            "level_today": self.level_today, "n_customers": self.n_customers, "value": round(self.value, 2),
            "gain": round(float(self.gain.mean()), 2) if stated else None,
            "gain_low": round(float(low), 2) if stated else None,
            "gain_high": round(float(high), 2) if stated else None,
            "gain_draws": self.gain.round(2).tolist() if stated else None,
            "forgone_fee": round(fee, 2), "cost": round(cost, 2), "cost_full": round(full, 2),
            "staff_hours": round(minutes / 60, 2), "basis": basis,
        }  # fmt: skip


def _priced(
    cell: Mapping[str, Any],
    today: _Bundle,
    bundle: _Bundle,
    unit: Mapping[str, Floats],
    clv_new: float,
    years: float,
) -> _Sum:
    change = {c: bundle.effect.draws[c] - today.effect.draws[c] for c in bundle.effect.draws}
    answer = cell["value_rate"] * change["d_log_rate"] + cell["value_dropout"] * change["d_log_dropout"]
    worth = cell["value"]
    elastic = answer / worth if worth else np.zeros_like(answer)
    gain = worth * np.expm1(elastic + change["d_log_spend"]) + cell["n_alive"] * change["d_referral"] * clv_new
    cost = (bundle.times(unit) - today.times(unit)) * cell["n_alive"] * years
    swapped = set(bundle.doses) ^ set(today.doses)
    stated = {**today.effect.stated, **bundle.effect.stated}
    evidence = frozenset("measured" if stated[m] else "prior" for m in swapped if m in stated)
    return _Sum(
        cell["level_today"], cell["n_customers"], worth, gain - cost[3], cost, evidence,
        is_today=bundle.doses == today.doses,
    )  # fmt: skip


def _unit_costs(costs: pl.DataFrame, *, within_spare_hours: bool) -> dict[str, Floats]:
    deciding = "cost_avoidable" if within_spare_hours else "cost_full"
    rows = costs.select("measure_id", "cost_full", deciding_cost=deciding, minutes="minutes", fee="forgone_fee")
    return {row[0]: np.array(row[1:], dtype=np.float64) for row in rows.iter_rows()}


def _cells(customers: pl.DataFrame, value: str) -> list[dict[str, Any]]:
    """Add up customers who share segment, level today, kind of effects, type of business and sign of value.

    The sign keeps a cell's elasticity a mean of its customers' own.
    """
    worth = pl.col(value).cast(pl.Float64)
    absent = [pl.lit(None, dtype=pl.String).alias(c) for c in _CELL[2:] if c not in customers.columns]
    kinds = customers.with_columns(absent).with_columns(pl.col(_CELL[2:]).fill_null(EVERYBODY))
    grouped = kinds.group_by(*_CELL, is_positive=worth > 0).agg(
        n_customers=pl.len().cast(pl.Int64),
        n_alive=pl.col("p_alive").sum(),
        value=worth.sum(),
        value_rate=(worth * pl.col("rate_elasticity")).sum(),
        value_dropout=(worth * pl.col("dropout_elasticity")).sum(),
    )
    return grouped.sort(*_CELL, "is_positive").to_dicts()


def _check(customers: pl.DataFrame, catalogue: LevelCatalogue, value: str) -> None:
    arrays(customers, (*_NEEDED, value, "level_today"))
    if "segment" not in customers.columns or customers["segment"].null_count():
        raise DataError("Every customer needs a segment, in column 'segment'.")
    spread = customers.group_by("segment").agg(n=pl.col("level_today").n_unique()).filter(pl.col("n") > 1)
    if not spread.is_empty():
        raise DataError(
            f"Segment {spread['segment'].sort()[0]!r} holds customers at different levels of service today.",
            "Split it by today's level: nobody is moved down, and nobody by two steps.",
        )
    known = set(catalogue.costs["measure_id"])
    if lost := sorted(set(catalogue.bundles["measure_id"]) - known):
        raise DataError(f"bundle_items holds measure {lost[0]!r}, which courtesy_catalogue lacks.")
