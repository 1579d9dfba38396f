-- relation:   ledger_differences
-- grain:      one row per row of money behind a month and account that does not tie
-- key:        none
-- inputs:     marts.ledger_reconciliation, marts.pnl_entries, intermediate.int_capacity, staging.stg_gl_totals, staging.stg_gl_accounts
-- outputs:    period date, account varchar, difference decimal(18,2), part varchar, amount decimal(18,2),
--             customer_id varchar, order_id varchar, rule_id varchar, source_table varchar,
--             source_key varchar
with open_items as (
    select
        period,
        account,
        difference
    from marts.ledger_reconciliation
    where difference <> 0
)

select
    open_items.period,
    open_items.account,
    open_items.difference,
    'ledger' as part,
    totals.amount,
    cast(null as varchar) as customer_id,
    cast(null as varchar) as order_id,
    cast(null as varchar) as rule_id,
    'gl_totals' as source_table,
    totals.account as source_key
from open_items
inner join staging.stg_gl_totals as totals
    on open_items.period = totals.period and open_items.account = totals.account
union all
select
    open_items.period,
    open_items.account,
    open_items.difference,
    'unused capacity' as part,
    cast(-capacity.unused_cost as decimal(18, 2)) as amount,
    cast(null as varchar) as customer_id,
    cast(null as varchar) as order_id,
    cast(null as varchar) as rule_id,
    'resources' as source_table,
    capacity.resource_id as source_key
from open_items
inner join staging.stg_gl_accounts as accounts on open_items.account = accounts.account
inner join intermediate.int_capacity as capacity
    on accounts.resource_id = capacity.resource_id and open_items.period = capacity.period
union all
select
    open_items.period,
    open_items.account,
    open_items.difference,
    case when entries.customer_id is null then 'unassigned' else 'assigned' end as part,
    entries.amount,
    entries.customer_id,
    entries.order_id,
    entries.rule_id,
    entries.source_table,
    entries.source_key
from open_items
inner join marts.pnl_entries as entries
    on open_items.period = entries.period and open_items.account = coalesce(entries.account, 'no account')
