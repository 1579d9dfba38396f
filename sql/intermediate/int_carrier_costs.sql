-- relation:   int_carrier_costs
-- grain:      one row per delivery: the carrier's cost, split where a courtesy bears a part of it
-- key:        delivery_id
-- inputs:     staging.stg_deliveries, intermediate.int_delivery_fees_due
-- outputs:    delivery_id varchar, order_id varchar, customer_id varchar, ordered_on date,
--             carrier_cost decimal(18,2), fee_forgone decimal(18,2), borne_by_courtesy decimal(18,2)
select
    deliveries.delivery_id,
    deliveries.order_id,
    due.customer_id,
    due.ordered_on,
    deliveries.carrier_cost,
    coalesce(due.fee_forgone, 0) as fee_forgone,
    -- what the fee not charged would have covered is the courtesy's; the rest stays with delivery
    cast(least(coalesce(due.fee_forgone, 0), deliveries.carrier_cost) as decimal(18, 2)) as borne_by_courtesy
from staging.stg_deliveries as deliveries
left join intermediate.int_delivery_fees_due as due on deliveries.delivery_id = due.delivery_id
where deliveries.carrier_cost is not null
