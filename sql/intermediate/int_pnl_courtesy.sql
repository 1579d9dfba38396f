-- relation:   int_pnl_courtesy
-- grain:      one row per courtesy granted and part of its money; its minutes are in int_pnl_time
-- key:        measure_id, source_table, source_key, rule_id
-- inputs:     intermediate.int_courtesy_events
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
with costly as (
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        ledger_account,
        provenance,
        has_own_cost,
        direct_cost,
        driver_cost,
        expected_loss,
        outcome_loss,
        outcome_on,
        source_table,
        source_key
    from intermediate.int_courtesy_events
    where direct_cost <> 0 or driver_cost <> 0 or expected_loss <> 0 or outcome_loss <> 0
)

select
    occurred_on as entry_date,
    customer_id,
    order_id,
    'courtesy' as pnl_line,
    measure_id,
    ledger_account as account,
    cast(null as varchar) as resource_id,
    cast(-direct_cost as decimal(18, 2)) as amount,
    cast(-direct_cost as decimal(18, 2)) as avoidable,
    case when has_own_cost then 'courtesy_events.direct_cost' else 'courtesy.direct' end as rule_id,
    case when has_own_cost then 'measured' else provenance end as provenance,
    source_table,
    source_key
from costly
where direct_cost <> 0
union all
select
    occurred_on as entry_date,
    customer_id,
    order_id,
    'courtesy' as pnl_line,
    measure_id,
    ledger_account as account,
    cast(null as varchar) as resource_id,
    cast(-driver_cost as decimal(18, 2)) as amount,
    cast(-driver_cost as decimal(18, 2)) as avoidable,
    'courtesy.driver' as rule_id,
    provenance,
    source_table,
    source_key
from costly
where driver_cost <> 0
union all
select
    occurred_on as entry_date,
    customer_id,
    order_id,
    'courtesy' as pnl_line,
    measure_id,
    ledger_account as account,
    cast(null as varchar) as resource_id,
    cast(-expected_loss as decimal(18, 2)) as amount,
    cast(-expected_loss as decimal(18, 2)) as avoidable,
    'courtesy.expected_loss' as rule_id,
    provenance,
    source_table,
    source_key
from costly
where expected_loss <> 0
union all
-- the loss that came, less the loss that was expected, on the day it was known
select
    outcome_on as entry_date,
    customer_id,
    order_id,
    'courtesy' as pnl_line,
    measure_id,
    ledger_account as account,
    cast(null as varchar) as resource_id,
    cast(expected_loss - outcome_loss as decimal(18, 2)) as amount,
    cast(expected_loss - outcome_loss as decimal(18, 2)) as avoidable,
    'courtesy.true_up' as rule_id,
    'measured' as provenance,
    source_table,
    source_key
from costly
where outcome_loss <> expected_loss
