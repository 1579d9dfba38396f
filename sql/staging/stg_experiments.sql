-- relation:   stg_experiments
-- grain:      one row per experiment or launch
-- key:        experiment_id
-- inputs:     raw.experiments
-- outputs:    experiment_id integer, name varchar, measure_id varchar, design varchar, unit varchar, starts date,
--             ends date, outcome_days bigint, return_days smallint
select
    experiment_id,
    name,
    measure_id,
    lower(design) as design,
    lower(coalesce(unit, 'customer')) as unit,
    starts,
    ends,
    coalesce(outcome_days, date_diff('day', starts, ends) + 1) as outcome_days,
    coalesce(return_days, 0) as return_days
from raw.experiments
