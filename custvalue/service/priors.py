"""What stated effects would bring: draws on the log scale carried to money by customers' values."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from custvalue.experiments.money import Belief, belief
from custvalue.results import DAYS_PER_UNIT
from custvalue.service.effects import Effects
from custvalue.service.response import value_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custvalue.models.base import CustomerModel
    from custvalue.models.fitting import ModelFit
    from custvalue.models.lifetime_value import LifetimeValue
    from custvalue.results import PurchaseSummary

DAYS_PER_YEAR = 365.0


def stated_beliefs(
    table: pl.DataFrame,
    membership: pl.DataFrame,
    value: LifetimeValue,
    purchases: ModelFit,
    summary: PurchaseSummary,
    *,
    spread: float,
) -> dict[tuple[str, str], Belief]:
    """Return what each stated effect brings per customer and year, before the measure's cost.

    A customer's value V becomes V · exp(ε_r Δrate + ε_d Δdropout + Δspend); a referred customer counts as a new one.
    The statement is shrunk towards no effect by the spread of the effects that this company's tests found.

    Parameters
    ----------
    table
        `effect_draws`, whatever provenance it names: only a verdict makes an effect measured.
    membership
        `customer_id`, `segment`.
    spread
        Of true effects, money per customer and year.
    """
    effects = Effects(table)
    known = value.table.join(value_response(purchases, summary, horizon_days=value.horizon_days), on="customer_id")
    worth = known.join(membership, on="customer_id").with_columns(v=pl.col(value.value_column).cast(pl.Float64))
    sums = worth.group_by("segment").agg(
        n=pl.len(), v=pl.col("v").sum(), alive=pl.col("p_alive").sum(),
        rate=(pl.col("v") * pl.col("rate_elasticity")).sum(),
        dropout=(pl.col("v") * pl.col("dropout_elasticity")).sum(),
    )  # fmt: skip
    new, years = clv_new(value, purchases), value.horizon_days / DAYS_PER_YEAR
    out = {}
    for row in sums.iter_rows(named=True):
        for measure in _measures(table):
            effect = effects.of(measure, row["segment"])
            if effect is None or row["v"] <= 0:
                continue
            d = effect.draws
            log = (row["rate"] * d["d_log_rate"] + row["dropout"] * d["d_log_dropout"]) / row["v"] + d["d_log_spend"]
            brings = (row["v"] * np.expm1(log) / years + row["alive"] * d["d_referral"] * new) / row["n"]
            sd = max(float(brings.std()), 1e-6)
            out[measure, str(row["segment"])] = belief(float(brings.mean()), sd, spread)
    return out


def _measures(table: pl.DataFrame) -> Iterable[str]:
    return table["measure_id"].unique().sort().to_list()


def clv_new(value: LifetimeValue, purchases: ModelFit) -> float:
    """Value a newcomer: his first purchase and those expected within the horizon, at the mean per purchase."""
    expected = float(value.table["expected_purchases"].sum())
    per_purchase = float(value.table[value.value_column].sum()) / expected if expected > 0 else 0.0
    horizon = value.horizon_days / DAYS_PER_UNIT[purchases.time_unit]
    model = cast("CustomerModel", purchases.model)
    return round(per_purchase * (1.0 + float(model.expected_purchases_new(horizon))), 2)
