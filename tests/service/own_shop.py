"""A shop of orders, lines, deliveries, a fee schedule, declared segments and one randomised test, nothing else."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

START, DAYS = dt.date(2025, 1, 1), 180
BASKET, UNIT_COST, FEE, CARRIER = 30.0, 18.0, 4.9, 5.0
RATES = {"far": (1.5, 3.9), "near": (3.0, 3.0)}
"""Orders of a customer within the test, without and with free delivery."""
TRUE_YEAR = {
    name: ((BASKET - UNIT_COST - CARRIER) * with_it - (BASKET - UNIT_COST - CARRIER + FEE) * without) * 365 / DAYS
    for name, (without, with_it) in RATES.items()
}
"""Effect per customer and year: 7.00 an order with it, 11.90 without."""


def own_shop(seed: int, n_per_segment: int = 700) -> dict[str, pl.DataFrame]:
    """Return the tables; free delivery gains in segment far and loses in segment near, by construction."""
    rng = np.random.default_rng(seed)
    segments = np.repeat(list(RATES), n_per_segment)
    ids = [f"C{i:05d}" for i in range(segments.size)]
    treated = np.zeros(segments.size, dtype=bool)
    for name in RATES:
        treated[rng.permutation(np.flatnonzero(segments == name))[: n_per_segment // 2]] = True
    means = np.array([RATES[s][int(t)] for s, t in zip(segments, treated, strict=True)])
    likes = rng.gamma(2.0, 0.5, segments.size)  # customers differ
    counts = rng.poisson(means * likes)
    owner = np.repeat(np.arange(segments.size), counts)
    day = rng.integers(0, DAYS, owner.size)
    first = np.arange(segments.size)  # everybody bought once before
    who = np.concatenate([first, owner])
    at = [START - dt.timedelta(days=int(d)) for d in rng.integers(1, 200, first.size)]
    at += [START + dt.timedelta(days=int(d)) for d in day]
    is_free = np.concatenate([np.zeros(first.size, dtype=bool), treated[owner]])
    orders = pl.DataFrame({
        "order_id": [f"O{i:06d}" for i in range(who.size)], "customer_id": [ids[i] for i in who],
        "ordered_at": at, "gross_list": BASKET, "discount": 0.0, "delivery_fee_charged": np.where(is_free, 0.0, FEE),
    })  # fmt: skip
    return {
        "customers": pl.DataFrame({"customer_id": ids, "acquired_on": START - dt.timedelta(days=365)}),
        "orders": orders,
        "order_lines": orders.select("order_id", line_no=pl.lit(1), qty=pl.lit(1), list_price=pl.lit(BASKET),
                                     unit_cost=pl.lit(UNIT_COST)),
        "deliveries": orders.select(pl.concat_str(pl.lit("D"), "order_id").alias("delivery_id"), "order_id",
                                    mode=pl.lit("standard"), carrier_cost=pl.lit(CARRIER)),
        "delivery_fees": pl.DataFrame({"valid_from": [dt.date(2020, 1, 1)], "valid_to": [None], "mode": ["standard"],
                                       "region": ["all"], "free_over": [50.0], "fee": [FEE]}),
        "segments": pl.DataFrame({"snapshot": START, "customer_id": ids, "segment": segments, "method": "declared"}),
        "experiments": pl.DataFrame({
            "experiment_id": [1], "name": ["free_delivery"], "measure_id": ["free_delivery"], "design": ["rct"],
            "unit": ["customer"], "starts": [START], "ends": [START + dt.timedelta(days=DAYS - 1)],
            "planned_share": [0.5], "outcome_days": [DAYS], "return_days": [0],
        }),
        "assignments": pl.DataFrame({
            "assignment_id": [f"A{i}" for i in range(len(ids))], "experiment_id": 1, "customer_id": ids,
            "arm": np.where(treated, "treatment", "control"), "assigned_at": dt.datetime(2025, 1, 1),
        }),
    }  # fmt: skip
