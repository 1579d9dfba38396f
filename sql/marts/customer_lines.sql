-- relation:   customer_lines
-- grain:      one row per customer and line of the profit and loss, full and avoidable
-- key:        customer_id, pnl_line
-- inputs:     marts.pnl_entries
-- params:     start_date, end_date
-- outputs:    customer_id varchar, pnl_line varchar, amount decimal(18,2), avoidable decimal(18,2)
select
    customer_id,
    pnl_line,
    cast(sum(amount) as decimal(18, 2)) as amount,
    cast(sum(avoidable) as decimal(18, 2)) as avoidable
from marts.pnl_entries
where
    entry_date >= cast($start_date as date)
    and entry_date <= cast($end_date as date)
    and customer_id is not null
group by customer_id, pnl_line
order by customer_id, pnl_line
