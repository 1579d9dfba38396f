-- relation:   ledger_unassigned
-- grain:      one row per month, account and reason: money of rows that have no customer or no rule
-- key:        period, account, reason
-- inputs:     marts.pnl_entries, staging.stg_gl_totals, staging.stg_gl_accounts, marts.pnl_availability, staging.stg_resources
-- outputs:    period date, account varchar, reason varchar, n_rows bigint, amount decimal(18,2)
-- summed from rows; never the ledger less the rest
with ruled as (
    select accounts.account
    from staging.stg_gl_accounts as accounts
    inner join marts.pnl_availability as available
        on
            case
                when accounts.pnl_line in ('courtesy_loss', 'courtesy_true_up') then 'courtesy'
                else accounts.pnl_line
            end = available.pnl_line
    where
        available.is_available
        and accounts.resource_id is null
        and accounts.cost_class is distinct from 'facility'
    union
    select accounts.account
    from staging.stg_gl_accounts as accounts
    inner join staging.stg_resources as resources on accounts.resource_id = resources.resource_id
)

select
    period,
    account,
    'no customer' as reason,
    count(*) as n_rows,
    cast(sum(amount) as decimal(18, 2)) as amount
from marts.pnl_entries
where customer_id is null
group by period, account
union all
select
    totals.period,
    totals.account,
    'no rule: nothing loaded tells whose it is' as reason,
    1 as n_rows,
    totals.amount
from staging.stg_gl_totals as totals
inner join staging.stg_gl_accounts as accounts on totals.account = accounts.account
left join ruled on totals.account = ruled.account
where
    ruled.account is null
    and accounts.cost_class is distinct from 'facility'
    and totals.amount <> 0
