-- relation:   int_closing_times
-- grain:      one row per site and weekday, and one without a site per weekday: when the last site closes
-- key:        site, weekday
-- inputs:     staging.stg_opening_hours
-- outputs:    site varchar, weekday smallint, closes_minute integer, n_times bigint
-- n_times: at how many times of that day sites close; a site that is open round the clock does not close
select
    site,
    weekday,
    closes_minute,
    cast(1 as bigint) as n_times
from staging.stg_opening_hours
where closes_minute - opens_minute < 24 * 60
union all
select
    cast(null as varchar) as site,
    weekday,
    max(closes_minute) as closes_minute,
    count(distinct closes_minute) as n_times
from staging.stg_opening_hours
where closes_minute - opens_minute < 24 * 60
group by weekday
