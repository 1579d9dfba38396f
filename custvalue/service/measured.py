"""What tests of this company found, kept with its evidence and combined with what was believed before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from scipy.stats import norm

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.money import Belief, belief
from custvalue.experiments.randomised import ALL
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from custvalue.experiments.verdict import Verdict

DAYS_PER_YEAR = 365.0
CONTRIBUTION = "contribution"
PAYS, DOES_NOT_PAY, KEEP_TESTING = "pays off", "does not pay", "keep testing"
PRIOR_WEIGHT = 2.0
"""Past tests that the stated spread counts for, beside those of the company."""
HALF_LIFE_YEARS = 3.0
SCHEMA = {
    "measure": pl.String, "segment": pl.String, "channel": pl.String, "mean": pl.Float64, "sd": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "decision": pl.String, "n_customers": pl.Float64, "cost": pl.Float64,
    "testing_customers": pl.Int64, "testing_gain": pl.Float64, "testing_cost": pl.Float64,
    "testing_until": pl.Date, "perfect_information": pl.Float64, "experiment": pl.String, "measured_on": pl.Date,
    "window_days": pl.Int64, "estimator": pl.String, "control_arm": pl.String, "provenance": pl.String,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MeasuredEffects(Result):
    """Effects that a verdict measured.

    Attributes
    ----------
    table
        A row per measure, segment and channel. Channel `contribution`: money per customer and year, net of the
        measure's own cost, with the interval that the verdict's decision rests on; `rate` and `dropout`, where the
        purchases tell them: change of the logarithm. `mean` and `sd` of the normal draws, `n_customers` for whom the
        effect holds, `cost` per customer and year that the books carry for it, the further test that is worth most,
        and the evidence: `experiment`, `measured_on`, `window_days`, `estimator`, `provenance` (`measured`).
    """

    kinds: ClassVar[Mapping[str, Kind]] = dict.fromkeys(
        ("mean", "sd", "low", "high", "cost", "testing_gain", "testing_cost", "perfect_information"), "money"
    )

    @property
    def title(self) -> str:
        """How many effects, of which tests."""
        tests = ", ".join(sorted(set(self.table["experiment"])))
        return f"{self.table.height} measured effects, of {tests or 'no test'}"


@checked
def effects_from(verdict: Verdict, *, measure: str | None = None) -> MeasuredEffects:
    """Turn a verdict into effects that a plan may rest on: nothing else makes an effect measured.

    Parameters
    ----------
    verdict
        Of a randomised test, judged and final.
    measure
        What was tested, as in the catalogue; default the experiment's name.

    Raises
    ------
    DataError
        The verdict could not be judged, is provisional, or its launch was not randomised.
    """
    if verdict.design != "rct" or verdict.decision == NOT_JUDGED or verdict.is_provisional:
        why = "is provisional" if verdict.is_provisional else "could not be judged"
        why = why if verdict.design == "rct" else "is not of a randomised test"
        raise DataError(
            f"The verdict on {verdict.experiment!r} {why}: it measures no effect.",
            "See verdict.checks for what stands in the way.",
        )
    year = DAYS_PER_YEAR / verdict.outcome_days
    shown = verdict.table.drop_nulls("effect")
    if shown.height == 2:  # a test within one segment says nothing of all customers
        shown = shown.filter(pl.col("segment") != ALL)
    rows = [_contribution(row, verdict, year) for row in shown.iter_rows(named=True)]
    rows += _channels(verdict)
    evidence = {
        "measure": measure or verdict.experiment, "experiment": verdict.experiment, "measured_on": verdict.as_of,
        "window_days": verdict.outcome_days, "control_arm": verdict.control_arm, "provenance": "measured",
    }  # fmt: skip
    table = pl.DataFrame([row | evidence for row in rows], schema=SCHEMA)
    return MeasuredEffects(table=table, currency=verdict.currency)


def _contribution(row: dict[str, object], verdict: Verdict, year: float) -> dict[str, object]:
    size = verdict.customers_per_unit
    whole = verdict.table.row(0, named=True)
    share = (row["n_control"] + row["n_treated"]) / (whole["n_control"] + whole["n_treated"])  # type: ignore[operator]
    seen = (whole["n_control"] + whole["n_treated"]) * size
    cost = verdict.costs.filter(pl.col("segment") == row["segment"])
    books = None if cost.is_empty() else cost.select(pl.coalesce("accounting_cost", "measure_cost")).item()
    return {
        "segment": row["segment"], "channel": CONTRIBUTION, "decision": row["decision"],
        "mean": row["effect"] * year, "sd": row["standard_error"] * year,  # type: ignore[operator]
        "low": row["effect_low"] * year, "high": row["effect_high"] * year,  # type: ignore[operator]
        "n_customers": (verdict.settings.eligible_customers or seen) * share,
        "cost": None if books is None else books * year, "testing_customers": row["customers_to_test"],
        "testing_gain": row["testing_gain"], "testing_cost": row["testing_cost"],
        "testing_until": row["keep_testing_until"], "perfect_information": row["perfect_information"],
        "estimator": "difference of means" + (f", adjusted for {verdict.before}" if verdict.before else ""),
    }  # fmt: skip


def _channels(verdict: Verdict) -> list[dict[str, object]]:
    """Return what the measure does to purchase rate and dropout, on the log scale."""
    if verdict.long_run is None:
        return []
    z = 2.0 * float(norm.ppf(0.5 + verdict.settings.level / 2.0))
    found = verdict.long_run.unique("segment", keep="first", maintain_order=True)
    out: list[dict[str, object]] = []
    for row in found.iter_rows(named=True):
        for channel in ("rate", "dropout"):
            factor, low, high = (row[f"{channel}_factor{end}"] for end in ("", "_low", "_high"))
            if factor is not None and min(low, high, factor) > 0:
                out.append({
                    "segment": row["segment"], "channel": channel, "mean": math.log(factor), "low": math.log(low),
                    "high": math.log(high), "sd": math.log(high / low) / z, "estimator": "rate and dropout by arm",
                })  # fmt: skip
    return out


def prior_spread(effects: pl.DataFrame, stated: float) -> float:
    """Spread of true effects around no effect, from what the company's tests found and what is stated.

    Each effect's square less its variance estimates the square of the spread; the stated one counts as
    `PRIOR_WEIGHT` tests (empirical Bayes by moments: Efron & Morris 1973).

    Parameters
    ----------
    effects
        `mean` and `sd`, money per customer and year.
    stated
        Spread before any test, money per customer and year.
    """
    found = (effects["mean"] ** 2 - effects["sd"] ** 2).clip(lower_bound=0.0)
    total = PRIOR_WEIGHT * stated**2 + float(found.sum())
    return math.sqrt(total / (PRIOR_WEIGHT + found.len()))


def aged(sd: float, years: float, half_life: float = HALF_LIFE_YEARS) -> float:
    """Widen what was measured years ago: after a half-life its variance counts double, so it weighs half."""
    return float(sd * 2.0 ** (max(years, 0.0) / half_life / 2.0))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What all tests of a measure on a segment say together.

    Attributes
    ----------
    belief
        Of the effect: shrunk towards none by the spread of the company's effects.
    decision
        Of the only test; of several, or of one that grew old, what their interval says.
    low, high
        That interval, money per customer and year.
    newest
        The newest test's row.
    experiments
        Names of the tests, the newest last.
    """

    belief: Belief
    decision: str
    low: float
    high: float
    newest: dict[str, Any]
    experiments: tuple[str, ...]


