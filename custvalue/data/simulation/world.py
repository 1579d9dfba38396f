"""The retailer's constants: what is true of its segments, goods, carriers and staff, before any chance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FIRST_DAY: Final = date(2023, 1, 1)
LAST_DAY: Final = date(2025, 12, 31)
N_DAYS: Final = (LAST_DAY - FIRST_DAY).days + 1
DAYS_PER_YEAR: Final = 365.0


def day_index(day: date) -> int:
    """Return days since the first day of the data."""
    return (day - FIRST_DAY).days


TEST_STARTS: Final = date(2025, 1, 1)
TEST_ENDS: Final = date(2025, 11, 30)  # a month before the data end, so that the last orders' returns are in
GIFT_WAVES: Final = (date(2025, 2, 3), date(2025, 4, 7), date(2025, 6, 2), date(2025, 8, 4))


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One declared segment and what free delivery does to it.

    Attributes
    ----------
    share
        Of all customers.
    business_types
        Type and its share.
    rate_shape, rate_scale
        Yearly purchase rate ~ Gamma(shape, scale in years): mean shape / scale.
    dropout_a, dropout_b
        Probability to leave after a purchase ~ Beta(a, b).
    basket, basket_spread, customer_spread
        Median basket and the log-normal spreads within and between customers.
    lines
        Mean number of lines of an order.
    discount_share, discount_depth
        Share of lines with a discount, and its share of the price.
    distance_km, distance_spread
        Median and log-normal spread.
    free_rate, free_dropout, free_split
        Under free delivery: factor of the rate, factor of the dropout, share of baskets that are split in two.
    """

    name: str
    share: float
    business_types: tuple[tuple[str, float], ...]
    rate_shape: float
    rate_scale: float
    dropout_a: float
    dropout_b: float
    basket: float
    basket_spread: float
    customer_spread: float
    lines: float
    discount_share: float
    discount_depth: float
    distance_km: float
    distance_spread: float
    free_rate: float
    free_dropout: float
    free_split: float


SEGMENTS: Final = (
    Segment(
        name="loyal and near", share=0.30, business_types=(("b2c_product", 0.75), ("b2c_service", 0.25)),
        rate_shape=6.0, rate_scale=1.0, dropout_a=1.2, dropout_b=32.0, basket=29.0, basket_spread=0.35,
        customer_spread=0.12, lines=1.6, discount_share=0.08, discount_depth=0.10, distance_km=9.0,
        distance_spread=0.5, free_rate=1.0, free_dropout=1.0, free_split=0.0,
    ),
    Segment(
        name="bargain", share=0.27, business_types=(("b2c_product", 1.0),),
        rate_shape=4.0, rate_scale=1.0, dropout_a=1.2, dropout_b=22.0, basket=43.0, basket_spread=0.35,
        customer_spread=0.12, lines=3.2, discount_share=0.45, discount_depth=0.18, distance_km=35.0,
        distance_spread=0.5, free_rate=1.0, free_dropout=1.0, free_split=0.8,
    ),
    Segment(
        name="remote", share=0.27, business_types=(("b2c_product", 0.8), ("b2c_service", 0.2)),
        rate_shape=3.5, rate_scale=1.4, dropout_a=1.2, dropout_b=24.0, basket=58.0, basket_spread=0.35,
        customer_spread=0.30, lines=2.0, discount_share=0.05, discount_depth=0.10, distance_km=130.0,
        distance_spread=0.35, free_rate=1.65, free_dropout=0.6, free_split=0.0,
    ),
    Segment(
        name="small business", share=0.16, business_types=(("b2b_commodity", 0.6), ("b2b_service", 0.4)),
        rate_shape=2.5, rate_scale=0.6, dropout_a=1.2, dropout_b=26.0, basket=95.0, basket_spread=0.60,
        customer_spread=0.35, lines=2.6, discount_share=0.20, discount_depth=0.10, distance_km=40.0,
        distance_spread=0.6, free_rate=1.02, free_dropout=1.0, free_split=0.0,
    ),
)  # fmt: skip
SEGMENT_NAMES: Final = tuple(segment.name for segment in SEGMENTS)


def by_segment(attribute: str) -> Floats:
    """Return one attribute of the four segments, in their order."""
    return np.array([getattr(segment, attribute) for segment in SEGMENTS], dtype=np.float64)


GIFT_RATE: Final = 1.03  # the gift's factor of the purchase rate, from its day on
MONTH_WEIGHTS: Final = np.array([0.88, 0.85, 0.92, 0.95, 0.97, 0.95, 0.90, 0.90, 0.98, 1.02, 1.15, 1.53])
SEASON: Final = MONTH_WEIGHTS / MONTH_WEIGHTS.mean()
CALL_DOSES: Final = (0, 1, 2, 4, 6)  # service calls a year, drawn for each b2c_service customer


def call_effect(doses: Ints) -> Floats:
    """Return the change of the log dropout at so many calls a year: too much of a good thing beyond 2."""
    return np.asarray(-0.30 * doses + 0.08 * doses**2, dtype=np.float64)


CHANNELS: Final = (("search", 0.35, 12.0), ("social", 0.2, 16.0), ("marketplace", 0.2, 8.5), ("referral", 0.1, 5.0),
                   ("organic", 0.15, 0.0))  # fmt: skip  # name, share, acquisition cost

