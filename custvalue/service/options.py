"""From what is known of each measure and segment to what a plan may do, and the arrays that are solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custvalue.service.cases import PRIOR_WRONG
from custvalue.service.programme import OPEN_NEVER, Steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from custvalue.service.cases import Case
    from custvalue.service.rules import Rules

    Floats = NDArray[np.float64]

N_DRAWS = 1_000
HALF = 0.5
HAS_IT = 0.95
"""Share of a segment from which a measure counts as given."""
QUARTERS = 4
ALL_STAFF = "all staff"
"""Hours of every resource together, where one figure limits them."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing that may be done for a measure and a segment.

    Attributes
    ----------
    action
        `give`, `withdraw` or `test`.
    share
        Customers moved, as a share of the segment; below 0 they lose the measure.
    gain
        Money a year at the belief's mean, but for the minutes.
    draws
        The same by draw.
    cost
        Money a year that has to be paid, none where it is saved.
    hours
        A year, by resource.
    worth, upfront
        What a test's result is worth, and what the test costs.
    earliest
        First quarter.
    """

    case: Case
    action: str
    share: float
    gain: float
    draws: Floats
    cost: float
    hours: Mapping[str, float]
    worth: float = 0.0
    upfront: float = 0.0
    earliest: int = 0


def effect_draws(cases: Sequence[Case], seed: int = 1) -> Floats:
    """Draw each case's gain per customer and year: draws × cases.

    A measured effect is drawn from its posterior, segments of a test independently. A stated one is drawn, too, but
    with the chance that the prior is wrong altogether and the measure brings nothing for its cost.
    """
    rng = np.random.default_rng(seed)
    out = np.empty((N_DRAWS, len(cases)))
    for k, case in enumerate(cases):
        noise = rng.standard_normal(N_DRAWS)
        noise = (noise - noise.mean()) / noise.std()
        out[:, k] = case.belief.mean + case.belief.sd * noise
        if case.stated is not None:
            right = rng.random(N_DRAWS) >= PRIOR_WRONG
            out[:, k] = np.where(right, case.stated.mean + case.stated.sd * noise, 0.0) - case.burden
    return out


def options_of(cases: Sequence[Case], draws: Floats, rules: Rules) -> list[Option]:
    """Return everything that the evidence and the rules allow."""
    out = []
    for k, case in enumerate(cases):
        out += _raise(case, draws[:, k], rules) + _withdraw(case, draws[:, k], rules) + _test(case, rules)
    return out


def _raise(case: Case, draws: Floats, rules: Rules) -> list[Option]:
    """Give a measure where its verdict says that it pays; on a prior only where priors are accepted."""
    missing = 1.0 - case.given_today
    allowed = case.decision == "pays off" if case.basis == "measured" else rules.accept_priors and case.basis == "prior"
    has_it = min(HAS_IT, 1.0 - rules.holdout - 1e-9)  # those held back stay without
    if case.given_today >= has_it or not (allowed or rules.is_promised(case)):
        return []
    share = missing * (1.0 - rules.holdout)
    return [_option(case, "give", share, draws, earliest=rules.gate(case))]


def _withdraw(case: Case, draws: Floats, rules: Rules) -> list[Option]:
    """Take a measure back after notice, where its verdict says that it does not pay and withdrawing was chosen."""
    if not (rules.withdraw and case.decision == "does not pay" and case.given_today > 1.0 - HAS_IT):
        return []
    return [_option(case, "withdraw", -case.given_today, draws, earliest=rules.notice_quarters)]


def _option(case: Case, action: str, share: float, draws: Floats, *, earliest: int) -> Option:
    moved = share * case.n_customers
    return Option(
        case=case, action=action, share=share, gain=moved * (float(draws.mean()) + case.time_cost),
        draws=moved * (draws + case.time_cost), cost=max(moved, 0.0) * case.cost, earliest=earliest,
        hours={r: moved * h for r, h in case.hours.items()},
    )  # fmt: skip


def _test(case: Case, rules: Rules) -> list[Option]:
    """Test where a result is worth more than it costs and no verdict stands against it."""
    test = case.test
    if test.n_per_arm == 0 or not rules.may_test(case):
        return []
    treated = test.n_per_arm if case.given_today < HALF else 0  # where all have it, a test holds it back
    paid = treated * case.cost / QUARTERS
    hours = {r: treated * h / QUARTERS for r, h in case.hours.items()}
    return [Option(
        case=case, action="test", share=0.0, gain=0.0, draws=np.zeros(N_DRAWS), cost=0.0, hours=hours,
        worth=test.net_benefit + test.cost, upfront=max(test.cost, paid),
    )]  # fmt: skip


def steps_of(options: Sequence[Option], resources: Sequence[str], rules: Rules) -> Steps:
    """Write options as the arrays of the programme: a chain each, those of a case in one group."""
    n = len(options)
    groups: dict[tuple[str, str], int] = {}
    group = [groups.setdefault((o.case.measure, o.case.segment), len(groups)) for o in options]
    hours = np.zeros((n, len(resources)))
    for i, option in enumerate(options):
        for k, name in enumerate(resources):
            hours[i, k] = option.hours.get(name, 0.0) / QUARTERS
        if resources and resources[-1] == ALL_STAFF:
            hours[i, -1] = sum(option.hours.values()) / QUARTERS
    return Steps(
        chain=np.arange(n), rung=np.ones(n, dtype=np.int64), group=np.array(group, dtype=np.int64),
        gain=np.array([o.gain / QUARTERS for o in options]), cost=np.array([o.cost / QUARTERS for o in options]),
        once=np.array([o.worth for o in options]), upfront=np.array([o.upfront for o in options]), hours=hours,
        draws=np.array([o.draws / QUARTERS for o in options]).reshape(n, N_DRAWS).T,
        earliest=np.array([min(o.earliest, OPEN_NEVER) for o in options], dtype=np.int64),
        setup=np.full(n, -1, dtype=np.int64),
        promised=np.array([o.action == "give" and rules.is_promised(o.case) for o in options], dtype=np.bool_),
        counts=np.array([o.action == "test" and o.case.basis != "measured" for o in options], dtype=np.bool_),
    )  # fmt: skip
