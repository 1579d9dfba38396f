-- relation:   courtesy_costs
-- grain:      one row per measure, customer, departments and grant with a courtesy in the window
-- key:        measure_id, customer_id, granted_by_dept, borne_by_dept, granted
-- inputs:     intermediate.int_courtesy_events, marts.pnl_entries
-- params:     start_date, end_date
-- outputs:    measure_id varchar, measure varchar, customer_id varchar, granted_by_dept varchar,
--             borne_by_dept varchar, granted varchar, accounting_view varchar, n_events bigint, n_without_rate bigint,
--             minutes double, full_cost decimal(18,2), avoidable_cost decimal(18,2),
--             forgone_fee decimal(18,2), economic_cost decimal(18,2), induced_cost decimal(18,2)
with booked as (
    select
        measure_id,
        source_table,
        source_key,
        -sum(amount) as full_cost,
        -sum(avoidable) as avoidable_cost,
        count(case when rule_id = 'courtesy.time' then 1 end) as n_times
    from marts.pnl_entries
    where pnl_line = 'courtesy'
    group by measure_id, source_table, source_key
)

select
    events.measure_id,
    max(events.measure) as measure,
    events.customer_id,
    events.granted_by_dept,
    events.borne_by_dept,
    events.granted,
    max(events.accounting_view) as accounting_view,
    count(*) as n_events,
    -- minutes that no capacity row gives a rate for: their cost is missing, not zero
    count(
        case
            when events.minutes <> 0 and coalesce(booked.n_times, 0) = 0
                then 1
        end
    ) as n_without_rate,
    sum(events.minutes) as minutes,
    cast(coalesce(sum(booked.full_cost), 0) as decimal(18, 2)) as full_cost,
    cast(coalesce(sum(booked.avoidable_cost), 0) as decimal(18, 2)) as avoidable_cost,
    cast(sum(events.forgone_fee) as decimal(18, 2)) as forgone_fee,
    -- without a test every order would have come anyway: a fee not charged is lost whole
    cast(
        sum(
            case
                when events.forgone_fee > 0 then events.forgone_fee
                else coalesce(booked.avoidable_cost, 0)
            end
        ) as decimal(18, 2)
    ) as economic_cost,
    -- what the same courtesies cost on orders that came because of them: the whole carrier, no fee lost
    cast(sum(coalesce(events.carrier_cost, booked.avoidable_cost, 0)) as decimal(18, 2)) as induced_cost
from intermediate.int_courtesy_events as events
left join booked
    on
        events.measure_id = booked.measure_id
        and events.source_table = booked.source_table
        and events.source_key = booked.source_key
where
    events.occurred_on >= cast($start_date as date)
    and events.occurred_on <= cast($end_date as date)
group by
    events.measure_id, events.customer_id, events.granted_by_dept, events.borne_by_dept, events.granted
order by
    events.measure_id, events.customer_id, events.granted_by_dept, events.borne_by_dept, events.granted
