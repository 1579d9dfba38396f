"""A launch that was not randomised but came to some areas, shops or groups only.

Difference-in-differences, and synthetic control where only a few got it.

The estimators are diff-diff's, an optional extra: `pip install 'custvalue[launch]'`.
"""

from __future__ import annotations

import importlib
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from scipy.stats import norm

from custvalue.config import DecisionSettings
from custvalue.door import checked
from custvalue.errors import MissingInputError
from custvalue.experiments.checks import Check, checks_table
from custvalue.experiments.judge import NOT_JUDGED, Decision, decide
from custvalue.experiments.launch_checks import (
    MIN_TREATED,
    enough_units,
    few_units,
    parting_trends,
    second_opinions,
    trends_before,
    without_support,
)
from custvalue.experiments.money import FurtherTest, belief
from custvalue.experiments.naive import WHY_BEFORE_AFTER, WHY_USERS
from custvalue.experiments.panel import NEVER, launch_panel, panel_of_shop
from custvalue.experiments.randomised import Effect
from custvalue.experiments.synthetic import (
    DONORS,
    MIN_BEFORE,
    PATH,
    SyntheticControl,
    synthetic_checks,
    synthetic_control,
)
from custvalue.experiments.trial import Shop
from custvalue.experiments.wording import money
from custvalue.results import Kind, Result
from custvalue.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from custvalue.frames import Frame

SYNTHETIC = "synthetic control"
FINAL = ("pays off", "does not pay")
SCHEMA = {"estimator": pl.String} | dict.fromkeys(("effect", "effect_low", "effect_high", "standard_error"), pl.Float64)


@dataclass(frozen=True, kw_only=True)
class LaunchEffect(Result):
    """Effect of a launch on the units that got it, per unit and period.

    Attributes
    ----------
    table
        `estimator`, `effect`, `effect_low`, `effect_high`, `standard_error`; the first row is the one that the
        decision rests on, the others are second opinions. Interval and standard error are null where an estimator
        has none for so few units.
    events
        `periods_since_launch` (negative: before), effect with interval: before the launch it should be 0. The gaps
        of the synthetic control, without interval, where the decision rests on it.
    naive
        The comparisons that must not be taken for the effect, and why.
    checks
        `check`, `status`, `detail`.
    decision
        In the words of a verdict; `cannot be judged` where a check blocks: too few units, effects before the launch,
        a launch that never was which seems to have one, or an effect that would pay off or not but that a parting of
        trends as large as before would undo (`breakdown` under 1) while trends before or second opinions warn too.
    breakdown
        How far the trends may have parted after the launch, as a multiple of the largest parting before it,
        until the interval takes in 0 (Rambachan & Roth 2023); None if it never does within 2, if units are too few
        to tell, or where the decision rests on synthetic control.
    donors
        Units without the measure and their weight in the synthetic control: `unit`, `weight`, and as placebo
        `rmspe_before`, `gap_after`, `rmspe_ratio`. Empty where there are several launch days.
    path
        `periods_since_launch`, `treated`, `synthetic`: outcome of the units with the measure, on average, and of
        their synthetic control. Empty where there are several launch days.
    """

    events: pl.DataFrame
    naive: pl.DataFrame
    checks: pl.DataFrame
    decision: Decision
    breakdown: float | None
    donors: pl.DataFrame
    path: pl.DataFrame
    n_units: int
    n_treated: int
    n_cohorts: int
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("effect", "effect_low", "effect_high", "standard_error", "naive_difference"), "money"),
        **dict.fromkeys(("rmspe_before", "gap_after", "treated", "synthetic"), "money"),
        "weight": "percent", "rmspe_ratio": "number",
    }  # fmt: skip

    @property
    def title(self) -> str:
        """The decision and the effect it rests on, and whether a check doubts it."""
        row = self.table.row(0, named=True)
        said = f"{self.decision.capitalize()}: {money(row['effect'], sign=True)} {self.currency}"
        if row["effect_low"] is None:
            return f"{said} per period, without an interval"
        warned = self.checks.filter((pl.col("status") == "warn") & (pl.col("check") != "units"))
        doubt = "; its robustness is doubtful, see checks" if self.decision in FINAL and warned.height else ""
        return f"{said} ({money(row['effect_low'])} to {money(row['effect_high'])}) per period{doubt}"

    @property
    def rests_on_synthetic_control(self) -> bool:
        """Whether the first row, and so the decision, is synthetic control's."""
        return bool(self.table["estimator"][0] == SYNTHETIC)


