"""Which service level each segment should get: one level each, within money, hours and one step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError, PlanError
from custvalue.results import Kind, Result, close_gaps
from custvalue.service.optimise import HUNDRED, LevelProblem, best_choice
from custvalue.service.reasons import NextStep, next_steps, sentence
from custvalue.service.regret import SCHEMA, plan_regret
from custvalue.service.scarcity import shadow_prices
from custvalue.validation import check_number

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

DAYS_PER_YEAR = 365
_REQUIRED = ("segment", "level", "gain", "cost", "staff_hours")
_OPTIONAL: Mapping[str, tuple[pl.DataType, object]] = {
    "setup_cost": (pl.Float64(), 0.0),
    "name": (pl.String(), None),
    "n_customers": (pl.Int64(), None),
    "value": (pl.Float64(), None),
    "gain_low": (pl.Float64(), None),
    "gain_high": (pl.Float64(), None),
    "basis": (pl.String(), "measured"),
    "gate": (pl.String(), None),
}
_SHOWN = (
    "segment", "n_customers", "level_today", "name_today", "level", "name", "gain", "gain_low", "gain_high", "cost",
    "staff_hours", "net", "basis", "why",
)  # fmt: skip
_DERIVED = ("level_today", "name_today", "step", "barred", "is_allowed")
_MONEY: Mapping[str, Kind] = dict.fromkeys(
    ("gain", "gain_low", "gain_high", "cost", "setup_cost", "net", "value", "best_net"), "money"
)

MOST_MONEY = 1e15
"""A limit beyond it is a slip of the pen."""


@dataclass(frozen=True, kw_only=True)
class LevelPlan(Result):
    """The service level recommended for each segment, with the money and the reason.

    Attributes
    ----------
    table
        One row per segment, those raised first: `segment`, `n_customers`, `level_today`, `name_today`, `level`, `name`,
        `gain`, `gain_low`, `gain_high`, `cost`, `staff_hours`, `net`, `basis`, `why`. Money over
        `horizon_days`, against today's level; `basis` is `measured`, `prior`, or `today` for who stays.
    options
        Every level of every segment, with what it brings and costs, and whether the rules allow it.
    shadow_prices
        One row per limit: what is left of it and what more of it would bring.
    roadmap
        The steps of this plan (`now`), then each segment's next one (`later`) with its gate.
    regret
        One row: how often the plan beats today's levels over the draws of the effects, and what knowing them
        beforehand would bring; empty where the options carry no draws.
    withdrawals
        Segments that lose money on every level: candidates to look at; nothing is decided here.
    budget, staff_hours, reserve
        The limits; None sets none. Cost and set-up may not exceed budget less reserve.
    setup_cost
        Paid once for the levels the plan opens.
    highest_level
        Levels above it are not opened: the service centre has to be built from scratch.
    accept_priors
        Whether effects that were stated but not measured may carry a step.
    as_of
        The day of today's levels.
    costing
        How minutes are charged: `avoidable` within the staff hours given, or in `full`.
    overlap_weight
        Weight of every measure of a bundle but the strongest, channel by channel.
    clv_new
        What a referred customer counts.
    """

    options: pl.DataFrame
    shadow_prices: pl.DataFrame
    roadmap: pl.DataFrame
    withdrawals: pl.DataFrame
    regret: pl.DataFrame
    budget: float | None
    staff_hours: float | None
    reserve: float
    setup_cost: float
    highest_level: int
    accept_priors: bool
    horizon_days: int
    as_of: dt.date | None = None
    costing: str = "as given"
    overlap_weight: float | None = None
    clv_new: float | None = None
    note: str = ""

    kinds: ClassVar[Mapping[str, Kind]] = _MONEY

    @property
    def net(self) -> float:
        """Gain less cost less set-up of the whole plan."""
        return round(float(self.table["net"].sum()) - self.setup_cost, 2)

    @property
    def basis(self) -> str:
        """`measured`, `prior` or `mixed`: what the steps up rest on; `today` when there is none."""
        used = set(self.table["basis"].unique()) - {"today"}
        return "mixed" if len(used) > 1 else next(iter(used), "today")

    @property
    def title(self) -> str:
        """How many segments are raised, for what money, and on what evidence."""
        raised = self.table.filter(pl.col("level") > pl.col("level_today"))
        if raised.is_empty():
            return "Keep today's service levels: no step up that may be taken pays within the limits"
        cost = float(raised["cost"].sum()) + self.setup_cost
        evidence = {
            "prior": "; resting on a stated prior, not on a measured effect",
            "mixed": "; in part resting on stated priors, not on measured effects",
        }.get(self.basis, "")
        setup = f" (set-up of {self.setup_cost:,.0f} included)" if self.setup_cost else ""
        time = "a year" if self.horizon_days == DAYS_PER_YEAR else f"in {self.horizon_days:,} days"
        return (
            f"Raise the service of {raised.height} of {self.table.height} segments: "
            f"{self.net:,.0f} {self.currency} net {time} for {cost:,.0f} {self.currency}{setup} and "
            f"{raised['staff_hours'].sum():,.0f} staff hours{evidence}"
        )


@checked
def choose_levels(
    options: pl.DataFrame,
    *,
    current: Mapping[str, int] | int,
    budget: float | None = None,
    staff_hours: float | None = None,
    reserve: float = 0.0,
    highest_level: int = 2,
    accept_priors: bool = True,
    horizon_days: int = 365,
    currency: str = "",
) -> LevelPlan:
    """Choose one service level per segment, most gain less cost and set-up, solved to optimality.

    Parameters
    ----------
    options
        One row per segment and level: `segment`, `level`, `gain` (null where no effect is stated),
        `cost`, `staff_hours`, all against today's level over the horizon; if known also `setup_cost` (of
        the level, paid once), `name`, `n_customers`, `value` (of the segment), `gain_low`, `gain_high`,
        `basis`, `gate` (what keeps the level shut, null when nothing does), `gain_draws` (a list each, equally
        long).
    current
        Level today, per segment or one for all: nobody goes below it, nobody more than one above it.
    budget
        Money for cost and set-up over the horizon; None sets no limit.
    staff_hours
        Hours that can be given over the horizon; None sets no limit.
    reserve
        Part of the budget that stays in cash.
    highest_level
        Levels above it are left closed.
    accept_priors
        False keeps segments where they are unless the step's effects were measured.
    horizon_days
        What the money in `options` covers; for the sentences only.

    Raises
    ------
    DataError
        A column is missing, a figure is empty or not finite, or a segment has a level twice.
    PlanError
        A limit that makes no sense or can't be met, named; a segment without today's level; a reserve without a budget.

    Examples
    --------
    >>> options = pl.DataFrame({
    ...     "segment": ["near", "near", "far", "far"], "level": [0, 1, 0, 1], "gain": [0.0, 900.0, 0.0, 500.0],
    ...     "cost": [0.0, 300.0, 0.0, 200.0], "staff_hours": [0.0, 10.0, 0.0, 30.0],
    ... })
    >>> print(choose_levels(options, current=0, budget=400.0).table["why"][0])
    Goes from level 0 to level 1: brings 900 for 300 and 10 hours.
    """
    check_limits(budget, staff_hours, reserve)
    table = _with_rules(_checked(options), current=current, highest_level=highest_level, accept_priors=accept_priors)
    offered = table.filter("is_allowed")
    problem = _problem(offered, budget=budget, staff_hours=staff_hours, reserve=reserve)
    chosen = best_choice(problem)
    steps = next_steps(table, offered, problem, chosen, reserve=reserve)
    rows = _explained(offered[chosen], steps, currency)
    board = rows.sort(["net", "value", "segment"], descending=[True, True, False], nulls_last=True)
    return LevelPlan(
        table=board.select(_SHOWN),
        options=table.drop("name_today", "gain_draws", strict=False),
        shadow_prices=shadow_prices(problem, chosen),
        roadmap=_roadmap(rows, steps),
        withdrawals=_withdrawals(table),
        regret=_regret(offered, problem, chosen),
        budget=budget,
        staff_hours=staff_hours,
        reserve=reserve,
        setup_cost=float(problem.setup[problem.opened(chosen)].sum()) / HUNDRED,
        highest_level=highest_level,
        accept_priors=accept_priors,
        horizon_days=horizon_days,
        currency=currency,
    )


def check_limits(budget: float | None, staff_hours: float | None, reserve: float) -> None:
    """Refuse limits that make no sense, before any work is done on them."""
    for name, limit in (("budget", budget), ("staff_hours", staff_hours), ("reserve", reserve)):
        if limit is not None:
            check_number(name, limit, most=MOST_MONEY)
    for name, limit in (("budget", budget), ("staff_hours", staff_hours), ("reserve", reserve)):
        if limit is not None and not (isinstance(limit, (int, float)) and math.isfinite(limit) and limit >= 0):
            raise PlanError(f"{name} must be a number of 0 or more, not {limit!r}.", "None sets no limit.")
    if budget is None and reserve > 0:
        raise PlanError(f"A reserve of {reserve:,.2f} needs a budget to be kept out of.", "State budget=...")


def _explained(picked: pl.DataFrame, steps: list[NextStep | None], currency: str) -> pl.DataFrame:
    """Add what a choice nets, what it rests on and why it was made."""
    why = [close_gaps(sentence(row, step, currency)) for row, step in zip(picked.to_dicts(), steps, strict=True)]
    return picked.with_columns(
        net=(pl.col("gain") - pl.col("cost")).round(2),
        basis=pl.when(pl.col("step") == 0).then(pl.lit("today")).otherwise("basis"),
        why=pl.Series(why, dtype=pl.String),
    )


def _checked(options: pl.DataFrame) -> pl.DataFrame:
    """Return the options sorted, in whole cents and hundredths of an hour, with all columns."""
    missing = [name for name in _REQUIRED if name not in options.columns]
    if missing:
        raise DataError(f"The options have no column {', '.join(missing)}.")
    if options.is_empty():
        raise DataError("The options have no row: there is no segment or no level to choose.")
    absent = [pl.lit(v, dtype=t).alias(n) for n, (t, v) in _OPTIONAL.items() if n not in options.columns]
    kept = options.with_columns(absent).drop(_DERIVED, strict=False)
    kept = kept.cast({"segment": pl.String, "level": pl.Int64, "gain": pl.Float64})
    kept = kept.cast({"cost": pl.Float64, "staff_hours": pl.Float64, "setup_cost": pl.Float64})
    for name in ("segment", "level", "cost", "staff_hours", "setup_cost"):
        if kept[name].null_count():
            raise DataError(f"The options' column {name!r} is empty in {kept[name].null_count()} rows.")
    for name in ("gain", "cost", "staff_hours", "setup_cost"):
        if not kept[name].drop_nulls().is_finite().all():
            raise DataError(f"The options' column {name!r} holds a figure that is not finite.")
    twice = kept.filter(pl.struct("segment", "level").is_duplicated())
    if not twice.is_empty():
        raise DataError(f"Segment {twice['segment'][0]!r} has level {twice['level'][0]} more than once.")
    money = pl.col("gain", "gain_low", "gain_high", "cost", "setup_cost", "staff_hours")
    named = pl.coalesce("name", pl.format("level {}", "level"))
    return kept.with_columns(money.round(2), name=named).sort("segment", "level")


def _with_rules(
    options: pl.DataFrame, *, current: Mapping[str, int] | int, highest_level: int, accept_priors: bool
) -> pl.DataFrame:
    """Add today's level, the step, the rule that bars an option (`barred`), and `is_allowed`."""
    segments = options["segment"].unique().sort().to_list()
    today = current if isinstance(current, Mapping) else dict.fromkeys(segments, current)
    if unknown := [name for name in segments if name not in today]:
        raise PlanError(f"Today's service level of segment {unknown[0]!r} is not stated.")
    levels = pl.DataFrame(
        {"segment": segments, "level_today": [today[name] for name in segments]},
        schema={"segment": pl.String, "level_today": pl.Int64},
    )
    names = options.select("segment", level_today="level", name_today="name")
    table = options.join(levels, on="segment").join(names, on=["segment", "level_today"], how="left")
    if (lost := table.filter(pl.col("name_today").is_null())).height:
        raise PlanError(
            f"Segment {lost['segment'][0]!r} is served at level {lost['level_today'][0]} today, "
            "and the options hold no such level."
        )
    step = pl.col("level") - pl.col("level_today")
    barred = (
        pl.when(step == 0).then(None)
        .when(step < 0).then(pl.lit("nobody goes down"))
        .when(pl.col("level") > highest_level).then(pl.lit("level not open"))
        .when(pl.col("gate").is_not_null()).then("gate")
        .when(step > 1).then(pl.lit("one step at a time"))
        .when(pl.col("gain").is_null()).then(pl.lit("no effect stated"))
        .when((pl.col("basis") != "measured") & (not accept_priors)).then(pl.lit("effect not measured"))
    )  # fmt: skip
    gain = pl.when(step == 0).then(pl.col("gain").fill_null(0.0)).otherwise("gain")
    table = table.with_columns(step=step, barred=barred, gain=gain).sort("segment", "level")
    return table.with_columns(is_allowed=pl.col("barred").is_null())


