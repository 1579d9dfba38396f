-- relation:   check_lines_have_one_account
-- grain:      one row per line of the profit and loss that stands for several accounts, so that entries can't choose
-- inputs:     staging.stg_gl_accounts
-- outputs:    pnl_line varchar, first_account varchar, last_account varchar
select
    pnl_line,
    min(account) as first_account,
    max(account) as last_account
from staging.stg_gl_accounts
where
    cost_class in ('direct', 'driver', 'revenue')
    and resource_id is null
    and pnl_line <> 'courtesy'
group by pnl_line
having count(*) > 1
