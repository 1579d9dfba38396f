"""From a shop to a plan: what was measured decides, what was not is tested first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
import polars as pl

from custvalue.data.purchases import purchase_summary
from custvalue.door import checked
from custvalue.errors import CustvalueError, DataError, MissingInputError, PlanError
from custvalue.experiments.verdict import Verdict, does_it_pay
from custvalue.frames import table_of
from custvalue.models.lifetime_value import LifetimeValue, lifetime_value
from custvalue.models.simpler import fit_purchases, fit_spend
from custvalue.profit.waterfall import customer_profit
from custvalue.service.cases import Case, measured_cases, untested_cases
from custvalue.service.choice import LevelPlan, choose_levels
from custvalue.service.facts import Facts, Shop, read_facts
from custvalue.service.gates import shut_measures
from custvalue.service.measured import CONTRIBUTION, MeasuredEffects, effects_from, gathered, prior_spread
from custvalue.service.options import ALL_STAFF, QUARTERS, Option, effect_draws, options_of, steps_of
from custvalue.service.outlook import frontier, risk, shadow_prices
from custvalue.service.priors import stated_beliefs
from custvalue.service.programme import Limits, Resource
from custvalue.service.rows import Taken, plan_table, roadmap, tests_table, withdrawals
from custvalue.service.rules import Rules, check_limits
from custvalue.service.segments import Segments
from custvalue.service.service_plan import ServicePlan
from custvalue.service.solve import Solution, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from custvalue.data.warehouse import Warehouse
    from custvalue.experiments.money import Belief
    from custvalue.models.fitting import ModelFit
    from custvalue.results import PurchaseSummary

    Floats = NDArray[np.float64]

__all__ = ["LevelPlan", "ServicePlan", "Shop", "choose_levels", "plan_service"]

SPREAD_SHARE = 0.2
"""Spread of what a measure does before any test: a fifth of what a customer contributes in a year."""
TESTS_AT_ONCE = 3
STORED = "measured_effects"


@dataclass(frozen=True, kw_only=True)
class _Models:
    """Values and fits that a run has already."""

    value: LifetimeValue | None = None
    summary: PurchaseSummary | None = None
    purchases: ModelFit | None = None


@checked
def plan_service(
    shop: Shop,
    *,
    budget: float | None = None,
    staff_hours: float | Mapping[str, float] | None = None,
    reserve: float = 0.0,
    accept_priors: bool = False,
    withdraw: bool = False,
    promised: Mapping[str, Sequence[str]] | None = None,
    tail_limit: float | None = None,
    holdout: float = 0.05,
    effects: Sequence[MeasuredEffects | Verdict] | None = None,
    value: LifetimeValue | None = None,
    segments: Segments | pl.DataFrame | None = None,
    summary: PurchaseSummary | None = None,
    purchases: ModelFit | None = None,
) -> ServicePlan:
    """Recommend, for each measure and segment, to give, withdraw, keep or test it.

    A measure is given or withdrawn where a verdict of a test decides so for the segment; what no test has measured is
    put to the test where the result is worth more than it costs. Orders, deliveries and one judged test are enough.

    Parameters
    ----------
    shop
        A warehouse with `experiments` and `assignments`. A `courtesy_catalogue` adds the measures that nobody tested,
        with what they cost; `courtesy_events` who has them today; `resources` the hours that are idle; `effect_draws`
        what is believed of them.
    budget
        Money for measures, tests and hiring over the year; None sets no limit.
    staff_hours
        Hours of the year that may go into it: of all staff together, or by resource. None takes the hours that each
        resource has idle. They cost what is avoidable of them.
    reserve
        Part of the budget that stays in cash.
    accept_priors
        True lets a stated effect carry a step, with half a chance that it is wrong altogether; by default it is tested.
    withdraw
        True takes a measure back, after a quarter's notice, from segments for which it does not pay. By default nobody
        loses what he has, but for the treated of a test, which ends.
    promised
        Measure → segments that must get it, whatever it brings.
    tail_limit
        Most that may be lost on average in the worst twentieth of what may come (CVaR); None sets no limit.
    holdout
        Share of those who would get a measure that is held back, so that what it earns can be seen.
    effects
        Verdicts or measured effects; default every experiment of the shop, judged now.
    value, segments, summary, purchases
        Lifetime values, segments (or a frame of customer_id and segment) for measures that nobody tested, the purchase
        summary and the purchase model's fit to it, where a run has them already.

    Returns
    -------
    ServicePlan
        Money over a year of four quarters, against today's service.

    Raises
    ------
    MissingInputError
        There is neither a test nor a catalogue of measures; says what each would give.
    PlanError
        A limit makes no sense or can't be met, or a promise names an unknown measure.
    """
    if not isinstance(shop, Shop):
        raise DataError(f"plan_service takes a Warehouse, as made by open(...); it got {type(shop).__name__}.")
    check_limits(budget, staff_hours, reserve)
    found = gathered(_effects(shop) if effects is None else [_as_effects(shop, e) for e in effects])
    membership = segments.customers if isinstance(segments, Segments) else None
    if segments is not None and membership is None:
        membership = table_of(segments, ("customer_id", "segment"), "segments")
    declared = shop.fetch("customer_segments")
    facts = read_facts(shop, found, membership if declared.is_empty() else None)
    if found.is_empty() and facts.catalogue.is_empty():
        raise MissingInputError(
            "No test is judged and no courtesy_catalogue is loaded: nothing can be recommended.",
            "Tables experiments and assignments would give a verdict to act on; courtesy_catalogue, measures to test.",
        )
    spread = prior_spread(found.filter(channel=CONTRIBUTION), SPREAD_SHARE * abs(facts.contribution_year))
    given = _Models(value=value, summary=summary, purchases=purchases)
    cases = [
        *measured_cases(facts, spread),
        *untested_cases(facts, spread, _priors(shop, facts, given, spread)),
    ]
    rules = Rules(
        accept_priors=accept_priors, withdraw=withdraw, promised=_checked(promised or {}, cases), holdout=holdout,
        gates=shut_measures(facts.catalogue, shop.fetch("stage_gates"), as_of=facts.as_of),
    )  # fmt: skip
    draws = effect_draws(cases)
    options = options_of(cases, draws, rules)
    limits = _limits(facts, budget, staff_hours, reserve, tail_limit)
    steps = steps_of(options, [r.name for r in limits.resources], rules)
    solution = solve(steps, limits)
    if isinstance(shop, Store):
        shop.store(STORED, found)
    return _plan(facts, cases, options, draws, limits, solution, rules, spread, staff_hours)


@runtime_checkable
class Store(Protocol):
    """A shop that keeps results."""

    def store(self, name: str, table: pl.DataFrame) -> None:
        """Write a table to schema `results`."""


def _effects(shop: Shop) -> list[MeasuredEffects]:
    """Judge every test of the shop; one that can't be judged measures nothing."""
    out = []
    for row in shop.fetch("experiments").sort("experiment_id").iter_rows(named=True):
        try:
            verdict = does_it_pay(shop, experiment=row["name"])
            out.append(effects_from(verdict, measure=row["measure_id"]))
        except CustvalueError:
            continue
    return out


