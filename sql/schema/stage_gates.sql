-- relation:   stage_gates
-- grain:      one row per requirement of a stage
-- key:        stage, requirement, as_of
-- required:   stage, requirement, target, as_of
create table raw.stage_gates (
    stage smallint,
    requirement varchar,
    target double,
    actual double,
    as_of date
)
