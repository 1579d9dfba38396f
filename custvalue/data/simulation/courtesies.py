"""What the company grants beyond its duty: repairs, jobs, entitlements, and the log of courtesy events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from custvalue.data.simulation.world import (
    CATEGORIES,
    CLOSES_MIN,
    DAYS_PER_YEAR,
    N_DAYS,
    PRODUCT_CATEGORY,
    Bools,
    Floats,
    Ints,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.data.simulation.population import Population
    from custvalue.data.simulation.trade import Trade

DERIVED: Final = ("P2", "P4", "P5b", "S1", "D2", "Q2")
PRODUCT, SERVICE, COMMODITY, BUSINESS_SERVICE = range(4)
DAYS_PER_MONTH: Final = 30.44
EXTENSION_SHARE: Final = 0.89
SATURDAY: Final = 5


@cache
def catalogue() -> pl.DataFrame:
    """Return the thirty measures with their numbers, as text."""
    source = files("custvalue.data.simulation").joinpath("catalogue.csv").read_text(encoding="utf-8")
    return pl.read_csv(source.encode(), infer_schema=False)


@dataclass(frozen=True, kw_only=True)
class Grants:
    """The rows behind the courtesies; each value is a frame of arrays in the simulator's own units."""

    repairs: pl.DataFrame
    jobs: pl.DataFrame
    entitlements: pl.DataFrame
    events: pl.DataFrame


EVENT_COLUMNS: Final[Mapping[str, float]] = {
    "customer": -1, "at": 0.0, "order": -1, "delivery": -1, "return": -1, "contact": -1, "units": np.nan,
    "direct": np.nan, "outcome": np.nan, "discretionary": 0,
}  # fmt: skip


def event_frame(measure: str, **columns: Ints | Floats | Bools) -> pl.DataFrame:
    """Return events of one measure; what is not given is unknown."""
    n = len(columns["at"])
    full = {name: np.full(n, default) for name, default in EVENT_COLUMNS.items()}
    full.update({name: np.asarray(values, dtype=full[name].dtype) for name, values in columns.items()})
    return pl.DataFrame({"measure": [measure] * n, **{k: v.astype(np.float64) for k, v in full.items()}})


def grant(rng: np.random.Generator, people: Population, world: Trade, gift_day: Floats) -> Grants:
    """Let the staff be kind in the world that happened."""
    repairs = _repairs(rng, people, world)
    jobs = _jobs(rng, people, world)
    frames = [
        *_of_repairs_and_jobs(repairs, jobs),
        *_of_orders(rng, people, world),
        *_of_contacts_and_returns(rng, people, world),
        *_of_customers(rng, people, world),
        _gifts(gift_day),
    ]
    events = pl.concat(frames).filter(pl.col("at") < N_DAYS).sort("at", "measure", "customer")
    return Grants(repairs=repairs, jobs=jobs, entitlements=_entitlements(rng, people), events=events)


def _pick(rng: np.random.Generator, mask: Bools, share: float) -> Ints:
    """Return a random share of the rows under a mask; at least one wherever there is one."""
    rows = np.flatnonzero(mask)
    return np.sort(rng.permutation(rows)[: max(1, round(share * len(rows)))])


def _repairs(rng: np.random.Generator, people: Population, world: Trade) -> pl.DataFrame:
    kind = people.business_type[world.customer][world.line_order]
    named = ~people.is_guest[world.customer][world.line_order]
    line = _pick(rng, (kind == PRODUCT) & named & (PRODUCT_CATEGORY[world.product] != 4), 0.035)
    months = np.array([c.warranty_months for c in CATEGORIES])[PRODUCT_CATEGORY[world.product[line]]]
    after = rng.random(len(line)) < 0.4
    age = np.where(after, months + 1.2 + 9 * rng.random(len(line)), months * (0.1 + 0.75 * rng.random(len(line))))
    at = np.floor(world.at[world.line_order[line]] + age * DAYS_PER_MONTH) + 0.4 + 0.3 * rng.random(len(line))
    parts = np.round(np.where(after, 300 + 1800 * rng.random(len(line)), 0))
    fee = np.where(rng.random(len(line)) < 0.3, np.round(parts * 0.5), 0)
    frame = pl.DataFrame(
        {
            "customer": world.customer[world.line_order[line]],
            "order": world.line_order[line],
            "product": world.product[line],
            "at": at,
            "closed": at + 2 + np.floor(9 * rng.random(len(line))),
            "parts": parts,
            "fee": fee,
            "minutes": np.where(after, np.round(15 + 40 * rng.random(len(line))), 0),
            "loan_days": np.where(~after & (rng.random(len(line)) < 0.6), 3 + np.floor(10 * rng.random(len(line))), 0),
            "after_warranty": after,
        }
    )
    return frame.filter(pl.col("at") < N_DAYS).sort("at", "customer")


