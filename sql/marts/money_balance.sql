-- relation:   money_balance
-- grain:      one row per money column of the raw tables: what came, what the lines carry, what was left out
-- key:        raw_column
-- inputs:     marts.money_conservation
-- outputs:    raw_column varchar, came decimal(38,2), carried decimal(38,2), left_out decimal(38,2),
--             difference decimal(38,2)
select
    raw_column,
    sum(case when part = 'came' then amount else 0 end) as came,
    sum(case when part = 'line' then amount else 0 end) as carried,
    sum(case when part = 'left out' then amount else 0 end) as left_out,
    sum(case when part = 'came' then amount else -amount end) as difference
from marts.money_conservation
group by raw_column