@checked
def launch_effect(
    panel: Shop | Frame,
    experiment: str | None = None,
    *,
    unit: str = "unit",
    period: str = "period",
    outcome: str = "contribution",
    exposed: str = "exposed",
    settings: DecisionSettings | None = None,
    period_days: int = 28,
    seed: int = 1,
    currency: str | None = None,
) -> LaunchEffect:
    """Estimate a launch from a panel of units, some of which never got it.

    One launch day: two-way fixed effects. Several: Callaway & Sant'Anna (2021), since two-way fixed effects then
    compare late with early starters. Standard errors are clustered by unit. Synthetic difference-in-differences
    (Arkhangelsky et al. 2021) and synthetic control (Abadie, Diamond & Hainmueller 2010) are second opinions on one
    launch day.

    Where one to four units got the measure on the same day, the decision rests on synthetic control: their mean
    against a weighted mean of units without it, with an interval from placebos (Firpo & Possebom 2018), since
    standard errors clustered by unit don't exist for so few. Its standard error in the table is half that interval
    over the normal quantile: the error of an estimate that a normal interval would show as this wide. At 95 % it
    takes 19 units without the measure.

    Parameters
    ----------
    panel
        A warehouse, whose regions are the units; or one row per unit (area, shop) and period, none missing.
    experiment
        Name of a launch of the warehouse: a region has the measure from the first `exposed_at` of its customers on.
        All regions are compared, those without it too, in contribution per customer known before the first launch.
    unit, period, outcome
        Columns of a frame; the period a whole number, the outcome contribution per customer (or per area, so that new
        customers count).
    exposed
        Column: whether the unit had the measure in that period. Once it has it, it keeps it.
    settings
        Level, loss cap and neutral margin.
    period_days
        Length of a period of a warehouse, counted from the first launch day.
    seed
        Of the placebo draws of the second opinion.
    currency
        Of the outcome; default that of the warehouse. Frames say none, so none is printed.

    Raises
    ------
    MissingInputError
        diff-diff is not installed.
    DataError
        A column is missing or empty, a unit lacks a period or stands in it twice, a measure is withdrawn, all or
        no units got it, or there are fewer than two periods before.
    """
    check_whole("seed", seed, least=0)
    dd = _diff_diff()
    chosen = settings or DecisionSettings()
    if isinstance(panel, Shop):
        currency = currency or str(getattr(panel, "currency", ""))
        table = launch_panel(panel_of_shop(panel, experiment, period_days), "unit", "period", "contribution", "exposed")
    else:
        table = launch_panel(panel, unit, period, outcome, exposed)
    starts = sorted(set(table["start"].to_list()) - {NEVER})
    n_units, n_treated = table["unit"].n_unique(), table.filter(pl.col("start") > NEVER)["unit"].n_unique()
    synthetic = synthetic_control(dd, table, starts[0], chosen.level) if len(starts) == 1 else None
    few = synthetic is not None and n_treated < MIN_TREATED
    rows, staggered = _estimates(dd, table, starts, chosen.level, seed, few=few)
    if synthetic is not None:
        rows.insert(0 if few else len(rows), _synthetic_row(synthetic))
    if synthetic is not None and few:
        early = _early(dd, table, starts[0], chosen.level)
        checks = [few_units(n_units, n_treated), *synthetic_checks(synthetic, early)]
        events, breakdown = _gaps(synthetic), None
    else:
        study = staggered.aggregate("event_study")
        events, (breakdown, robust) = _events(study), parting_trends(dd, study, chosen.level)
        checks = [enough_units(n_units, n_treated), trends_before(study, n_units), robust]
        checks += [_placebo(dd, table, starts[0], chosen.level)] if synthetic is not None else []
    checks += second_opinions(rows)
    decision = _decision(rows[0], checks, chosen, n_units, n_treated)
    if decision in FINAL:
        checks = without_support(checks)
        decision = _decision(rows[0], checks, chosen, n_units, n_treated)
    return LaunchEffect(
        table=pl.DataFrame(rows, schema=SCHEMA), currency=currency or "", events=events, naive=_naive(table),
        checks=checks_table(checks), decision=decision, breakdown=breakdown,
        donors=pl.DataFrame(schema=DONORS) if synthetic is None else synthetic.donors,
        path=pl.DataFrame(schema=PATH) if synthetic is None else synthetic.path, n_units=n_units,
        n_treated=n_treated, n_cohorts=len(starts), level=chosen.level,
    )  # fmt: skip


def _diff_diff() -> ModuleType:
    try:
        return importlib.import_module("diff_diff")
    except ModuleNotFoundError:
        raise MissingInputError(
            "A launch without randomisation needs the package diff-diff.", "pip install 'custvalue[launch]'"
        ) from None


