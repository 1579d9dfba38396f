"""The table of a verdict: a row for all customers and one per pre-declared segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.experiments.judge import NOT_JUDGED, Judgement
from custvalue.experiments.randomised import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.experiments.opt_in import OptInEffect
    from custvalue.experiments.trial import Trial

SCHEMA = {
    "segment": pl.String,
    "decision": pl.String,
    "n_control": pl.Int64,
    "n_treated": pl.Int64,
    "control_mean": pl.Float64,
    "effect": pl.Float64,
    "effect_low": pl.Float64,
    "effect_high": pl.Float64,
    "level": pl.Float64,
    "standard_error": pl.Float64,
    "p_value": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "p_pays": pl.Float64,
    "loss_if_launched": pl.Float64,
    "loss_if_kept": pl.Float64,
    "annual_impact": pl.Float64,
    "perfect_information": pl.Float64,
    "sample_information": pl.Float64,
    "keep_testing_until": pl.Date,
    "customers_to_test": pl.Int64,
    "testing_cost": pl.Float64,
    "testing_gain": pl.Float64,
    "revenue_effect": pl.Float64,
    "orders_effect": pl.Float64,
    "orders_uplift": pl.Float64,
    "break_even_uplift": pl.Float64,
}


def table_of(
    trial: Trial, judgements: Mapping[str, Judgement], *, judged: bool, launch: OptInEffect | None
) -> pl.DataFrame:
    """Return a row for all customers and one per segment; what could not be judged has no figures."""
    rows = [
        _row(judgements[s], judged=judged) if s in judgements else {"segment": s, "decision": NOT_JUDGED}
        for s in (ALL, *trial.segments)
    ]
    if launch is not None:
        kept = ("n_control", "n_treated", "effect", "effect_low", "effect_high", "standard_error")
        rows[0] |= {name: launch.table[name][0] for name in kept} | {"level": launch.level}
    return pl.DataFrame(rows, schema=SCHEMA)


def _row(j: Judgement, *, judged: bool) -> dict[str, object]:
    testing = j.decision == "keep testing" and judged
    uplift = None if j.orders is None or j.orders.control <= 0.0 else j.orders.treated / j.orders.control - 1.0
    return {
        "segment": j.segment,
        "decision": j.decision if judged else NOT_JUDGED,
        "n_control": j.effect.n_control,
        "n_treated": j.effect.n_treated,
        "control_mean": j.effect.control,
        "effect": j.effect.effect,
        "effect_low": j.effect.low,
        "effect_high": j.effect.high,
        "level": j.effect.level,
        "standard_error": j.effect.standard_error,
        "p_value": j.effect.p_value,
        "p_value_adjusted": j.p_adjusted,
        "p_pays": j.belief.p_pays(),
        "loss_if_launched": j.belief.loss_if_launched(),
        "loss_if_kept": j.belief.loss_if_kept(),
        "annual_impact": j.annual_impact,
        "perfect_information": j.perfect_information,
        "sample_information": j.sample_information,
        "keep_testing_until": j.until if testing else None,
        "customers_to_test": 2 * j.further.n_per_arm if testing else None,
        "testing_cost": j.further.cost if testing else None,
        "testing_gain": j.further.net_benefit if testing else None,
        "revenue_effect": None if j.revenue is None else j.revenue.effect,
        "orders_effect": None if j.orders is None else j.orders.effect,
        "orders_uplift": uplift,
        "break_even_uplift": j.break_even_uplift,
    }
