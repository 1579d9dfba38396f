"""A launch that was not randomised but came to some areas, shops or groups only: difference-in-differences.

The estimators are diff-diff's, an optional extra: `pip install 'custvalue[launch]'`.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from scipy.stats import f as f_distribution

from custvalue.config import DecisionSettings
from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.checks import Check, Status, checks_table
from custvalue.experiments.judge import NOT_JUDGED, Decision, decide
from custvalue.experiments.money import FurtherTest, belief
from custvalue.experiments.naive import WHY_BEFORE_AFTER, WHY_USERS
from custvalue.experiments.randomised import Effect
from custvalue.experiments.trial import to_polars
from custvalue.experiments.wording import money
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from custvalue.experiments.trial import Frame

NEVER = 0  # diff-diff's mark of a unit without launch
MIN_TREATED, FEW_UNITS = 5, 10
BREAKDOWN_GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class LaunchEffect(Result):
    """Effect of a launch on the units that got it, per unit and period.

    Attributes
    ----------
    table
        `estimator`, `effect`, `effect_low`, `effect_high`, `standard_error`; the first row is the one that the
        decision rests on, the others are second opinions.
    events
        `periods_since_launch` (negative: before), effect with interval: before the launch it should be 0.
    naive
        The comparisons that must not be taken for the effect, and why.
    checks
        `check`, `status`, `detail`.
    decision
        In the words of a verdict; `cannot be judged` where a check blocks.
    breakdown
        How far the trends may have parted after the launch, as a multiple of the largest parting before it,
        until the interval takes in 0 (Rambachan & Roth 2023); None if it never does within 2.
    """

    events: pl.DataFrame
    naive: pl.DataFrame
    checks: pl.DataFrame
    decision: Decision
    breakdown: float | None
    n_units: int
    n_treated: int
    n_cohorts: int
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = dict.fromkeys(
        ("effect", "effect_low", "effect_high", "standard_error"), "money"
    )

    @property
    def title(self) -> str:
        """The decision and the effect it rests on."""
        row = self.table.row(0, named=True)
        interval = f"({money(row['effect_low'])} to {money(row['effect_high'])})"
        return f"{self.decision.capitalize()}: {money(row['effect'], sign=True)} {self.currency} {interval} per period"


def launch_effect(
    panel: Frame,
    *,
    unit: str,
    period: str,
    outcome: str = "contribution",
    exposed: str = "exposed",
    settings: DecisionSettings | None = None,
    seed: int = 1,
    currency: str = "EUR",
) -> LaunchEffect:
    """Estimate a launch from a panel of units, some of which never got it.

    One launch day: two-way fixed effects. Several: Callaway & Sant'Anna (2021), since two-way fixed effects then
    compare late with early starters. Standard errors are clustered by unit. Synthetic difference-in-differences
    (Arkhangelsky et al. 2021) is a second opinion on one launch day.

    Parameters
    ----------
    panel
        One row per unit (area, shop) and period, none missing.
    unit, period, outcome
        Columns; the period a whole number, the outcome contribution per customer (or per area, so that new
        customers count).
    exposed
        Column: whether the unit had the measure in that period. Once it has it, it keeps it.
    settings
        Level, loss cap and neutral margin.
    seed
        Of the placebo draws of the second opinion.
    currency
        Of the outcome.

    Raises
    ------
    MissingInputError
        diff-diff is not installed.
    DataError
        A column is missing or empty, a unit lacks a period or stands in it twice, a measure is withdrawn, all or
        no units got it, or there are fewer than two periods before.
    """
    dd = _diff_diff()
    chosen = settings or DecisionSettings()
    table = _panel(panel, unit, period, outcome, exposed)
    frame = table.to_pandas()
    starts = sorted(set(table["start"].to_list()) - {NEVER})
    fitted = dd.CallawaySantAnna(cluster="unit", base_period="universal", alpha=1.0 - chosen.level).fit(
        frame, outcome="outcome", unit="unit", time="period", first_treat="start"
    )
    events = fitted.aggregate("event_study")
    rows = _estimates(dd, frame, fitted, starts, chosen.level, seed)
    breakdown = dd.HonestDiD(alpha=1.0 - chosen.level).sensitivity_analysis(events, M_grid=list(BREAKDOWN_GRID))
    n_units, n_treated = table["unit"].n_unique(), table.filter(pl.col("start") > NEVER)["unit"].n_unique()
    checks = [_size(n_units, n_treated), _trends(events, n_units), _robust(breakdown.breakdown_M), _agree(rows)]
    if len(starts) == 1:
        checks.append(_placebo(dd, frame, starts[0], chosen.level))
    return LaunchEffect(
        table=pl.DataFrame(rows), currency=currency, events=_events(events), naive=_naive(table),
        checks=checks_table(checks), decision=_decision(rows[0], checks, chosen, n_units, n_treated),
        breakdown=None if breakdown.breakdown_M is None else float(breakdown.breakdown_M), n_units=n_units,
        n_treated=n_treated, n_cohorts=len(starts), level=chosen.level,
    )  # fmt: skip


def _diff_diff() -> ModuleType:
    try:
        return importlib.import_module("diff_diff")
    except ModuleNotFoundError:
        raise MissingInputError(
            "A launch without randomisation needs the package diff-diff.", "pip install 'custvalue[launch]'"
        ) from None


def _panel(panel: Frame, unit: str, period: str, outcome: str, exposed: str) -> pl.DataFrame:
    """Check the panel and give every unit the period of its launch, 0 for none."""
    frame = to_polars(panel)
    named = {"unit": unit, "period": period, "outcome": outcome, "exposed": exposed}
    if missing := [c for c in named.values() if c not in frame.columns]:
        raise DataError(f"The panel has no column {missing[0]!r}; it has {', '.join(frame.columns)}.")
    if empty := [c for c in named.values() if frame[c].null_count()]:
        raise DataError(f"Column {empty[0]!r} is empty in {frame[empty[0]].null_count():,} rows.")
    if not frame.schema[period].is_integer():
        raise DataError(f"Column {period!r} must hold whole numbers, one per period; it holds {frame.schema[period]}.")
    table = frame.select(
        unit=pl.col(unit).cast(pl.String),
        period=pl.col(period).cast(pl.Int64) - pl.col(period).min() + 1,
        outcome=pl.col(outcome).cast(pl.Float64),
        exposed=pl.col(exposed).cast(pl.Boolean),
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


def _compare(table: pl.DataFrame) -> None:
    launched = table.filter(pl.col("start") > NEVER)
    never = table["unit"].n_unique() - launched["unit"].n_unique()
    if launched.height == 0 or never < 2:
        got = launched["unit"].n_unique()
        raise DataError(f"{got} units got the measure and {never} never did; both are needed, 2 without it at least.")
    if int(launched["start"].min()) < 3:  # type: ignore[arg-type]
        raise DataError("Fewer than two periods lie before the first launch: trends can't be compared.")


def _estimates(
    dd: ModuleType,
    frame: Any,
    fitted: Any,
    starts: list[int],
    level: float,
    seed: int,
) -> list[dict[str, Any]]:
    alpha = 1.0 - level
    staggered = _row("staggered difference-in-differences (Callaway & Sant'Anna)", fitted)
    if len(starts) > 1:
        return [staggered]
    frame = frame.assign(treated=(frame["start"] > NEVER).astype(int), post=(frame["period"] >= starts[0]).astype(int))
    common = dd.TwoWayFixedEffects(cluster="unit", df_convention="cluster", alpha=alpha)
    synthetic = dd.SyntheticDiD(seed=seed, alpha=alpha)
    post = [p for p in sorted(frame["period"].unique()) if p >= starts[0]]
    rows = [
        _row("difference-in-differences (two-way fixed effects)",
             common.fit(frame, outcome="outcome", treatment="treated", post="post", unit="unit")),
        staggered | {"estimator": "against the last period before (Callaway & Sant'Anna)"},
    ]  # fmt: skip
    if frame["treated"].groupby(frame["unit"]).first().mean() < 0.5:  # placebos are drawn from those without
        found = synthetic.fit(
            frame, outcome="outcome", treatment="treated", unit="unit", time="period", post_periods=post
        )
        rows.append(_row("synthetic difference-in-differences", found))
    return rows


def _row(name: str, found: Any) -> dict[str, Any]:
    low, high = found.conf_int
    return {
        "estimator": name, "effect": float(found.att), "effect_low": float(low), "effect_high": float(high),
        "standard_error": float(found.se),
    }  # fmt: skip


def _events(events: Any) -> pl.DataFrame:
    columns = {
        "periods_since_launch": np.asarray(events.event_time, dtype=np.int64),
        "effect": events.att,
        "effect_low": events.conf_int_lower,
        "effect_high": events.conf_int_upper,
    }
    return pl.DataFrame(columns).with_columns(pl.col("effect_low", "effect_high").fill_nan(None))


def _naive(table: pl.DataFrame) -> pl.DataFrame:
    launched = pl.col("start") > NEVER
    after = pl.col("period") >= pl.col("start").filter(launched).min()

    def mean(rows: pl.Expr) -> float:
        return float(table.filter(rows)["outcome"].mean())  # type: ignore[arg-type]

    rows = [
        (
            "after less before",
            mean(launched & pl.col("exposed")) - mean(launched & ~pl.col("exposed")),
            WHY_BEFORE_AFTER,
        ),
        ("with the measure less without", mean(launched & pl.col("exposed")) - mean(~launched & after), WHY_USERS),
    ]
    schema = {"comparison": pl.String, "naive_difference": pl.Float64, "why_it_is_wrong": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _size(n_units: int, n_treated: int) -> Check:
    text = f"{n_treated} of {n_units} units got the measure."
    if min(n_treated, n_units - n_treated) < MIN_TREATED:
        return Check(
            "units", "block", f"{text} With fewer than {MIN_TREATED} on a side chance can't be told from effect."
        )
    few = min(n_treated, n_units - n_treated) < FEW_UNITS
    return Check("units", "warn" if few else "ok", text)


def _trends(events: Any, n_units: int) -> Check:
    """Test all effects before the launch together (Hotelling's T² over units)."""
    index = [int(i) for i in events.vcov_index]
    before = [i for i, t in enumerate(index) if t < 0][-max(n_units // 4, 1) :]
    if not before:
        return Check("trends before", "block", "There is no period before the launch to compare trends in.")
    effect = {int(t): float(a) for t, a in zip(events.event_time, events.att, strict=True)}
    b = np.array([effect[index[i]] for i in before])
    statistic = float(b @ np.linalg.pinv(np.asarray(events.vcov)[np.ix_(before, before)]) @ b)
    k = len(before)
    p = float(f_distribution.sf(statistic * (n_units - k) / (k * (n_units - 1)), k, n_units - k))
    status: Status = "block" if p < 0.01 else "warn" if p < 0.10 else "ok"
    return Check("trends before", status, f"Effects in the {k} periods before the launch together: p = {p:.2g}.")


def _robust(breakdown: float | None) -> Check:
    if breakdown is None:
        return Check("parting trends", "ok", "The sign holds if trends part twice as far after as before the launch.")
    text = f"The sign holds until trends part {breakdown:.2f} times as far after as ever before the launch."
    return Check("parting trends", "warn" if breakdown < 1.0 else "ok", text)


def _agree(rows: list[dict[str, Any]]) -> Check:
    first, *others = rows
    outside = [r["estimator"] for r in others if not first["effect_low"] <= r["effect"] <= first["effect_high"]]
    if outside:
        return Check("second opinions", "warn", f"Outside the first interval: {', '.join(outside)}.")
    return Check("second opinions", "ok", "All estimators agree within the first one's interval.")


def _placebo(dd: ModuleType, frame: Any, start: int, level: float) -> Check:
    """Pretend that the launch came half way through the time before it."""
    early = frame[frame["period"] < start]
    fake = 1 + math.ceil((start - 1) / 2)
    early = early.assign(treated=(early["start"] > NEVER).astype(int), post=(early["period"] >= fake).astype(int))
    common = dd.TwoWayFixedEffects(cluster="unit", df_convention="cluster", alpha=1.0 - level)
    row = _row("placebo", common.fit(early, outcome="outcome", treatment="treated", post="post", unit="unit"))
    text = f"A launch that never was: {row['effect']:+.2f} ({row['effect_low']:.2f} to {row['effect_high']:.2f})."
    return Check("placebo", "ok" if row["effect_low"] <= 0.0 <= row["effect_high"] else "warn", text)


def _decision(
    row: dict[str, Any], checks: list[Check], settings: DecisionSettings, n_units: int, n_treated: int
) -> Decision:
    if any(c.status == "block" for c in checks):
        return NOT_JUDGED
    effect = Effect(
        n_control=n_units - n_treated, n_treated=n_treated, control=0.0, treated=0.0, effect=row["effect"],
        low=row["effect_low"], high=row["effect_high"], level=settings.level, standard_error=row["standard_error"],
        p_value=1.0, relative=None, relative_low=None, relative_high=None,
    )  # fmt: skip
    now = belief(row["effect"], row["standard_error"], settings.prior_sd)
    # what a test would cost is not known from a panel: where nothing is decided, only a test can tell
    return decide(effect, now, FurtherTest(n_per_arm=1, net_benefit=0.0, cost=0.0), settings)
