-- relation:   stg_orders
-- grain:      one row per order; one that came without an amount has that of its lines
-- key:        order_id
-- inputs:     raw.orders, raw.order_lines
-- stored:     table
-- outputs:    order_id varchar, customer_id varchar, ordered_at timestamp, ordered_on date,
--             channel varchar, gross_list decimal(18,2), discount decimal(18,2),
--             delivery_fee_charged decimal(18,2), payment_fee decimal(18,2)
with lines as (
    select
        order_id,
        sum(cast(qty * list_price as decimal(18, 2))) as gross_list,
        sum(discount) as discount
    from raw.order_lines
    group by order_id
)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at,
    cast(orders.ordered_at as date) as ordered_on,
    orders.channel,
    cast(coalesce(orders.gross_list, lines.gross_list, 0) as decimal(18, 2)) as gross_list,
    cast(
        coalesce(orders.discount, case when orders.gross_list is null then lines.discount end, 0)
        as decimal(18, 2)
    ) as discount,
    orders.delivery_fee_charged,
    orders.payment_fee
from raw.orders as orders
left join lines on orders.order_id = lines.order_id