FEES: Final = {"standard": (490, 5000), "express": (990, None), "pickup": (0, None), "point_of_use": (0, None)}
MODES: Final = tuple(FEES)
CARRIER_BASE: Final = 3.10  # per delivery
CARRIER_PER_KM: Final = 0.017
CARRIER_PER_KG: Final = 0.16
EXPRESS_FACTOR: Final = 1.6

PAYMENTS: Final = (("card", 0.014, 0.10), ("wallet", 0.025, 0.30), ("invoice", 0.009, 0.0), ("prepaid", 0.0, 0.0))
CLOSES_MIN: Final = (18 * 60, 14 * 60)  # Monday to Friday, Saturday; closed on Sunday
OPENS_MIN: Final = 9 * 60


@dataclass(frozen=True, kw_only=True)
class Category:
    """One category of goods: cost and return habits."""

    name: str
    cost_share: float
    return_rate: float
    salvage: float
    warranty_months: int
    kg_per_euro: float


CATEGORIES: Final = (
    Category(name="household", cost_share=0.44, return_rate=0.035, salvage=0.85, warranty_months=12, kg_per_euro=0.05),
    Category(name="textiles", cost_share=0.40, return_rate=0.11, salvage=0.70, warranty_months=6, kg_per_euro=0.02),
    Category(
        name="electronics", cost_share=0.56, return_rate=0.05, salvage=0.60, warranty_months=12, kg_per_euro=0.015
    ),
    Category(name="garden", cost_share=0.46, return_rate=0.03, salvage=0.80, warranty_months=6, kg_per_euro=0.07),
    Category(name="consumables", cost_share=0.42, return_rate=0.01, salvage=0.30, warranty_months=6, kg_per_euro=0.04),
)
N_PRODUCTS: Final = 60
PRICES_CENTS: Final = (np.round(np.geomspace(3.0, 190.0, N_PRODUCTS) * 10) * 10 - 5).astype(np.int64)  # 2.95, 3.25, ...
PRODUCT_CATEGORY: Final = (np.arange(N_PRODUCTS) * 3 + 1) % len(CATEGORIES)
_COST_SHARE: Final = np.array([c.cost_share for c in CATEGORIES])[PRODUCT_CATEGORY]
_COST_JITTER: Final = 1 + 0.001 * (np.arange(N_PRODUCTS) % 7)
PRODUCT_COST_E4: Final = np.round(PRICES_CENTS * 100 * _COST_SHARE * _COST_JITTER).astype(
    np.int64
)  # ten-thousandths of a euro
_KG_PER_EURO: Final = np.array([c.kg_per_euro for c in CATEGORIES])[PRODUCT_CATEGORY]
PRODUCT_KG: Final = np.round(PRICES_CENTS / 100 * _KG_PER_EURO + 0.1, 2)
COST_RISE_CATEGORY: Final = 2  # electronics cost 3 % more from 2025 on: such lines carry a unit cost of their own
COST_RISE_E2: Final = 103


@dataclass(frozen=True, kw_only=True)
class Resource:
    """People whose minutes are costed.

    Attributes
    ----------
    monthly_cost
        Of one full-time person, in cents.
    slack
        Practical capacity over the busiest month of a year; None: the busiest month of 2025 is overloaded.
    avoidable
        Share of the cost that fewer minutes would save.
    """

    account: str
    name: str
    pnl_line: str
    monthly_cost: int
    slack: float | None
    avoidable: float


THEORETICAL_MIN: Final = 9600  # of a full-time person and month
PRACTICAL_SHARE: Final = 0.8
RESOURCES: Final = {
    "returns_desk": Resource(account="7010", name="Returns desk", pnl_line="returns_handling", monthly_cost=289_152,
                             slack=1.25, avoidable=0.5),
    "contact_centre": Resource(account="7020", name="Contact centre", pnl_line="support", monthly_cost=302_976,
                               slack=None, avoidable=0.6),
    "warehouse": Resource(account="7030", name="Special handling in the warehouse", pnl_line="courtesy",
                          monthly_cost=273_792, slack=1.3, avoidable=0.4),
    "field": Resource(account="7040", name="Field staff", pnl_line="courtesy", monthly_cost=345_600, slack=1.3,
                      avoidable=0.3),
    "workshop": Resource(account="7050", name="Workshop", pnl_line="courtesy", monthly_cost=336_384, slack=1.3,
                         avoidable=0.3),
    "back_office": Resource(account="7060", name="Back office", pnl_line="courtesy", monthly_cost=319_488, slack=1.35,
                            avoidable=0.2),
    "engineers": Resource(account="7070", name="Engineers", pnl_line="courtesy", monthly_cost=460_800, slack=1.3,
                          avoidable=0.3),
    "account_team": Resource(account="7080", name="Account team", pnl_line="courtesy", monthly_cost=391_680,
                             slack=1.35, avoidable=0.2),
}  # fmt: skip


def euro_per_minute(resource: str) -> float:
    """Return the full cost of one practical minute."""
    return RESOURCES[resource].monthly_cost / 100 / (THEORETICAL_MIN * PRACTICAL_SHARE)


FACILITY_MONTHLY_CENTS_PER_CUSTOMER: Final = 85  # rent, picking line and management


def half_away(numerator: Ints, denominator: int) -> Ints:
    """Divide integers, rounding half away from zero."""
    whole = (2 * np.abs(numerator) + denominator) // (2 * denominator)
    return np.asarray(np.sign(numerator) * whole, dtype=np.int64)
