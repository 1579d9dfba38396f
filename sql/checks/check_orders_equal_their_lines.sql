-- relation:   check_orders_equal_their_lines
-- grain:      one row per order whose gross_list is not the sum of its lines
-- inputs:     staging.stg_orders, staging.stg_order_lines
-- outputs:    order_id varchar, gross_list decimal(18,2), sum_of_lines decimal(38,2)
select
    orders.order_id,
    max(orders.gross_list) as gross_list,
    sum(lines.qty * lines.list_price) as sum_of_lines
from staging.stg_orders as orders
inner join staging.stg_order_lines as lines on orders.order_id = lines.order_id
group by orders.order_id
having max(orders.gross_list) <> sum(lines.qty * lines.list_price)
