-- relation:   int_pnl_returns
-- grain:      one row per return and line of the profit and loss
-- key:        none
-- inputs:     staging.stg_returns, intermediate.int_orders
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    returned.returned_on as entry_date,
    orders.customer_id,
    returned.order_id,
    'refunds' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-returned.refund as decimal(18, 2)) as amount,
    cast(-returned.refund as decimal(18, 2)) as avoidable,
    'returns.refund' as rule_id,
    'measured' as provenance,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
where returned.refund <> 0
union all
select
    returned.returned_on as entry_date,
    orders.customer_id,
    returned.order_id,
    'goods_recovered' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(returned.cogs_recovered as decimal(18, 2)) as amount,
    cast(returned.cogs_recovered as decimal(18, 2)) as avoidable,
    'returns.cogs_recovered' as rule_id,
    'measured' as provenance,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
where returned.cogs_recovered <> 0
union all
select
    returned.returned_on as entry_date,
    orders.customer_id,
    returned.order_id,
    'write_down' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-returned.write_down as decimal(18, 2)) as amount,
    cast(-returned.write_down as decimal(18, 2)) as avoidable,
    'returns.write_down' as rule_id,
    'measured' as provenance,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
where returned.write_down <> 0
union all
select
    returned.returned_on as entry_date,
    orders.customer_id,
    returned.order_id,
    'returns_handling' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-returned.inbound_freight as decimal(18, 2)) as amount,
    cast(-returned.inbound_freight as decimal(18, 2)) as avoidable,
    'returns.inbound_freight' as rule_id,
    'measured' as provenance,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
where returned.inbound_freight <> 0
