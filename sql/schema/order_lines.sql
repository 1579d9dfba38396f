-- relation:   order_lines
-- grain:      one row per product of an order
-- key:        order_id, line_no
-- required:   order_id, line_no, qty, list_price
-- references: order_id -> orders
-- reject:     list_price < 0 : list_price is negative
-- reject:     qty <= 0 : qty is not positive
-- reject:     unit_cost < 0 : unit_cost is negative
-- reject:     discount < 0 : discount is negative
create table raw.order_lines (
    order_id varchar,
    line_no smallint,
    product_id varchar,
    qty integer,
    list_price decimal(18, 6), -- per piece
    discount decimal(18, 2), -- of the line, positive
    unit_cost decimal(18, 6) -- per piece; null: the product's
)
