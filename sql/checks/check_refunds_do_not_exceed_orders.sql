-- relation:   check_refunds_do_not_exceed_orders
-- grain:      one row per order that got back more than it paid, goods and delivery
-- inputs:     marts.pnl_entries
-- outputs:    order_id varchar, paid decimal(38,2), refunded decimal(38,2)
select
    order_id,
    sum(case when pnl_line in ('gross_list', 'discounts', 'delivery_charged') then amount else 0 end) as paid,
    sum(case when pnl_line = 'refunds' then amount else 0 end) as refunded
from marts.pnl_entries
where
    order_id is not null
    and source_table <> 'transactions'
group by order_id
having
    sum(
        case
            when pnl_line in ('gross_list', 'discounts', 'delivery_charged', 'refunds') then amount else 0
        end
    )
    < 0
