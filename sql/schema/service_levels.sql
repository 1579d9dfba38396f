-- relation:   service_levels
-- grain:      one row per service level
-- key:        level
-- required:   level, name
create table raw.service_levels (
    level smallint, -- 0 base, 1 quality, 2 professional, 3 service centre
    name varchar,
    min_stage smallint,
    setup_cost decimal(18, 2)
)
