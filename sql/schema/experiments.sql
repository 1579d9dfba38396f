-- relation:   experiments
-- grain:      one row per experiment or launch
-- key:        experiment_id
-- required:   experiment_id, name, design, starts, ends
-- reject:     lower(design) not in ('rct', 'staggered', 'threshold', 'observational') : design is none of rct, staggered, threshold, observational
-- reject:     ends < starts : ends lies before starts
create table raw.experiments (
    experiment_id integer,
    name varchar,
    measure_id varchar,
    design varchar, -- rct, staggered, threshold, observational
    unit varchar, -- of assignment: customer or region
    control_arm varchar, -- as in assignments; empty where its name says so (control, holdout, 0, ...)
    starts date,
    ends date,
    pre_registered boolean,
    primary_metric varchar,
    planned_share decimal(18, 6), -- of the treatment arm
    outcome_days smallint,
    return_days smallint,
    eligible_customers bigint,
    planned_looks smallint
)
