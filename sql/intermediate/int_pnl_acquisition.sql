-- relation:   int_pnl_acquisition
-- grain:      one row per customer with an acquisition cost
-- key:        source_key
-- inputs:     staging.stg_customers
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    acquired_on as entry_date,
    customer_id,
    cast(null as varchar) as order_id,
    'acquisition' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-acquisition_cost as decimal(18, 2)) as amount,
    cast(-acquisition_cost as decimal(18, 2)) as avoidable,
    'customers.acquisition_cost' as rule_id,
    'measured' as provenance,
    'customers' as source_table,
    customer_id as source_key
from staging.stg_customers
where acquisition_cost <> 0 and acquired_on is not null
