-- relation:   int_delivery_fees_due
-- grain:      one row per order with a delivery where the fee schedule asks for a fee
-- key:        order_id
-- inputs:     intermediate.int_orders, staging.stg_deliveries, staging.stg_delivery_fees
-- outputs:    order_id varchar, customer_id varchar, ordered_on date, delivery_id varchar,
--             fee_charged decimal(18,2), fee_due decimal(18,2), fee_forgone decimal(18,2)
with first_delivery as (
    select
        order_id,
        min(delivery_id) as delivery_id,
        min(mode) as mode
    from staging.stg_deliveries
    group by order_id
),

matching as (
    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_on,
        first_delivery.delivery_id,
        coalesce(orders.delivery_fee_charged, 0) as fee_charged,
        case when orders.gross_list - orders.discount >= fees.free_over then 0 else fees.fee end as fee_due,
        row_number() over (
            partition by orders.order_id
            order by case when fees.region = 'all' then 1 else 0 end, fees.valid_from desc
        ) as preference
    from intermediate.int_orders as orders
    inner join first_delivery on orders.order_id = first_delivery.order_id
    inner join staging.stg_delivery_fees as fees
        on
            orders.ordered_on between fees.valid_from and fees.valid_to
            and first_delivery.mode = fees.mode
            and (fees.region = 'all' or orders.region = fees.region)
)

select
    order_id,
    customer_id,
    ordered_on,
    delivery_id,
    cast(fee_charged as decimal(18, 2)) as fee_charged,
    cast(fee_due as decimal(18, 2)) as fee_due,
    cast(greatest(fee_due - fee_charged, 0) as decimal(18, 2)) as fee_forgone
from matching
where preference = 1
