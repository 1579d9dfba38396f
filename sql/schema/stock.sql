-- relation:   stock
-- grain:      one row per product and day of counting
-- key:        product_id, counted_on
-- required:   product_id, counted_on, value
-- reject:     value < 0 : value is negative
-- reject:     counted_on >= tomorrow : counted_on lies in the future
create table raw.stock (
    product_id varchar,
    counted_on date,
    qty decimal(18, 4),
    value decimal(18, 2) -- at cost
)
