-- relation:   stg_segments
-- grain:      one row per customer, day and method
-- key:        snapshot, customer_id, method
-- inputs:     raw.segments
-- outputs:    snapshot date, customer_id varchar, segment varchar, method varchar
select
    snapshot,
    customer_id,
    segment,
    method
from raw.segments
