-- relation:   gl_accounts
-- grain:      one row per ledger account
-- key:        account
-- required:   account, pnl_line
create table raw.gl_accounts (
    account varchar,
    name varchar,
    pnl_line varchar,
    cost_class varchar, -- direct, driver, time, facility, revenue
    resource_id varchar -- of a time account: whose monthly cost it is
)
