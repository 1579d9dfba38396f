-- relation:   int_pnl_orders
-- grain:      one row per order (or order line) and line of the profit and loss
-- key:        none
-- inputs:     intermediate.int_orders, staging.stg_orders, staging.stg_order_lines, staging.stg_products
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    ordered_on as entry_date,
    customer_id,
    order_id,
    'gross_list' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(gross_list as decimal(18, 2)) as amount,
    cast(gross_list as decimal(18, 2)) as avoidable,
    'orders.gross_list' as rule_id,
    'measured' as provenance,
    'orders' as source_table,
    order_id as source_key
from staging.stg_orders
where gross_list <> 0
union all
select
    ordered_on as entry_date,
    customer_id,
    order_id,
    'discounts' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-discount as decimal(18, 2)) as amount,
    cast(-discount as decimal(18, 2)) as avoidable,
    'orders.discount' as rule_id,
    'measured' as provenance,
    'orders' as source_table,
    order_id as source_key
from staging.stg_orders
where discount <> 0
union all
select
    ordered_on as entry_date,
    customer_id,
    order_id,
    'delivery_charged' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(delivery_fee_charged as decimal(18, 2)) as amount,
    cast(delivery_fee_charged as decimal(18, 2)) as avoidable,
    'orders.delivery_fee' as rule_id,
    'measured' as provenance,
    'orders' as source_table,
    order_id as source_key
from staging.stg_orders
where delivery_fee_charged <> 0
union all
select
    ordered_on as entry_date,
    customer_id,
    order_id,
    'payment_fees' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-payment_fee as decimal(18, 2)) as amount,
    cast(-payment_fee as decimal(18, 2)) as avoidable,
    'orders.payment_fee' as rule_id,
    'measured' as provenance,
    'orders' as source_table,
    order_id as source_key
from staging.stg_orders
where payment_fee <> 0
union all
select
    orders.ordered_on as entry_date,
    orders.customer_id,
    orders.order_id,
    'cost_of_goods' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-lines.qty * coalesce(lines.unit_cost, products.unit_cost) as decimal(18, 2)) as amount,
    cast(-lines.qty * coalesce(lines.unit_cost, products.unit_cost) as decimal(18, 2)) as avoidable,
    'order_lines.unit_cost' as rule_id,
    'measured' as provenance,
    'order_lines' as source_table,
    lines.order_id || ' line ' || cast(lines.line_no as varchar) as source_key
from staging.stg_order_lines as lines
inner join intermediate.int_orders as orders on lines.order_id = orders.order_id
left join staging.stg_products as products on lines.product_id = products.product_id
where coalesce(lines.unit_cost, products.unit_cost) <> 0
