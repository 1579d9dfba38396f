-- relation:   experiment_arm_thresholds
-- grain:      one row per arm of an experiment whose threshold of free delivery is known
-- key:        arm
-- inputs:     staging.stg_experiments, staging.stg_experiment_arms
-- params:     experiment
-- outputs:    arm varchar, free_over decimal(18,2)
select
    arms.arm,
    arms.free_over
from staging.stg_experiments as experiments
inner join staging.stg_experiment_arms as arms on experiments.experiment_id = arms.experiment_id
where experiments.name = $experiment
order by arms.arm
