-- relation:   stg_jobs
-- grain:      one row per visit or job
-- key:        job_id
-- inputs:     raw.jobs
-- outputs:    job_id varchar, customer_id varchar, order_id varchar, kind varchar, ordered_at timestamp,
--             started_at timestamp, minutes double
select
    job_id,
    customer_id,
    order_id,
    kind,
    ordered_at,
    started_at,
    minutes
from raw.jobs
