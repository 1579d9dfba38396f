-- relation:   courtesy_months
-- grain:      one row per measure and month with at least one courtesy
-- key:        measure_id, period
-- inputs:     intermediate.int_courtesy_events, marts.pnl_entries, intermediate.int_orders
-- outputs:    measure_id varchar, measure varchar, period date, n_events bigint, minutes double,
--             full_cost decimal(18,2), n_orders bigint
with booked as (
    select
        measure_id,
        period,
        -sum(amount) as full_cost
    from marts.pnl_entries
    where pnl_line = 'courtesy'
    group by measure_id, period
),

granted as (
    select
        measure_id,
        max(measure) as measure,
        cast(date_trunc('month', occurred_on) as date) as period,
        count(*) as n_events,
        sum(minutes) as minutes
    from intermediate.int_courtesy_events
    group by measure_id, date_trunc('month', occurred_on)
),

orders as (
    select
        cast(date_trunc('month', ordered_on) as date) as period,
        count(*) as n_orders
    from intermediate.int_orders
    group by date_trunc('month', ordered_on)
)

select
    granted.measure_id,
    granted.measure,
    granted.period,
    granted.n_events,
    granted.minutes,
    cast(coalesce(booked.full_cost, 0) as decimal(18, 2)) as full_cost,
    coalesce(orders.n_orders, 0) as n_orders
from granted
left join booked on granted.measure_id = booked.measure_id and granted.period = booked.period
left join orders on granted.period = orders.period
order by granted.measure_id, granted.period
