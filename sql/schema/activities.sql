-- relation:   activities
-- grain:      one row per standard activity
-- key:        activity_id
-- required:   activity_id, resource_id, base_min
create table raw.activities (
    activity_id varchar,
    resource_id varchar,
    base_min double
)
