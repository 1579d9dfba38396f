-- relation:   int_pnl_moves
-- grain:      two rows per move: the line that is relieved, and the courtesy that bears it; together they are zero
-- key:        measure_id, source_table, source_key, rule_id, pnl_line
-- inputs:     intermediate.int_courtesy_moves
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
with legs (leg) as (
    values ('from'), ('to')
)

select
    moves.occurred_on as entry_date,
    moves.customer_id,
    moves.order_id,
    case when legs.leg = 'from' then moves.from_line else 'courtesy' end as pnl_line,
    case when legs.leg = 'to' then moves.measure_id end as measure_id,
    cast(null as varchar) as account,
    moves.resource_id,
    cast(case when legs.leg = 'from' then moves.amount else -moves.amount end as decimal(18, 2)) as amount,
    cast(case when legs.leg = 'from' then moves.avoidable else -moves.avoidable end as decimal(18, 2))
        as avoidable,
    'move.' || moves.from_line as rule_id,
    'measured' as provenance,
    moves.source_table,
    moves.source_key
from intermediate.int_courtesy_moves as moves
cross join legs
