-- relation:   ledger_open_months
-- grain:      one row per month with entries that the ledger does not cover yet
-- key:        period
-- inputs:     marts.pnl_entries, staging.stg_gl_totals
-- outputs:    period date, n_entries bigint, amount decimal(18,2)
select
    entries.period,
    count(*) as n_entries,
    cast(sum(entries.amount) as decimal(18, 2)) as amount
from marts.pnl_entries as entries
left join staging.stg_gl_totals as totals on entries.period = totals.period
where totals.period is null
group by entries.period
order by entries.period
