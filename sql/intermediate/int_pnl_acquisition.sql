-- relation:   int_pnl_acquisition
-- grain:      one row per customer with an acquisition cost, on the day that he is there from
-- key:        source_key
-- inputs:     staging.stg_customers, intermediate.int_arrivals
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    arrivals.acquired_on as entry_date,
    customers.customer_id,
    cast(null as varchar) as order_id,
    'acquisition' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(-customers.acquisition_cost as decimal(18, 2)) as amount,
    cast(-customers.acquisition_cost as decimal(18, 2)) as avoidable,
    'customers.acquisition_cost' as rule_id,
    'measured' as provenance,
    'customers' as source_table,
    customers.customer_id as source_key
from staging.stg_customers as customers
inner join intermediate.int_arrivals as arrivals on customers.customer_id = arrivals.customer_id
where customers.acquisition_cost <> 0 and arrivals.acquired_on is not null
