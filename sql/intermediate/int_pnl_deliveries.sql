-- relation:   int_pnl_deliveries
-- grain:      one row per delivery: what the carrier took
-- key:        source_key
-- inputs:     staging.stg_deliveries, intermediate.int_orders
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    orders.ordered_on as entry_date,
    orders.customer_id,
    deliveries.order_id,
    'carrier_cost' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-deliveries.carrier_cost as decimal(18, 2)) as amount,
    cast(-deliveries.carrier_cost as decimal(18, 2)) as avoidable,
    'deliveries.carrier_cost' as rule_id,
    'measured' as provenance,
    'deliveries' as source_table,
    deliveries.delivery_id as source_key
from staging.stg_deliveries as deliveries
left join intermediate.int_orders as orders on deliveries.order_id = orders.order_id
where deliveries.carrier_cost <> 0
