-- relation:   gl_totals
-- grain:      one row per month and ledger account
-- key:        period, account
-- required:   period, account, amount
-- references: account -> gl_accounts
create table raw.gl_totals (
    period date, -- first day of the month
    account varchar,
    amount decimal(18, 2) -- income positive, cost negative
)
