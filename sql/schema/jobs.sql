-- relation:   jobs
-- grain:      one row per visit or job
-- key:        job_id
-- required:   job_id, customer_id, kind
-- references: customer_id -> customers
-- reject:     fee_charged < 0 : fee_charged is negative
-- reject:     minutes < 0 : minutes is negative
-- reject:     ordered_at is null and started_at is null : ordered_at and started_at are both empty
create table raw.jobs (
    job_id varchar,
    customer_id varchar,
    order_id varchar,
    kind varchar,
    ordered_at timestamp,
    started_at timestamp,
    minutes double,
    km double,
    fee_charged decimal(18, 2),
    priority smallint
)
