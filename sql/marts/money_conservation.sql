-- relation:   money_conservation
-- grain:      one row per money column of the raw tables and where its money went
-- key:        raw_column, part, destination
-- inputs:     staging.stg_orders, staging.stg_order_lines, staging.stg_products, staging.stg_deliveries, staging.stg_returns, staging.stg_repairs, staging.stg_jobs, staging.stg_customers, staging.stg_courtesy_events, staging.stg_transactions, staging.stg_resources, intermediate.int_orders, intermediate.int_arrivals, intermediate.int_courtesy_events, intermediate.int_capacity, marts.pnl_entries
-- outputs:    raw_column varchar, part varchar, destination varchar, amount decimal(38,2)
-- part: came (the raw column), line (of the profit and loss, after moves), or left out (with its reason); came = the rest
with came as (
    select
        'orders.gross_list' as raw_column,
        sum(gross_list) as amount
    from staging.stg_orders
    union all
    select
        'orders.discount' as raw_column,
        sum(discount) as amount
    from staging.stg_orders
    union all
    select
        'orders.delivery_fee_charged' as raw_column,
        sum(delivery_fee_charged) as amount
    from staging.stg_orders
    union all
    select
        'orders.payment_fee' as raw_column,
        sum(payment_fee) as amount
    from staging.stg_orders
    union all
    select
        'order_lines.unit_cost' as raw_column,
        sum(cast(lines.qty * coalesce(lines.unit_cost, products.unit_cost) as decimal(18, 2))) as amount
    from staging.stg_order_lines as lines
    left join staging.stg_products as products on lines.product_id = products.product_id
    union all
    select
        'deliveries.carrier_cost' as raw_column,
        sum(carrier_cost) as amount
    from staging.stg_deliveries
    union all
    select
        'returns.refund' as raw_column,
        sum(refund) as amount
    from staging.stg_returns
    union all
    select
        'returns.cogs_recovered' as raw_column,
        sum(cogs_recovered) as amount
    from staging.stg_returns
    union all
    select
        'returns.write_down' as raw_column,
        sum(write_down) as amount
    from staging.stg_returns
    union all
    select
        'returns.inbound_freight' as raw_column,
        sum(inbound_freight) as amount
    from staging.stg_returns
    union all
    select
        'repairs.parts_cost' as raw_column,
        sum(parts_cost) as amount
    from staging.stg_repairs
    union all
    select
        'repairs.fee_charged' as raw_column,
        sum(fee_charged) as amount
    from staging.stg_repairs
    union all
    select
        'jobs.fee_charged' as raw_column,
        sum(fee_charged) as amount
    from staging.stg_jobs
    union all
    select
        'customers.acquisition_cost' as raw_column,
        sum(acquisition_cost) as amount
    from staging.stg_customers
    union all
    select
        'courtesy_events.direct_cost' as raw_column,
        sum(direct_cost) as amount
    from staging.stg_courtesy_events
    union all
    select
        'courtesy_events.outcome_loss' as raw_column,
        sum(outcome_loss) as amount
    from staging.stg_courtesy_events
    union all
    select
        'transactions.amount' as raw_column,
        sum(amount) as amount
    from staging.stg_transactions
    union all
    select
        'resources.cost' as raw_column,
        sum(cost) as amount
    from staging.stg_resources
),

