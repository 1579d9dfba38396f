"""Tables that choices rest on: what measures are thought to do, levels, gates, benchmarks, today's policy."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from custvalue.data.simulation.columns import MONEY
from custvalue.data.simulation.courtesies import catalogue
from custvalue.data.simulation.world import FIRST_DAY, LAST_DAY, SEGMENT_NAMES, SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

N_DRAWS: Final = 40
NO_EFFECT: Final = "P5d"
TOO_MUCH: Final = "S3"
CHANNEL_COLUMNS: Final = {
    "rate": "d_log_rate", "dropout": "d_log_dropout", "spend": "d_log_spend", "referral": "d_referral",
    "returns": "d_log_returns", "price": "d_price",
}  # fmt: skip
PRIOR_MEAN: Final = {"rate": 0.02, "dropout": -0.03, "spend": 0.01, "referral": 0.004, "returns": -0.02, "price": 0.003}

# level, business type, measure, events per customer and year
BUNDLES: Final = (
    (1, "all", "W1", 0.5), (1, "all", "Q2", 0.05), (1, "all", "Q3", 0.05), (1, "all", "U1", 0.1),
    (1, "b2c_product", "P4", 0.05),
    (1, "b2c_service", "S2", 0.3), (1, "b2c_service", "S3", 1.0), (1, "b2b_commodity", "C5", 4.0),
    (1, "b2b_service", "D4", 1.0),
    (2, "all", "W1", 1.0), (2, "all", "Q2", 0.1), (2, "all", "Q3", 0.1), (2, "all", "U1", 1.0),
    (2, "b2c_product", "P4", 0.1), (2, "b2c_product", "P5b", 2.5), (2, "b2c_product", "P2", 0.05),
    (2, "b2c_service", "S2", 0.6), (2, "b2c_service", "S3", 2.0), (2, "b2c_service", "S5", 0.4),
    (2, "b2b_commodity", "C1", 1.0), (2, "b2b_commodity", "C5", 4.0), (2, "b2b_service", "D2", 0.5),
    (2, "b2b_service", "D4", 2.0),
    (3, "all", "W1", 2.0), (3, "all", "Q2", 0.2), (3, "all", "Q3", 0.1), (3, "all", "U1", 4.0),
    (3, "b2c_product", "P3", 1.0), (3, "b2c_product", "P4", 0.1), (3, "b2c_product", "P5b", 4.0),
    (3, "b2c_product", "P5c", 0.3), (3, "b2c_service", "S3", 4.0), (3, "b2c_service", "S5", 1.0),
    (3, "b2b_commodity", "C1", 3.0), (3, "b2b_commodity", "C2", 1.0), (3, "b2b_commodity", "C5", 12.0),
    (3, "b2b_service", "D1", 12.0), (3, "b2b_service", "D3", 0.5), (3, "b2b_service", "D5", 2.0),
)  # fmt: skip

# stage, requirement (always: at least), target, actual
GATES: Final = (
    (1, "share of lines not returned", 0.93, 0.955),
    (1, "share of deliveries on time", 0.85, 0.89),
    (2, "share of contacts solved at once", 0.60, 0.64),
    (2, "share of contacts answered within two minutes", 0.70, 0.76),
    (2, "share of staff trained in courtesy", 0.80, 0.85),
    (3, "share of contacts solved at once", 0.80, 0.64),
    (3, "share of staff trained in courtesy", 0.95, 0.85),
    (3, "share of customers with an owner", 0.50, 0.06),
)
BENCHMARKS: Final = (
    ("delivery_days", 2.6), ("promise_width_hours", 8.0), ("wait_s", 95.0), ("return_share", 0.06),
    ("late_share", 0.09), ("complaint_share", 0.12), ("first_contact_resolution", 0.70), ("transfer_share", 0.20),
)  # fmt: skip
POLICY: Final = (
    ("all", 0, FIRST_DAY, date(2024, 6, 30), "no policy"),
    ("all", 0, date(2024, 7, 1), None, "base for everybody"),
)
ACTIVITIES: Final = (
    ("contact", "contact_centre", 6.0), ("inspection", "returns_desk", 5.0), ("repair", "workshop", 30.0),
    ("urgent", "engineers", 75.0),
)  # fmt: skip
TERMS: Final = (("contact", "transfer", 2.0), ("inspection", "piece", 1.0))


def effect_draws(rng: np.random.Generator) -> pl.DataFrame:
    """Return draws of what each measure does a year: stated priors, and a pilot's for free delivery and calls."""
    frames = []
    for row in catalogue().iter_rows(named=True):
        measure = row["measure_id"]
        if measure == "P5b":
            for segment in SEGMENTS:
                means = {"rate": float(np.log(segment.free_rate)), "dropout": float(np.log(segment.free_dropout))}
                frames.append(_draws(rng, measure, segment.name, means, "pilot of 2022", "measured"))
            continue
        channels = [c for c in row["effect_channels"].split(";") if c in PRIOR_MEAN]
        means = {c: 0.0 if measure == NO_EFFECT else PRIOR_MEAN[c] for c in channels}
        frames.append(_draws(rng, measure, "all", means, "stated prior", "assumed"))
    return pl.concat(frames).sort("measure_id", "segment", "draw")


def _draws(
    rng: np.random.Generator, measure: str, segment: str, means: dict[str, float], estimator: str, provenance: str
) -> pl.DataFrame:
    columns = {
        column: np.round(means[c] + (0.004 + 0.5 * abs(PRIOR_MEAN[c])) * rng.normal(size=N_DRAWS), 5)
        if c in means
        else np.zeros(N_DRAWS)
        for c, column in CHANNEL_COLUMNS.items()
    }
    return pl.DataFrame(
        {
            "measure_id": [measure] * N_DRAWS,
            "segment": [segment] * N_DRAWS,
            "draw": list(range(1, N_DRAWS + 1)),
            **columns,
        }
    ).with_columns(pl.lit(estimator).alias("estimator"), pl.lit(provenance).alias("provenance"))


def policy_tables(rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Return effect_draws, service_levels, bundle_items, policy_history, stage_gates, peer_benchmarks, activities."""
    levels = pl.DataFrame(
        {
            "level": [0, 1, 2, 3],
            "name": ["base", "quality service", "professional service", "customer service centre"],
            "min_stage": [0, 1, 2, 3],
            "setup_cost": pl.Series([0, 500, 6000, 90000]).cast(MONEY),
        }
    )
    gates = [(*gate, LAST_DAY) for gate in GATES]
    everybody = ("all", *SEGMENT_NAMES)
    bars = [
        (metric, who, value, "association survey 2025", LAST_DAY) for metric, value in BENCHMARKS for who in everybody
    ]
    bundles = _frame(BUNDLES, "level", "business_type", "measure_id", "dose")
    return {
        "effect_draws": effect_draws(rng),
        "service_levels": levels,
        "bundle_items": bundles.sort("level", "business_type", "measure_id"),
        "policy_history": _frame(POLICY, "segment", "level", "valid_from", "valid_to", "note"),
        "stage_gates": _frame(gates, "stage", "requirement", "target", "actual", "as_of"),
        "peer_benchmarks": _frame(bars, "metric", "segment", "value", "source", "as_of"),
        "activities": _frame(ACTIVITIES, "activity_id", "resource_id", "base_min"),
        "activity_terms": _frame(TERMS, "activity_id", "term", "minutes"),
        "courtesy_catalogue": catalogue(),
    }


def _frame(rows: Sequence[tuple[object, ...]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=list(names), orient="row")
