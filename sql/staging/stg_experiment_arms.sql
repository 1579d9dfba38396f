-- relation:   stg_experiment_arms
-- grain:      one row per arm of an experiment on delivery
-- key:        experiment_id, arm
-- inputs:     raw.experiment_arms
-- outputs:    experiment_id integer, arm varchar, free_over decimal(18,2)
select
    experiment_id,
    arm,
    free_over
from raw.experiment_arms
