-- relation:   int_pnl_services
-- grain:      one row per job or repair and line of the profit and loss; its minutes are in int_pnl_time
-- key:        source_table, source_key, rule_id
-- inputs:     staging.stg_jobs, staging.stg_repairs
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
with money as (
    select
        done_on as entry_date,
        customer_id,
        order_id,
        'service_fees' as pnl_line,
        fee_charged as amount,
        'jobs.fee_charged' as rule_id,
        'jobs' as source_table,
        job_id as source_key
    from staging.stg_jobs
    union all
    select
        opened_on as entry_date,
        customer_id,
        order_id,
        'service_fees' as pnl_line,
        fee_charged as amount,
        'repairs.fee_charged' as rule_id,
        'repairs' as source_table,
        repair_id as source_key
    from staging.stg_repairs
    union all
    select
        opened_on as entry_date,
        customer_id,
        order_id,
        'parts_cost' as pnl_line,
        -parts_cost as amount,
        'repairs.parts_cost' as rule_id,
        'repairs' as source_table,
        repair_id as source_key
    from staging.stg_repairs
)

select
    entry_date,
    customer_id,
    order_id,
    pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    cast(null as varchar) as resource_id,
    cast(amount as decimal(18, 2)) as amount,
    cast(amount as decimal(18, 2)) as avoidable,
    rule_id,
    'measured' as provenance,
    source_table,
    source_key
from money
where amount <> 0
