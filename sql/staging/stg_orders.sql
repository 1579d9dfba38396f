-- relation:   stg_orders
-- grain:      one row per order
-- key:        order_id
-- inputs:     raw.orders
-- outputs:    order_id varchar, customer_id varchar, ordered_at timestamp, ordered_on date,
--             channel varchar, gross_list decimal(18,2), discount decimal(18,2),
--             delivery_fee_charged decimal(18,2), payment_fee decimal(18,2)
select
    order_id,
    customer_id,
    ordered_at,
    cast(ordered_at as date) as ordered_on,
    channel,
    gross_list,
    coalesce(discount, 0) as discount,
    delivery_fee_charged,
    payment_fee
from raw.orders
