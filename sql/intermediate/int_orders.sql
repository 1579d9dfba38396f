-- relation:   int_orders
-- grain:      one row per order, from the orders table or put together from a flat export
-- key:        order_id
-- inputs:     staging.stg_orders, staging.stg_transactions, staging.stg_customers
-- outputs:    order_id varchar, customer_id varchar, ordered_at timestamp, ordered_on date,
--             channel varchar, region varchar, gross_list decimal(18,2), discount decimal(18,2),
--             delivery_fee_charged decimal(18,2), payment_fee decimal(18,2)
with flat as (
    select
        order_id,
        max(customer_id) as customer_id,
        min(ordered_at) as ordered_at,
        min(ordered_on) as ordered_on,
        max(channel) as channel,
        max(region) as region,
        sum(case when kind = 'sale' then amount end) as gross_list,
        sum(case when kind = 'delivery' then amount end) as delivery_fee_charged
    from staging.stg_transactions
    group by order_id
    having count(case when kind = 'sale' then 1 end) > 0
)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at,
    orders.ordered_on,
    orders.channel,
    customers.region,
    orders.gross_list,
    orders.discount,
    orders.delivery_fee_charged,
    orders.payment_fee
from staging.stg_orders as orders
left join staging.stg_customers as customers on orders.customer_id = customers.customer_id
union all
select
    order_id,
    customer_id,
    ordered_at,
    ordered_on,
    channel,
    region,
    cast(gross_list as decimal(18, 2)) as gross_list,
    cast(0 as decimal(18, 2)) as discount,
    cast(delivery_fee_charged as decimal(18, 2)) as delivery_fee_charged,
    cast(null as decimal(18, 2)) as payment_fee
from flat
