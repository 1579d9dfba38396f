-- relation:   stg_opening_hours
-- grain:      one row per site and weekday
-- key:        site, weekday
-- inputs:     raw.opening_hours
-- outputs:    site varchar, weekday smallint, closes_minute integer
select
    site,
    weekday,
    cast(substr(closes, 1, 2) as integer) * 60 + cast(substr(closes, 4, 2) as integer) as closes_minute
from raw.opening_hours
