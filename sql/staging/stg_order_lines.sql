-- relation:   stg_order_lines
-- grain:      one row per product of an order
-- key:        order_id, line_no
-- inputs:     raw.order_lines
-- outputs:    order_id varchar, line_no smallint, product_id varchar, qty integer,
--             list_price decimal(18,6), discount decimal(18,2), unit_cost decimal(18,6)
select
    order_id,
    line_no,
    product_id,
    qty,
    list_price,
    coalesce(discount, 0) as discount,
    unit_cost
from raw.order_lines
