-- relation:   int_carrier_costs
-- grain:      one row per delivery whose carrier's cost is known
-- key:        delivery_id
-- inputs:     staging.stg_deliveries, intermediate.int_delivery_fees_due
-- outputs:    delivery_id varchar, order_id varchar, carrier_cost decimal(18,2),
--             fee_forgone decimal(18,2)
-- the fee forgone here is what was given beyond the schedule's rule: an order above the threshold is free for all, with
-- a test or without
select
    deliveries.delivery_id,
    deliveries.order_id,
    deliveries.carrier_cost,
    case when due.granted = 'beyond rule' then due.fee_forgone else 0 end as fee_forgone
from staging.stg_deliveries as deliveries
left join intermediate.int_delivery_fees_due as due on deliveries.delivery_id = due.delivery_id
where deliveries.carrier_cost is not null
