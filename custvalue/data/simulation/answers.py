"""The truth beside the sample: what a test may ask for and production code never reads."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import polars as pl

from custvalue.data.simulation.courtesies import DERIVED
from custvalue.data.simulation.ledger import accounts, cents, courtesy_rows, derived_events
from custvalue.data.simulation.policy import NO_EFFECT, TOO_MUCH
from custvalue.data.simulation.world import (
    CALL_DOSES,
    LAST_DAY,
    MONTH_WEIGHTS,
    PRACTICAL_SHARE,
    SEGMENTS,
    TEST_ENDS,
    TEST_STARTS,
    call_effect,
    euro_per_minute,
)

Tables = dict[str, pl.DataFrame]


def euros(whole_cents: int) -> str:
    """Return cents as an exact amount."""
    sign = "-" if whole_cents < 0 else ""
    return f"{sign}{abs(whole_cents) // 100}.{abs(whole_cents) % 100:02d}"


def rows_truth(clean: Tables, rejected: dict[str, dict[str, int]]) -> dict[str, dict[str, object]]:
    """Return per table what a loader must count."""
    counts: dict[str, dict[str, object]] = {}
    for name, frame in sorted(clean.items()):
        bad = rejected.get(name, {})
        nobody = frame["customer_id"].null_count() if name == "orders" else 0
        counts[name] = {
            "read": frame.height + sum(bad.values()),
            "accepted": frame.height - nobody,
            "unattributed": nobody,
            "rejected": bad,
        }
    return counts


def company_totals(clean: Tables) -> dict[str, dict[str, str]]:
    """Return the company's totals: by line of the ledger, and by account; and what belongs to no customer."""
    booked = clean["gl_totals"].join(accounts(), on="account")

    def totals(column: str) -> dict[str, str]:
        sums = booked.group_by(column).agg(cents("amount").sum().alias("cents")).sort(column)
        return {str(name): euros(int(amount)) for name, amount in sums.iter_rows()}

    nobody = clean["orders"].filter(pl.col("customer_id").is_null())
    carrier = clean["deliveries"].join(nobody.select("order_id"), on="order_id")
    back = clean["returns"].join(nobody.select("order_id"), on="order_id")
    sums = {
        "gross_list": nobody.select(cents("gross_list").sum()).item(),
        "discounts": -nobody.select(cents("discount").sum()).item(),
        "delivery_charged": nobody.select(cents("delivery_fee_charged").sum()).item(),
        "payment_fees": -nobody.select(cents("payment_fee").sum()).item(),
        "carrier_cost": -carrier.select(cents("carrier_cost").sum()).item(),
        "refunds": -back.select(cents("refund").sum()).item(),
    }
    return {
        "by_line": totals("pnl_line"),
        "by_account": totals("account"),
        "unattributed": {name: euros(int(amount)) for name, amount in sums.items()},
    }


def courtesy_truth(clean: Tables) -> dict[str, object]:
    """Return events, minutes and money by measure, and how many of the derived ones a program must find."""
    rows = courtesy_rows(clean)
    table = rows.group_by("measure_id").agg(
        pl.len().alias("events"), pl.col("minutes").sum().round(2), pl.col("direct", "loss", "true_up", "moved").sum()
    )
    by_measure = {
        measure: {
            "events": events,
            "detected": "derived" if measure in DERIVED else "logged",
            "minutes": minutes,
            "direct": euros(direct),
            "expected_loss": euros(loss),
            "true_up": euros(true_up),
            "moved": euros(moved),
        }
        for measure, events, minutes, direct, loss, true_up, moved in table.sort("measure_id").iter_rows()
    }
    derived = derived_events(clean).group_by("measure_id").len().sort("measure_id")
    return {
        "by_measure": by_measure,
        "derived": {str(name): int(count) for name, count in derived.iter_rows()},
        "no_effect": {"measure_id": NO_EFFECT, "d_log_dropout": 0.0, "d_log_rate": 0.0},
        "too_much_of_a_good_thing": {
            "measure_id": TOO_MUCH,
            "calls_a_year": list(CALL_DOSES),
            "d_log_dropout": [round(float(x), 4) for x in call_effect(np.array(CALL_DOSES))],
            "who": "b2c_service customers; the yearly number of calls was drawn by lot",
        },
    }


def world_truth() -> dict[str, object]:
    """Return the parameters behind the purchases."""
    return {
        "time_unit": "year of 365 days",
        "as_of": LAST_DAY.isoformat(),
        "model": "MBG/NBD: Gamma purchase rates, geometric dropout after every purchase, the first included",
        "month_weights": [float(w) for w in MONTH_WEIGHTS],
        "segments": {segment.name: asdict(segment) for segment in SEGMENTS},
        "test": {"starts": TEST_STARTS.isoformat(), "ends": TEST_ENDS.isoformat()},
        "practical_share": PRACTICAL_SHARE,
        "euro_per_minute": {
            name: round(euro_per_minute(name), 6) for name in ("contact_centre", "returns_desk", "workshop")
        },
    }