def _estimates(
    dd: ModuleType, table: pl.DataFrame, starts: list[int], level: float, seed: int, *, few: bool
) -> tuple[list[dict[str, Any]], Any]:
    """Estimate by differences; returns the rows, and Callaway & Sant'Anna's fit for what is asked of it further."""
    alpha, frame = 1.0 - level, _marked(table, starts[0])
    fitted = dd.CallawaySantAnna(cluster="unit", base_period="universal", alpha=alpha).fit(
        frame, outcome="outcome", unit="unit", time="period", first_treat="start"
    )
    if len(starts) > 1:
        return [_row("staggered difference-in-differences (Callaway & Sant'Anna)", fitted)], fitted
    common = dd.TwoWayFixedEffects(cluster="unit", df_convention="cluster", alpha=alpha)
    rows = [
        _row("difference-in-differences (two-way fixed effects)",
             common.fit(frame, outcome="outcome", treatment="treated", post="post", unit="unit"), few=few),
        _row("against the last period before (Callaway & Sant'Anna)", fitted, few=few),
    ]  # fmt: skip
    if frame["treated"].groupby(frame["unit"]).first().mean() < 0.5:  # placebos are drawn from those without
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a poor fit: that the second opinion is outside, a check says
            found = dd.SyntheticDiD(seed=seed, alpha=alpha).fit(
                frame, outcome="outcome", treatment="treated", unit="unit", time="period",
                post_periods=sorted(set(frame["period"][frame["post"] == 1])),
            )  # fmt: skip
        rows.append(_row("synthetic difference-in-differences", found))
    return rows, fitted


def _marked(table: pl.DataFrame, start: int) -> Any:
    treated, post = pl.col("start") > NEVER, pl.col("period") >= start
    return table.with_columns(treated=treated.cast(pl.Int64), post=post.cast(pl.Int64)).to_pandas()


def _row(name: str, found: Any, *, few: bool = False) -> dict[str, Any]:
    """Take over an estimate; a standard error clustered by unit is none where only a few were treated."""
    known = not few and bool(np.isfinite([found.se, *found.conf_int]).all())
    low, high = found.conf_int
    return {
        "estimator": name, "effect": float(found.att), "effect_low": float(low) if known else None,
        "effect_high": float(high) if known else None, "standard_error": float(found.se) if known else None,
    }  # fmt: skip


def _synthetic_row(found: SyntheticControl) -> dict[str, Any]:
    known = found.low is not None and found.high is not None
    half = (found.high - found.low) / 2.0 if known else None  # type: ignore[operator]
    return {
        "estimator": SYNTHETIC, "effect": found.effect, "effect_low": found.low, "effect_high": found.high,
        "standard_error": None if half is None else half / float(norm.ppf(0.5 + found.level / 2.0)),
    }  # fmt: skip


def _gaps(found: SyntheticControl) -> pl.DataFrame:
    return found.path.select(
        "periods_since_launch", effect=pl.col("treated") - pl.col("synthetic"),
        effect_low=pl.lit(None, pl.Float64), effect_high=pl.lit(None, pl.Float64),
    )  # fmt: skip


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


def _never_was(table: pl.DataFrame, start: int) -> tuple[pl.DataFrame, int]:
    """Pretend that the launch came half way through the time before it."""
    fake = 1 + math.ceil((start - 1) / 2)
    early = table.filter(pl.col("period") < start)
    return early.with_columns(start=pl.when(pl.col("start") > NEVER).then(fake).otherwise(NEVER)), fake


def _early(dd: ModuleType, table: pl.DataFrame, start: int, level: float) -> SyntheticControl | None:
    if table.filter(pl.col("period") < start)["period"].n_unique() < MIN_BEFORE:
        return None
    return synthetic_control(dd, *_never_was(table, start), level)


def _placebo(dd: ModuleType, table: pl.DataFrame, start: int, level: float) -> Check:
    common = dd.TwoWayFixedEffects(cluster="unit", df_convention="cluster", alpha=1.0 - level)
    early = _marked(*_never_was(table, start))
    row = _row("placebo", common.fit(early, outcome="outcome", treatment="treated", post="post", unit="unit"))
    text = f"A launch that never was: {row['effect']:+.2f} ({row['effect_low']:.2f} to {row['effect_high']:.2f})."
    return Check("placebo", "ok" if row["effect_low"] <= 0.0 <= row["effect_high"] else "block", text)


def _decision(
    row: dict[str, Any], checks: list[Check], settings: DecisionSettings, n_units: int, n_treated: int
) -> Decision:
    if row["effect_low"] is None or any(c.status == "block" for c in checks):
        return NOT_JUDGED
    effect = Effect(
        n_control=n_units - n_treated, n_treated=n_treated, control=0.0, treated=0.0, effect=row["effect"],
        low=row["effect_low"], high=row["effect_high"], level=settings.level, standard_error=row["standard_error"],
        p_value=1.0, relative=None, relative_low=None, relative_high=None,
    )  # fmt: skip
    now = belief(row["effect"], row["standard_error"], settings.prior_sd)
    # what a test would cost is not known from a panel: where nothing is decided, only a test can tell
    return decide(effect, now, FurtherTest(n_per_arm=1, net_benefit=0.0, cost=0.0), settings)
