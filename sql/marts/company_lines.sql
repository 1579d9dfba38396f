-- relation:   company_lines
-- grain:      one row per month that the ledger covers: what no customer bears, down to the ledger's result
-- key:        period
-- inputs:     marts.ledger_reconciliation, marts.ledger_unassigned
-- outputs:    period date, facility decimal(18,2), unused_capacity decimal(18,2),
--             without_rule decimal(18,2), ledger decimal(18,2)
with unruled as (
    select
        period,
        sum(amount) as amount
    from marts.ledger_unassigned
    where reason <> 'no customer'
    group by period
)

select
    tied.period,
    cast(sum(tied.facility) as decimal(18, 2)) as facility,
    cast(sum(tied.unused_capacity) as decimal(18, 2)) as unused_capacity,
    cast(coalesce(max(unruled.amount), 0) as decimal(18, 2)) as without_rule,
    cast(sum(tied.ledger) as decimal(18, 2)) as ledger
from marts.ledger_reconciliation as tied
left join unruled on tied.period = unruled.period
group by tied.period
order by tied.period
