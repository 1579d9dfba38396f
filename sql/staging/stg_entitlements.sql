-- relation:   stg_entitlements
-- grain:      one row per contract term
-- key:        entitlement_id
-- inputs:     raw.entitlements
-- outputs:    entitlement_id varchar, customer_id varchar, ends date, entitled double, used double,
--             extended double, extended_on date
select
    entitlement_id,
    customer_id,
    ends,
    entitled,
    used,
    coalesce(extended, 0) as extended,
    coalesce(extended_on, ends) as extended_on
from raw.entitlements
