-- relation:   ledger_rows
-- grain:      one row per row of money behind one month and account
-- key:        none
-- inputs:     marts.pnl_entries, intermediate.int_capacity, staging.stg_gl_totals, staging.stg_gl_accounts
-- params:     period, account
-- outputs:    part varchar, amount decimal(18,2), customer_id varchar, order_id varchar, rule_id varchar,
--             source_table varchar, source_key varchar
with owned as (
    select resource_id
    from staging.stg_gl_accounts
    where account = $account
),

paid as (
    select
        resource_id,
        unused_cost
    from intermediate.int_capacity
    where period = cast($period as date)
)

select
    'ledger' as part,
    totals.amount,
    cast(null as varchar) as customer_id,
    cast(null as varchar) as order_id,
    cast(null as varchar) as rule_id,
    'gl_totals' as source_table,
    totals.account as source_key
from staging.stg_gl_totals as totals
where totals.period = cast($period as date) and totals.account = $account
union all
select
    'unused capacity' as part,
    cast(-paid.unused_cost as decimal(18, 2)) as amount,
    cast(null as varchar) as customer_id,
    cast(null as varchar) as order_id,
    cast(null as varchar) as rule_id,
    'resources' as source_table,
    paid.resource_id as source_key
from paid
inner join owned on paid.resource_id = owned.resource_id
union all
select
    case when entries.customer_id is null then 'unassigned' else 'assigned' end as part,
    entries.amount,
    entries.customer_id,
    entries.order_id,
    entries.rule_id,
    entries.source_table,
    entries.source_key
from marts.pnl_entries as entries
where entries.period = cast($period as date) and coalesce(entries.account, 'no account') = $account
