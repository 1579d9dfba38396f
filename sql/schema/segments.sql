-- relation:   segments
-- grain:      one row per customer, day and method
-- key:        snapshot, customer_id, method
-- required:   snapshot, customer_id, segment, method
-- references: customer_id -> customers
create table raw.segments (
    snapshot date,
    customer_id varchar,
    segment varchar,
    tier smallint,
    method varchar -- declared: named before any experiment
)
