"""A measure for a segment: what is known of it, what it costs, and who has it today."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from custvalue.experiments.money import Belief, FurtherTest, best_further_test
from custvalue.experiments.randomised import ALL
from custvalue.service.costs import measure_costs
from custvalue.service.measured import DAYS_PER_YEAR, DOES_NOT_PAY, KEEP_TESTING, PAYS, Evidence, combined, segments_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.service.facts import Facts

HORIZON_YEARS = 3.0
"""How long a decision holds, which a test's result is worth."""
PILOT_DAYS = 91
PRIOR_WRONG = 0.5
"""Chance that a stated effect is wrong altogether and the measure brings nothing for its cost."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A measure for a segment.

    Attributes
    ----------
    n_customers
        For whom it is decided.
    given_today
        Share of them who get it today, outside of tests.
    belief
        Gain per customer and year of getting it, net of its cost: money.
    basis
        `measured`, `prior` where only a statement tells, `none` where nothing does.
    decision
        Of the verdict, where there is one.
    low, high
        Its interval, per customer and year.
    cost
        Money per customer and year that has to be paid for it; already taken off the belief.
    hours
        Per customer and year, by resource.
    time_cost
        What these hours cost in the belief: money per customer and year.
    burden
        What it costs where it brings nothing, fees given up and minutes included: money per customer and year.
    stated
        What is believed that it brings, before that, where a prior states it.
    test
        The further test that is worth most, its size and what it is worth.
    ends_with_test
        Customers who have it only as the treated of a test.
    """

    measure: str
    name: str
    segment: str
    n_customers: float
    given_today: float = 0.0
    belief: Belief
    basis: str
    decision: str = ""
    low: float | None = None
    high: float | None = None
    cost: float = 0.0
    hours: Mapping[str, float] = field(default_factory=dict)
    time_cost: float = 0.0
    burden: float = 0.0
    stated: Belief | None = None
    test: FurtherTest = field(default_factory=lambda: FurtherTest(n_per_arm=0, net_benefit=0.0, cost=0.0))
    test_until: dt.date | None = None
    test_days: int = PILOT_DAYS
    perfect_information: float = 0.0
    experiment: str | None = None
    n_tests: int = 1
    ends_with_test: int = 0


def measured_cases(facts: Facts, spread: float) -> list[Case]:
    """Return every measure and segment that a verdict measured."""
    found = combined(facts.effects, as_of=facts.as_of, spread=spread)
    out = []
    for measure in dict.fromkeys(facts.effects["measure"]):
        work = facts.hours_of(measure)
        for segment in segments_of(facts.effects, measure):
            known, whole = found[measure, segment], found.get((measure, ALL))
            row, belief, decision = known.newest, known.belief, _decision(known, whole)
            if decision != known.decision and whole is not None:
                belief = _pooled(belief, whole.belief)
            test = _measured_test(row)
            if decision == KEEP_TESTING != row["decision"] and test.n_per_arm == 0:  # the tests differ: one more
                test = _pilot(belief, row["n_customers"], facts.sd_year)
            hours = {r: h for r, h in work.items() if h}
            out.append(Case(
                measure=measure, name=facts.names.get(measure, known.experiments[0].replace("_", " ")), segment=segment,
                n_customers=row["n_customers"], given_today=facts.given_today(measure, segment), belief=belief,
                basis="measured", decision=decision, low=known.low, high=known.high, cost=row["cost"] or 0.0,
                hours=hours, time_cost=sum(h * facts.rates.get(r, (0.0, 0.0))[0] for r, h in hours.items()),
                test=test, test_until=row["testing_until"],
                test_days=(row["testing_until"] - row["measured_on"]).days if row["testing_until"] else PILOT_DAYS,
                perfect_information=row["perfect_information"] or 0.0, experiment=row["experiment"],
                n_tests=len(known.experiments), ends_with_test=facts.treated(row["experiment"], segment),
            ))  # fmt: skip
    return out


def _decision(own: Evidence, whole: Evidence | None) -> str:
    """Let an undecided segment follow a decision that holds for all customers."""
    decided = (PAYS, DOES_NOT_PAY)
    if own.decision in decided or whole is None or whole.decision not in decided:
        return own.decision
    against = own.high < 0 if whole.decision == PAYS else own.low > 0
    return own.decision if against else whole.decision


def _pooled(own: Belief, whole: Belief) -> Belief:
    """Draw an undecided segment's effect towards that of all customers, by precision."""
    weight = own.sd**-2 / (own.sd**-2 + whole.sd**-2 / 2.0)
    return Belief(mean=weight * own.mean + (1.0 - weight) * whole.mean, sd=(own.sd**-2 + whole.sd**-2 / 2.0) ** -0.5)


