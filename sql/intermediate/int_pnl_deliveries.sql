-- relation:   int_pnl_deliveries
-- grain:      one row per delivery and line of the profit and loss
-- key:        none
-- inputs:     intermediate.int_carrier_costs, intermediate.int_orders, staging.stg_deliveries, staging.stg_activities, intermediate.int_resource_rates
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
union all
select
    orders.ordered_on as entry_date,
    orders.customer_id,
    orders.order_id,
    'carrier_cost' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    activities.resource_id,
    cast(-deliveries.handling_min * cast(rates.cost_per_minute as double) as decimal(18, 2)) as amount,
    cast(
        -deliveries.handling_min
        * cast(rates.cost_per_minute as double)
        * cast(rates.avoidable_share as double) as decimal(18, 2)
    ) as avoidable,
    'deliveries.handling_time' as rule_id,
    'standard' as provenance,
    'deliveries' as source_table,
    deliveries.delivery_id as source_key
from staging.stg_deliveries as deliveries
inner join intermediate.int_orders as orders on deliveries.order_id = orders.order_id
inner join staging.stg_activities as activities on activities.activity_id = 'handling'
inner join intermediate.int_resource_rates as rates
    on activities.resource_id = rates.resource_id and rates.period = date_trunc('month', orders.ordered_on)
where deliveries.handling_min > 0
