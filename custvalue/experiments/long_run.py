"""What an effect comes to in the long run, and when a measure has paid back what it cost to set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from scipy.stats import norm

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.money import Belief, belief, long_run_effect
from custvalue.experiments.randomised import ALL
from custvalue.experiments.wording import money
from custvalue.results import Kind, Result
from custvalue.validation import check_level, check_number, check_share, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.experiments.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class LongRun(Result):
    """Long-run effect of a measure, by how well its effect persists.

    Attributes
    ----------
    table
        `persistence` (share of the effect left after a year on customers who are still there), `effect` per customer
        over the horizon, less the set-up cost, with its interval, `p_pays` (that it is above 0),
        `payback_years_10`, `_50`, `_90`: years within which it has paid back with a chance of 10, 50 and 90 %; null
        where it never does with that chance.
    segment
        Of which segment's effect.
    setup_cost
        Per eligible customer, money; already deducted from the effect.
    """

    segment: str
    retention: float
    annual_discount_rate: float
    horizon_years: int
    setup_cost: float
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = {
        "persistence": "percent", "effect": "money", "effect_low": "money", "effect_high": "money",
    }  # fmt: skip

    @property
    def title(self) -> str:
        """What the effect less the set-up cost comes to at the weakest and strongest persistence looked at."""
        low, high = (self.table["effect"][i] for i in (0, -1))
        years = f"over {self.horizon_years} years"
        net = f", {money(self.setup_cost)} {self.currency} of set-up deducted" if self.setup_cost else ""
        effect = money(low, sign=True)
        if self.table.height > 1:
            effect += f" to {money(high, sign=True)}"
        return f"Per customer {years}{net}: {effect} {self.currency}"


@checked
def long_run(
    verdict: Verdict,
    *,
    retention: float,
    annual_discount_rate: float = 0.10,
    persistence: Sequence[float] = (0.0, 0.5, 0.8, 1.0),
    horizon_years: int = 5,
    setup_cost: float = 0.0,
    segment: str = ALL,
    level: float = 0.95,
) -> LongRun:
    """Carry a verdict's effect into the years: δ₀(1 − q^T)/(1 − q) − set-up, q = retention × persistence/(1 + i).

    Persistence is the share of the effect on a customer that is left after a year, as long as he stays; how many stay
    says `retention`. It is an assumption that no short test can check, so several are shown side by side; a permanent
    hold-out of some customers would measure it. `Verdict.long_run` means another thing by it where it rests on the
    purchases: there it is the share of the change in purchase rate and dropout that is left, and who stays follows
    from the dropout itself.

    Parameters
    ----------
    verdict
        A verdict that shows an effect.
    retention
        Share of customers left after a year.
    annual_discount_rate
        Per year.
    persistence
        Shares of the effect on a customer left after a year.
    horizon_years
        Years counted, the first included.
    setup_cost
        What the launch costs once, per eligible customer; it is deducted from the effect.
    segment
        Whose effect.
    level
        Of the intervals.

    Raises
    ------
    DataError
        The verdict shows no effect for the segment, or a share, the horizon or the cost makes no sense.
    """
    shares = _shares(retention, persistence)
    check_level(level)
    check_number("annual_discount_rate", annual_discount_rate, least=0.0)
    check_number("setup_cost", setup_cost, least=0.0)
    if not isinstance(horizon_years, int) or horizon_years < 1:
        raise DataError(f"horizon_years={horizon_years!r}: a whole number of years was expected, 1 or more.")
    rows = verdict.table.filter(pl.col("segment") == segment).drop_nulls("effect")
    if rows.height == 0 or verdict.design != "rct":
        raise DataError(f"The verdict has no measured effect of segment {segment!r}.")
    row = rows.row(0, named=True)
    year = 365.0 / verdict.outcome_days
    now = belief(
        row["effect"] * year,
        row["standard_error"] * year,
        verdict.settings.prior_sd and verdict.settings.prior_sd * year,
    )
    half = float(norm.ppf(0.5 + level / 2.0))
    out = []
    for share in shares:
        factors = [
            long_run_effect(1.0, retention=retention, persistence=share, discount_rate=annual_discount_rate, periods=t)
            for t in range(1, horizon_years + 1)
        ]
        total = Belief(mean=now.mean * factors[-1] - setup_cost, sd=now.sd * factors[-1])
        out.append(
            {
                "persistence": share, "effect": total.mean, "effect_low": total.mean - half * total.sd,
                "effect_high": total.mean + half * total.sd, "p_pays": total.p_pays(),
                **{f"payback_years_{int(100 * p)}": _payback(now, factors, setup_cost, p) for p in (0.1, 0.5, 0.9)},
            }
        )  # fmt: skip
    paid_back = pl.col("^payback_years_.*$").cast(pl.Int64)
    table = pl.DataFrame(out, infer_schema_length=None).with_columns(paid_back)
    return LongRun(
        table=table, currency=verdict.currency, segment=segment, retention=retention,
        annual_discount_rate=annual_discount_rate, horizon_years=horizon_years, setup_cost=setup_cost, level=level,
    )  # fmt: skip


def _shares(retention: float, persistence: object) -> list[float]:
    """Check retention and the list of persistences; return these in order."""
    check_share("retention", retention, with_limits=True)
    if not isinstance(persistence, list | tuple) or not persistence or not all(map(is_number, persistence)):
        raise DataError(f"persistence={persistence!r}: a list of shares was expected, such as (0.0, 0.5, 1.0).")
    for share in persistence:
        check_share("persistence", share, with_limits=True)
    return sorted({float(share) for share in persistence})


def _payback(now: Belief, factors: Sequence[float], setup_cost: float, chance: float) -> int | None:
    """First year by whose end the set-up cost is covered with the given chance; None if there is none."""
    for year, factor in enumerate(factors, start=1):
        if Belief(mean=now.mean * factor, sd=now.sd * factor).p_pays(setup_cost) >= chance:
            return year
    return None
