-- relation:   assignments
-- grain:      one row per customer and experiment as assigned; a customer in two arms is a finding, not an error
-- key:        assignment_id
-- required:   assignment_id, experiment_id, customer_id, arm, assigned_at
-- references: experiment_id -> experiments
-- references: customer_id -> customers
create table raw.assignments (
    assignment_id varchar,
    experiment_id integer,
    customer_id varchar,
    arm varchar, -- control or treatment
    assigned_at timestamp,
    propensity double,
    exposed_at timestamp
)