def _as_effects(shop: Shop, found: MeasuredEffects | Verdict) -> MeasuredEffects:
    if not isinstance(found, Verdict):
        return found
    named = dict(shop.fetch("experiments").select("name", "measure_id").iter_rows())
    return effects_from(found, measure=named.get(found.experiment))


def _priors(shop: Shop, facts: Facts, given: _Models, spread: float) -> dict[tuple[str, str], Belief]:
    """Return what is believed of measures; nothing where no effect is stated or customers can't be valued."""
    stated = shop.fetch("effect_draws")
    if stated.is_empty():
        return {}
    try:
        summary = given.summary or purchase_summary(cast("Warehouse", shop))
        purchases = given.purchases or fit_purchases(summary)
        value = given.value or _value(shop, summary, purchases)
        if value.value_column != "clv":
            return {}
        return stated_beliefs(stated, facts.membership, value, purchases, summary, spread=spread)
    except CustvalueError:
        return {}


def _value(shop: Shop, summary: PurchaseSummary, purchases: ModelFit) -> LifetimeValue:
    """Value customers at the company's margin and its cost of serving an order."""
    profit = customer_profit(cast("Warehouse", shop), end=summary.as_of)
    margin = profit.margin_rate()
    n_orders = shop.fetch("data_span")["n_orders"].item()
    return lifetime_value(
        purchases, fit_spend(summary), summary, margin_rate=margin, currency=summary.currency, level=None,
        service_cost_per_order=0.0 if margin is None else profit.service_cost_per_order(n_orders),
    )  # fmt: skip


