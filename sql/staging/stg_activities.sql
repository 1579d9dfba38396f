-- relation:   stg_activities
-- grain:      one row per standard activity
-- key:        activity_id
-- inputs:     raw.activities
-- outputs:    activity_id varchar, resource_id varchar, base_min double
select
    activity_id,
    resource_id,
    base_min
from raw.activities
