-- relation:   stg_products
-- grain:      one row per product
-- key:        product_id
-- inputs:     raw.products
-- outputs:    product_id varchar, category varchar, unit_cost decimal(18,6), warranty_months smallint
select
    product_id,
    category,
    unit_cost,
    warranty_months
from raw.products
