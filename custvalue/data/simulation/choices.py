"""Who gets what: the randomised test, the launch to top spenders, and what either did to profit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from custvalue.data.simulation.courtesies import PRODUCT
from custvalue.data.simulation.trade import NEVER, TEST_FROM, TEST_TO, Trade, contribution, trade
from custvalue.data.simulation.world import (
    GIFT_RATE,
    GIFT_WAVES,
    SEGMENT_NAMES,
    SEGMENTS,
    Bools,
    Floats,
    Ints,
    day_index,
    euro_per_minute,
)

if TYPE_CHECKING:
    from custvalue.data.simulation.population import Population, Purchases

GIFT_COST: Final = 11.90 + 4 * euro_per_minute("workshop")  # the catalogue's P3
CEILING: Final = 0.7  # of the chance of a gift, so that every spender has his like without one
SLOPE: Final = 12.0  # of the chance of a gift in the rank of last year's spending
KNEE: Final = 0.85


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What was decided about each customer."""

    in_test: Bools
    treated: Bools
    considered: Bools
    gift_day: Floats


def choose(rng: np.random.Generator, people: Population, possible: Purchases) -> Choices:
    """Draw the test's arms by lot within segments, and the gifts by last year's spending."""
    n = len(people.segment)
    known = (people.acquired < TEST_FROM) & ~people.is_guest
    in_test = known & people.consent
    treated = np.zeros(n, dtype=np.bool_)
    for segment in range(len(SEGMENTS)):
        shuffled = rng.permutation(np.flatnonzero(in_test & (people.segment == segment)))
        treated[shuffled[: len(shuffled) // 2]] = True
    past = trade(people, possible, free=np.zeros(n, dtype=np.bool_), gift_day=np.full(n, NEVER))
    last_year = (past.at >= TEST_FROM - 366) & (past.at < TEST_FROM)
    spent = np.bincount(past.customer[last_year], weights=(past.gross - past.discount)[last_year], minlength=n)
    considered = known & (people.business_type == PRODUCT) & (spent > 0)
    rank = np.zeros(n)
    rows = np.flatnonzero(considered)
    rank[rows[np.argsort(spent[rows], kind="stable")]] = (np.arange(len(rows)) + 0.5) / len(rows)
    gifted = considered & (rng.random(n) < CEILING / (1 + np.exp(-SLOPE * (rank - KNEE))))
    wave = np.array([day_index(day) for day in GIFT_WAVES])[rng.integers(0, len(GIFT_WAVES), n)]
    return Choices(
        in_test=in_test,
        treated=treated,
        considered=considered,
        gift_day=np.where(gifted, wave, NEVER).astype(np.float64),
    )


def free_delivery_truth(people: Population, possible: Purchases, choices: Choices) -> dict[str, object]:
    """Run the shop with free delivery for nobody and for everybody in the test, on the same luck."""
    n = len(people.segment)
    nobody = trade(people, possible, free=np.zeros(n, dtype=np.bool_), gift_day=choices.gift_day)
    everybody = trade(people, possible, free=choices.in_test, gift_day=choices.gift_day)
    gain = _during_test(everybody, n) - _during_test(nobody, n)
    accounting = _window_sum(everybody, everybody.carrier * everybody.is_waived, n)
    forgone = _window_sum(nobody, nobody.fee, n) - _window_sum(everybody, everybody.fee, n)
    induced = _window_sum(everybody, everybody.carrier, n) - _window_sum(nobody, nobody.carrier, n)

    def figures(mask: Bools) -> dict[str, float | int]:
        return {
            "customers": int(mask.sum()),
            "effect": round(float(gain[mask].mean()), 4),
            "accounting_cost": round(float(accounting[mask].mean()), 4),
            "economic_cost": round(float((forgone + induced)[mask].mean()), 4),
            "orders_without": round(float(_window_sum(nobody, np.full(len(nobody.at), 100), n)[mask].mean()), 4),
            "orders_with": round(float(_window_sum(everybody, np.full(len(everybody.at), 100), n)[mask].mean()), 4),
        }

    segments = {
        name: figures(choices.in_test & (people.segment == k)) | {"decided": k != SEGMENT_NAMES.index("small business")}
        for k, name in enumerate(SEGMENT_NAMES)
    }
    return {"segments": segments, "overall": figures(choices.in_test)}


def _during_test(world: Trade, n: int) -> Floats:
    return contribution(world, n, start=TEST_FROM, end=TEST_TO)


def _window_sum(world: Trade, cents: Ints, n: int) -> Floats:
    inside = (world.at >= TEST_FROM) & (world.at < TEST_TO)
    return np.bincount(world.customer[inside], weights=cents[inside], minlength=n) / 100


def gift_truth(people: Population, possible: Purchases, choices: Choices, actual: Trade) -> dict[str, object]:
    """Compare the year of those who got the gift with the same year without it, and with the others' year."""
    n = len(people.segment)
    without = trade(people, possible, free=choices.treated, gift_day=np.full(n, NEVER))
    gifted = choices.gift_day < NEVER
    cost = np.where(gifted, GIFT_COST, 0.0)
    year = _during_test(actual, n) - cost
    other_year = _during_test(without, n)
    rest = choices.considered & ~gifted
    return {
        "measure_id": "P3",
        "window": "orders placed while the launch ran, net of the gift's direct cost and minutes",
        "gifted": int(gifted.sum()),
        "not_gifted": int(rest.sum()),
        "gift_cost": round(GIFT_COST, 4),
        "naive_difference": round(float(year[gifted].mean() - year[rest].mean()), 4),
        "effect_on_gifted": round(float((year - other_year)[gifted].mean()), 4),
        "rate_factor": GIFT_RATE,
        "selection": f"chance = {CEILING} logistic({SLOPE} (rank of 2024 spending - {KNEE})); the wave is drawn by lot",
    }
