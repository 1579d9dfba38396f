-- relation:   stg_stock
-- grain:      one row per product and day of counting
-- key:        product_id, counted_on
-- inputs:     raw.stock
-- outputs:    product_id varchar, counted_on date, value decimal(18,2)
select
    product_id,
    counted_on,
    value
from raw.stock
