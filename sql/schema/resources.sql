-- relation:   resources
-- grain:      one row per resource and month
-- key:        resource_id, period
-- required:   resource_id, period, theoretical_min, cost
-- reject:     cost < 0 : cost is negative
-- reject:     theoretical_min <= 0 : theoretical_min is not positive
-- reject:     practical_share <= 0 or practical_share > 1 : practical_share is not above 0 and at most 1
-- reject:     avoidable_share not between 0 and 1 : avoidable_share is not between 0 and 1
create table raw.resources (
    resource_id varchar,
    period date, -- first day of the month
    headcount double,
    theoretical_min double,
    practical_share decimal(18, 6),
    cost decimal(18, 2),
    avoidable_share decimal(18, 6) -- of its cost that fewer minutes would save
)
