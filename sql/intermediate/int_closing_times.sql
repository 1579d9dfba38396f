-- relation:   int_closing_times
-- grain:      one row per weekday: when the last site closes, since a contact names no site
-- key:        weekday
-- inputs:     staging.stg_opening_hours
-- outputs:    weekday smallint, closes_minute integer
select
    weekday,
    max(closes_minute) as closes_minute
from staging.stg_opening_hours
group by weekday
