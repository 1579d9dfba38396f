-- relation:   int_derived_courtesies
-- grain:      one row per courtesy found in the transactions, not in the log
-- key:        event_id
-- inputs:     intermediate.int_carrier_costs, staging.stg_returns, staging.stg_repairs, intermediate.int_orders, staging.stg_products, staging.stg_entitlements, staging.stg_jobs, staging.stg_contacts, staging.stg_opening_hours, staging.stg_courtesy_catalogue
-- outputs:    event_id varchar, measure_id varchar, customer_id varchar, order_id varchar,
--             occurred_on date, direct_cost decimal(18,2), carrier_cost decimal(18,2), minutes double,
--             fee_forgone decimal(18,2), source_table varchar, source_key varchar
with triggers as (
    select
        coalesce(max(case when measure_id = 'S1' then trigger_at end), 0.89) as used_share,
        coalesce(max(case when measure_id = 'Q2' then trigger_at end), 5) as last_minutes
    from staging.stg_courtesy_catalogue
)

-- free delivery: a fee was due and not charged; the carrier's invoice covers it, so it is no direct cost of its own
select
    'free delivery of ' || order_id as event_id,
    'P5b' as measure_id,
    customer_id,
    order_id,
    ordered_on as occurred_on,
    borne_by_courtesy as direct_cost,
    carrier_cost,
    cast(0 as double) as minutes,
    fee_forgone,
    'deliveries' as source_table,
    delivery_id as source_key
from intermediate.int_carrier_costs
where fee_forgone > 0
union all
-- a refund that policy would have refused; freight and standard inspection stay with the return
select
    'refund ' || returned.return_id as event_id,
    'P4' as measure_id,
    orders.customer_id,
    returned.order_id,
    returned.returned_on as occurred_on,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(null as double) as minutes,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
inner join intermediate.int_orders as orders on returned.order_id = orders.order_id
where not returned.is_within_policy and orders.customer_id is not null
union all
-- a repair after the warranty ended
select
    'repair ' || repairs.repair_id as event_id,
    'P2' as measure_id,
    repairs.customer_id,
    repairs.order_id,
    repairs.opened_on as occurred_on,
    cast(greatest(repairs.parts_cost - repairs.fee_charged, 0) as decimal(18, 2)) as direct_cost,
    cast(null as decimal(18, 2)) as carrier_cost,
    repairs.minutes,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'repairs' as source_table,
    repairs.repair_id as source_key
from staging.stg_repairs as repairs
inner join intermediate.int_orders as orders on repairs.order_id = orders.order_id
inner join staging.stg_products as products on repairs.product_id = products.product_id
where
    (extract(year from repairs.opened_on) - extract(year from orders.ordered_on)) * 12
    + extract(month from repairs.opened_on) - extract(month from orders.ordered_on)
    - case when extract(day from repairs.opened_on) < extract(day from orders.ordered_on) then 1 else 0 end
    >= products.warranty_months
union all
-- a term extended when nearly all of it was used
select
    'extension ' || terms.entitlement_id as event_id,
    'S1' as measure_id,
    terms.customer_id,
    cast(null as varchar) as order_id,
    terms.ends as occurred_on,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(null as double) as minutes,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'entitlements' as source_table,
    terms.entitlement_id as source_key
from staging.stg_entitlements as terms
cross join triggers
where terms.entitled > 0 and terms.used / terms.entitled >= triggers.used_share
union all
-- work that started before the order stood
select
    'early start ' || job_id as event_id,
    'D2' as measure_id,
    customer_id,
    order_id,
    cast(started_at as date) as occurred_on,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as decimal(18, 2)) as carrier_cost,
    minutes,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'jobs' as source_table,
    job_id as source_key
from staging.stg_jobs
where started_at < ordered_at
union all
-- served in the last minutes before closing
select
    'last minutes ' || contacts.contact_id as event_id,
    'Q2' as measure_id,
    contacts.customer_id,
    contacts.order_id,
    contacts.opened_on as occurred_on,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(null as double) as minutes,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'contacts' as source_table,
    contacts.contact_id as source_key
from staging.stg_contacts as contacts
inner join staging.stg_opening_hours as hours on date_diff('day', date '1900-01-01', contacts.opened_on) % 7 + 1 = hours.weekday -- that day was a Monday
cross join triggers
where
    contacts.customer_id is not null
    and extract(hour from contacts.opened_at) * 60 + extract(minute from contacts.opened_at)
    between hours.closes_minute - triggers.last_minutes and hours.closes_minute - 1
