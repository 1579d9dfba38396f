"""Looking while a test runs: the interval that allows it at every look, and a log of the looks taken."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import polars as pl

from custvalue.config import DecisionSettings
from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.checks import check_trial, checks_table
from custvalue.experiments.randomised import Metric, cells, effect_of
from custvalue.experiments.sequence import sequence_half_width, sequence_p_value, tuning
from custvalue.experiments.trial import Shop, mature_only, trial_from_frame, trial_from_shop
from custvalue.experiments.units import by_unit
from custvalue.experiments.wording import money
from custvalue.frames import to_days, to_polars
from custvalue.results import Kind, Result
from custvalue.validation import check_share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.experiments.trial import Trial
    from custvalue.frames import Frame

LOG = "experiment_looks"
LOG_SCHEMA = {
    "experiment": pl.String,
    "look": pl.Int64,
    "as_of": pl.Date,
    "n_control": pl.Int64,
    "n_treated": pl.Int64,
    "effect": pl.Float64,
}


Seen = tuple[dt.date, int, int, float]  # day of the analysis, customers in control and with the measure, effect


@dataclass(frozen=True, kw_only=True)
class Looks(Result):
    """How a test stood at each look.

    Attributes
    ----------
    table
        `day` (of entry, the last one seen), `n_control`, `n_treated`, `effect` with its always-valid interval
        `effect_low` to `effect_high` and `p_value`, and `fixed_low` to `fixed_high`, which would be valid if
        this look were the only one. Money per customer and window.
    planned_customers
        Customers at which the always-valid interval is narrowest, fixed before the test.
    checks
        `check`, `status`, `detail` of all customers, as of a verdict; none blocks, or there are no looks.
    """

    checks: pl.DataFrame
    level: float
    planned_customers: int
    outcome: str
    before: str | None

    kinds: ClassVar[Mapping[str, Kind]] = dict.fromkeys(
        ("effect", "effect_low", "effect_high", "fixed_low", "fixed_high"), "money"
    )

    @property
    def title(self) -> str:
        """When the interval first left out 0, whether it stayed so, or that it never did."""
        decided = self.table.filter((pl.col("effect_low") > 0.0) | (pl.col("effect_high") < 0.0))
        last = money(self.table["effect"][-1], sign=True)
        which = "the only look" if self.table.height == 1 else f"the last of {self.table.height} looks"
        effect = f"{last} {self.currency} per customer at {which}"
        if self.table.height == 1:
            said = "Decided" if decided.height else "Undecided"
            return f"{said} with an interval that allows further looks: {effect}"
        if decided.height == 0:
            return f"Undecided at every look: {effect}"
        first = decided["day"][0]
        when = f"on {first.isoformat()}" if isinstance(first, dt.date) else f"at day {first}"
        if decided.height < self.table.filter(pl.col("day") >= first).height:
            return f"First decided {when}, though some later looks take in 0 again: {effect}"
        return f"First decided {when}: {effect}"


@checked
def looks_of(
    customers: Shop | Frame,
    experiment: str | None = None,
    *,
    entered: str = "entry_day",
    arm: str = "arm",
    control: Any = None,
    outcome: str = "contribution",
    before: str | None = None,
    planned_share: float = 0.5,
    settings: DecisionSettings | None = None,
    currency: str | None = None,
) -> Looks:
    """Show how a running test stood after each day of entry, with the interval that is valid at all of them.

    Parameters
    ----------
    customers
        A warehouse, or a frame with one row per customer.
    experiment
        Name of a test of the warehouse; its customers whose window is over are taken by the day they were assigned.
    entered
        Column of a frame with the day of entry: a date, or a number.
    arm, control, outcome, before, planned_share
        Columns of a frame, how its control arm is called and the share of treated, as for `does_it_pay`.
    settings
        `level` and `planned_customers` are used.
    currency
        Of the outcome; default that of the warehouse. Frames say none, so none is printed.

    Raises
    ------
    DataError
        A column is missing or empty, no day has two customers in each arm, or a check blocks that would block
        `does_it_pay` too: a test that was not randomised, a customer with several rows, arms that are not those
        planned.

    Notes
    -----
    Customers whose window is not over are left out. All of the days are seen at once, so a warehouse logs each of them
    as a look, once: the next verdict on the test then counts them and has the always-valid interval.
    """
    check_share("planned_share", planned_share)
    chosen = settings or DecisionSettings()
    if isinstance(customers, Shop):
        if experiment is None:
            raise DataError("Name the experiment, as in looks_of(shop, experiment='free_delivery').")
        trial, entered = by_unit(trial_from_shop(customers, experiment)[0]), "assigned_at"
        currency = currency or str(getattr(customers, "currency", ""))
    else:
        table = to_polars(customers)
        if entered not in table.columns:
            raise DataError(f"The frame has no column {entered!r} (day of entry); it has {', '.join(table.columns)}.")
        trial = trial_from_frame(
            table.with_columns(assigned_at=to_days(table[entered], entered)),
            arm=arm, control=control, outcome=outcome, segment=None, before=before, planned_share=planned_share,
            outcome_days=28, as_of=None,
        )  # fmt: skip
    checks = _checks(trial, chosen, entered)
    trial = mature_only(trial)
    metric = Metric("outcome", None if trial.before is None else "before")
    rho = tuning(chosen.planned_customers / trial.customers_per_unit, chosen.level)
    rows = []
    for day in sorted(trial.customers["entered"].unique().to_list()):
        seen = trial.customers.filter(pl.col("entered") <= day)
        if row := _look(seen, metric, rho, chosen.level):
            rows.append({"day": day, **row})
    if not rows:
        raise DataError("On no day were there two customers in each arm.")
    table = pl.DataFrame(rows)
    if isinstance(customers, Shop):
        _log_days(customers, trial, table)
    return Looks(
        table=table, currency=currency or "", level=chosen.level, outcome=trial.outcome,
        before=trial.before, planned_customers=chosen.planned_customers, checks=checks,
    )  # fmt: skip


def _checks(trial: Trial, settings: DecisionSettings, entered: str) -> pl.DataFrame:
    """Run the checks of a verdict; those that would block it leave nothing to look at."""
    several = settings.model_copy(update={"planned_looks": max(settings.planned_looks, 2)})
    checks = [c for c in check_trial(trial, several, 1) if c.check != "looks"]
    if blocked := [c.detail for c in checks if c.status == "block"]:
        raise DataError(f"The looks cannot be judged. {' '.join(blocked)}", "See the checks of does_it_pay(...).")
    if not trial.has("entered"):
        raise DataError("It is not known when customers entered.", "Load `assignments` with `assigned_at`.")
    if n := trial.customers["entered"].null_count():
        raise DataError(f"Column {entered!r} is empty in {n:,} rows: they could be counted on no day.")
    if trial.has("is_mature") and not mature_only(trial).customers.height:
        raise DataError("No customer's window and time for returns is over: there is nothing to look at.")
    return checks_table(checks)


def _look(seen: pl.DataFrame, metric: Metric, rho: float, level: float) -> dict[str, Any] | None:
    sizes = [seen.filter(pl.col("treated") == t).height for t in (False, True)]
    if min(sizes) < 2 or seen["outcome"].n_unique() < 2:
        return None
    found = effect_of(metric, cells(seen, [metric], arm="treated"), level=level)
    half = sequence_half_width(found.standard_error, found.n, rho, level)
    return {
        "n_control": found.n_control, "n_treated": found.n_treated, "effect": found.effect,
        "effect_low": found.effect - half, "effect_high": found.effect + half,
        "p_value": sequence_p_value(found.effect, found.standard_error, found.n, rho),
        "fixed_low": found.low, "fixed_high": found.high,
    }  # fmt: skip


@runtime_checkable
class LookLog(Protocol):
    """What keeps the log of looks: a warehouse that stores results."""

    def fetch(self, relation: str, **params: Any) -> pl.DataFrame:
        """Return a relation or a stored result."""

    def store(self, name: str, table: pl.DataFrame) -> None:
        """Store a result."""


def looks_before(shop: object, experiment: str, n_control: int, n_treated: int) -> int:
    """Count the looks so far, this one included; the same customers seen again are no new look."""
    log = _log(shop).filter(pl.col("experiment") == experiment)
    return _last(log) + (0 if _has(log, n_control, n_treated) else 1)


def log_look(shop: object, experiment: str, look: int, seen: Seen) -> None:
    """Write a look to the warehouse's log, unless the same customers stand there and no later look is stated."""
    log = _log(shop)
    ours = log.filter(pl.col("experiment") == experiment)
    if isinstance(shop, LookLog) and (look > _last(ours) or not _has(ours, *seen[1:3])):
        row = pl.DataFrame([(experiment, look, *seen)], schema=LOG_SCHEMA, orient="row")
        shop.store(LOG, pl.concat([log, row]))


def _log_days(shop: object, trial: Trial, table: pl.DataFrame) -> None:
    """Write to the warehouse's log that the test was seen at each of the days."""
    for row in table.iter_rows(named=True):
        seen = (trial.as_of, row["n_control"], row["n_treated"], row["effect"])
        log_look(shop, trial.name, looks_before(shop, trial.name, *seen[1:3]), seen)


def _last(log: pl.DataFrame) -> int:
    return int(log["look"].max()) if log.height else 0  # type: ignore[arg-type]


def _has(log: pl.DataFrame, n_control: int, n_treated: int) -> bool:
    return log.filter(n_control=n_control, n_treated=n_treated).height > 0


def _log(shop: object) -> pl.DataFrame:
    empty = pl.DataFrame(schema=LOG_SCHEMA)
    if not isinstance(shop, LookLog):
        return empty
    try:
        return shop.fetch(LOG).select(pl.col(name).cast(dtype) for name, dtype in LOG_SCHEMA.items())
    except DataError:  # nothing was logged yet
        return empty