def _jobs(rng: np.random.Generator, people: Population, world: Trade) -> pl.DataFrame:
    kind = np.where(people.is_guest, -1, people.business_type)[world.customer]
    wanted = [
        ("measurement", kind == PRODUCT, 0.006), ("installation", kind == PRODUCT, 0.012),
        ("urgent", kind == BUSINESS_SERVICE, 0.06), ("emergency", kind == BUSINESS_SERVICE, 0.04),
        ("visit", kind == BUSINESS_SERVICE, 0.12), ("review", kind == BUSINESS_SERVICE, 0.04),
    ]  # fmt: skip
    frames = []
    for name, mask, share in wanted:
        order = _pick(rng, mask & (world.at > 5), share)
        n = len(order)
        ordered = world.at[order] + (0 if name in ("installation", "urgent") else rng.integers(3, 30, n) + 0.01)
        lag = {"urgent": -0.1 - 1.9 * rng.random(n), "emergency": 0.05 + 0.2 * rng.random(n)}
        started = ordered + lag.get(name, 1 + np.floor(4 * rng.random(n)))
        frames.append(
            pl.DataFrame(
                {
                    "customer": world.customer[order],
                    "order": order if name in ("installation", "urgent") else np.full(n, -1),
                    "kind": [name] * n,
                    "ordered": ordered,
                    "at": started,
                    "minutes": np.round(30 + 90 * rng.random(n)),
                    "km": people.distance_km[world.customer[order]],
                    "priority": np.full(n, 1 if name == "emergency" else 3),
                }
            )
        )
    return pl.concat(frames).filter((pl.col("at") < N_DAYS) & (pl.col("ordered") < N_DAYS)).sort("at", "customer")


def _of_repairs_and_jobs(repairs: pl.DataFrame, jobs: pl.DataFrame) -> list[pl.DataFrame]:
    loans = repairs.filter(pl.col("loan_days") > 0)
    frames = [_of_rows("P1", loans, units=loans["loan_days"].to_numpy())]
    plain = {"P5a": "measurement", "P5c": "installation", "D3": "emergency", "D4": "visit", "D5": "review"}
    for measure, kind in plain.items():
        rows = jobs.filter(pl.col("kind") == kind)
        per_km = measure in ("P5a", "P5c", "D3")
        frames.append(_of_rows(measure, rows, units=rows["km"].to_numpy() if per_km else np.ones(rows.height)))
    home = jobs.filter(pl.col("kind").is_in(["measurement", "installation"]))
    frames.append(_of_rows("P5d", home, units=np.ones(home.height)))
    frames.append(_of_rows("P5e", home.gather_every(2), units=np.ones(home.gather_every(2).height)))
    return frames


def _of_rows(measure: str, rows: pl.DataFrame, *, units: Floats) -> pl.DataFrame:
    return event_frame(
        measure,
        customer=rows["customer"].to_numpy(),
        at=rows["at"].to_numpy(),
        order=rows["order"].to_numpy(),
        units=units,
    )


def _of_orders(rng: np.random.Generator, people: Population, world: Trade) -> list[pl.DataFrame]:
    kind = np.where(people.is_guest, -1, people.business_type)[world.customer]
    named = kind >= 0
    pieces = np.bincount(world.line_order, weights=world.qty, minlength=len(world.at))
    value = (world.gross - world.discount) / 100
    point_of_use = np.flatnonzero(named & (world.mode == 3))
    stored = _pick(rng, kind == COMMODITY, 0.08)
    informal = _pick(rng, kind == COMMODITY, 0.15)
    on_parole = _pick(rng, (kind == COMMODITY) & (world.payment == 2), 0.12)
    terminal = _pick(rng, named & (world.mode == 2), 0.05)
    damage = _pick(rng, named, 0.004)
    narrow = _pick(rng, named & (world.mode == 0), 0.03)
    return [
        _of_order(
            "C1", world, point_of_use, world.at[point_of_use] + 1, units=pieces[point_of_use], delivery=point_of_use
        ),
        _of_order(
            "C2", world, stored, world.at[stored] + 1,
            units=_hundreds(value[stored] * rng.integers(30, 90, len(stored))),
        ),
        _of_order("C3", world, informal, world.at[informal], units=np.ones(len(informal))),
        _of_order(
            "C4", world, on_parole, world.at[on_parole] + 0.5,
            units=_hundreds(value[on_parole] * rng.integers(10, 45, len(on_parole))),
            outcome=np.where(rng.random(len(on_parole)) < 0.03, np.round(100 * value[on_parole]), np.nan),
        ),
        _of_order(
            "Q4", world, terminal, world.at[terminal],
            outcome=np.where(rng.random(len(terminal)) < 0.06, np.round(100 * value[terminal]), np.nan),
            discretionary=np.ones(len(terminal)),
        ),
        _of_order("Q5", world, damage, world.at[damage] + 3, direct=np.round(500 + 3000 * rng.random(len(damage))),
                  discretionary=np.ones(len(damage))),
        _of_order("W1", world, narrow, world.at[narrow] + 1, delivery=narrow, units=np.ones(len(narrow))),
    ]  # fmt: skip


