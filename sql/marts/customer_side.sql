-- relation:   customer_side
-- grain:      one row per declared segment: what a customer receives, pays and waits for an order
-- key:        segment
-- inputs:     intermediate.int_orders, staging.stg_deliveries, staging.stg_contacts, marts.customer_segments
-- params:     start_date, end_date
-- outputs:    segment varchar, n_orders bigint, goods_at_list double, paid_for_goods double,
--             paid_for_delivery double, delivery_days double, promise_hours double,
--             contacts_per_order double, wait_s double, transfers double
with orders as (
    select
        orders.order_id,
        coalesce(segments.segment, 'not declared') as segment,
        orders.gross_list,
        orders.discount,
        coalesce(orders.delivery_fee_charged, 0) as fee,
        orders.ordered_at
    from intermediate.int_orders as orders
    left join marts.customer_segments as segments on orders.customer_id = segments.customer_id
    where
        orders.customer_id is not null
        and orders.ordered_on >= cast($start_date as date)
        and orders.ordered_on <= cast($end_date as date)
),

shipped as (
    select
        order_id,
        min(delivered_at) as delivered_at,
        avg(date_diff('minute', promised_from, promised_to) / 60.0) as promise_hours
    from staging.stg_deliveries
    group by order_id
),

called as (
    select
        order_id,
        count(*) as n_contacts,
        sum(wait_s) as wait_s,
        sum(transfers) as transfers
    from staging.stg_contacts
    where order_id is not null
    group by order_id
)

select
    orders.segment,
    count(*) as n_orders,
    avg(cast(orders.gross_list as double)) as goods_at_list,
    avg(cast(orders.gross_list - orders.discount as double)) as paid_for_goods,
    avg(cast(orders.fee as double)) as paid_for_delivery,
    avg(date_diff('minute', orders.ordered_at, shipped.delivered_at) / 60.0 / 24) as delivery_days,
    avg(shipped.promise_hours) as promise_hours,
    cast(coalesce(sum(called.n_contacts), 0) as double) / count(*) as contacts_per_order,
    cast(sum(called.wait_s) as double) / nullif(sum(called.n_contacts), 0) as wait_s,
    cast(sum(called.transfers) as double) / nullif(sum(called.n_contacts), 0) as transfers
from orders
left join shipped on orders.order_id = shipped.order_id
left join called on orders.order_id = called.order_id
group by orders.segment
order by orders.segment
