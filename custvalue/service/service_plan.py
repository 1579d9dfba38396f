"""The plan: what to do for each measure and segment, with the money, the evidence and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.results import Kind, Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.service.rules import Rules

ACTIONS = ("give", "limit", "withdraw", "test", "keep")
_MONEY: Mapping[str, Kind] = dict.fromkeys(
    ("effect", "effect_low", "effect_high", "gain", "gain_low", "gain_high", "cost", "worth", "frees", "net", "upfront",
     "perfect_information", "net_low", "net_high", "regret", "tail_loss", "one_more", "earns", "budget", "objective"),
    "money",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ServicePlan(Result):
    """What to give, limit, withdraw, keep or test, for each measure and segment.

    Attributes
    ----------
    table
        One row per measure and segment, those that change first: `segment`, `measure`, `name`, `action`, `n_customers`,
        `given_today` (share who have it today, outside of tests), the `effect` of getting it per customer and year with
        the interval that the decision rests on, the `gain` against today over the year with its 90 % interval (net of
        the measure's cost; of a test, what it costs), the `cost` that has to be paid for it, `hours`, `quarter` it
        starts in, `basis` (`measured`, `prior`, `none`), `experiment`, `why`.
    roadmap
        A card per quarter and step: `quarter`, `segment`, `measure`, `action`, `n_customers`, `cost`, `hours`, `gate`,
        `stop_rule`, `holdout` (customers held back, to be drawn by `assign`).
    withdrawals
        Measures that a verdict says do not pay: who has them, and what a withdrawal `frees` a year.
    tests
        What to test next, most valuable first: customers, days, what the test costs and what its result is `worth`
        beyond that, what perfect information would be worth, and whether the plan starts it.
    shadow_prices
        One row per limit: used, left, and what the plan would gain with one more unit, in words.
    risk
        One row: `net` with its 90 % interval, `p_beats_today`, `p_beats_nobody`, `p_beats_everybody`, `regret` (what
        knowing every effect beforehand would bring on average), `tail_loss` (mean loss of the worst twentieth).
    frontier
        What the plan earns at other budgets.
    belief_share
        Share of the gain that rests on stated priors.
    optimality_gap
        0 is proven optimal.
    """

    roadmap: pl.DataFrame
    withdrawals: pl.DataFrame
    tests: pl.DataFrame
    shadow_prices: pl.DataFrame
    risk: pl.DataFrame
    frontier: pl.DataFrame
    belief_share: float
    optimality_gap: float
    as_of: dt.date
    n_quarters: int
    budget: float | None
    staff_hours: float | Mapping[str, float] | None
    reserve: float
    tail_limit: float | None
    prior_spread: float
    rules: Rules
    note: str = ""

    kinds: ClassVar[Mapping[str, Kind]] = {**_MONEY, "given_today": "percent"}

    @property
    def net(self) -> float:
        """What the plan earns against today in its year, after the costs of tests and hiring."""
        return float(self.risk["net"][0])

    @property
    def basis(self) -> str:
        """What the steps rest on: `measured`, `prior`, `mixed`; `today` where nothing is given or withdrawn."""
        used = set(self.table.filter(pl.col("action").is_in(ACTIONS[:3]))["basis"])
        return "mixed" if len(used) > 1 else next(iter(used), "today")

    @property
    def title(self) -> str:
        """What is given, withdrawn and tested, for what money, and on what evidence."""
        parts = [self._named(action) for action in ("give", "limit", "withdraw")]
        steps = "; ".join(part for part in parts if part)
        tests = self.table.filter(action="test")["measure"].n_unique()
        put = (
            f"{'put' if steps else 'Put'} {tests} {'measure' if tests == 1 else 'measures'} to the test"
            if tests
            else ""
        )
        if not steps:
            return f"Keep today's service: nothing measured says that a change pays{'. ' + put if put else ''}"
        chance = self.risk["p_beats_today"][0]
        sure = "" if chance is None else f", {_chance(chance)} to beat today"
        believed = f"; {self.belief_share:.0%} of it is belief, not measured" if self.belief_share > 0 else ""
        money = f": {self.net:+,.0f} {self.currency} a year{sure}{believed}"
        return f"{steps[0].upper()}{steps[1:]}{money}{'. ' + put[0].upper() + put[1:] if put else ''}"

    def _named(self, action: str) -> str:
        rows = self.table.filter(action=action)
        if rows.is_empty():
            return ""
        word = {"give": "to", "limit": "for", "withdraw": "from"}[action]
        named = [
            f"{name} {word} {' and '.join(group['segment'])}"
            for (name,), group in rows.group_by("name", maintain_order=True)
        ]
        return f"{action} {', '.join(named)}"


def _chance(p: float) -> str:
    return f"{p:.0%} sure" if p < 0.995 else "over 99 % sure"
