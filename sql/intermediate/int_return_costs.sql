-- relation:   int_return_costs
-- grain:      one row per return: freight and inspection, and whether policy would have refused it
-- key:        return_id
-- inputs:     staging.stg_returns, intermediate.int_orders, staging.stg_activities, intermediate.int_resource_rates
-- outputs:    return_id varchar, order_id varchar, customer_id varchar, ordered_on date, returned_on date,
--             is_within_policy boolean, inbound_freight decimal(18,2), resource_id varchar,
--             inspect_min double, inspection_cost decimal(18,2), inspection_avoidable decimal(18,2)
select
    returned.return_id,
    returned.order_id,
    orders.customer_id,
    orders.ordered_on,
    returned.returned_on,
    returned.is_within_policy,
    returned.inbound_freight,
    activities.resource_id,
    returned.inspect_min,
    cast(returned.inspect_min * cast(rates.cost_per_minute as double) as decimal(18, 2)) as inspection_cost,
    cast(
        returned.inspect_min * cast(rates.cost_per_minute as double) * cast(rates.avoidable_share as double)
        as decimal(18, 2)
    ) as inspection_avoidable
from staging.stg_returns as returned
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
left join staging.stg_activities as activities on activities.activity_id = 'inspection'
left join intermediate.int_resource_rates as rates
    on activities.resource_id = rates.resource_id and rates.period = date_trunc('month', returned.returned_on)
