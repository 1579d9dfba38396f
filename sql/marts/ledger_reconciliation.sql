-- relation:   ledger_reconciliation
-- grain:      one row per account and month that the ledger covers: ledger = assigned + unused + facility + unassigned
-- key:        period, account
-- inputs:     staging.stg_gl_totals, staging.stg_gl_accounts, marts.pnl_entries, intermediate.int_capacity, marts.ledger_unassigned
-- outputs:    period date, account varchar, name varchar, pnl_line varchar, ledger decimal(18,2),
--             assigned decimal(18,2), unused_capacity decimal(18,2), facility decimal(18,2),
--             unassigned decimal(18,2), difference decimal(18,2)
with parts as (
    select
        period,
        account,
        'ledger' as part,
        amount
    from staging.stg_gl_totals
    union all
    select
        period,
        account,
        'assigned' as part,
        amount
    from marts.pnl_entries
    where customer_id is not null
    union all
    select
        capacity.period,
        accounts.account,
        'unused' as part,
        -capacity.unused_cost as amount
    from intermediate.int_capacity as capacity
    left join staging.stg_gl_accounts as accounts on capacity.resource_id = accounts.resource_id
    union all
    select
        totals.period,
        totals.account,
        'facility' as part,
        totals.amount
    from staging.stg_gl_totals as totals
    inner join staging.stg_gl_accounts as accounts on totals.account = accounts.account
    where accounts.cost_class = 'facility'
    union all
    select
        period,
        account,
        'unassigned' as part,
        amount
    from marts.ledger_unassigned
),

-- a month that finance has not closed can't be compared
closed as (
    select distinct period
    from staging.stg_gl_totals
),

summed as (
    select
        parts.period,
        coalesce(parts.account, 'no account') as account,
        sum(case when parts.part = 'ledger' then parts.amount else 0 end) as ledger,
        sum(case when parts.part = 'assigned' then parts.amount else 0 end) as assigned,
        sum(case when parts.part = 'unused' then parts.amount else 0 end) as unused_capacity,
        sum(case when parts.part = 'facility' then parts.amount else 0 end) as facility,
        sum(case when parts.part = 'unassigned' then parts.amount else 0 end) as unassigned
    from parts
    inner join closed on parts.period = closed.period
    group by parts.period, coalesce(parts.account, 'no account')
)

select
    summed.period,
    summed.account,
    accounts.name,
    accounts.pnl_line,
    cast(summed.ledger as decimal(18, 2)) as ledger,
    cast(summed.assigned as decimal(18, 2)) as assigned,
    cast(summed.unused_capacity as decimal(18, 2)) as unused_capacity,
    cast(summed.facility as decimal(18, 2)) as facility,
    cast(summed.unassigned as decimal(18, 2)) as unassigned,
    cast(
        summed.ledger - summed.assigned - summed.unused_capacity - summed.facility - summed.unassigned
        as decimal(18, 2)
    ) as difference
from summed
left join staging.stg_gl_accounts as accounts on summed.account = accounts.account
