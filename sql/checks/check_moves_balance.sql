-- relation:   check_moves_balance
-- grain:      one row per courtesy whose move from a line does not end in the courtesy, or takes more than stood there
-- inputs:     marts.pnl_entries
-- outputs:    source_table varchar, source_key varchar, rule_id varchar, rest decimal(38,2)
select
    source_table,
    source_key,
    rule_id,
    sum(amount) as rest
from marts.pnl_entries
where rule_id like 'move.%'
group by source_table, source_key, rule_id
having sum(amount) <> 0 or sum(avoidable) <> 0