def _measured_test(row: Mapping[str, Any]) -> FurtherTest:
    if row["testing_customers"] is None:
        return FurtherTest(n_per_arm=0, net_benefit=0.0, cost=0.0)
    return FurtherTest(
        n_per_arm=row["testing_customers"] // 2, net_benefit=row["testing_gain"], cost=row["testing_cost"]
    )


def untested_cases(facts: Facts, spread: float, priors: Mapping[tuple[str, str], Belief]) -> list[Case]:
    """Return every measure of the catalogue that no test has measured, by segment."""
    if facts.catalogue.is_empty():
        return []
    done = set(facts.effects["measure"])
    out = []
    for measure, unit in _unit_costs(facts).items():
        if measure not in done:
            out += [
                _untested(facts, measure, segment, unit, spread, priors.get((measure, segment)))
                for segment in facts.sizes
            ]
    return out


def _untested(facts: Facts, measure: str, segment: str, unit: _UnitCost, spread: float, stated: Belief | None) -> Case:
    """Return a case without a verdict: no effect is expected of it but its cost, unless one is stated."""
    n, dose, rate = facts.sizes[segment], facts.dose(measure), facts.events_a_year(measure, segment)
    hours = {unit.resource: dose * unit.minutes / 60.0} if unit.resource and unit.minutes else {}
    time = sum(h * facts.rates.get(r, (0.0, 0.0))[1] for r, h in hours.items())
    burden = dose * (unit.direct + unit.fee) + time
    now = _doubted(stated, spread * min(dose, 1.0), burden)
    return Case(
        measure=measure, name=facts.names.get(measure, measure), segment=segment, n_customers=n,
        given_today=min(rate / dose, 1.0) if dose else 0.0, belief=now, basis="none" if stated is None else "prior",
        cost=dose * unit.direct, hours=hours, time_cost=time, burden=burden, stated=stated,
        test=_pilot(now, n, facts.sd_year),
        perfect_information=now.perfect_information(n * HORIZON_YEARS),
    )  # fmt: skip


def _doubted(stated: Belief | None, spread: float, burden: float) -> Belief:
    """Believe a statement as far as it deserves: with the chance that it is wrong, nothing but scepticism is left.

    The spread is that of a measure that every customer meets at least once a year; who seldom meets one can seldom
    answer it.
    """
    if stated is None:
        return Belief(mean=-burden, sd=max(spread, 1e-9))
    right = 1.0 - PRIOR_WRONG
    variance = right * (stated.sd**2 + PRIOR_WRONG * stated.mean**2) + PRIOR_WRONG * spread**2
    return Belief(mean=right * stated.mean - burden, sd=max(variance**0.5, 1e-9))


def _pilot(now: Belief, n: float, sd_year: float) -> FurtherTest:
    """Size a first test of a quarter's window: the result holds for three years."""
    quarter = PILOT_DAYS / DAYS_PER_YEAR
    if n < 2 or sd_year <= 0:
        return FurtherTest(n_per_arm=0, net_benefit=0.0, cost=0.0)
    return best_further_test(
        now, customers=n * HORIZON_YEARS, lost_waiting=n * quarter, available=n,
        sd_per_customer=sd_year * quarter**-0.5,
    )  # fmt: skip


@dataclass(frozen=True)
class _UnitCost:
    """Of one event: money paid, fee given up, minutes and whose they are; minutes saved buy nothing."""

    direct: float
    fee: float
    minutes: float
    resource: str | None


def _unit_costs(facts: Facts) -> dict[str, _UnitCost]:
    """Return what an event of each measure costs; a measure whose cost nothing tells is left out."""
    rates = pl.DataFrame(
        [(r, full / 60.0, avoidable / 60.0) for r, (full, avoidable) in facts.rates.items()],
        schema={"resource_id": pl.String, "rate": pl.Float64, "avoidable_rate": pl.Float64}, orient="row",
    )  # fmt: skip
    costs = measure_costs(facts.catalogue, rates, observed=facts.observed)
    whose = facts.catalogue.select("measure_id", "resource_id").join(rates, on="resource_id", how="left")
    both = costs.join(whose, on="measure_id").filter("is_costed").sort("measure_id")
    direct = pl.col("cost_full") - pl.col("minutes") * pl.col("rate").fill_null(0.0)
    rows = both.select("measure_id", direct, "forgone_fee", "minutes", "resource_id")
    return {m: _UnitCost(paid, fee, max(time, 0.0), of) for m, paid, fee, time, of in rows.iter_rows()}
