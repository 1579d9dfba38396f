"""From the simulator's arrays to the raw tables, in the columns of sql/schema."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from custvalue.data.simulation.columns import MONEY, Numbering, chosen, days, ids, money, stamps, where
from custvalue.data.simulation.courtesies import EXTENSION_SHARE
from custvalue.data.simulation.population import BUSINESS_TYPES, Population
from custvalue.data.simulation.trade import TEST_FROM, Trade
from custvalue.data.simulation.world import (
    CATEGORIES,
    CHANNELS,
    CLOSES_MIN,
    FEES,
    FIRST_DAY,
    MODES,
    N_DAYS,
    OPENS_MIN,
    PAYMENTS,
    PRICES_CENTS,
    PRODUCT_CATEGORY,
    PRODUCT_COST_E4,
    PRODUCT_KG,
    SEGMENT_NAMES,
    TEST_ENDS,
    TEST_STARTS,
    Ints,
)

if TYPE_CHECKING:
    from custvalue.data.simulation.choices import Choices
    from custvalue.data.simulation.courtesies import Grants

REGIONS: Final = ("city", "county", "country", "islands")


def people_tables(people: Population, choices: Choices) -> dict[str, pl.DataFrame]:
    """Return customers, segments, experiments, their arms and assignments."""
    n = people.n_customers
    index = np.arange(n)
    referrer = people.referred_by[:n]
    region = np.searchsorted([15.0, 50.0, 180.0], people.distance_km[:n])
    customers = pl.DataFrame(
        {
            "customer_id": ids("C", index + 1, 5),
            "business_type": chosen(BUSINESS_TYPES, people.business_type[:n]),
            "acquired_on": days(people.acquired[:n]),
            "channel": chosen([name for name, _, _ in CHANNELS], people.channel[:n]),
            "acquisition_cost": money(people.acquisition_cents[:n]),
            "referred_by": ids("C", np.where(referrer >= 0, referrer + 1, -1), 5),
            "region": chosen(REGIONS, region),
            "distance_km": people.distance_km[:n],
            "consent_experiment": people.consent[:n],
        }
    )
    segments = pl.DataFrame(
        {
            "snapshot": days(np.maximum(people.acquired[:n], TEST_FROM - 1)),
            "customer_id": customers["customer_id"],
            "segment": chosen(SEGMENT_NAMES, people.segment[:n]),
            "method": ["declared"] * n,
        }
    ).sort("snapshot", "customer_id")
    return {"customers": customers, "segments": segments, **_experiments(n, choices)}


def _experiments(n: int, choices: Choices) -> dict[str, pl.DataFrame]:
    experiments = pl.DataFrame(
        {
            "experiment_id": [1, 2],
            "name": ["free_delivery", "vip_gift"],
            "measure_id": ["P5b", "P3"],
            "design": ["rct", "observational"],
            "unit": ["customer", "customer"],
            "starts": [TEST_STARTS, TEST_STARTS],
            "ends": [TEST_ENDS, TEST_ENDS],
            "pre_registered": [True, False],
            "primary_metric": ["contribution", "contribution"],
            "planned_share": pl.Series([50, None]).cast(pl.Decimal(18, 2)) / 100,
            "outcome_days": [(TEST_ENDS - TEST_STARTS).days + 1] * 2,
            "return_days": [30, 30],
            "eligible_customers": [n, int(choices.considered.sum())],
            "planned_looks": [1, 1],
        }
    )
    arms = pl.DataFrame(
        {
            "experiment_id": [1, 1],
            "arm": ["control", "treatment"],
            "free_over": money(np.array([FEES["standard"][1], 0])),
        }
    )
    test, launch = np.flatnonzero(choices.in_test), np.flatnonzero(choices.considered)
    customer = np.concatenate([test, launch])
    given = np.concatenate([choices.treated[test], choices.gift_day[launch] < N_DAYS])
    exposed = np.concatenate([np.full(len(test), TEST_FROM), choices.gift_day[launch]])
    moments = pl.DataFrame({"given": given, "at": stamps(np.minimum(exposed, N_DAYS))})
    assignments = pl.DataFrame(
        {
            "assignment_id": ids("A", np.arange(1, len(customer) + 1), 5),
            "experiment_id": np.concatenate([np.full(len(test), 1), np.full(len(launch), 2)]),
            "customer_id": ids("C", customer + 1, 5),
            "arm": chosen(("control", "treatment"), given.astype(np.int64)),
            "assigned_at": stamps(np.full(len(customer), TEST_FROM - 1)),
            "propensity": np.concatenate([np.full(len(test), 0.5), np.full(len(launch), np.nan)]),
            "exposed_at": moments.select(pl.when(pl.col("given")).then(pl.col("at"))).to_series(),
        }
    ).with_columns(pl.col("propensity").fill_nan(None))
    return {"experiments": experiments, "experiment_arms": arms, "assignments": assignments}


def trade_tables(rng: np.random.Generator, world: Trade, number: Numbering) -> dict[str, pl.DataFrame]:
    """Return orders, order_lines, deliveries, returns and contacts."""
    return {
        "orders": _orders(world, number),
        "order_lines": _order_lines(world, number),
        "deliveries": _deliveries(world, number),
        "returns": _returns(world, number),
        "contacts": _contacts(rng, world, number),
    }


def _orders(world: Trade, number: Numbering) -> pl.DataFrame:
    rows = number.order_rows
    is_invoice = world.payment[rows] == 2
    due = np.floor(world.at[rows]) + 30
    return pl.DataFrame(
        {
            "order_id": number.order(rows),
            "customer_id": number.customer(world.customer[rows]),
            "ordered_at": stamps(world.at[rows]),
            "channel": chosen(("web", "app", "shop"), (world.at[rows] * 1440).astype(np.int64) % 3),
            "currency": ["EUR"] * len(rows),
            "gross_list": money(world.gross[rows]),
            "discount": money(world.discount[rows]),
            "delivery_fee_charged": money(world.fee[rows]),
            "payment_method": chosen([name for name, _, _ in PAYMENTS], world.payment[rows]),
            "payment_fee": money(world.payment_fee[rows]),
            "due_on": where(is_invoice, days(due)),
            "first_order": world.is_first[rows],
        }
    )


def _order_lines(world: Trade, number: Numbering) -> pl.DataFrame:
    rows = np.lexsort((world.line_no, number.order_no[world.line_order]))
    own = np.where(world.has_own_cost[rows], world.unit_cost_e4[rows], np.nan)
    return pl.DataFrame(
        {
            "order_id": number.order(world.line_order[rows]),
            "line_no": world.line_no[rows],
            "product_id": ids("P", world.product[rows] + 1, 3),
            "qty": world.qty[rows],
            "list_price": money(PRICES_CENTS[world.product[rows]]),
            "discount": money(world.line_discount[rows]),
            "unit_cost": money(own, 4),
        }
    )


def _deliveries(world: Trade, number: Numbering) -> pl.DataFrame:
    rows = number.order_rows
    mode = world.mode[rows]
    hour = np.where(mode == MODES.index("express"), 10.0, 8.0)
    width = np.where(mode == MODES.index("express"), 3.0, 10.0)
    return pl.DataFrame(
        {
            "delivery_id": number.order(rows, "D"),
            "order_id": number.order(rows),
            "mode": chosen(MODES, mode),
            "carrier_cost": money(world.carrier[rows]),
            "promised_from": stamps(world.promised[rows] + hour / 24),
            "promised_to": stamps(world.promised[rows] + (hour + width) / 24),
            "delivered_at": where(world.delivered[rows] < N_DAYS, stamps(world.delivered[rows])),
            "attempts": 1 + world.is_late[rows].astype(np.int64),
        }
    )


def _returns(world: Trade, number: Numbering) -> pl.DataFrame:
    rows = number.return_rows
    line = world.return_line[rows]
    reason = ("does not fit", "damaged", "not as described", "changed mind")
    return pl.DataFrame(
        {
            "return_id": number.returned(rows),
            "order_id": number.order(world.line_order[line]),
            "line_no": world.line_no[line],
            "returned_at": stamps(world.return_at[rows]),
            "qty": world.return_qty[rows],
            "refund": money(world.refund[rows]),
            "reason": chosen(reason, world.refund[rows] % 4),
            "cogs_recovered": money(world.recovered[rows]),
            "write_down": money(world.write_down[rows]),
            "inbound_freight": money(world.freight[rows]),
            "inspect_min": world.inspect_min[rows],
            "within_policy": world.within_policy[rows],
        }
    )


def _contacts(rng: np.random.Generator, world: Trade, number: Numbering) -> pl.DataFrame:
    rows = number.contact_rows
    n = len(rows)
    late = world.is_late[world.contact_order[rows]]
    december = np.asarray(days(world.contact_at[rows]).dt.month().to_numpy() == 12)
    reasons = ("product question", "return question", "invoice", "damage", "late delivery")
    reason = np.where(late, 4, rng.integers(0, 4, n))
    transfers = rng.choice(3, size=n, p=[0.75, 0.19, 0.06])
    wait = np.round(-75 * np.log(1 - rng.random(n)) * np.where(december, 3.5, 1.0))
    answer = np.where(rng.random(n) < 0.12, 1 + rng.integers(0, 2, n), 0)
    return pl.DataFrame(
        {
            "contact_id": number.contact(rows),
            "customer_id": number.customer(world.customer[world.contact_order[rows]]),
            "order_id": number.order(world.contact_order[rows]),
            "opened_at": stamps(world.contact_at[rows], to="s"),
            "channel": chosen(("phone", "mail", "chat"), rng.choice(3, size=n, p=[0.5, 0.3, 0.2])),
            "reason": chosen(reasons, reason),
            "wait_s": wait.astype(np.int64),
            "handle_s": world.handle_s[rows],
            "transfers": transfers,
            "owner_team": chosen(("front desk", "logistics", "accounts"), np.where(late, 1, reason % 3)),
            "resolved_first": (transfers == 0) & (rng.random(n) < 0.85),
            "complaint": rng.random(n) < np.where(late, 0.5, 0.06),
            "answer_code": chosen([f"{r}{v}" for r in "PRIDL" for v in "123"], reason * 3 + answer),
        }
    )


def grant_tables(
    rng: np.random.Generator, grants: Grants, number: Numbering, bearer: dict[str, str]
) -> dict[str, pl.DataFrame]:
    """Return repairs, jobs, entitlements and the logged courtesy events."""
    r, j, e = grants.repairs, grants.jobs, grants.entitlements
    repairs = pl.DataFrame(
        {
            "repair_id": ids("W", np.arange(1, r.height + 1), 4),
            "customer_id": number.customer(r["customer"].to_numpy()),
            "order_id": number.order(r["order"].to_numpy()),
            "product_id": ids("P", r["product"].to_numpy() + 1, 3),
            "opened_at": stamps(r["at"].to_numpy()),
            "closed_at": where(r["closed"].to_numpy() < N_DAYS, stamps(r["closed"].to_numpy())),
            "parts_cost": money(r["parts"].to_numpy()),
            "minutes": r["minutes"],
            "fee_charged": money(r["fee"].to_numpy()),
            "loan_days": r["loan_days"],
        }
    )
    jobs = pl.DataFrame(
        {
            "job_id": ids("J", np.arange(1, j.height + 1), 4),
            "customer_id": number.customer(j["customer"].to_numpy()),
            "order_id": number.order(j["order"].to_numpy()),
            "kind": j["kind"],
            "ordered_at": stamps(j["ordered"].to_numpy()),
            "started_at": stamps(j["at"].to_numpy()),
            "minutes": j["minutes"],
            "km": j["km"],
            "fee_charged": money(np.zeros(j.height)),
            "priority": j["priority"],
        }
    )
    entitlements = pl.DataFrame(
        {
            "entitlement_id": ids("T", np.arange(1, e.height + 1), 4),
            "customer_id": number.customer(e["customer"].to_numpy()),
            "product_id": pl.Series([None] * e.height, dtype=pl.String),
            "starts": days(e["starts"].to_numpy()),
            "ends": days(e["ends"].to_numpy()),
            "entitled": e["entitled"],
            "used": e["used"],
            "unit": ["support minutes"] * e.height,
            # whoever has used 89 % of his term gets a tenth of it on top
            "extended": pl.select(
                pl.when(e["used"] / e["entitled"] >= EXTENSION_SHARE).then(e["entitled"] * 0.1)
            ).to_series(),
        }
    )
    events = _events(rng, grants.events, number, bearer)
    return {"repairs": repairs, "jobs": jobs, "entitlements": entitlements, "courtesy_events": events}


def _events(rng: np.random.Generator, e: pl.DataFrame, number: Numbering, bearer: dict[str, str]) -> pl.DataFrame:
    def index(name: str) -> Ints:
        return e[name].cast(pl.Int64).to_numpy()

    bears = e["measure"].replace_strict(bearer)
    others = chosen(("service", "sales", "logistics"), rng.integers(0, 3, e.height))
    elsewhere = pl.Series(rng.random(e.height) < 0.2)
    return pl.DataFrame(
        {
            "event_id": ids("E", np.arange(1, e.height + 1), 5),
            "measure_id": e["measure"],
            "customer_id": number.customer(index("customer")),
            "order_id": number.order(index("order")),
            "delivery_id": number.order(index("delivery"), "D"),
            "return_id": number.returned(index("return")),
            "contact_id": number.contact(index("contact")),
            "occurred_at": stamps(e["at"].to_numpy()),
            "units": e["units"].fill_nan(None),
            "direct_cost": money(e["direct"].to_numpy()),
            "outcome_loss": money(e["outcome"].to_numpy()),
            "granted_by_dept": pl.select(pl.when(elsewhere).then(others).otherwise(bears)).to_series(),
            "borne_by_dept": bears,
            "discretionary": e["discretionary"] > 0,
            "detected": ["logged"] * e.height,
        }
    )


def goods_tables() -> dict[str, pl.DataFrame]:
    """Return products, the fee schedule and the opening hours."""
    category = [CATEGORIES[k] for k in PRODUCT_CATEGORY]
    products = pl.DataFrame(
        {
            "product_id": ids("P", np.arange(1, len(category) + 1), 3),
            "category": [c.name for c in category],
            "list_price": money(PRICES_CENTS),
            "unit_cost": money(PRODUCT_COST_E4, 4),
            "warranty_months": [c.warranty_months for c in category],
            "weight_kg": PRODUCT_KG,
            "return_salvage_rate": pl.Series([c.salvage for c in category]).cast(MONEY),
        }
    )
    fees = pl.DataFrame(
        {
            "valid_from": [FIRST_DAY] * len(FEES),
            "valid_to": pl.Series([None] * len(FEES), dtype=pl.Date),
            "mode": list(FEES),
            "region": ["all"] * len(FEES),
            "free_over": money(np.array([np.nan if over is None else over for _, over in FEES.values()])),
            "fee": money(np.array([fee for fee, _ in FEES.values()])),
        }
    )
    closes = [time(m // 60) for m in (*[CLOSES_MIN[0]] * 5, CLOSES_MIN[1])]
    hours = pl.DataFrame(
        {
            "site": ["contact centre"] * 6,
            "weekday": list(range(1, 7)),
            "opens": [time(OPENS_MIN // 60)] * 6,
            "closes": closes,
        }
    )
    return {"products": products, "delivery_fees": fees, "opening_hours": hours}
