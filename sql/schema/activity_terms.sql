-- relation:   activity_terms
-- grain:      one row per term of an activity's time equation
-- key:        activity_id, term
-- required:   activity_id, term, minutes
-- references: activity_id -> activities
-- reject:     term not in ('transfer', 'piece', 'attempt', 'km') : term is none of transfer, piece, attempt, km
create table raw.activity_terms (
    activity_id varchar,
    term varchar,
    minutes double
)
