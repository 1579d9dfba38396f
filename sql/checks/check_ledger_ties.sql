-- relation:   check_ledger_ties
-- grain:      one row per month and account where ledger and sub-ledger differ by a cent or more
-- inputs:     marts.ledger_reconciliation
-- outputs:    period date, account varchar, name varchar, ledger decimal(18,2), assigned decimal(18,2),
--             unused_capacity decimal(18,2), facility decimal(18,2), unassigned decimal(18,2),
--             difference decimal(18,2)
select
    period,
    account,
    name,
    ledger,
    assigned,
    unused_capacity,
    facility,
    unassigned,
    difference
from marts.ledger_reconciliation
where difference <> 0
order by period, account
