-- relation:   entitlements
-- grain:      one row per contract term
-- key:        entitlement_id
-- required:   entitlement_id, customer_id, entitled
-- references: customer_id -> customers
-- reject:     extended < 0 : extended is negative
create table raw.entitlements (
    entitlement_id varchar,
    customer_id varchar,
    product_id varchar,
    starts date,
    ends date,
    entitled double,
    used double,
    extended double, -- units given beyond what was entitled, free of charge
    extended_on date, -- empty: the day on which the term ends
    unit varchar
)
