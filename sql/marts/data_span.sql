-- relation:   data_span
-- grain:      one row: the first and the last day with an order
-- key:        none
-- inputs:     intermediate.int_orders
-- outputs:    first_day date, last_day date, n_orders bigint, n_customers bigint
select
    min(ordered_on) as first_day,
    max(ordered_on) as last_day,
    count(*) as n_orders,
    count(distinct customer_id) as n_customers
from intermediate.int_orders
