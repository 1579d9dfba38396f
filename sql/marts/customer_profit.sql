-- relation:   customer_profit
-- grain:      one row per customer, and one without: the company's unattributed lines
-- key:        customer_id
-- inputs:     marts.pnl_entries
-- params:     start_date, end_date
-- outputs:    customer_id varchar, gross_list decimal(18,2), service_fees decimal(18,2), discounts decimal(18,2),
--             refunds decimal(18,2), cost_of_goods decimal(18,2), parts_cost decimal(18,2), goods_recovered decimal(18,2),
--             write_down decimal(18,2), delivery_charged decimal(18,2), carrier_cost decimal(18,2),
--             payment_fees decimal(18,2), returns_handling decimal(18,2), support decimal(18,2), service_time decimal(18,2),
--             courtesy decimal(18,2), adjustments decimal(18,2), acquisition decimal(18,2)
select
    customer_id,
    cast(sum(case when pnl_line = 'gross_list' then amount else 0 end) as decimal(18, 2)) as gross_list,
    cast(sum(case when pnl_line = 'service_fees' then amount else 0 end) as decimal(18, 2)) as service_fees,
    cast(sum(case when pnl_line = 'discounts' then amount else 0 end) as decimal(18, 2)) as discounts,
    cast(sum(case when pnl_line = 'refunds' then amount else 0 end) as decimal(18, 2)) as refunds,
    cast(sum(case when pnl_line = 'cost_of_goods' then amount else 0 end) as decimal(18, 2)) as cost_of_goods,
    cast(sum(case when pnl_line = 'parts_cost' then amount else 0 end) as decimal(18, 2)) as parts_cost,
    cast(sum(case when pnl_line = 'goods_recovered' then amount else 0 end) as decimal(18, 2))
        as goods_recovered,
    cast(sum(case when pnl_line = 'write_down' then amount else 0 end) as decimal(18, 2)) as write_down,
    cast(sum(case when pnl_line = 'delivery_charged' then amount else 0 end) as decimal(18, 2))
        as delivery_charged,
    cast(sum(case when pnl_line = 'carrier_cost' then amount else 0 end) as decimal(18, 2)) as carrier_cost,
    cast(sum(case when pnl_line = 'payment_fees' then amount else 0 end) as decimal(18, 2)) as payment_fees,
    cast(sum(case when pnl_line = 'returns_handling' then amount else 0 end) as decimal(18, 2))
        as returns_handling,
    cast(sum(case when pnl_line = 'support' then amount else 0 end) as decimal(18, 2)) as support,
    cast(sum(case when pnl_line = 'service_time' then amount else 0 end) as decimal(18, 2)) as service_time,
    cast(sum(case when pnl_line = 'courtesy' then amount else 0 end) as decimal(18, 2)) as courtesy,
    cast(sum(case when pnl_line = 'adjustments' then amount else 0 end) as decimal(18, 2)) as adjustments,
    cast(sum(case when pnl_line = 'acquisition' then amount else 0 end) as decimal(18, 2)) as acquisition
from marts.pnl_entries
where
    entry_date >= cast($start_date as date)
    and entry_date <= cast($end_date as date)
group by customer_id
order by customer_id
