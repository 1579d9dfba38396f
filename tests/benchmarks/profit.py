"""Twenty million cost events of 500,000 customers: costed, allocated, and reconciled to the cent.

    python tests/benchmarks/profit.py [EVENTS] [CUSTOMERS]

The ledger is booked by another road: in whole cents, straight from the generated rows, before anything is costed.
Events are written to the raw table directly; what is timed is what an analyst waits for after loading.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import custvalue as cv
from custvalue.profit.ledger import reconcile

MONTHS = 12
RESOURCES = ("desk", "calls", "field", "workshop")
# half of the events take minutes, a quarter has a direct cost, a quarter a driver and an expected loss
CATALOGUE = """
insert into raw.courtesy_catalogue (measure_id, name, direct_cost, driver_rate, base_minutes, minutes_per_unit, resource_id,
                                    expected_loss_rate, loss_base, provenance)
values ('M0', 'desk help', null, null, 3, 0.7, 'desk', null, null, 'standard'),
       ('M1', 'call', null, null, 5, 0.3, 'calls', null, null, 'standard'),
       ('M2', 'visit', null, null, 11, 1.1, 'field', null, null, 'standard'),
       ('M3', 'repair', null, null, 7, 0.9, 'workshop', null, null, 'standard'),
       ('M4', 'gift', 1.25, null, null, null, null, null, null, 'measured'),
       ('M5', 'voucher', 0.80, null, null, null, null, null, null, 'measured'),
       ('M6', 'trust', null, 0.07, null, null, null, 0.02, 16.50, 'assumed'),
       ('M7', 'credit', null, 0.11, null, null, null, 0.01, 41.00, 'assumed')
"""
EVENTS = """
insert into raw.courtesy_events (event_id, measure_id, customer_id, occurred_at, units)
select 'E' || lpad(i::varchar, 9, '0'), 'M' || (hash(i) % 8), 'C' || lpad((hash(i * 3 + 1) % $customers)::varchar, 7, '0'),
       timestamp '2025-01-01' + to_minutes((hash(i * 7 + 2) % 525600)::integer), (hash(i * 11 + 3) % 9)::double
from range($events) as t(i)
"""
# capacity a fifth above what the events take, in whole cents
PAID = """
insert into raw.resources (resource_id, period, theoretical_min, practical_share, cost, avoidable_share)
select resource_id, date_trunc('month', occurred_at)::date, ceil(sum((base_minutes + minutes_per_unit * units)::decimal(18, 2)) * 1.5), 0.8,
       (sum((base_minutes + minutes_per_unit * units)::decimal(18, 2)) * 0.83 + 0.37)::decimal(18, 2), 0.4
from raw.courtesy_events join raw.courtesy_catalogue using (measure_id) where resource_id is not null group by all
"""
LEDGER = """
insert into raw.gl_totals (period, account, amount)
select period, 'time ' || resource_id, -cost from raw.resources
union all
select date_trunc('month', occurred_at)::date, '6300',
       -(sum(case measure_id when 'M4' then 125 when 'M5' then 80 when 'M6' then 7 * units::bigint when 'M7' then 11 * units::bigint
             else 0 end))::decimal(18, 0) / 100
from raw.courtesy_events group by all
union all
select date_trunc('month', occurred_at)::date, '6400', -(count(*) filter (where measure_id = 'M6') * 33 + count(*) filter (where measure_id = 'M7') * 41)::decimal(18, 0) / 100
from raw.courtesy_events group by all
"""
ACCOUNTS = """
insert into raw.gl_accounts (account, name, pnl_line, cost_class, resource_id)
values ('6300', 'Courtesies', 'courtesy', 'direct', null), ('6400', 'Expected loss', 'courtesy_loss', 'direct', null),
       ('time desk', 'Desk', 'courtesy', 'time', 'desk'), ('time calls', 'Calls', 'courtesy', 'time', 'calls'),
       ('time field', 'Field', 'courtesy', 'time', 'field'), ('time workshop', 'Workshop', 'courtesy', 'time', 'workshop')
"""


def generate(shop: cv.Warehouse, events: int, customers: int) -> None:
    """Fill the raw tables and book the ledger from them."""
    con = shop._con
    con.execute(CATALOGUE)
    con.execute(EVENTS, {"events": events, "customers": customers})
    for statement in (PAID, ACCOUNTS, LEDGER):
        con.execute(statement)


def main(events: int = 20_000_000, customers: int = 500_000) -> None:
    """Run and print the table."""
    with tempfile.TemporaryDirectory() as folder, cv.open(Path(folder) / "shop.duckdb") as shop:
        shop._con.execute(f"set memory_limit = '4GB'; set temp_directory = '{folder}/spill'; set threads = 2")
        steps = {}
        for name, step in {
            "generated (not counted)": lambda: generate(shop, events, customers),
            "costed and allocated": shop._build,
            "reconciled": lambda: reconcile(shop),
        }.items():
            started, worked = time.perf_counter(), time.process_time()
            ledger = step()
            steps[name] = (time.perf_counter() - started, time.process_time() - worked)
        n, people, money = shop._con.execute(
            "select count(*), count(distinct customer_id), sum(amount) from marts.pnl_entries"
        ).fetchall()[0]
        total = ledger.table.select("ledger", "assigned", "unused_capacity", "difference").sum().row(0)
        print(f"{events:,} cost events, {people:,} customers, {n:,} entries, {money:,.2f} EUR")
        print("ledger {:,.2f} = assigned {:,.2f} + unused {:,.2f}, difference {}".format(*total))
        print(f"{ledger.table.height} months and accounts, {ledger.failing.height} differ; {ledger.title}")
        steps["costed and reconciled"] = tuple(map(sum, zip(*list(steps.values())[1:], strict=True)))
        for name, (seconds, busy) in steps.items():
            print(f"{name:26}{seconds:8.1f} s, of two cores {busy:6.1f} s of work")
        print("wanted < 60 s, < 6 GB")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(f"{'memory':26}{peak:8.2f} GB")
        if not ledger.ties:
            sys.exit(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
