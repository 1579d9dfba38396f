-- relation:   opening_hours
-- grain:      one row per site and weekday
-- key:        site, weekday
-- required:   site, weekday, opens, closes
-- reject:     weekday not between 1 and 7 : weekday is not between 1 (Monday) and 7 (Sunday)
-- reject:     not regexp_matches(lower(trim(opens)), '^([01]?[0-9]|2[0-3])([:.h][0-5][0-9](:[0-5][0-9])?)?( ?(h|uhr))?$|^24[:.h]00(:00)?( ?uhr)?$|^(0?[1-9]|1[0-2])([:.][0-5][0-9](:[0-5][0-9])?)? ?(am|pm|a\.m\.|p\.m\.)$') : opens is not a time of day such as 18:00
-- reject:     not regexp_matches(lower(trim(closes)), '^([01]?[0-9]|2[0-3])([:.h][0-5][0-9](:[0-5][0-9])?)?( ?(h|uhr))?$|^24[:.h]00(:00)?( ?uhr)?$|^(0?[1-9]|1[0-2])([:.][0-5][0-9](:[0-5][0-9])?)? ?(am|pm|a\.m\.|p\.m\.)$') : closes is not a time of day such as 18:00
create table raw.opening_hours (
    site varchar,
    weekday smallint, -- 1 is Monday
    opens varchar, -- 9:00, 09:00:00, 9.00 Uhr, 9 am
    closes varchar -- up to 24:00; not later than opens: on the next day
)