def _checked(promised: Mapping[str, Sequence[str]], cases: Sequence[Case]) -> Mapping[str, Sequence[str]]:
    known = {(case.measure, case.segment) for case in cases}
    for measure, segments in promised.items():
        for segment in segments:
            if (measure, segment) not in known:
                have = ", ".join(sorted({m for m, _ in known}))
                raise PlanError(
                    f"Measure {measure!r} for segment {segment!r} was promised; there is no such pair.",
                    f"Measures: {have}.",
                )
    return promised


def _limits(
    facts: Facts, budget: float | None, staff_hours: float | Mapping[str, float] | None, reserve: float,
    tail_limit: float | None,
) -> Limits:  # fmt: skip
    """Idle hours by resource, as they are or as given; one figure limits all staff together, too."""
    given = staff_hours if isinstance(staff_hours, Mapping) else {}
    if unknown := sorted(set(given) - set(facts.idle)):
        raise PlanError(f"staff_hours names resource {unknown[0]!r}, which table resources lacks.")
    resources = [
        Resource(
            name=name, idle_hours=np.full(QUARTERS, given[name] / QUARTERS if name in given else idle),
            avoidable_rate=facts.rates[name][1], full_rate=facts.rates[name][0],
        )
        for name, idle in facts.idle.items()
    ]  # fmt: skip
    if staff_hours is not None and not isinstance(staff_hours, Mapping):
        resources.append(Resource(name=ALL_STAFF, idle_hours=np.full(QUARTERS, staff_hours / QUARTERS)))
    return Limits(
        n_quarters=QUARTERS, budget=budget, reserve=reserve, resources=resources, tests_at_once=TESTS_AT_ONCE,
        cvar=tail_limit,
    )  # fmt: skip


def _plan(
    facts: Facts, cases: Sequence[Case], options: Sequence[Option], draws: Floats, limits: Limits, solution: Solution,
    rules: Rules, spread: float, staff_hours: float | Mapping[str, float] | None,
) -> ServicePlan:  # fmt: skip
    steps = steps_of(options, [r.name for r in limits.resources], rules)
    start = solution.start.tolist()
    prices = shadow_prices(steps, limits, solution, facts.currency)
    taken = Taken(
        options=options, start=start, left=dict(prices.select("constraint", "left").iter_rows()), rules=rules,
        currency=facts.currency,
        avoidable={r.name: r.avoidable_rate for r in limits.resources},
    )  # fmt: skip
    table = plan_table(cases, taken)
    gives = table.filter(pl.col("action") == "give", pl.col("gain") > 0)
    believed = float(gives.filter(basis="prior")["gain"].sum()) / float(gives["gain"].sum()) if gives.height else 0.0
    moves = any(s < QUARTERS and o.action != "test" for o, s in zip(options, start, strict=True))
    return ServicePlan(
        table=table, currency=facts.currency, roadmap=roadmap(taken), withdrawals=withdrawals(cases, taken),
        tests=tests_table(cases, taken), shadow_prices=prices, risk=risk(solution, cases, draws, moves=moves),
        frontier=frontier(steps, limits, solution), belief_share=believed, optimality_gap=solution.gap,
        as_of=facts.as_of, n_quarters=QUARTERS, budget=limits.budget, staff_hours=staff_hours,
        reserve=limits.reserve, tail_limit=limits.cvar, prior_spread=spread, rules=rules, note=_adds(facts),
    )  # fmt: skip


def _adds(facts: Facts) -> str:
    """Say what tables that are not loaded would add."""
    lacking = {
        "courtesy_catalogue (measures that nobody tested, and what they cost)": facts.catalogue.is_empty(),
        "experiments and assignments (what measures earn)": facts.effects.is_empty(),
        "resources (idle hours and what they cost)": not facts.rates,
    }
    named = [what for what, is_missing in lacking.items() if is_missing]
    return f"Not loaded; each would add to the plan: {'; '.join(named)}." if named else ""
