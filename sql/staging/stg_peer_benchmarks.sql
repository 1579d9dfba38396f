-- relation:   stg_peer_benchmarks
-- grain:      one row per metric and segment: the latest benchmark
-- key:        metric, segment
-- inputs:     raw.peer_benchmarks
-- outputs:    metric varchar, segment varchar, value double, source varchar, as_of date
with ranked as (
    select
        metric,
        segment,
        value,
        source,
        as_of,
        row_number() over (partition by metric, segment order by as_of desc) as age
    from raw.peer_benchmarks
)

select
    metric,
    segment,
    value,
    source,
    as_of
from ranked
where age = 1
