-- relation:   check_orders_have_one_row
-- grain:      one row per order_id that stands more than once
-- inputs:     intermediate.int_orders
-- outputs:    order_id varchar, n_rows bigint
select
    order_id,
    count(*) as n_rows
from intermediate.int_orders
group by order_id
having count(*) > 1
