-- relation:   stg_entitlements
-- grain:      one row per contract term
-- key:        entitlement_id
-- inputs:     raw.entitlements
-- outputs:    entitlement_id varchar, customer_id varchar, ends date, entitled double, used double
select
    entitlement_id,
    customer_id,
    ends,
    entitled,
    used
from raw.entitlements
