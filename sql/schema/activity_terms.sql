-- relation:   activity_terms
-- grain:      one row per term of an activity's time equation
-- key:        activity_id, term
-- required:   activity_id, term, minutes
-- references: activity_id -> activities
create table raw.activity_terms (
    activity_id varchar,
    term varchar,
    minutes double
)
