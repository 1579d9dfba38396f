-- relation:   int_derived_courtesies
-- grain:      one row per courtesy found in the transactions, not in the log
-- key:        event_id
-- inputs:     intermediate.int_carrier_costs, intermediate.int_return_costs, staging.stg_repairs, intermediate.int_orders, staging.stg_products, staging.stg_entitlements, staging.stg_jobs, staging.stg_contacts, staging.stg_opening_hours
-- outputs:    event_id varchar, measure_id varchar, customer_id varchar, order_id varchar,
--             occurred_on date, units double, direct_cost decimal(18,2), minutes double,
--             fee_forgone decimal(18,2)
-- free delivery: a fee was due and not charged
select
    'free delivery of ' || order_id as event_id,
    'P5b' as measure_id,
    customer_id,
    order_id,
    ordered_on as occurred_on,
    cast(1 as double) as units,
    borne_by_courtesy as direct_cost,
    cast(0 as double) as minutes,
    fee_forgone
from intermediate.int_carrier_costs
where fee_forgone > 0
union all
-- a refund that policy would have refused; freight and standard inspection stay with the return
select
    'refund ' || return_id as event_id,
    'P4' as measure_id,
    customer_id,
    order_id,
    returned_on as occurred_on,
    cast(1 as double) as units,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as double) as minutes,
    cast(0 as decimal(18, 2)) as fee_forgone
from intermediate.int_return_costs
where not is_within_policy and customer_id is not null
union all
-- a repair after the warranty ended
select
    'repair ' || repairs.repair_id as event_id,
    'P2' as measure_id,
    repairs.customer_id,
    repairs.order_id,
    repairs.opened_on as occurred_on,
    cast(1 as double) as units,
    cast(greatest(repairs.parts_cost - repairs.fee_charged, 0) as decimal(18, 2)) as direct_cost,
    repairs.minutes,
    cast(0 as decimal(18, 2)) as fee_forgone
from staging.stg_repairs as repairs
inner join intermediate.int_orders as orders on repairs.order_id = orders.order_id
inner join staging.stg_products as products on repairs.product_id = products.product_id
where
    (extract(year from repairs.opened_on) - extract(year from orders.ordered_on)) * 12
    + extract(month from repairs.opened_on) - extract(month from orders.ordered_on)
    - case when extract(day from repairs.opened_on) < extract(day from orders.ordered_on) then 1 else 0 end
    >= products.warranty_months
union all
-- a term extended when 89 % of it was used
select
    'extension ' || entitlement_id as event_id,
    'S1' as measure_id,
    customer_id,
    cast(null as varchar) as order_id,
    ends as occurred_on,
    cast(1 as double) as units,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as double) as minutes,
    cast(0 as decimal(18, 2)) as fee_forgone
from staging.stg_entitlements
where entitled > 0 and used / entitled >= 0.89
union all
-- work that started before the order stood
select
    'early start ' || job_id as event_id,
    'D2' as measure_id,
    customer_id,
    order_id,
    cast(started_at as date) as occurred_on,
    cast(1 as double) as units,
    cast(null as decimal(18, 2)) as direct_cost,
    minutes,
    cast(0 as decimal(18, 2)) as fee_forgone
from staging.stg_jobs
where started_at < ordered_at
union all
-- served in the last five minutes before closing
select
    'last minutes ' || contacts.contact_id as event_id,
    'Q2' as measure_id,
    contacts.customer_id,
    contacts.order_id,
    contacts.opened_on as occurred_on,
    cast(1 as double) as units,
    cast(null as decimal(18, 2)) as direct_cost,
    cast(null as double) as minutes,
    cast(0 as decimal(18, 2)) as fee_forgone
from staging.stg_contacts as contacts
inner join staging.stg_opening_hours as hours on date_diff('day', date '1900-01-01', contacts.opened_on) % 7 + 1 = hours.weekday -- that day was a Monday
where
    contacts.customer_id is not null
    and extract(hour from contacts.opened_at) * 60 + extract(minute from contacts.opened_at)
    between hours.closes_minute - 5 and hours.closes_minute - 1
