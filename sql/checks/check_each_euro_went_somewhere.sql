-- relation:   check_each_euro_went_somewhere
-- grain:      one row per money column of the raw tables that the books don't carry to the cent
-- inputs:     marts.money_balance
-- outputs:    raw_column varchar, came decimal(38,2), carried decimal(38,2), left_out decimal(38,2),
--             difference decimal(38,2)
select
    raw_column,
    came,
    carried,
    left_out,
    difference
from marts.money_balance
where difference <> 0
