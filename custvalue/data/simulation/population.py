"""Who buys: customers with their hidden rates, and every purchase they might make in any world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from custvalue.data.simulation.world import (
    CALL_DOSES,
    CHANNELS,
    DAYS_PER_YEAR,
    FIRST_DAY,
    GIFT_RATE,
    N_DAYS,
    N_PRODUCTS,
    PAYMENTS,
    PRICES_CENTS,
    SEASON,
    SEGMENTS,
    Bools,
    Floats,
    Ints,
    by_segment,
    call_effect,
    day_index,
)

BUSINESS_TYPES = ("b2c_product", "b2c_service", "b2b_commodity", "b2b_service")
GUEST_SHARE = 0.03
RATE_CEILING = float(by_segment("free_rate").max()) * GIFT_RATE * float(SEASON.max())


@dataclass(frozen=True, kw_only=True)
class Population:
    """Customers first, sorted by the day they were acquired, then guests who leave no name."""

    n_customers: int
    segment: Ints
    business_type: Ints
    acquired: Ints
    channel: Ints
    acquisition_cents: Ints
    referred_by: Ints
    distance_km: Floats
    consent: Bools
    rate: Floats
    dropout: Floats
    basket: Floats
    calls: Ints

    @property
    def is_guest(self) -> Bools:
        """Return who has no customer number."""
        return np.arange(len(self.segment)) >= self.n_customers


@dataclass(frozen=True, kw_only=True)
class Purchases:
    """Every purchase that some world may hold, with its chances, so that two worlds share their luck.

    The rows are sorted by customer and time. `keep`, `leave` and `split` are uniform; columns of the arrays with two
    columns belong to the first and the second part of a basket.
    """

    customer: Ints
    at: Floats
    is_first: Bools
    keep: Floats
    leave: Floats
    split: Floats
    lag_days: Floats
    payment: Ints
    mode: Floats
    carrier: Floats
    late: Floats
    contact: Floats
    n_lines: Ints
    line_purchase: Ints
    line_no: Ints
    product: Ints
    qty: Ints
    discount: Floats
    returned: Floats
    condition: Floats


def populate(rng: np.random.Generator, n_customers: int) -> Population:
    """Draw customers and guests."""
    n_guests = round(GUEST_SHARE * n_customers)
    n = n_customers + n_guests
    segment = rng.choice(len(SEGMENTS), size=n, p=by_segment("share")).astype(np.int64)
    weights = np.array([{"2023": 0.42, "2024": 0.40, "2025": 0.18}[str(2023 + year)] for year in range(3)])
    year = rng.choice(3, size=n, p=weights)
    length = np.array([365, 366, 334])[year]
    first = np.array([day_index(date(2023 + k, 1, 1)) for k in range(3)])[year]
    acquired = first + np.floor(rng.random(n) * length).astype(np.int64)
    order = np.concatenate([np.argsort(acquired[:n_customers], kind="stable"), np.arange(n_customers, n)])
    acquired = acquired[order]
    segment = segment[order]
    kind = _business_type(rng.random(n), segment)
    shape, scale = by_segment("rate_shape")[segment], by_segment("rate_scale")[segment]
    rate = rng.gamma(shape) / scale
    dropout = rng.beta(by_segment("dropout_a")[segment], by_segment("dropout_b")[segment])
    calls = np.where(kind == 1, rng.choice(CALL_DOSES, size=n), 0).astype(np.int64)
    guest = np.arange(n) >= n_customers
    channel = rng.choice(len(CHANNELS), size=n, p=[share for _, share, _ in CHANNELS]).astype(np.int64)
    price = np.array([cost for _, _, cost in CHANNELS])[channel] * np.where(segment == 3, 2.5, 1.0)
    cents = np.round(100 * price * rng.lognormal(-0.02, 0.2, n)).astype(np.int64)
    referrer = np.floor(rng.random(n) * np.arange(n)).astype(np.int64)
    distance = by_segment("distance_km")[segment] * np.exp(by_segment("distance_spread")[segment] * rng.normal(size=n))
    spread = by_segment("customer_spread")[segment] * rng.normal(size=n)
    return Population(
        n_customers=n_customers,
        segment=segment,
        business_type=kind,
        acquired=acquired,
        channel=channel,
        acquisition_cents=cents,
        referred_by=np.where((channel == 3) & (referrer > 0), referrer, -1),
        distance_km=np.round(distance, 1),
        consent=rng.random(n) < 0.95,
        rate=np.where(guest, 0.0, rate),
        dropout=np.where(guest, 1.0, np.minimum(dropout * np.exp(call_effect(calls)), 0.95)),
        basket=by_segment("basket")[segment] * np.exp(spread),
        calls=calls,
    )


def _business_type(uniform: Floats, segment: Ints) -> Ints:
    kind = np.zeros(len(segment), dtype=np.int64)
    for index, declared in enumerate(SEGMENTS):
        names = [BUSINESS_TYPES.index(name) for name, _ in declared.business_types]
        edges = np.cumsum([share for _, share in declared.business_types])[:-1]
        mine = segment == index
        kind[mine] = np.array(names)[np.searchsorted(edges, uniform[mine], side="right")]
    return kind


def possible_purchases(rng: np.random.Generator, people: Population) -> Purchases:
    """Draw for each customer a Poisson stream fast enough for every world, to be thinned in each."""
    years = (N_DAYS - people.acquired) / DAYS_PER_YEAR
    extra = rng.poisson(people.rate * RATE_CEILING * years)
    customer = np.repeat(np.arange(len(extra)), extra + 1)
    starts = np.concatenate([[0], np.cumsum(extra + 1)[:-1]])
    n = len(customer)
    at = people.acquired[customer] + rng.random(n) * (N_DAYS - people.acquired[customer])
    is_first = np.zeros(n, dtype=np.bool_)
    is_first[starts] = True
    at[starts] = people.acquired + 0.3 + 0.5 * rng.random(len(starts))
    at = np.where(is_first, at, np.maximum(at, people.acquired[customer] + 0.9))
    at = at[np.lexsort((at, customer))]
    segment = people.segment[customer]
    n_lines = 1 + rng.poisson(by_segment("lines")[segment] - 1.0)
    return Purchases(
        customer=customer,
        at=at,
        is_first=is_first,
        keep=rng.random(n),
        leave=rng.random(n),
        split=rng.random(n),
        lag_days=2.0 + 6.0 * rng.random(n),
        payment=_payment(rng.random(n), segment),
        mode=rng.random(n),
        carrier=rng.lognormal(-0.005, 0.1, (n, 2)),
        late=rng.random((n, 2)),
        contact=rng.random((n, 2)),
        n_lines=n_lines,
        **_lines(rng, people, customer, n_lines),
    )


def _payment(uniform: Floats, segment: Ints) -> Ints:
    private = np.searchsorted([0.45, 0.8, 0.92], uniform)
    business = np.searchsorted([0.15, 0.15, 0.9], uniform)
    return np.where(segment == 3, business, private).astype(np.int64) % len(PAYMENTS)


def _lines(rng: np.random.Generator, people: Population, customer: Ints, n_lines: Ints) -> dict[str, Any]:
    """Fill baskets: a log-normal total, shared among the lines, each bought as the product that comes nearest."""
    purchase = np.repeat(np.arange(len(customer)), n_lines)
    n = len(purchase)
    starts = np.cumsum(n_lines) - n_lines
    spread = by_segment("basket_spread")[people.segment[customer]]
    total = people.basket[customer] * np.exp(spread * rng.normal(size=len(customer)))
    share = 0.3 + rng.random(n)
    share /= np.add.reduceat(share, starts)[purchase]
    qty = rng.choice([1, 2, 3], size=n, p=[0.72, 0.2, 0.08])
    price = total[purchase] * share / qty
    ladder = np.log(PRICES_CENTS / 100)
    nearest = np.round(np.interp(np.log(price), ladder, np.arange(N_PRODUCTS)))
    product = np.clip(nearest + rng.choice([-1, 0, 1], size=n), 0, N_PRODUCTS - 1).astype(np.int64)
    return {
        "line_purchase": purchase,
        "line_no": np.arange(n) - starts[purchase],
        "product": product,
        "qty": qty.astype(np.int64),
        "discount": rng.random(n),
        "returned": rng.random(n),
        "condition": rng.random(n),
    }


def months_of(day: Ints | Floats) -> Ints:
    """Return months since the first day's month."""
    dates = np.datetime64(FIRST_DAY) + np.floor(day).astype("timedelta64[D]")
    return (dates.astype("datetime64[M]").astype(np.int64) - np.datetime64(FIRST_DAY, "M").astype(np.int64)).astype(
        np.int64
    )
