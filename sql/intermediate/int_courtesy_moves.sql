-- relation:   int_courtesy_moves
-- grain:      one row per courtesy and line of the profit and loss that it takes money from
-- key:        measure_id, source_table, source_key, from_line
-- inputs:     intermediate.int_courtesy_events, staging.stg_returns, staging.stg_repairs, intermediate.int_pnl_time
-- outputs:    occurred_on date, customer_id varchar, order_id varchar, measure_id varchar,
--             from_line varchar, resource_id varchar, amount decimal(18,2), avoidable decimal(18,2),
--             source_table varchar, source_key varchar
-- amount: what the line is relieved of, positive for a cost
with found as (
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        rule,
        borne,
        source_table,
        source_key
    from intermediate.int_courtesy_events
    where rule in ('free_delivery', 'refund_beyond_policy', 'repair_after_warranty')
),

returned as (
    select
        found.occurred_on,
        found.customer_id,
        found.order_id,
        found.measure_id,
        found.source_table,
        found.source_key,
        returns.refund,
        returns.cogs_recovered,
        returns.write_down,
        returns.inbound_freight
    from found
    inner join staging.stg_returns as returns on found.source_key = returns.return_id
    where found.rule = 'refund_beyond_policy'
),

-- of a repair's time the customer bears what his fee leaves after the parts
timed as (
    select
        found.occurred_on,
        found.customer_id,
        found.order_id,
        found.measure_id,
        found.source_table,
        found.source_key,
        times.resource_id,
        -times.amount as cost,
        -times.avoidable as avoidable,
        greatest(-times.amount - greatest(repairs.fee_charged - repairs.parts_cost, 0), 0) as given
    from found
    inner join staging.stg_repairs as repairs on found.source_key = repairs.repair_id
    inner join intermediate.int_pnl_time as times
        on repairs.repair_id = times.source_key and times.rule_id = 'repairs.time'
    where found.rule = 'repair_after_warranty'
),

moved as (
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        case when rule = 'free_delivery' then 'carrier_cost' else 'parts_cost' end as from_line,
        cast(null as varchar) as resource_id,
        borne as amount,
        borne as avoidable,
        source_table,
        source_key
    from found
    where rule in ('free_delivery', 'repair_after_warranty')
    union all
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        'service_time' as from_line,
        resource_id,
        given as amount,
        cast(avoidable * given / cost as decimal(18, 2)) as avoidable,
        source_table,
        source_key
    from timed
    where cost <> 0
    union all
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        'refunds' as from_line,
        cast(null as varchar) as resource_id,
        refund as amount,
        refund as avoidable,
        source_table,
        source_key
    from returned
    union all
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        'goods_recovered' as from_line,
        cast(null as varchar) as resource_id,
        -cogs_recovered as amount,
        -cogs_recovered as avoidable,
        source_table,
        source_key
    from returned
    union all
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        'write_down' as from_line,
        cast(null as varchar) as resource_id,
        write_down as amount,
        write_down as avoidable,
        source_table,
        source_key
    from returned
    union all
    select
        occurred_on,
        customer_id,
        order_id,
        measure_id,
        'returns_handling' as from_line,
        cast(null as varchar) as resource_id,
        inbound_freight as amount,
        inbound_freight as avoidable,
        source_table,
        source_key
    from returned
)

select
    occurred_on,
    customer_id,
    order_id,
    measure_id,
    from_line,
    resource_id,
    cast(amount as decimal(18, 2)) as amount,
    cast(avoidable as decimal(18, 2)) as avoidable,
    source_table,
    source_key
from moved
where amount <> 0
