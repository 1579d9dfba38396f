-- relation:   int_delivery_fees_due
-- grain:      one row per order with a delivery whose mode and region are in the fee schedule
-- key:        order_id
-- inputs:     intermediate.int_orders, staging.stg_deliveries, staging.stg_delivery_fees
-- outputs:    order_id varchar, customer_id varchar, ordered_on date, delivery_id varchar,
--             fee_charged decimal(18,2), fee_due decimal(18,2), fee_forgone decimal(18,2),
--             granted varchar
-- the fee forgone is the schedule's fee less what was charged: given up by rule where the goods reach the
-- schedule's threshold, beyond it where they don't
with ranked as (
    select
        order_id,
        delivery_id,
        mode,
        row_number() over (partition by order_id order by coalesce(carrier_cost, 0) desc, delivery_id)
            as place
    from staging.stg_deliveries
),

matching as (
    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_on,
        ranked.delivery_id,
        coalesce(orders.delivery_fee_charged, 0) as fee_charged,
        fees.fee,
        coalesce(orders.gross_list - orders.discount >= fees.free_over, false) as is_free_by_rule,
        row_number() over (
            partition by orders.order_id
            order by case when fees.region = 'all' then 1 else 0 end, fees.valid_from desc
        ) as preference
    from intermediate.int_orders as orders
    inner join ranked on orders.order_id = ranked.order_id and ranked.place = 1
    inner join staging.stg_delivery_fees as fees
        on
            orders.ordered_on between fees.valid_from and fees.valid_to
            and ranked.mode = fees.mode
            and (fees.region = 'all' or orders.region = fees.region)
)

select
    order_id,
    customer_id,
    ordered_on,
    delivery_id,
    cast(fee_charged as decimal(18, 2)) as fee_charged,
    cast(case when is_free_by_rule then 0 else fee end as decimal(18, 2)) as fee_due,
    cast(greatest(fee - fee_charged, 0) as decimal(18, 2)) as fee_forgone,
    case when is_free_by_rule then 'by rule' else 'beyond rule' end as granted
from matching
where preference = 1
