-- relation:   stg_transactions
-- grain:      one row per line of a flat export
-- key:        none, identical lines are kept
-- inputs:     raw.transactions
-- outputs:    order_id varchar, customer_id varchar, ordered_at timestamp, ordered_on date, kind varchar,
--             product_id varchar, quantity decimal(18,4), amount decimal(18,2), region varchar,
--             channel varchar
-- numbers that start again with each till, shop or year stand for orders of several customers: each keeps his own
with shared as (
    select order_id
    from raw.transactions
    where order_id is not null
    group by order_id
    having min(customer_id) <> max(customer_id)
)

select
    case
        when lines.order_id is null
            then
                coalesce(lines.customer_id, 'nobody') || ' on '
                || cast(cast(lines.ordered_at as date) as varchar)
        when shared.order_id is not null and lines.customer_id is not null
            then lines.order_id || ' of ' || lines.customer_id
        else lines.order_id
    end as order_id,
    lines.customer_id,
    lines.ordered_at,
    cast(lines.ordered_at as date) as ordered_on,
    lines.kind,
    lines.product_id,
    lines.quantity,
    lines.amount,
    lines.region,
    lines.channel
from raw.transactions as lines
left join shared on lines.order_id = shared.order_id
