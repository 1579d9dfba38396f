-- relation:   pnl_availability
-- grain:      one row per line of the profit and loss: can it be computed from what is loaded?
-- key:        pnl_line
-- inputs:     intermediate.int_orders, staging.stg_orders, staging.stg_returns, staging.stg_transactions, staging.stg_order_lines, staging.stg_products, staging.stg_deliveries, intermediate.int_time_uses, staging.stg_resources, intermediate.int_courtesy_events, staging.stg_customers, staging.stg_jobs, staging.stg_repairs
-- outputs:    position integer, pnl_line varchar, needs varchar, gives varchar, is_available boolean
with evidence as (
    select 'gross_list' as pnl_line
    from intermediate.int_orders
    union
    select 'discounts' as pnl_line
    from staging.stg_orders
    union
    select 'refunds' as pnl_line
    from staging.stg_returns
    union
    select 'refunds' as pnl_line
    from staging.stg_transactions
    where kind = 'return'
    union
    select 'cost_of_goods' as pnl_line
    from staging.stg_order_lines as lines
    left join staging.stg_products as products on lines.product_id = products.product_id
    where coalesce(lines.unit_cost, products.unit_cost) is not null
    union
    select 'service_fees' as pnl_line
    from staging.stg_jobs
    union
    select 'service_fees' as pnl_line
    from staging.stg_repairs
    union
    select 'parts_cost' as pnl_line
    from staging.stg_repairs
    union
    select 'goods_recovered' as pnl_line
    from staging.stg_returns
    where cogs_recovered is not null
    union
    select 'write_down' as pnl_line
    from staging.stg_returns
    where write_down is not null
    union
    select 'delivery_charged' as pnl_line
    from staging.stg_orders
    where delivery_fee_charged is not null
    union
    select 'delivery_charged' as pnl_line
    from staging.stg_transactions
    where kind = 'delivery'
    union
    select 'carrier_cost' as pnl_line
    from staging.stg_deliveries
    where carrier_cost is not null
    union
    select 'payment_fees' as pnl_line
    from staging.stg_orders
    where payment_fee is not null
    union
    select 'returns_handling' as pnl_line
    from staging.stg_returns
    where inbound_freight is not null
    union
    select
        case uses.rule_id
            when 'contacts.handling_time' then 'support'
            when 'returns.inspection_time' then 'returns_handling'
            when 'deliveries.handling_time' then 'carrier_cost'
            when 'jobs.time' then 'service_time'
            when 'repairs.time' then 'service_time'
            else 'courtesy'
        end as pnl_line
    from intermediate.int_time_uses as uses
    inner join staging.stg_resources as resources on uses.resource_id = resources.resource_id
    union
    select 'courtesy' as pnl_line
    from intermediate.int_courtesy_events
    union
    select 'adjustments' as pnl_line
    from staging.stg_transactions
    where kind = 'adjustment'
    union
    select 'acquisition' as pnl_line
    from staging.stg_customers
    where acquisition_cost is not null
),

lines (position, pnl_line, needs, gives) as (
    values
    (1, 'gross_list', 'orders or transactions', 'sales'),
    (2, 'service_fees', 'jobs or repairs, with fee_charged', 'what services earn'),
    (3, 'discounts', 'orders.discount', 'price reductions'),
    (4, 'refunds', 'returns, or transactions of kind return', 'what customers got back'),
    (5, 'cost_of_goods', 'unit_cost of order_lines or products', 'gross margin'),
    (6, 'parts_cost', 'repairs.parts_cost', 'what repairs cost in parts'),
    (7, 'goods_recovered', 'returns.cogs_recovered', 'goods that came back'),
    (8, 'write_down', 'returns.write_down', 'goods that came back unsaleable'),
    (9, 'delivery_charged', 'orders.delivery_fee_charged, or kind delivery', 'delivery income'),
    (10, 'carrier_cost', 'deliveries.carrier_cost', 'what delivery costs'),
    (11, 'payment_fees', 'orders.payment_fee', 'what payment costs'),
    (12, 'returns_handling', 'returns.inbound_freight, or activity inspection', 'what returns cost'),
    (13, 'support', 'contacts, with resources and an activity contact', 'what support costs'),
    (14, 'service_time', 'resources, and an activity job or repair', 'what services cost in time'),
    (15, 'courtesy', 'courtesy_catalogue and events, logged or derived', 'cost of every courtesy measure'),
    (16, 'adjustments', 'transactions of kind adjustment', 'what is neither goods nor returns'),
    (17, 'acquisition', 'customers.acquisition_cost', 'profit after acquisition')
)

select
    lines.position,
    lines.pnl_line,
    lines.needs,
    lines.gives,
    evidence.pnl_line is not null as is_available
from lines
left join evidence on lines.pnl_line = evidence.pnl_line