-- which rule books which column; +1 for income, -1 for costs
booked_by (rule_id, raw_column, direction) as (
    values
    ('orders.gross_list', 'orders.gross_list', 1),
    ('orders.discount', 'orders.discount', -1),
    ('orders.delivery_fee', 'orders.delivery_fee_charged', 1),
    ('orders.payment_fee', 'orders.payment_fee', -1),
    ('order_lines.unit_cost', 'order_lines.unit_cost', -1),
    ('deliveries.carrier_cost', 'deliveries.carrier_cost', -1),
    ('move.carrier_cost', 'deliveries.carrier_cost', -1),
    ('returns.refund', 'returns.refund', -1),
    ('move.refunds', 'returns.refund', -1),
    ('returns.cogs_recovered', 'returns.cogs_recovered', 1),
    ('move.goods_recovered', 'returns.cogs_recovered', 1),
    ('returns.write_down', 'returns.write_down', -1),
    ('move.write_down', 'returns.write_down', -1),
    ('returns.inbound_freight', 'returns.inbound_freight', -1),
    ('move.returns_handling', 'returns.inbound_freight', -1),
    ('repairs.parts_cost', 'repairs.parts_cost', -1),
    ('move.parts_cost', 'repairs.parts_cost', -1),
    ('repairs.fee_charged', 'repairs.fee_charged', 1),
    ('jobs.fee_charged', 'jobs.fee_charged', 1),
    ('customers.acquisition_cost', 'customers.acquisition_cost', -1),
    ('courtesy_events.direct_cost', 'courtesy_events.direct_cost', -1),
    ('courtesy.true_up', 'courtesy_events.outcome_loss', -1),
    ('transactions.sale', 'transactions.amount', 1),
    ('transactions.return', 'transactions.amount', 1),
    ('transactions.delivery', 'transactions.amount', 1),
    ('transactions.adjustment', 'transactions.amount', 1),
    ('contacts.handling_time', 'resources.cost', -1),
    ('returns.inspection_time', 'resources.cost', -1),
    ('deliveries.handling_time', 'resources.cost', -1),
    ('jobs.time', 'resources.cost', -1),
    ('repairs.time', 'resources.cost', -1),
    ('courtesy.time', 'resources.cost', -1),
    ('move.service_time', 'resources.cost', -1)
),

lines as (
    select
        booked_by.raw_column,
        entries.pnl_line as destination,
        sum(booked_by.direction * entries.amount) as amount
    from marts.pnl_entries as entries
    inner join booked_by on entries.rule_id = booked_by.rule_id
    group by booked_by.raw_column, entries.pnl_line
),

left_out as (
    select
        'resources.cost' as raw_column,
        'unused capacity' as destination,
        sum(unused_cost) as amount
    from intermediate.int_capacity
    union all
    select
        'order_lines.unit_cost' as raw_column,
        'lines of orders that are not loaded' as destination,
        sum(cast(lines.qty * coalesce(lines.unit_cost, products.unit_cost) as decimal(18, 2))) as amount
    from staging.stg_order_lines as lines
    left join staging.stg_products as products on lines.product_id = products.product_id
    left join intermediate.int_orders as orders on lines.order_id = orders.order_id
    where orders.order_id is null
    union all
    select
        'customers.acquisition_cost' as raw_column,
        'no day of acquisition and no order' as destination,
        sum(customers.acquisition_cost) as amount
    from staging.stg_customers as customers
    inner join intermediate.int_arrivals as arrivals on customers.customer_id = arrivals.customer_id
    where arrivals.acquired_on is null
    union all
    select
        'courtesy_events.direct_cost' as raw_column,
        'in the invoice of the carrier, the return or the repair already' as destination,
        sum(stated_cost - direct_cost) as amount
    from intermediate.int_courtesy_events
    where stated_cost is not null
    union all
    select
        'courtesy_events.outcome_loss' as raw_column,
        'expected when the courtesy was granted, and booked then' as destination,
        sum(expected_loss) as amount
    from intermediate.int_courtesy_events
    where outcome_loss is not null
)

select
    raw_column,
    'came' as part,
    'raw table' as destination,
    cast(amount as decimal(38, 2)) as amount
from came
where amount is not null
union all
select
    raw_column,
    'line' as part,
    destination,
    cast(amount as decimal(38, 2)) as amount
from lines
where amount <> 0
union all
select
    raw_column,
    'left out' as part,
    destination,
    cast(amount as decimal(38, 2)) as amount
from left_out
where amount <> 0
