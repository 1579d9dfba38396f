"""Roll a plan out with a hold-out, and see afterwards what it earned: the loop from one plan to the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import polars as pl

from custvalue.door import checked
from custvalue.errors import CustvalueError, MissingInputError, PlanError
from custvalue.experiments.design import assign
from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.randomised import ALL
from custvalue.experiments.verdict import does_it_pay
from custvalue.results import Kind, Result
from custvalue.service.measured import CONTRIBUTION, DAYS_PER_YEAR, MeasuredEffects, effects_from
from custvalue.service.reasons import money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.experiments.verdict import Verdict
    from custvalue.service.facts import Shop
    from custvalue.service.service_plan import ServicePlan

QUARTER_DAYS = 91
DRIFT = 1.96
"""Standard errors by which what was earned has to differ from what was planned, so that it is said."""
VERDICTS = {
    "pays off": "It pays off",
    "does not pay": "It does not pay: end it",
    "practically neutral": "It makes no difference that matters",
}
SCHEMA = {
    "segment": pl.String, "measure": pl.String, "name": pl.String, "experiment": pl.String, "starts": pl.Date,
    "n_planned": pl.Int64, "n_given": pl.Int64, "n_held_back": pl.Int64, "reached": pl.Float64, "leaked": pl.Float64,
    "planned": pl.Float64, "earned": pl.Float64, "earned_low": pl.Float64, "earned_high": pl.Float64,
    "effect_planned": pl.Float64, "effect": pl.Float64, "effect_low": pl.Float64, "effect_high": pl.Float64,
    "drift": pl.Float64, "decision": pl.String, "says": pl.String,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RollOut(Result):
    """Who gets what a plan gives, and who is held back.

    Attributes
    ----------
    table
        Rows for table `assignments`.
    experiments
        Rows for table `experiments`, one a step of the plan.
    """

    experiments: pl.DataFrame

    @property
    def title(self) -> str:
        """How many get what, and how many are held back."""
        held = self.table.filter(arm="control").height
        steps = ", ".join(self.experiments["name"])
        return f"{steps}: {self.table.height - held:,} customers get it, {held:,} are held back"


@dataclass(frozen=True, kw_only=True)
class PlanReview(Result):
    """What a plan's steps were planned to earn and what they earned.

    Attributes
    ----------
    table
        One row per step that was rolled out: customers planned, given and held back; the share of the given who met the
        measure (`reached`) and of those held back who did (`leaked`); what was `planned` and `earned` in the window,
        with its interval; the effect per customer and year, planned and found; `drift`, their difference in standard
        errors; the `decision`, and what it `says`.
    effects
        What the hold-outs measured, for the next plan.
    """

    effects: tuple[MeasuredEffects, ...]

    kinds: ClassVar[Mapping[str, Kind]] = {
        "reached": "percent", "leaked": "percent",
        **dict.fromkeys(("planned", "earned", "earned_low", "earned_high", "effect_planned", "effect", "effect_low",
                         "effect_high"), "money"),
    }  # fmt: skip

    @property
    def title(self) -> str:
        """Earned against planned."""
        known = self.table.drop_nulls("earned")
        if known.is_empty():
            return "Nothing can be reviewed yet: no hold-out has a full window"
        earned, planned = float(known["earned"].sum()), float(known["planned"].sum())
        steps = f"in {known.height} of {self.table.height} steps"
        return f"Earned {earned:+,.0f} of {planned:+,.0f} {self.currency} planned, {steps}"


@checked
def roll_out(plan: ServicePlan, shop: Shop, *, quarter: int = 1, outcome_days: int = QUARTER_DAYS) -> RollOut:
    """Draw who gets what the plan gives in a quarter, and who is held back to see what it earns.

    Load both tables into the shop, and `review` reads them: `shop.load(out.experiments, table="experiments")` and
    `shop.load(out.table, table="assignments")`.

    Parameters
    ----------
    plan
        From `plan_service`.
    shop
        The shop it was made for.
    quarter
        Of the plan.
    outcome_days
        Window after which a step is judged.

    Raises
    ------
    PlanError
        The plan gives nothing in that quarter.
    """
    gives = plan.table.filter(action="give", quarter=quarter)
    if gives.is_empty():
        raise PlanError(f"The plan gives nothing in quarter {quarter}: there is nothing to roll out.")
    starts = _starts(plan, quarter)
    first = (shop.fetch("experiments")["experiment_id"].max() or 0) + 1  # type: ignore[operator]
    steps, rows = [], []
    for number, step in enumerate(gives.iter_rows(named=True), start=int(cast("int", first))):
        name = rollout_name(step["measure"], step["segment"], starts)
        share = 1.0 - plan.rules.holdout
        drawn = assign(_members(shop, step["segment"]), experiment=name, treated_share=share).table
        steps.append({
            "experiment_id": number, "name": name, "measure_id": step["measure"], "design": "rct", "unit": "customer",
            "control_arm": "control", "starts": starts, "ends": starts + dt.timedelta(days=outcome_days - 1),
            "planned_share": share, "outcome_days": outcome_days, "return_days": 0, "planned_looks": 1,
        })  # fmt: skip
        rows.append(drawn.select(
            pl.concat_str(pl.lit(f"{name} "), "customer_id").alias("assignment_id"),
            pl.lit(number).alias("experiment_id"), "customer_id", "arm",
            pl.lit(dt.datetime.combine(starts, dt.time())).alias("assigned_at"),
        ))  # fmt: skip
    return RollOut(table=pl.concat(rows), experiments=pl.DataFrame(steps), currency=plan.currency)


def rollout_name(measure: str, segment: str, starts: dt.date) -> str:
    """Name the experiment that a step's hold-out is."""
    return f"{measure} to {segment} from {starts}"


