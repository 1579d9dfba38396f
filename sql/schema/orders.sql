-- relation:   orders
-- grain:      one row per order
-- key:        order_id
-- required:   order_id, ordered_at, gross_list
-- instead:    gross_list <- order_lines
-- references: customer_id -> customers
-- reject:     gross_list < 0 : gross_list is negative
-- reject:     discount < 0 : discount is negative
-- reject:     discount > gross_list : discount exceeds gross_list
-- reject:     delivery_fee_charged < 0 : delivery_fee_charged is negative
-- reject:     payment_fee < 0 : payment_fee is negative
-- reject:     ordered_at >= tomorrow : ordered_at lies in the future
create table raw.orders (
    order_id varchar,
    customer_id varchar, -- null: unattributed
    ordered_at timestamp,
    channel varchar,
    currency varchar,
    gross_list decimal(18, 2), -- goods at list price, ex tax; null: that of its lines
    discount decimal(18, 2), -- taken off, positive; null: that of its lines where they give gross_list
    delivery_fee_charged decimal(18, 2),
    tax decimal(18, 2),
    payment_method varchar,
    payment_fee decimal(18, 2), -- cost, positive
    paid_at timestamp,
    due_on date,
    first_order boolean
)