def _hundreds(euro_days: Floats) -> Floats:
    """Round to hundreds, so that units times rate is whole cents."""
    return np.asarray(np.maximum(np.round(euro_days / 100), 1) * 100, dtype=np.float64)


def _of_order(measure: str, world: Trade, order: Ints, at: Floats, **more: Ints | Floats) -> pl.DataFrame:
    return event_frame(measure, customer=world.customer[order], order=order, at=at, **more)


def _of_contacts_and_returns(rng: np.random.Generator, people: Population, world: Trade) -> list[pl.DataFrame]:
    caller = world.customer[world.contact_order]
    frames = []
    for measure, share in (("S2", 0.3), ("S4", 0.2), ("S5", 0.25)):
        contact = _pick(rng, people.business_type[caller] == SERVICE, share)
        frames.append(
            event_frame(
                measure,
                customer=caller[contact],
                at=world.contact_at[contact],
                order=world.contact_order[contact],
                contact=contact,
                discretionary=rng.random(len(contact)) < 0.1,
            )
        )
    sender = world.customer[world.line_order[world.return_line]]
    back = _pick(rng, ~people.is_guest[sender] & (world.freight == 0), 0.06)
    lost = rng.random(len(back)) < 0.05
    frames.append(
        event_frame(
            "Q3",
            customer=sender[back],
            at=world.return_at[back],
            order=world.line_order[world.return_line[back]],
            **{"return": back},
            outcome=np.where(lost, world.refund[back], np.nan),
            discretionary=np.ones(len(back)),
        )
    )
    return frames


def _of_customers(rng: np.random.Generator, people: Population, world: Trade) -> list[pl.DataFrame]:
    """Grant what comes by the calendar, as long as the company counts a customer as its own."""
    last = np.zeros(len(people.segment))
    np.maximum.at(last, world.customer, world.at)
    until = np.where(people.is_guest, 0.0, np.minimum(last + 180, N_DAYS - 0.01))
    kind = people.business_type
    frames = [_calendar("C5", rng, people, until, (kind == COMMODITY), 4.0)]
    frames.append(
        _calendar("D1", rng, people, until, (kind == BUSINESS_SERVICE) & (np.arange(len(kind)) % 3 == 0), 12.0)
    )
    key = (people.segment == 3) & (people.rate > 5)
    frames.append(_calendar("U1", rng, people, until, key, 4.0))
    years = np.maximum(until - people.acquired, 0) / DAYS_PER_YEAR
    calls = np.where(kind == SERVICE, rng.poisson(people.calls * years), 0)
    who = np.repeat(np.arange(len(kind)), calls)
    at = people.acquired[who] + rng.random(len(who)) * years[who] * DAYS_PER_YEAR
    at = np.floor(at) + 0.4 + 0.3 * rng.random(len(who))
    frames.append(event_frame("S3", customer=who, at=at, units=rng.integers(1, 4, len(who))))
    return frames


def _calendar(
    measure: str, rng: np.random.Generator, people: Population, until: Floats, mask: Bools, per_year: float
) -> pl.DataFrame:
    who = np.flatnonzero(mask)
    step = DAYS_PER_YEAR / per_year
    times = np.maximum(np.floor((until[who] - people.acquired[who]) / step), 0).astype(np.int64)
    row = np.repeat(who, times)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times) + 1
    at = np.floor(people.acquired[row] + turn * step) + 0.35 + 0.3 * rng.random(len(row))
    return event_frame(measure, customer=row, at=at, units=np.ones(len(row)))


def _gifts(gift_day: Floats) -> pl.DataFrame:
    who = np.flatnonzero(gift_day < N_DAYS)
    return event_frame("P3", customer=who, at=gift_day[who] + 0.42, units=np.ones(len(who)))


def _entitlements(rng: np.random.Generator, people: Population) -> pl.DataFrame:
    """Give service customers yearly terms that end within the data; some use nearly all of it."""
    who = np.flatnonzero((people.business_type == SERVICE) & ~people.is_guest)
    who = np.repeat(who, 2)
    starts = people.acquired[who] + np.tile([7, 7 + 365], len(who) // 2)
    entitled = rng.choice([20, 50, 100], size=len(who))
    share = np.minimum(1.0, rng.beta(2.2, 1.3, len(who)))
    used = np.floor(share * entitled)
    used = np.where(np.isclose(used / entitled, EXTENSION_SHARE), used - 1, used)
    frame = pl.DataFrame({"customer": who, "starts": starts, "ends": starts + 364, "entitled": entitled, "used": used})
    return frame.filter(pl.col("ends") < N_DAYS).sort("starts", "customer")


def in_the_last_minutes(at: Floats, weekday: Ints) -> Bools:
    """Return which contacts were opened less than five minutes before closing."""
    seconds = np.round((at - np.floor(at)) * 86400)
    closes = np.where(weekday == SATURDAY, CLOSES_MIN[1], CLOSES_MIN[0]) * 60
    return np.asarray((seconds > closes - 300) & (seconds <= closes), dtype=np.bool_)
