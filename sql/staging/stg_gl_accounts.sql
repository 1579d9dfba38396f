-- relation:   stg_gl_accounts
-- grain:      one row per ledger account
-- key:        account
-- inputs:     raw.gl_accounts
-- outputs:    account varchar, name varchar, pnl_line varchar, cost_class varchar, resource_id varchar
select
    account,
    name,
    pnl_line,
    cost_class,
    resource_id
from raw.gl_accounts
