"""What must hold before a test may be judged: each check says ok, warn or block, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

from custvalue.errors import DataError
from custvalue.experiments.randomised import Metric, cells, effect_of, sample_ratio_p_value
from custvalue.experiments.trial import COST_INPUTS, CUSTOMER_WORDS, OUTCOMES_WITHOUT_COST, RECOGNISED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.config import DecisionSettings
    from custvalue.experiments.trial import Trial

Status = Literal["ok", "warn", "block"]
BLOCK_BELOW, WARN_BELOW = 0.001, 0.01
MIN_PER_ARM = 30  # fewer customers do not carry a normal interval of a skewed outcome
TAIL, EDGEWORTH = 0.025, 0.0846  # (2z² + 1)φ(z)/6 at z = 1.96
MOST_SKEWED = 2.0 * TAIL
MIN_UNITS, FEW_UNITS = 5, 15  # sums over many customers are nearly normal; few of them are few all the same


class Check(NamedTuple):
    """One check: what was looked at, what came out, and what it means."""

    check: str
    status: Status
    detail: str


def check_trial(trial: Trial, settings: DecisionSettings, looks: int) -> list[Check]:
    """Run the checks that look at the customers alone, in a fixed order."""
    checks = [_design(trial), _both_arms(trial), _unit(trial), *_nulls(trial), _missing_cost(trial)]
    checks += [*_segments_before(trial), *_skewness(trial)]
    checks += _households(trial)
    checks += [_exposure(trial), _mature(trial, settings), _looks(settings, looks)]
    if all(c.status != "block" for c in checks[:1]) and not _empty_arm(trial):
        checks += [*_sample_ratio(trial), _pre_period(trial)]
    return checks


def checks_table(checks: list[Check]) -> pl.DataFrame:
    """Return the checks as a frame: check, status, detail; blocking ones first."""
    rank = {"block": 0, "warn": 1, "ok": 2}
    rows = sorted(checks, key=lambda c: rank[c.status])
    return pl.DataFrame(rows, schema={"check": pl.String, "status": pl.String, "detail": pl.String}, orient="row")


def _design(trial: Trial) -> Check:
    if trial.design == "rct":
        return Check("randomised", "ok", "Stated: assigned at random. Of a launch see opt_in_effect.")
    text = f"The design is {trial.design!r}: chance did not choose who got it, so the arms differ anyway."
    if trial.is_by_unit:
        text += " What can be said of it says launch_effect(...)."
    return Check("randomised", "block", text)


def _arm_sizes(customers: pl.DataFrame) -> tuple[int, int]:
    treated = customers["treated"].drop_nulls()
    return treated.len() - int(treated.sum()), int(treated.sum())


def _empty_arm(trial: Trial) -> bool:
    return min(_arm_sizes(trial.customers)) == 0


def _both_arms(trial: Trial) -> Check:
    sizes = _arm_sizes(trial.customers)
    text = f"{trial.control}: {sizes[0]:,} {trial.noun} (control), {trial.treatment}: {sizes[1]:,} (treated)."
    if min(sizes) == 0:
        return Check("both arms", "block", f"An arm is empty. {text}")
    if min(sizes) < min_per_arm(trial):
        return Check("both arms", "block", f"At least {min_per_arm(trial)} {trial.noun} are needed in each arm. {text}")
    if trial.is_by_unit and min(sizes) < FEW_UNITS:
        return Check("both arms", "warn", f"Few were assigned, so the interval leans on each. {text}")
    return Check("both arms", "ok", text)


def min_per_arm(trial: Trial) -> int:
    """Return how many rows each arm needs."""
    return MIN_UNITS if trial.is_by_unit else MIN_PER_ARM


def _unit(trial: Trial) -> Check:
    if trial.is_by_unit or trial.unit not in CUSTOMER_WORDS:
        return _whole_units(trial)
    customers = trial.customers
    in_both = 0
    if trial.has("n_arms"):
        in_both = int((customers["n_arms"] > 1).sum())
    if trial.has("customer_id"):
        rows = customers.filter(pl.col("customer_id").is_not_null()).group_by("customer_id")
        per = rows.agg(pl.len().alias("n"), pl.col("treated").n_unique().alias("arms"))
        in_both = max(in_both, int((per["arms"] > 1).sum()))
        if in_both == 0 and (twice := int((per["n"] > 1).sum())):
            return Check(
                "one row per customer",
                "block",
                f"{twice:,} customers have several rows: the unit of analysis must be that of assignment.",
            )
    elif not trial.has("n_arms"):
        return Check("customer in both arms", "warn", "There is no customer_id: who was in both arms can't be seen.")
    if in_both:
        return Check("customer in both arms", "block", f"{in_both:,} customers are in both arms.")
    return Check("customer in both arms", "ok", "Every customer is in one arm.")


def _whole_units(trial: Trial) -> Check:
    if not trial.is_by_unit:
        text = (
            f"Assigned was the {trial.unit}, counted is the customer: a warehouse knows customers and regions; give a"
            f" frame with the column of the {trial.unit}, as in does_it_pay(frame, unit={trial.unit!r})."
        )
        return Check("unit of assignment", "block", text)
    if mixed := int((trial.customers["n_arms"] > 1).sum()):
        return Check("unit of assignment", "block", f"{mixed:,} {trial.noun} have customers in both arms.")
    text = f"Counted as assigned: {trial.noun} of {trial.customers_per_unit:,.1f} known customers on average."
    return Check("unit of assignment", "ok", text)


def _segments_before(trial: Trial) -> Iterator[Check]:
    if trial.has("segment") and trial.has("segment_is_late"):
        late = int(trial.customers["segment_is_late"].sum())
        text = f"{late:,} customers' segments were declared after their first day: the measure may have moved them."
        yield Check("segments before the start", "warn" if late else "ok", text if late else "All were known before.")


def skewed_tail(customers: pl.DataFrame) -> float:
    """Tell how far a skewed outcome bends the interval: it leans to one side where arms are unequal and one is small.

    With the outcome's third moment μ₃ the difference of means has the skewness κ = μ₃(1/nₜ² − 1/nc²)/SE³; by the
    first term of Edgeworth's expansion of Student's t a tail of a 95 % interval is off by κ(2z² + 1)φ(z)/6 (Hall
    1992, The Bootstrap and Edgeworth Expansion, §2.6).
    """
    known = customers.drop_nulls(["treated", "outcome"])
    sizes = _arm_sizes(known)
    if min(sizes) == 0:
        return 0.0
    apart = known["outcome"] - known["outcome"].mean()
    error = float((apart**2).mean()) * (1.0 / sizes[0] + 1.0 / sizes[1])  # type: ignore[arg-type]
    if not error > 0.0:
        return 0.0
    third = float((apart**3).mean()) * abs(1.0 / sizes[1] ** 2 - 1.0 / sizes[0] ** 2)  # type: ignore[arg-type]
    return float(abs(third) / error**1.5 * EDGEWORTH)


def _skewness(trial: Trial) -> Iterator[Check]:
    if trial.is_by_unit or min(_arm_sizes(trial.customers)) < MIN_PER_ARM:
        return
    off = skewed_tail(trial.customers)
    status: Status = "block" if off > MOST_SKEWED else "warn" if off > 0.4 * TAIL else "ok"
    text = f"A tail of the interval, meant to be {100 * TAIL:.1f} %, is off by about {100 * off:.1f} points"
    why = ": the outcome is skewed, and the smaller arm too small for it." if status != "ok" else "."
    yield Check("skewed outcome", status, text + why)


def _households(trial: Trial) -> list[Check]:
    if not trial.has("household"):
        return []
    rows = trial.customers.drop_nulls(["household", "treated"]).group_by("household")
    mixed = int((rows.agg(pl.col("treated").n_unique().alias("arms"))["arms"] > 1).sum())
    if mixed:
        text = f"{mixed:,} households have members in both arms: what one gets may change what the other buys."
        return [Check("interference in households", "warn", text)]
    return [Check("interference in households", "ok", "Every household is in one arm.")]


def _nulls(trial: Trial) -> Iterator[Check]:
    names = {"treated": "arm", "outcome": trial.outcome, "before": trial.before, "segment": "segment"}
    empty = {names[c]: trial.customers[c].null_count() for c in names if trial.has(c)}
    found = [f"{name} in {n:,} rows" for name, n in empty.items() if n]
    if found:
        yield Check(
            "nulls",
            "block",
            f"Empty or not finite: {', '.join(found)}. State 'no order' as 0.",
        )
    else:
        yield Check("nulls", "ok", "No outcome is empty.")


def _missing_cost(trial: Trial) -> Check:
    if trial.has("has_goods_cost") and not trial.customers["has_goods_cost"].all():
        text = "No cost of goods is loaded (order_lines or products with unit_cost): what is left is revenue."
        return Check("missing cost", "block", text)
    without = {alias for role in OUTCOMES_WITHOUT_COST for alias in RECOGNISED[role]}
    if trial.outcome in without:
        return Check("missing cost", "block", f"{trial.outcome} bears no cost: name the contribution.")
    present = [c for c in (*COST_INPUTS, "carrier_cost_free") if trial.has(c)]
    missing = [f"{c} in {n:,} rows" for c in present if (n := trial.customers[c].null_count())]
    if missing:
        return Check("missing cost", "block", f"A cost is missing: {', '.join(missing)}.")
    if trial.has("has_returns") and not trial.customers["has_returns"].all():
        return Check("missing cost", "warn", "No returns are loaded: what is sent back would lower the contribution.")
    if _costs_nothing(trial):
        return Check("missing cost", "warn", "The books carry no cost of the measure for anybody who got it.")
    if absent := [c for c in ("carrier_cost", "fee_paid") if not trial.has(c)]:
        text = f"No column {' or '.join(absent)}: {trial.outcome} is taken to be net of the cost."
        return Check("missing cost", "warn", text)
    return Check("missing cost", "ok", "Carrier cost and fees are there for every customer.")


def _costs_nothing(trial: Trial) -> bool:
    """Tell whether a warehouse's books know of the measure at all: its own entries, or a delivery without its fee."""
    treated = trial.customers.filter(pl.col("treated"))
    known = [c for c in ("measure_cost", "carrier_cost_free") if trial.has(c)]
    return len(known) == 2 and treated.height > 0 and not any(treated[c].abs().sum() for c in known)


