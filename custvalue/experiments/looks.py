"""Looking while a test runs: the interval that allows it at every look, and a log of the looks taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import polars as pl

from custvalue.config import DecisionSettings
from custvalue.errors import DataError
from custvalue.experiments.randomised import Metric, cells, effect_of
from custvalue.experiments.sequence import sequence_half_width, sequence_p_value, tuning
from custvalue.experiments.trial import Shop, mature_only, to_polars, trial_from_frame, trial_from_shop
from custvalue.experiments.units import by_unit
from custvalue.experiments.wording import money
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.experiments.trial import Frame

LOG = "experiment_looks"
LOG_SCHEMA = {
    "experiment": pl.String,
    "look": pl.Int64,
    "as_of": pl.Date,
    "n_control": pl.Int64,
    "n_treated": pl.Int64,
    "effect": pl.Float64,
}


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
    """

    level: float
    planned_customers: int
    outcome: str
    before: str | None

    kinds: ClassVar[Mapping[str, Kind]] = dict.fromkeys(
        ("effect", "effect_low", "effect_high", "fixed_low", "fixed_high"), "money"
    )

    @property
    def title(self) -> str:
        """When the interval first left out 0, or that it never did."""
        decided = self.table.filter((pl.col("effect_low") > 0.0) | (pl.col("effect_high") < 0.0))
        last = money(self.table["effect"][-1], sign=True)
        which = "the only look" if self.table.height == 1 else f"the last of {self.table.height} looks"
        effect = f"{last} {self.currency} per customer at {which}"
        if decided.height == 0:
            return f"Undecided at every look: {effect}"
        return f"Decided from day {decided['day'][0]} on: {effect}"


def looks_of(
    customers: Shop | Frame,
    experiment: str | None = None,
    *,
    entered: str = "entry_day",
    arm: str = "arm",
    outcome: str = "contribution",
    before: str | None = None,
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
    arm, outcome, before
        Columns of a frame, as for `does_it_pay`.
    settings
        `level` and `planned_customers` are used.
    currency
        Of the outcome; default that of the warehouse, else EUR.

    Raises
    ------
    DataError
        A column is missing or empty, or no day has two customers in each arm.
    """
    chosen = settings or DecisionSettings()
    if isinstance(customers, Shop):
        if experiment is None:
            raise DataError("Name the experiment, as in looks_of(shop, experiment='free_delivery').")
        trial = by_unit(mature_only(trial_from_shop(customers, experiment)[0]))
        currency = currency or str(getattr(customers, "currency", "EUR"))
    else:
        table = to_polars(customers)
        if entered not in table.columns:
            raise DataError(f"The frame has no column {entered!r} (day of entry); it has {', '.join(table.columns)}.")
        trial = trial_from_frame(
            table.with_columns(assigned_at=pl.col(entered)),
            arm=arm, outcome=outcome, segment=None, before=before, planned_share=0.5, outcome_days=28, as_of=None,
        )  # fmt: skip
    metric = Metric("outcome", None if trial.before is None else "before")
    rho = tuning(chosen.planned_customers / trial.customers_per_unit, chosen.level)
    rows = []
    for day in sorted(trial.customers["entered"].drop_nulls().unique().to_list()):
        seen = trial.customers.filter(pl.col("entered") <= day)
        if row := _look(seen, metric, rho, chosen.level):
            rows.append({"day": day, **row})
    if not rows:
        raise DataError("On no day were there two customers in each arm.")
    return Looks(
        table=pl.DataFrame(rows), currency=currency or "EUR", level=chosen.level, outcome=trial.outcome,
        before=trial.before, planned_customers=chosen.planned_customers,
    )  # fmt: skip


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
    same = (pl.col("n_control") == n_control) & (pl.col("n_treated") == n_treated)
    seen = log.filter(same)
    return int(seen["look"][0]) if seen.height else log.height + 1


def log_look(
    shop: object, experiment: str, *, look: int, as_of: dt.date, n_control: int, n_treated: int, effect: float
) -> None:
    """Write a look to the warehouse's log, once."""
    log = _log(shop)
    if not isinstance(shop, LookLog) or log.filter(experiment=experiment, look=look).height:
        return
    row = pl.DataFrame([(experiment, look, as_of, n_control, n_treated, effect)], schema=LOG_SCHEMA, orient="row")
    shop.store(LOG, pl.concat([log, row]))


def _log(shop: object) -> pl.DataFrame:
    empty = pl.DataFrame(schema=LOG_SCHEMA)
    if not isinstance(shop, LookLog):
        return empty
    try:
        return shop.fetch(LOG).select(pl.col(name).cast(dtype) for name, dtype in LOG_SCHEMA.items())
    except DataError:  # nothing was logged yet
        return empty