def _problem(offered: pl.DataFrame, *, budget: float | None, staff_hours: float | None, reserve: float) -> LevelProblem:
    in_use = set(offered["level_today"].unique())
    priced = offered.filter((pl.col("setup_cost") > 0) & ~pl.col("level").is_in(list(in_use)))
    setup = priced.group_by("level").agg(pl.col("setup_cost").max()).sort("level")
    numbers = {level: k for k, level in enumerate(setup["level"])}
    return LevelProblem(
        segment=offered["segment"].rank("dense").cast(pl.Int64).to_numpy() - 1,
        step=offered["step"].to_numpy(),
        opens=np.array([numbers.get(level, -1) for level in offered["level"]], dtype=np.int64),
        gain=_hundredths(offered["gain"]),
        cost=_hundredths(offered["cost"]),
        hours=_hundredths(offered["staff_hours"]),
        setup=_hundredths(setup["setup_cost"]),
        spend_limit=None if budget is None else round(budget * HUNDRED) - round(reserve * HUNDRED),
        hours_limit=None if staff_hours is None else round(staff_hours * HUNDRED),
    )


def _hundredths(column: pl.Series) -> NDArray[np.int64]:
    cents: NDArray[np.int64] = np.rint(column.to_numpy() * HUNDRED).astype(np.int64)
    return cents


