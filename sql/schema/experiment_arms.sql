-- relation:   experiment_arms
-- grain:      one row per arm of an experiment on delivery: from which basket on its delivery is free
-- key:        experiment_id, arm
-- required:   experiment_id, arm
-- reject:     free_over < 0 : free_over is negative
-- references: experiment_id -> experiments
create table raw.experiment_arms (
    experiment_id integer,
    arm varchar, -- as in assignments
    free_over decimal(18, 2) -- 0: always free; empty: never free
)
