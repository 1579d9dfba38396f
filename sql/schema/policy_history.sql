-- relation:   policy_history
-- grain:      one row per segment and spell: the level that applied
-- key:        segment, valid_from
-- required:   segment, level, valid_from
create table raw.policy_history (
    segment varchar, -- all: everybody without a row of his own
    level smallint,
    valid_from date,
    valid_to date,
    note varchar
)
