-- relation:   peer_benchmarks
-- grain:      one row per metric, segment and day
-- key:        metric, segment, as_of
-- required:   metric, segment, value, as_of
create table raw.peer_benchmarks (
    metric varchar,
    segment varchar,
    value double,
    source varchar,
    as_of date
)
