-- relation:   int_pnl_deliveries
-- grain:      one row per delivery: what the carrier took, less what a courtesy bears
-- key:        source_key
-- inputs:     intermediate.int_carrier_costs, intermediate.int_orders
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    orders.ordered_on as entry_date,
    orders.customer_id,
    carried.order_id,
    'carrier_cost' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-(carried.carrier_cost - carried.borne_by_courtesy) as decimal(18, 2)) as amount,
    cast(-(carried.carrier_cost - carried.borne_by_courtesy) as decimal(18, 2)) as avoidable,
    'deliveries.carrier_cost' as rule_id,
    'measured' as provenance,
    'deliveries' as source_table,
    carried.delivery_id as source_key
from intermediate.int_carrier_costs as carried
left join intermediate.int_orders as orders on carried.order_id = orders.order_id
where carried.carrier_cost > carried.borne_by_courtesy
