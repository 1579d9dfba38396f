-- relation:   stg_transactions
-- grain:      one row per line of a flat export
-- key:        none, identical lines are kept
-- inputs:     raw.transactions
-- outputs:    order_id varchar, customer_id varchar, ordered_at timestamp, ordered_on date, kind varchar,
--             product_id varchar, quantity decimal(18,4), amount decimal(18,2), region varchar,
--             channel varchar
select
    coalesce(
        order_id, coalesce(customer_id, 'nobody') || ' on ' || cast(cast(ordered_at as date) as varchar)
    ) as order_id,
    customer_id,
    ordered_at,
    cast(ordered_at as date) as ordered_on,
    kind,
    product_id,
    quantity,
    amount,
    region,
    channel
from raw.transactions
