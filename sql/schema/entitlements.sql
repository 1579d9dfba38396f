-- relation:   entitlements
-- grain:      one row per contract term
-- key:        entitlement_id
-- required:   entitlement_id, customer_id, entitled
-- references: customer_id -> customers
create table raw.entitlements (
    entitlement_id varchar,
    customer_id varchar,
    product_id varchar,
    starts date,
    ends date,
    entitled double,
    used double,
    unit varchar
)
