-- relation:   int_resource_minutes
-- grain:      one row per resource and month with work for it
-- key:        resource_id, period
-- inputs:     intermediate.int_time_uses
-- outputs:    resource_id varchar, period date, needed_min double
select
    resource_id,
    cast(date_trunc('month', used_on) as date) as period,
    cast(sum(minutes) as double) as needed_min
from intermediate.int_time_uses
where resource_id is not null
group by resource_id, date_trunc('month', used_on)