def _regret(offered: pl.DataFrame, problem: LevelProblem, chosen: NDArray[np.int64]) -> pl.DataFrame:
    if "gain_draws" not in offered.columns or offered["gain_draws"].null_count():
        return pl.DataFrame(schema=SCHEMA)
    draws = np.array(offered["gain_draws"].to_list(), dtype=np.float64).T
    return plan_regret(problem, chosen, np.rint(draws * HUNDRED).astype(np.int64))


def _roadmap(rows: pl.DataFrame, steps: list[NextStep | None]) -> pl.DataFrame:
    """List this plan's steps, then the next one of each segment with what it waits for."""
    now = rows.filter(pl.col("step") > 0).select(
        pl.lit("now").alias("when"), "segment", from_name="name_today", to_name="name", net="net",
        gate=pl.lit("open"),
    )  # fmt: skip
    later = pl.DataFrame(
        [("later", s.segment, s.from_name, s.to_name, s.net, s.gate) for s in steps if s is not None],
        schema=now.schema,
        orient="row",
    )
    parts = [part.sort(["net", "segment"], descending=[True, False], nulls_last=True) for part in (now, later)]
    return pl.concat(parts)


def _withdrawals(table: pl.DataFrame) -> pl.DataFrame:
    """List segments whose value stays negative on every level; empty where the value is not known."""
    best = (pl.col("value") + pl.col("gain").fill_null(0.0) - pl.col("cost")).max()
    worth = table.group_by("segment").agg(pl.col("n_customers", "value").first(), best_net=best.round(2))
    losing = worth.filter(pl.col("best_net") < 0).sort("best_net", "segment")
    loses = "loses money on every level; candidate for a cheaper substitute or a withdrawal with notice"
    return losing.with_columns(reason=pl.lit(loses))
