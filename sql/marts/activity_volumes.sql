-- relation:   activity_volumes
-- grain:      one row per resource, activity and courtesy measure with work in the window
-- key:        resource_id, activity, measure_id
-- inputs:     intermediate.int_time_uses
-- params:     start_date, end_date
-- outputs:    resource_id varchar, activity varchar, measure_id varchar, n bigint, minutes double
select
    resource_id,
    rule_id as activity,
    coalesce(measure_id, 'none') as measure_id,
    count(*) as n,
    sum(cast(minutes as double)) as minutes
from intermediate.int_time_uses
where
    resource_id is not null
    and used_on >= cast($start_date as date)
    and used_on <= cast($end_date as date)
group by resource_id, rule_id, coalesce(measure_id, 'none')
order by resource_id, activity, measure_id