def _exposure(trial: Trial) -> Check:
    if not (trial.has("exposed_at") and trial.has("assigned_at")):
        return Check("assignment before exposure", "ok", "No time of exposure is given; the assignment counts.")
    customers = trial.customers
    if customers.schema["exposed_at"].is_temporal() != customers.schema["assigned_at"].is_temporal():
        return Check("assignment before exposure", "warn", "exposed_at and assigned_at are not times of one kind.")
    late = customers.filter(pl.col("assigned_at") > pl.col("exposed_at")).height
    if late:
        return Check("assignment before exposure", "block", f"{late:,} customers were assigned after their exposure.")
    return Check("assignment before exposure", "ok", "Everybody was assigned before his exposure.")


def _mature(trial: Trial, settings: DecisionSettings) -> Check:
    days = f"{trial.outcome_days} + {trial.return_days} days"
    if not trial.has("is_mature"):
        text = f"Whether window and returns ({days}) are over is not known: a column is_mature or as_of would tell."
        return Check("mature customers", "warn", text)
    young = int((~trial.customers["is_mature"].fill_null(value=False)).sum())
    if young == 0:
        return Check("mature customers", "ok", f"Window and returns ({days}) are over for everybody.")
    text = f"{young:,} of {trial.customers.height:,} customers are still within window and returns ({days})"
    if settings.planned_looks > 1:
        return Check("mature customers", "warn", f"{text}; they are left out of this look.")
    return Check("mature customers", "block", f"{text}: one look at the end was planned, so figures are provisional.")


