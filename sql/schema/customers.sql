-- relation:   customers
-- grain:      one row per customer
-- key:        customer_id
-- required:   customer_id
-- reject:     acquisition_cost < 0 : acquisition_cost is negative
-- reject:     acquired_on >= tomorrow : acquired_on lies in the future
create table raw.customers (
    customer_id varchar,
    business_type varchar, -- b2c_product, b2c_service, b2b_commodity, b2b_service
    acquired_on date,
    channel varchar,
    acquisition_cost decimal(18, 2),
    referred_by varchar,
    region varchar,
    distance_km double,
    consent_experiment boolean
)
