-- relation:   check_entries_carry_an_account
-- grain:      one row per line of the profit and loss without a ledger account, once a ledger is loaded
-- inputs:     marts.pnl_entries, staging.stg_gl_accounts
-- outputs:    pnl_line varchar, n_entries bigint, amount decimal(38,2)
select
    pnl_line,
    count(*) as n_entries,
    sum(amount) as amount
from marts.pnl_entries
where
    account is null
    and exists (select 1 from staging.stg_gl_accounts)
group by pnl_line
