"""One world: which purchases happen under a policy, and the orders, returns and contacts that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custvalue.data.simulation.population import RATE_CEILING, Population, Purchases, months_of
from custvalue.data.simulation.world import (
    CARRIER_BASE,
    CARRIER_PER_KG,
    CARRIER_PER_KM,
    CATEGORIES,
    CLOSES_MIN,
    COST_RISE_CATEGORY,
    COST_RISE_E2,
    EXPRESS_FACTOR,
    FEES,
    GIFT_RATE,
    MODES,
    N_DAYS,
    OPENS_MIN,
    PAYMENTS,
    PRICES_CENTS,
    PRODUCT_CATEGORY,
    PRODUCT_COST_E4,
    PRODUCT_KG,
    SEASON,
    TEST_ENDS,
    TEST_STARTS,
    Bools,
    Floats,
    Ints,
    by_segment,
    day_index,
    euro_per_minute,
    half_away,
)

Columns = dict[str, Any]

NEVER = float(N_DAYS)
TEST_FROM = float(day_index(TEST_STARTS))
TEST_TO = float(day_index(TEST_ENDS) + 1)
COST_RISE_FROM = TEST_FROM
SUNDAY = 6
FIRST_WEEKDAY = 6  # 2023-01-01 was a Sunday; Monday is 0


@dataclass(frozen=True, kw_only=True)
class Trade:
    """What happened; money in cents, time in days since the first day, order indices into the order arrays."""

    customer: Ints
    at: Floats
    is_first: Bools
    gross: Ints
    discount: Ints
    fee: Ints
    is_waived: Bools
    payment: Ints
    payment_fee: Ints
    mode: Ints
    carrier: Ints
    promised: Ints
    delivered: Floats
    is_late: Bools
    line_order: Ints
    line_no: Ints
    product: Ints
    qty: Ints
    line_discount: Ints
    has_own_cost: Bools
    unit_cost_e4: Ints
    line_cost: Ints
    return_line: Ints
    return_at: Floats
    return_qty: Ints
    refund: Ints
    recovered: Ints
    write_down: Ints
    freight: Ints
    inspect_min: Floats
    within_policy: Bools
    contact_order: Ints
    contact_at: Floats
    handle_s: Ints


def trade(people: Population, possible: Purchases, *, free: Bools, gift_day: Floats) -> Trade:
    """Let the world run.

    Parameters
    ----------
    free
        Who has free standard delivery while the test runs.
    gift_day
        When a customer got the gift; NEVER for those who did not.
    """
    segment = people.segment[possible.customer]
    tested = free[possible.customer] & (possible.at >= TEST_FROM) & (possible.at < TEST_TO)
    happened = _happened(people, possible, segment, tested, possible.at >= gift_day[possible.customer])
    splits = tested & (possible.split < by_segment("free_split")[segment]) & (possible.n_lines > 1)
    purchases = np.flatnonzero(happened)
    parts = 1 + splits[purchases]
    source = np.repeat(purchases, parts)
    starts = np.cumsum(parts) - parts
    part = np.arange(len(source)) - np.repeat(starts, parts)
    at = np.minimum(possible.at[source] + part * possible.lag_days[source], NEVER - 0.01)
    first_order = np.full(len(possible.customer), -1)
    first_order[purchases] = starts
    lines = _lines(possible, splits, first_order)
    orders = _orders(people, possible, source, part, at, tested[source], lines)
    returns = _returns(people, possible, orders, lines)
    contacts = _contacts(people, possible, source, part, orders)
    kept = {name: value for name, value in lines.items() if name != "line_source"}
    return Trade(**orders, **kept, **returns, **contacts)


def _happened(people: Population, possible: Purchases, segment: Ints, tested: Bools, gifted: Bools) -> Bools:
    rate = np.where(tested, by_segment("free_rate")[segment], 1.0) * np.where(gifted, GIFT_RATE, 1.0)
    wanted = possible.is_first | (possible.keep * RATE_CEILING < rate * SEASON[months_of(possible.at) % 12])
    odds = people.dropout[possible.customer] * np.where(tested, by_segment("free_dropout")[segment], 1.0)
    leaves = wanted & (possible.leave < odds)
    before = np.cumsum(leaves) - leaves
    at_start = before[np.flatnonzero(possible.is_first)]
    return np.asarray(wanted & (before == at_start[possible.customer]), dtype=np.bool_)


def _lines(possible: Purchases, splits: Bools, first_order: Ints) -> Columns:
    source = np.flatnonzero(first_order[possible.line_purchase] >= 0)
    purchase = possible.line_purchase[source]
    half = (possible.n_lines[purchase] + 1) // 2
    second = splits[purchase] & (possible.line_no[source] >= half)
    product, qty = possible.product[source], possible.qty[source]
    return {
        "line_source": source,
        "line_order": first_order[purchase] + second,
        "line_no": possible.line_no[source] - np.where(second, half, 0) + 1,
        "product": product,
        "qty": qty,
    }


def _orders(
    people: Population,
    possible: Purchases,
    source: Ints,
    part: Ints,
    at: Floats,
    tested: Bools,
    lines: Columns,
) -> Columns:
    customer = possible.customer[source]
    segment = people.segment[customer]
    n = len(source)
    order, product, qty = lines["line_order"], lines["product"], lines["qty"]
    value = PRICES_CENTS[product] * qty
    order_segment = segment[order]
    marked = possible.discount[lines["line_source"]] < by_segment("discount_share")[order_segment]
    off = np.where(marked, np.round(value * by_segment("discount_depth")[order_segment]), 0).astype(np.int64)
    raised = (PRODUCT_CATEGORY[product] == COST_RISE_CATEGORY) & (at[order] >= COST_RISE_FROM)
    unit_cost = np.where(raised, half_away(PRODUCT_COST_E4[product] * COST_RISE_E2, 100), PRODUCT_COST_E4[product])
    lines["line_discount"] = off
    lines["has_own_cost"] = raised
    lines["unit_cost_e4"] = unit_cost
    lines["line_cost"] = half_away(unit_cost * qty, 100)
    gross = np.bincount(order, weights=value, minlength=n).astype(np.int64)
    discount = np.bincount(order, weights=off, minlength=n).astype(np.int64)
    weight = np.bincount(order, weights=PRODUCT_KG[product] * qty, minlength=n).astype(np.float64)
    mode = _mode(possible.mode[source], people.business_type[customer])
    schedule = _schedule(mode, gross - discount)
    waived = tested & (mode == MODES.index("standard")) & (schedule > 0)
    fee = np.where(waived, 0, schedule)
    payment = possible.payment[source]
    terms = np.array([(rate, fixed) for _, rate, fixed in PAYMENTS])[payment]
    paid = gross - discount + fee
    delivery = _delivery(people, possible, source, part, at, mode, weight)
    return {
        "customer": customer,
        "at": at,
        "is_first": possible.is_first[source] & (part == 0),
        "gross": gross,
        "discount": discount,
        "fee": fee,
        "is_waived": waived,
        "payment": payment,
        "payment_fee": np.round(paid * terms[:, 0] + 100 * terms[:, 1]).astype(np.int64),
        "mode": mode,
        **delivery,
    }


def _mode(uniform: Floats, business_type: Ints) -> Ints:
    mode = np.searchsorted([0.91, 0.96], uniform)
    return np.where((business_type == 2) & (uniform < 0.15), MODES.index("point_of_use"), mode).astype(np.int64)


def _schedule(mode: Ints, value: Ints) -> Ints:
    fees = np.array([fee for fee, _ in FEES.values()])
    free_over = np.array([2**40 if over is None else over for _, over in FEES.values()])
    return np.where(value >= free_over[mode], 0, fees[mode])


def _delivery(
    people: Population, possible: Purchases, source: Ints, part: Ints, at: Floats, mode: Ints, weight: Floats
) -> Columns:
    km = people.distance_km[possible.customer[source]]
    cost = (CARRIER_BASE + CARRIER_PER_KM * km + CARRIER_PER_KG * weight) * possible.carrier[source, part]
    cost *= np.where(mode == MODES.index("express"), EXPRESS_FACTOR, 1.0)
    cost = np.where(mode == MODES.index("pickup"), 0.0, cost)
    days = np.where(mode == MODES.index("express"), 1, 2) + (km > 80)
    promised = np.floor(at).astype(np.int64) + days
    promised += np.where((promised + FIRST_WEEKDAY) % 7 == SUNDAY, 1, 0)
    uniform = possible.late[source, part]
    odds = np.where(months_of(at) % 12 == 11, 0.17, 0.08) + np.where(km > 80, 0.04, 0.0)
    is_late = (uniform < odds) & (mode != MODES.index("pickup"))
    hour = 8.0 + 9.9 * np.where(is_late, uniform / odds, (uniform - odds) / (1 - odds)) % 1.0
    delivered = promised + hour / 24 + np.where(is_late, 1 + (uniform * 997).astype(np.int64) % 3, 0)
    return {
        "carrier": np.round(100 * cost).astype(np.int64),
        "promised": promised,
        "delivered": delivered,
        "is_late": is_late,
    }


def _returns(
    people: Population,
    possible: Purchases,
    orders: Columns,
    lines: Columns,
) -> Columns:
    source = lines["line_source"]
    category = PRODUCT_CATEGORY[lines["product"]]
    rate = np.array([c.return_rate for c in CATEGORIES])[category]
    luck = possible.returned[source] / rate  # below 1 comes back, and where below says how
    line = np.flatnonzero(luck < 1)
    luck, state = luck[line], possible.condition[source][line]
    order = lines["line_order"][line]
    outside = (luck < 0.08) & ~people.is_guest[orders["customer"][order]]
    days = np.where(outside, 33 + 25 * (luck / 0.08), 3 + 20 * luck)
    at = np.maximum(orders["delivered"][order], orders["at"][order]) + days
    seen = at < N_DAYS
    line, outside, luck, state, at = (x[seen] for x in (line, outside, luck, state, at))
    full = lines["qty"][line]
    qty = np.where((full > 1) & (state < 0.4), 1, full)
    value = PRICES_CENTS[lines["product"][line]] * full - lines["line_discount"][line]
    recovered = half_away(lines["unit_cost_e4"][line] * qty, 100)
    salvage = np.array([c.salvage for c in CATEGORIES])[category[line]]
    spoilt = state > salvage
    open_time = np.where((np.floor(at) + FIRST_WEEKDAY) % 7 == SUNDAY, -1.0, 0.0)
    return {
        "return_line": line,
        "return_at": np.floor(at) + open_time + 0.4 + 0.3 * state,
        "return_qty": qty,
        "refund": (2 * value * qty + full) // (2 * full),
        "recovered": recovered,
        "write_down": np.where(spoilt, np.round(recovered * (0.4 + 0.6 * luck)), 0).astype(np.int64),
        "freight": np.where(luck > 0.3, np.round(260 + 190 * state), 0).astype(np.int64),
        "inspect_min": np.round(4 + 8 * state, 1),
        "within_policy": ~outside,
    }


def _contacts(people: Population, possible: Purchases, source: Ints, part: Ints, orders: Columns) -> Columns:
    uniform = possible.contact[source, part]
    late = orders["is_late"]
    odds = np.where(late, 0.45, 0.07) * ~people.is_guest[possible.customer[source]]
    order = np.flatnonzero(uniform < odds)
    luck = uniform[order] / odds[order]
    after = np.where(late[order], orders["promised"][order] + 1.0, orders["at"][order] + 1 + 6 * luck)
    day = np.floor(after)
    day += np.where((day + FIRST_WEEKDAY) % 7 == SUNDAY, 1, 0)
    closes = np.where((day + FIRST_WEEKDAY) % 7 == SUNDAY - 1, CLOSES_MIN[1], CLOSES_MIN[0])
    second = np.floor((luck * 7919) % 1.0 * (closes - OPENS_MIN) * 60)
    second += second == (closes - OPENS_MIN) * 60 - 300  # never on the edge of the last five minutes
    seen = day < N_DAYS
    order, luck, day, second = order[seen], luck[seen], day[seen], second[seen]
    spread = (luck * 104_729) % 1.0
    handle = 180 + 60 * np.round(-5.5 * np.log(1 - 0.97 * spread)) * np.where(late[order], 1.3, 1.0)
    return {
        "contact_order": order,
        "contact_at": day + (OPENS_MIN * 60 + second) / 86400,
        "handle_s": handle.astype(np.int64),
    }


def contribution(world: Trade, n: int, *, start: float, end: float) -> Floats:
    """Return each customer's contribution, in euros, of the orders placed in a window, with all that followed them.

    Courtesies are left out, being the same in the worlds that are compared.
    """
    cents = (world.gross - world.discount + world.fee - world.carrier - world.payment_fee).astype(np.float64)
    n_orders = len(cents)
    cents -= np.bincount(world.line_order, weights=world.line_cost, minlength=n_orders)
    back = world.line_order[world.return_line]
    handling = 100 * euro_per_minute("returns_desk") * world.inspect_min
    loss = world.refund - world.recovered + world.write_down + world.freight + handling
    cents -= np.bincount(back, weights=loss, minlength=n_orders)
    talk = 100 * euro_per_minute("contact_centre") / 60 * world.handle_s
    cents -= np.bincount(world.contact_order, weights=talk, minlength=n_orders)
    inside = (world.at >= start) & (world.at < end)
    return np.bincount(world.customer[inside], weights=cents[inside], minlength=n) / 100
