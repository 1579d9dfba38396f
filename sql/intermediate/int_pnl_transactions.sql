-- relation:   int_pnl_transactions
-- grain:      one row per order, day, kind and line of a flat export
-- key:        source_key
-- inputs:     staging.stg_transactions
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    ordered_on as entry_date,
    max(customer_id) as customer_id,
    order_id,
    case kind
        when 'sale' then 'gross_list'
        when 'return' then 'refunds'
        when 'delivery' then 'delivery_charged'
        else 'adjustments'
    end as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(sum(amount) as decimal(18, 2)) as amount,
    cast(sum(amount) as decimal(18, 2)) as avoidable,
    'transactions.' || kind as rule_id,
    'measured' as provenance,
    'transactions' as source_table,
    order_id || ' ' || kind || ' ' || cast(ordered_on as varchar) as source_key
from staging.stg_transactions
group by order_id, ordered_on, kind
