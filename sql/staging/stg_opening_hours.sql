-- relation:   stg_opening_hours
-- grain:      one row per site and weekday
-- key:        site, weekday
-- inputs:     raw.opening_hours
-- outputs:    site varchar, weekday smallint, opens_minute integer, closes_minute integer
-- minutes since the weekday began; a site that closes after midnight does so past minute 1440
with texts as (
    select
        site,
        weekday,
        lower(trim(opens)) as opens,
        lower(trim(closes)) as closes
    from raw.opening_hours
),

parts as (
    select
        site,
        weekday,
        cast(regexp_extract(opens, '^([0-9]+)', 1) as integer) as opens_hour,
        cast(concat('0', regexp_extract(opens, '^[0-9]+[:.h]([0-9]+)', 1)) as integer) as opens_past,
        opens like '%a%m%' as opens_am,
        opens like '%p%m%' as opens_pm,
        cast(regexp_extract(closes, '^([0-9]+)', 1) as integer) as closes_hour,
        cast(concat('0', regexp_extract(closes, '^[0-9]+[:.h]([0-9]+)', 1)) as integer) as closes_past,
        closes like '%a%m%' as closes_am,
        closes like '%p%m%' as closes_pm
    from texts
),

minutes as (
    select
        site,
        weekday,
        60 * case when opens_am or opens_pm then opens_hour % 12 else opens_hour end
        + case when opens_pm then 12 * 60 else 0 end + opens_past as opens_minute,
        60 * case when closes_am or closes_pm then closes_hour % 12 else closes_hour end
        + case when closes_pm then 12 * 60 else 0 end + closes_past as closes_minute
    from parts
)

select
    site,
    weekday,
    opens_minute,
    closes_minute + case when closes_minute > opens_minute then 0 else 24 * 60 end as closes_minute
from minutes