def _looks(settings: DecisionSettings, looks: int) -> Check:
    if looks > settings.planned_looks:
        text = f"Looked at {looks} times where {settings.planned_looks} was planned: an always-valid interval."
        return Check("looks", "warn", text)
    kind = "fixed" if settings.planned_looks == 1 else "always-valid"
    return Check("looks", "ok", f"Look {looks} of {settings.planned_looks} planned: the {kind} interval is used.")


def _sample_ratio(trial: Trial) -> Iterator[Check]:
    n_control, n_treated = _arm_sizes(trial.customers)
    p = sample_ratio_p_value(n_control, n_treated, trial.planned_share)
    found = f"{n_treated / (n_control + n_treated):.1%} treated, {trial.planned_share:.1%} planned (p = {p:.2g})"
    yield Check("sample ratio", _status(p), f"{found}.")
    for column, what in (("segment", "segment"), ("entered", "day")):
        if trial.has(column) and trial.customers[column].count():
            yield _ratio_within(trial, column, what)


def _ratio_within(trial: Trial, column: str, what: str) -> Check:
    per = (
        trial.customers.drop_nulls(["treated", column])
        .group_by(column)
        .agg((~pl.col("treated")).sum().alias("control"), pl.col("treated").sum().alias("treated"))
        .sort(column)
    )
    p = {str(g): sample_ratio_p_value(c, t, trial.planned_share) for g, c, t in per.iter_rows()}
    worst = min(p, key=lambda group: p[group])
    adjusted = min(p[worst] * len(p), 1.0)  # Bonferroni: one of many days is odd by chance
    text = f"Furthest from the planned split of {len(p):,}: {worst} (p = {adjusted:.2g}, for all together)."
    return Check(f"sample ratio by {what}", _status(adjusted), text)


def _pre_period(trial: Trial) -> Check:
    columns = [c for c in ("before", "pre_contribution", "pre_revenue", "pre_orders") if trial.has(c)]
    if not columns:
        return Check("before the start", "warn", "Nothing is known of the time before; an imbalance stays unseen.")
    found = {c: _difference_p_value(trial.customers, c) for c in columns}
    worst = min(found, key=lambda c: found[c])
    p = min(found[worst] * len(found), 1.0)
    name = trial.before if worst == "before" else worst
    return Check("before the start", _status(p), f"Largest difference between the arms: {name} (p = {p:.2g}).")


def _difference_p_value(customers: pl.DataFrame, column: str) -> float:
    metric = Metric(column)
    known = customers.drop_nulls(["treated", column])
    try:
        return effect_of(metric, cells(known, [metric], arm="treated")).p_value
    except DataError:  # the same for everybody: nothing is out of balance
        return 1.0


def _status(p: float) -> Status:
    return "block" if p < BLOCK_BELOW else "warn" if p < WARN_BELOW else "ok"
