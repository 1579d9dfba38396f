-- relation:   customer_side
-- grain:      one row per declared segment: what a customer receives, pays and waits for an order
-- key:        segment
-- inputs:     intermediate.int_orders, intermediate.int_delivery_fees_due, intermediate.int_courtesy_events, staging.stg_deliveries, staging.stg_contacts, marts.pnl_entries, marts.customer_segments
-- params:     start_date, end_date
-- outputs:    segment varchar, n_orders bigint, goods_at_list double, paid_for_goods double,
--             paid_for_delivery double, delivery_at_schedule double, courtesies double,
--             received double, paid double, received_less_paid double, delivery_days double, promise_hours double,
--             contacts_per_order double, wait_s double, transfers double
-- received: goods at list price, delivery at the schedule's fee, and what the courtesies cost us (free delivery is in the
-- schedule's fee). paid: goods after discount, and delivery. Waiting stands beside it in days and seconds, unpriced.
with orders as (
    select
        orders.order_id,
        coalesce(segments.segment, 'not declared') as segment,
        orders.gross_list,
        orders.discount,
        coalesce(orders.delivery_fee_charged, 0) as fee,
        greatest(coalesce(due.fee_charged + due.fee_forgone, 0), coalesce(orders.delivery_fee_charged, 0))
            as fee_at_schedule,
        orders.ordered_at
    from intermediate.int_orders as orders
    left join intermediate.int_delivery_fees_due as due on orders.order_id = due.order_id
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
),

given as (
    select
        coalesce(segments.segment, 'not declared') as segment,
        -sum(cast(entries.amount as double)) as cost
    from marts.pnl_entries as entries
    inner join intermediate.int_courtesy_events as events
        on
            entries.measure_id = events.measure_id
            and entries.source_table = events.source_table
            and entries.source_key = events.source_key
    left join marts.customer_segments as segments on entries.customer_id = segments.customer_id
    where
        entries.pnl_line = 'courtesy'
        and entries.customer_id is not null
        and coalesce(events.rule, 'none') <> 'free_delivery'
        and events.occurred_on >= cast($start_date as date)
        and events.occurred_on <= cast($end_date as date)
    group by coalesce(segments.segment, 'not declared')
)

select
    orders.segment,
    count(*) as n_orders,
    avg(cast(orders.gross_list as double)) as goods_at_list,
    avg(cast(orders.gross_list - orders.discount as double)) as paid_for_goods,
    avg(cast(orders.fee as double)) as paid_for_delivery,
    avg(cast(orders.fee_at_schedule as double)) as delivery_at_schedule,
    coalesce(max(given.cost), 0) / count(*) as courtesies,
    avg(cast(orders.gross_list + orders.fee_at_schedule as double)) + coalesce(max(given.cost), 0) / count(*)
        as received,
    avg(cast(orders.gross_list - orders.discount + orders.fee as double)) as paid,
    avg(cast(orders.discount + orders.fee_at_schedule - orders.fee as double))
    + coalesce(max(given.cost), 0) / count(*) as received_less_paid,
    avg(date_diff('minute', orders.ordered_at, shipped.delivered_at) / 60.0 / 24) as delivery_days,
    avg(shipped.promise_hours) as promise_hours,
    cast(coalesce(sum(called.n_contacts), 0) as double) / count(*) as contacts_per_order,
    cast(sum(called.wait_s) as double) / nullif(sum(called.n_contacts), 0) as wait_s,
    cast(sum(called.transfers) as double) / nullif(sum(called.n_contacts), 0) as transfers
from orders
left join shipped on orders.order_id = shipped.order_id
left join called on orders.order_id = called.order_id
left join given on orders.segment = given.segment
group by orders.segment
order by orders.segment
