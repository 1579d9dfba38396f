-- relation:   stg_jobs
-- grain:      one row per visit or job
-- key:        job_id
-- inputs:     raw.jobs
-- outputs:    job_id varchar, customer_id varchar, order_id varchar, kind varchar, ordered_at timestamp,
--             started_at timestamp, done_on date, minutes double, km double,
--             fee_charged decimal(18,2)
select
    job_id,
    customer_id,
    order_id,
    kind,
    ordered_at,
    started_at,
    cast(coalesce(started_at, ordered_at) as date) as done_on,
    minutes,
    km,
    coalesce(fee_charged, 0) as fee_charged
from raw.jobs