def _starts(plan: ServicePlan, quarter: int) -> dt.date:
    return plan.as_of + dt.timedelta(days=1 + QUARTER_DAYS * (quarter - 1))


def _members(shop: Shop, segment: str) -> pl.DataFrame:
    customers = shop.fetch("customers").select("customer_id", *_consent(shop))
    if segment == ALL:
        return customers
    mine = shop.fetch("customer_segments").filter(segment=segment)
    return customers.join(mine.select("customer_id").unique(), on="customer_id", how="semi")


def _consent(shop: Shop) -> list[str]:
    """Who may be assigned, where customers were asked."""
    columns = shop.fetch("customers").columns
    return [name for name in ("consent_experiment",) if name in columns]


@checked
def review(plan: ServicePlan, shop: Shop) -> PlanReview:
    """Set what a plan earned beside what it promised, step by step, and hand on what its hold-outs measured.

    Parameters
    ----------
    plan
        That was rolled out by `roll_out`.
    shop
        The shop as it is now, with the roll-out's experiments and assignments.

    Returns
    -------
    PlanReview
        Money of the window; `effects` go into the next `plan_service`, which also finds them by itself.

    Raises
    ------
    MissingInputError
        No step of the plan was rolled out in this shop.
    """
    known = set(shop.fetch("experiments")["name"])
    rows, effects = [], []
    for step in plan.table.filter(action="give").iter_rows(named=True):
        starts = _starts(plan, step["quarter"])
        name = rollout_name(step["measure"], step["segment"], starts)
        if name not in known:
            continue
        row, found = _reviewed(shop, step, name, starts, plan)
        rows.append(row)
        effects += found
    if not rows:
        raise MissingInputError(
            "No step of the plan was rolled out in this shop.",
            "Load what roll_out(plan, shop) gives into tables experiments and assignments.",
        )
    return PlanReview(table=pl.DataFrame(rows, schema=SCHEMA), effects=tuple(effects), currency=plan.currency)


def _reviewed(
    shop: Shop, step: Mapping[str, object], name: str, starts: dt.date, plan: ServicePlan
) -> tuple[dict[str, object], list[MeasuredEffects]]:
    arms = shop.fetch("assignments").join(
        shop.fetch("experiments").filter(name=name).select("experiment_id"), on="experiment_id"
    )
    given, held = arms.filter(arm="treatment"), arms.filter(arm="control")
    row: dict[str, object] = {name: step[name] for name in ("segment", "measure", "name")} | {
        "experiment": name, "starts": starts, "n_planned": step["n_customers"], "n_given": given.height,
        "n_held_back": held.height, "reached": _share_met(shop, given, str(step["measure"]), starts),
        "leaked": _share_met(shop, held, str(step["measure"]), starts), "effect_planned": step["effect"],
    }  # fmt: skip
    try:
        verdict = does_it_pay(cast("pl.DataFrame", shop), experiment=name)
        effects = effects_from(verdict, measure=str(step["measure"]))
    except CustvalueError as problem:
        return row | {"decision": NOT_JUDGED, "says": f"Not reviewed: {problem.message}"}, []
    return row | _earned(step, verdict, effects, given.height, plan.currency), [effects]


def _share_met(shop: Shop, arm: pl.DataFrame, measure: str, starts: dt.date) -> float | None:
    """Share of an arm who met the measure since the start."""
    events = shop.fetch("int_courtesy_events").filter(
        pl.col("measure_id") == measure, pl.col("occurred_on").cast(pl.Date) >= starts
    )
    met = arm.join(events.select("customer_id").unique(), on="customer_id", how="semi")
    return met.height / arm.height if arm.height else None


def _earned(
    step: Mapping[str, object], verdict: Verdict, effects: MeasuredEffects, n_given: int, currency: str
) -> dict[str, object]:
    found = effects.table.filter(channel=CONTRIBUTION).row(-1, named=True)
    window = verdict.outcome_days / DAYS_PER_YEAR * n_given
    planned = float(cast("float", step["effect"]))
    drift = (found["mean"] - planned) / found["sd"]
    money_row = {
        "planned": round(planned * window, 2), "earned": round(found["mean"] * window, 2),
        "earned_low": round(found["low"] * window, 2), "earned_high": round(found["high"] * window, 2),
    }  # fmt: skip
    return money_row | {
        "effect": found["mean"], "effect_low": found["low"], "effect_high": found["high"], "drift": drift,
        "decision": found["decision"],
        "says": _says(found["decision"], money_row, drift, verdict.outcome_days, currency),
    }  # fmt: skip


def _says(decision: str, row: Mapping[str, float], drift: float, days: int, currency: str) -> str:
    verdict = VERDICTS.get(decision, "The hold-out is too small to say whether it pays")
    more = "more" if drift > 0 else "less"
    kept = "as planned, but for chance" if abs(drift) < DRIFT else f"{more} than planned, by more than chance explains"
    return (
        f"{verdict}. Earned {money(row['earned'])} {currency} in {days} days"
        f" ({money(row['earned_low'])} to {money(row['earned_high'])}; planned: {money(row['planned'])}), {kept}."
    )
