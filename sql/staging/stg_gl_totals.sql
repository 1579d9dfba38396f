-- relation:   stg_gl_totals
-- grain:      one row per month and ledger account
-- key:        period, account
-- inputs:     raw.gl_totals
-- outputs:    period date, account varchar, amount decimal(18,2)
select
    cast(date_trunc('month', period) as date) as period,
    account,
    cast(sum(amount) as decimal(18, 2)) as amount
from raw.gl_totals
group by date_trunc('month', period), account
