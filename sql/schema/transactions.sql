-- relation:   transactions
-- grain:      one row per line of a flat export: a sale, a return, a delivery charge or an adjustment
-- key:        none, identical lines are kept and counted
-- required:   ordered_at, amount
-- reject:     kind not in ('sale', 'return', 'delivery', 'adjustment') : kind is none of sale, return, delivery, adjustment
-- reject:     kind in ('sale', 'return') and unit_price < 0 : unit_price is negative
-- reject:     kind = 'sale' and amount < 0 and unit_price is null : amount is negative; if it is a refund, a kind rule of the mapping says so
-- reject:     ordered_at >= tomorrow : ordered_at lies in the future
-- note:       three columns are enough: customer_id, ordered_at, amount
create table raw.transactions (
    order_id varchar, -- null: one order per customer and day
    customer_id varchar, -- null: unattributed
    ordered_at timestamp,
    kind varchar, -- sale, return, delivery, adjustment
    product_id varchar,
    description varchar,
    quantity decimal(18, 4),
    unit_price decimal(18, 6),
    amount decimal(18, 2), -- ex tax, signed; null: quantity x unit_price
    region varchar,
    channel varchar
)
