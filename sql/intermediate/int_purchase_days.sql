-- relation:   int_purchase_days
-- grain:      one row per customer and day with at least one order: same-day orders are one purchase
-- key:        customer_id, purchased_on
-- inputs:     intermediate.int_orders
-- outputs:    customer_id varchar, purchased_on date, amount decimal(18,2), n_orders bigint
select
    customer_id,
    ordered_on as purchased_on,
    cast(sum(gross_list - discount) as decimal(18, 2)) as amount,
    count(*) as n_orders
from intermediate.int_orders
where customer_id is not null
group by customer_id, ordered_on