def combined(
    effects: pl.DataFrame, *, as_of: dt.date, spread: float, half_life: float = HALF_LIFE_YEARS
) -> dict[tuple[str, str], Evidence]:
    """Return the evidence on each measure and segment.

    Measurements of the same measure and segment are weighed by their precision, old ones less, and an interval as wide
    in standard errors as the newest test's decides: neither the newest nor the kindest does so alone.
    """
    out: dict[tuple[str, str], Evidence] = {}
    rows = effects.filter(channel=CONTRIBUTION).sort("measured_on", "experiment")
    for (measure, segment), group in rows.group_by("measure", "segment", maintain_order=True):
        out[str(measure), str(segment)] = _together(group.rows(named=True), as_of, spread, half_life)
    return out


def _together(tests: Sequence[dict[str, Any]], as_of: dt.date, spread: float, half_life: float) -> Evidence:
    sds = [aged(t["sd"], (as_of - t["measured_on"]).days / DAYS_PER_YEAR, half_life) for t in tests]
    weight = sum(sd**-2 for sd in sds)
    mean = sum(t["mean"] * sd**-2 for t, sd in zip(tests, sds, strict=True)) / weight
    newest, widened = tests[-1], weight**-0.5 / tests[-1]["sd"]
    low = mean - (newest["mean"] - newest["low"]) * widened
    high = mean + (newest["high"] - newest["mean"]) * widened
    return Evidence(
        belief=belief(mean, weight**-0.5, spread), decision=_decided([t["decision"] for t in tests], low, high),
        low=low, high=high, newest=newest, experiments=tuple(dict.fromkeys(t["experiment"] for t in tests)),
    )  # fmt: skip


def _decided(decisions: Sequence[str], low: float, high: float) -> str:
    """Decide by the interval; where it holds 0, the newest test's word stands, unless that was a decision."""
    if len(decisions) > 1 and (low > 0.0 or high < 0.0):
        return PAYS if low > 0.0 else DOES_NOT_PAY
    newest = decisions[-1]
    is_shaken = (newest == PAYS and low <= 0.0) or (newest == DOES_NOT_PAY and high >= 0.0)
    return KEEP_TESTING if is_shaken else newest


def segments_of(effects: pl.DataFrame, measure: str) -> list[str]:
    """Return the segments that a measure was judged for: the declared ones, or all customers where none were."""
    found = effects.filter(pl.col("measure") == measure, channel=CONTRIBUTION)["segment"].unique().sort().to_list()
    return [s for s in found if s != ALL] or found


def gathered(found: Iterable[MeasuredEffects]) -> pl.DataFrame:
    """Put effects together, each test's latest verdict once."""
    tables = [effects.table for effects in found]
    if not tables:
        return pl.DataFrame(schema=SCHEMA)
    keys = ["measure", "segment", "channel", "experiment"]
    return pl.concat(tables).sort("measured_on").unique(keys, keep="last", maintain_order=True)
