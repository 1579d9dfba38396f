-- relation:   int_carrier_costs
-- grain:      one row per delivery whose carrier's cost is known
-- key:        delivery_id
-- inputs:     staging.stg_deliveries, intermediate.int_delivery_fees_due
-- outputs:    delivery_id varchar, order_id varchar, carrier_cost decimal(18,2),
--             fee_forgone decimal(18,2)
select
    deliveries.delivery_id,
    deliveries.order_id,
    deliveries.carrier_cost,
    coalesce(due.fee_forgone, 0) as fee_forgone
from staging.stg_deliveries as deliveries
left join intermediate.int_delivery_fees_due as due on deliveries.delivery_id = due.delivery_id
where deliveries.carrier_cost is not null
