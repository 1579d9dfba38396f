-- relation:   opening_hours
-- grain:      one row per site and weekday
-- key:        site, weekday
-- required:   site, weekday, opens, closes
create table raw.opening_hours (
    site varchar,
    weekday smallint, -- 1 is Monday
    opens varchar, -- HH:MM
    closes varchar -- HH:MM
)
