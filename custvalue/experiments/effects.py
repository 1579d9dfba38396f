"""Several outcomes of a randomised test side by side: means, ratios, quantiles, by segment, by area."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl
from tea_tasting.metrics import Quantile

from custvalue.config import DecisionSettings
from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.checks import check_trial, checks_table
from custvalue.experiments.columns import to_segments
from custvalue.experiments.randomised import ALL, Cells, Effect, Metric, cells, effect_of, holm, settled
from custvalue.experiments.trial import trial_from_frame
from custvalue.frames import to_numbers, to_polars
from custvalue.results import Result
from custvalue.validation import check_level, check_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custvalue.frames import Frame

RESAMPLES = 2_000
# what holds for any outcome; the other checks of a verdict ask what a decision on money needs
CHECKS = frozenset({"both arms", "nulls", "sample ratio", "customer in both arms", "one row per customer",
                    "unit of assignment"})  # fmt: skip
SCHEMA = {
    "metric": pl.String, "segment": pl.String, "n_control": pl.Int64, "n_treated": pl.Int64, "control": pl.Float64,
    "treated": pl.Float64, "effect": pl.Float64, "effect_low": pl.Float64, "effect_high": pl.Float64,
    "p_value": pl.Float64, "p_value_adjusted": pl.Float64, "relative": pl.Float64, "relative_low": pl.Float64,
    "relative_high": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Effects(Result):
    """Effects on several outcomes.

    Attributes
    ----------
    table
        A row per metric and segment: arms' figures, `effect` with interval, p-value, p-value adjusted over the
        segments (Holm; null for quantiles), relative change where the base is clearly positive.
    checks
        `check`, `status` (ok, warn, block), `detail`; a block means that the effects cannot be trusted.
    planned_share
        Share of customers, or of units, that was meant to be treated.
    unit
        What was assigned and is counted: the customer, or the column of a household or area.
    control_arm, treated_arm
        How the arms are called; an effect is treated less control.
    """

    checks: pl.DataFrame
    planned_share: float
    unit: str
    control_arm: str
    treated_arm: str
    level: float

    @property
    def title(self) -> str:
        """Which of the outcomes changed for all customers, or why that cannot be said."""
        if blocked := self.checks.filter(status="block")["detail"].to_list():
            return f"Cannot be trusted: {' '.join(blocked)}"
        whole = self.table.filter(pl.col("segment") == ALL)
        changed = whole.filter((pl.col("effect_low") > 0.0) | (pl.col("effect_high") < 0.0))["metric"].to_list()
        return f"Changed: {', '.join(changed)}" if changed else "No outcome changed surely"


@checked
def effects(
    customers: Frame,
    metrics: Sequence[str | Metric],
    *,
    arm: str = "arm",
    control: Any = None,
    segment: str | None = None,
    unit: str | None = None,
    planned_share: float = 0.5,
    quantiles: Sequence[float] = (),
    level: float = 0.95,
    seed: int = 1,
    currency: str = "",
) -> Effects:
    """Compare the arms of a randomised test in several outcomes; for randomised tests only.

    Where chance did not choose who got a measure the arms differ anyway, and no check of the outcomes can tell:
    see `launch_effect` and `opt_in_effect`.

    Parameters
    ----------
    customers
        One row per customer (or per area and period).
    metrics
        Columns, or `Metric(outcome, before, per)` for CUPED and ratios.
    arm, control, segment
        Columns, and the label of the control arm, as for `does_it_pay`.
    unit
        Column of what was assigned where that is not the customer: an area, a household. Rows of a unit are added
        up, so that the new customers whom a measure brings to an area are counted; the mean is per unit.
    planned_share
        Share of customers, or of units, that was meant to be treated, with which the arms must agree.
    quantiles
        Shares between 0 and 1: each metric's quantiles for all customers, by bootstrap.
    level
        Of the intervals.
    seed
        Of the bootstrap.
    currency
        Of the money among the outcomes.

    Raises
    ------
    DataError
        A column is missing or empty or holds no numbers, the names of the arms do not tell which is control, a unit
        has two arms or segments, an arm has fewer than two units.
    """
    check_level(level)
    check_share("planned_share", planned_share)
    for q in quantiles:
        check_share("quantiles", q)
    named = [Metric(m) if isinstance(m, str) else m for m in metrics]
    columns = sorted({c for m in named for c in m.columns})
    table = to_polars(customers)
    groups = [c for c in (segment, unit) if c is not None]
    if missing := [c for c in (*columns, *groups) if c not in table.columns]:
        raise DataError(f"The frame has no column {missing[0]!r}; it has {', '.join(table.columns)}.")
    if not columns:
        raise DataError("Name at least one outcome.")
    trial = trial_from_frame(
        table, arm=arm, outcome=columns[0], segment=None, before=None, planned_share=planned_share, outcome_days=28,
        as_of=None, control=control,
    )  # fmt: skip
    frame = table.select(*[to_numbers(table[c], c) for c in columns], *groups)
    frame = frame.with_columns(treated=trial.customers["treated"])
    if segment is not None:
        frame = frame.with_columns(to_segments(frame[segment], segment))
    if n := frame["treated"].null_count():
        raise DataError(f"Column {arm!r} is empty in {n:,} rows.")
    if unit is not None:
        frame = _per_unit(frame, unit, segment, columns)
        units = frame.select("treated", outcome=columns[0], n_arms=1)
        trial = replace(trial, customers=units, unit=unit, is_by_unit=True)
    checks = [c for c in check_trial(trial, DecisionSettings(), 1) if c.check in CHECKS]
    found = cells(frame, named, arm="treated", segment=segment)
    segments = sorted({s for s, _ in found if s != ALL})
    rows = [row for m in named for row in _metric_rows(m, found, segments, level)]
    rows += [_quantile_row(m.outcome, q, frame, level, seed) for m in named for q in quantiles]
    return Effects(
        table=pl.DataFrame(rows, schema=SCHEMA), currency=currency, unit=unit or "customer", level=level,
        checks=checks_table(checks), planned_share=planned_share, control_arm=trial.control,
        treated_arm=trial.treatment,
    )  # fmt: skip


def _per_unit(frame: pl.DataFrame, unit: str, segment: str | None, columns: list[str]) -> pl.DataFrame:
    keys = ["treated", *([segment] if segment else [])]
    added = frame.group_by(unit, *keys).agg(
        pl.col(columns).sum(), *[pl.col(c).null_count().alias(f"__{c}") for c in columns]
    )
    if mixed := added.height - added[unit].n_unique():
        raise DataError(f"{mixed:,} units of {unit!r} stand in two arms or segments: they were not assigned whole.")
    for column in columns:  # a sum hides what was empty
        if n := int(added[f"__{column}"].sum()):
            raise DataError(f"Column {column!r} is empty in {n:,} rows.", "State 'no order' as 0.")
    return added.sort(unit)


def _name(metric: Metric) -> str:
    return metric.outcome if metric.per is None else f"{metric.outcome} / {metric.per}"


def _metric_rows(metric: Metric, found: Cells, segments: list[str], level: float) -> list[dict[str, Any]]:
    each = {s: effect_of(metric, found, segment=s, level=level) for s in (ALL, *segments)}
    adjusted = {s: p for s, (p, _) in holm({s: each[s].p_value for s in segments}, level).items()}
    return [_row(_name(metric), s, e, adjusted.get(s, e.p_value)) for s, e in each.items()]


def _row(name: str, segment: str, e: Effect, adjusted: float) -> dict[str, Any]:
    return {
        "metric": name, "segment": segment, "n_control": e.n_control, "n_treated": e.n_treated, "control": e.control,
        "treated": e.treated, "effect": e.effect, "effect_low": e.low, "effect_high": e.high, "p_value": e.p_value,
        "p_value_adjusted": adjusted, "relative": e.relative, "relative_low": e.relative_low,
        "relative_high": e.relative_high,
    }  # fmt: skip


def _quantile_row(outcome: str, q: float, frame: pl.DataFrame, level: float, seed: int) -> dict[str, Any]:
    test = Quantile(outcome, q, confidence_level=level, n_resamples=RESAMPLES, batch=50, rng=seed)
    found = test.analyze(frame.sort("treated", outcome), False, True, "treated")
    sizes = {t: frame.filter(treated=t).height for t in (False, True)}
    return {
        "metric": f"{outcome}, quantile {q:g}", "segment": ALL, "n_control": sizes[False], "n_treated": sizes[True],
        "control": settled(found.control), "treated": settled(found.treatment), "effect": settled(found.effect_size),
        "effect_low": settled(found.effect_size_ci_lower), "effect_high": settled(found.effect_size_ci_upper),
    }  # fmt: skip
