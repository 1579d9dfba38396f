-- relation:   stg_assignments
-- grain:      one row per customer and experiment as assigned
-- key:        assignment_id
-- inputs:     raw.assignments
-- outputs:    assignment_id varchar, experiment_id integer, customer_id varchar, arm varchar,
--             assigned_at timestamp, exposed_at timestamp
select
    assignment_id,
    experiment_id,
    customer_id,
    arm,
    assigned_at,
    exposed_at
from raw.assignments
