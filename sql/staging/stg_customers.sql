-- relation:   stg_customers
-- grain:      one row per customer
-- key:        customer_id
-- inputs:     raw.customers
-- outputs:    customer_id varchar, business_type varchar, acquired_on date, channel varchar,
--             acquisition_cost decimal(18,2), region varchar, distance_km double
select
    customer_id,
    business_type,
    acquired_on,
    channel,
    acquisition_cost,
    region,
    distance_km
from raw.customers
