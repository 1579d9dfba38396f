-- relation:   int_pnl_courtesy
-- grain:      one row per courtesy granted and part of its cost
-- key:        none
-- inputs:     intermediate.int_courtesy_events
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
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
    'courtesy.direct' as rule_id,
    provenance,
    'courtesy_events' as source_table,
    event_id as source_key
from intermediate.int_courtesy_events
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
    'courtesy_events' as source_table,
    event_id as source_key
from intermediate.int_courtesy_events
where driver_cost <> 0
union all
select
    occurred_on as entry_date,
    customer_id,
    order_id,
    'courtesy' as pnl_line,
    measure_id,
    cast(null as varchar) as account,
    resource_id,
    cast(-time_cost as decimal(18, 2)) as amount,
    cast(-time_avoidable as decimal(18, 2)) as avoidable,
    'courtesy.time' as rule_id,
    provenance,
    'courtesy_events' as source_table,
    event_id as source_key
from intermediate.int_courtesy_events
where time_cost <> 0
union all
select
    occurred_on as entry_date,
    customer_id,
    order_id,
    'courtesy' as pnl_line,
    measure_id,
    ledger_account as account,
    cast(null as varchar) as resource_id,
    cast(-loss as decimal(18, 2)) as amount,
    cast(-loss as decimal(18, 2)) as avoidable,
    'courtesy.expected_loss' as rule_id,
    provenance,
    'courtesy_events' as source_table,
    event_id as source_key
from intermediate.int_courtesy_events
where loss <> 0
