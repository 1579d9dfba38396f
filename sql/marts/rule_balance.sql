-- relation:   rule_balance
-- grain:      one row per rule that books money: what it books, on how many rows, and what is left of a move
-- key:        rule_id
-- inputs:     marts.pnl_entries
-- outputs:    rule_id varchar, n_entries bigint, income decimal(38,2), cost decimal(38,2),
--             rest decimal(38,2)
-- a rule that moves money takes as much from one line as it puts on the other: its rest is zero
select
    rule_id,
    count(*) as n_entries,
    sum(case when amount > 0 then amount else 0 end) as income,
    sum(case when amount < 0 then amount else 0 end) as cost,
    sum(amount) as rest
from marts.pnl_entries
group by rule_id
