-- relation:   stg_stage_gates
-- grain:      one row per requirement of a stage: its last figure
-- key:        stage, requirement
-- inputs:     raw.stage_gates
-- outputs:    stage smallint, requirement varchar, target double, actual double, as_of date, is_met boolean
with ranked as (
    select
        stage,
        requirement,
        target,
        actual,
        as_of,
        row_number() over (partition by stage, requirement order by as_of desc) as place
    from raw.stage_gates
)

select
    stage,
    requirement,
    target,
    actual,
    as_of,
    coalesce(actual >= target, false) as is_met
from ranked
where place = 1
