-- relation:   stg_repairs
-- grain:      one row per repair
-- key:        repair_id
-- inputs:     raw.repairs
-- outputs:    repair_id varchar, customer_id varchar, order_id varchar, product_id varchar,
--             opened_on date, parts_cost decimal(18,2), minutes double, fee_charged decimal(18,2)
select
    repair_id,
    customer_id,
    order_id,
    product_id,
    cast(opened_at as date) as opened_on,
    coalesce(parts_cost, 0) as parts_cost,
    minutes,
    coalesce(fee_charged, 0) as fee_charged
from raw.repairs
