-- relation:   int_derived_courtesies
-- grain:      one row per courtesy found in the transactions
-- key:        rule, source_key
-- inputs:     intermediate.int_delivery_fees_due, staging.stg_deliveries, staging.stg_returns, staging.stg_repairs, intermediate.int_orders, staging.stg_products, staging.stg_entitlements, staging.stg_jobs, intermediate.int_late_contacts, intermediate.int_courtesy_measures, staging.stg_courtesy_events
-- stored:     table
-- outputs:    event_id varchar, rule varchar, customer_id varchar, order_id varchar, occurred_on date,
--             units double, fee_forgone decimal(18,2), granted varchar, carrier_cost decimal(18,2),
--             bearable decimal(18,2), borne decimal(18,2), source_table varchar, source_key varchar
-- bearable: money that stands on other lines and is this courtesy's at most; borne: the part that moves to it
-- free deliveries that only the log knows, for want of a fee schedule
with logged as (
    select
        deliveries.delivery_id,
        deliveries.order_id,
        deliveries.carrier_cost,
        events.direct_cost,
        coalesce(events.forgone_fee, measures.forgone_fee) as fee_forgone,
        row_number() over (partition by deliveries.order_id order by events.event_id, deliveries.delivery_id)
            as place
    from staging.stg_courtesy_events as events
    inner join intermediate.int_courtesy_measures as measures
        on events.measure_id = measures.measure_id and measures.rule = 'free_delivery'
    inner join staging.stg_deliveries as deliveries
        on
            events.delivery_id = deliveries.delivery_id
            or (events.delivery_id is null and events.order_id = deliveries.order_id)
    left join intermediate.int_delivery_fees_due as due on deliveries.order_id = due.order_id
    where due.order_id is null
)

-- the schedule's fee was not charged, by its own threshold or beyond it; the carrier's invoice bears the gift
select
    'free delivery of ' || due.order_id as event_id,
    'free_delivery' as rule,
    due.customer_id,
    due.order_id,
    due.ordered_on as occurred_on,
    cast(1 as double) as units,
    due.fee_forgone,
    due.granted,
    deliveries.carrier_cost,
    cast(coalesce(deliveries.carrier_cost, 0) as decimal(18, 2)) as bearable,
    cast(least(due.fee_forgone, coalesce(deliveries.carrier_cost, 0)) as decimal(18, 2)) as borne,
    'deliveries' as source_table,
    due.delivery_id as source_key
from intermediate.int_delivery_fees_due as due
inner join staging.stg_deliveries as deliveries on due.delivery_id = deliveries.delivery_id
where due.fee_forgone > 0
union all
select
    'free delivery of ' || logged.order_id as event_id,
    'free_delivery' as rule,
    orders.customer_id,
    logged.order_id,
    orders.ordered_on as occurred_on,
    cast(1 as double) as units,
    cast(logged.fee_forgone as decimal(18, 2)) as fee_forgone,
    'beyond rule' as granted,
    logged.carrier_cost,
    cast(coalesce(logged.carrier_cost, 0) as decimal(18, 2)) as bearable,
    cast(
        least(
            coalesce(logged.direct_cost, nullif(logged.fee_forgone, 0), logged.carrier_cost, 0),
            coalesce(logged.carrier_cost, 0)
        ) as decimal(18, 2)
    ) as borne,
    'deliveries' as source_table,
    logged.delivery_id as source_key
from logged
left join intermediate.int_orders as orders on logged.order_id = orders.order_id
where logged.place = 1
union all
-- a refund that policy would have refused: the margin given back, the goods written down, the freight
select
    'refund ' || returned.return_id as event_id,
    'refund_beyond_policy' as rule,
    orders.customer_id,
    returned.order_id,
    returned.returned_on as occurred_on,
    cast(1 as double) as units,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'beyond rule' as granted,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(
        returned.refund - coalesce(returned.cogs_recovered, 0) + coalesce(returned.write_down, 0)
        + coalesce(returned.inbound_freight, 0) as decimal(18, 2)
    ) as bearable,
    cast(
        returned.refund - coalesce(returned.cogs_recovered, 0) + coalesce(returned.write_down, 0)
        + coalesce(returned.inbound_freight, 0) as decimal(18, 2)
    ) as borne,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
where not returned.is_within_policy
union all
-- a repair after the warranty ended; what its time costs moves with the minutes
select
    'repair ' || repairs.repair_id as event_id,
    'repair_after_warranty' as rule,
    repairs.customer_id,
    repairs.order_id,
    repairs.opened_on as occurred_on,
    cast(1 as double) as units,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'beyond rule' as granted,
    cast(null as decimal(18, 2)) as carrier_cost,
    repairs.parts_cost as bearable,
    cast(greatest(repairs.parts_cost - repairs.fee_charged, 0) as decimal(18, 2)) as borne,
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
-- units given beyond a term; that a term is nearly used up extends nothing
select
    'extension ' || entitlement_id as event_id,
    'extension' as rule,
    customer_id,
    cast(null as varchar) as order_id,
    extended_on as occurred_on,
    extended as units,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'beyond rule' as granted,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(0 as decimal(18, 2)) as bearable,
    cast(0 as decimal(18, 2)) as borne,
    'entitlements' as source_table,
    entitlement_id as source_key
from staging.stg_entitlements
where extended > 0
union all
-- work that began before the order stood; its own minutes are the job's
select
    'early start ' || job_id as event_id,
    'early_start' as rule,
    customer_id,
    order_id,
    done_on as occurred_on,
    cast(1 as double) as units,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'beyond rule' as granted,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(0 as decimal(18, 2)) as bearable,
    cast(0 as decimal(18, 2)) as borne,
    'jobs' as source_table,
    job_id as source_key
from staging.stg_jobs
where started_at < ordered_at
union all
-- served in the last minutes before closing
select
    'last minutes ' || contact_id as event_id,
    'last_minutes' as rule,
    customer_id,
    order_id,
    opened_on as occurred_on,
    cast(1 as double) as units,
    cast(0 as decimal(18, 2)) as fee_forgone,
    'beyond rule' as granted,
    cast(null as decimal(18, 2)) as carrier_cost,
    cast(0 as decimal(18, 2)) as bearable,
    cast(0 as decimal(18, 2)) as borne,
    'contacts' as source_table,
    contact_id as source_key
from intermediate.int_late_contacts
