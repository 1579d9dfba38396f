-- relation:   stg_courtesy_catalogue
-- grain:      one row per courtesy measure
-- key:        measure_id
-- inputs:     raw.courtesy_catalogue
-- outputs:    measure_id varchar, name varchar, rule varchar, trigger_rule varchar, trigger_at decimal(18,6),
--             direct_cost decimal(18,4), driver_rate decimal(18,6), base_minutes double,
--             minutes_per_unit double, resource_id varchar, forgone_fee decimal(18,2),
--             expected_loss decimal(18,8), ledger_account varchar, accounting_view varchar,
--             default_bearer varchar, needs_stage smallint, max_per_customer_year smallint, guard varchar,
--             provenance varchar
select
    measure_id,
    name,
    lower(trim(rule)) as rule,
    lower(trim(trigger_rule)) as trigger_rule,
    trigger_at,
    coalesce(direct_cost, 0) as direct_cost,
    coalesce(driver_rate, 0) as driver_rate,
    coalesce(base_minutes, 0) as base_minutes,
    coalesce(minutes_per_unit, 0) as minutes_per_unit,
    resource_id,
    coalesce(forgone_fee, 0) as forgone_fee,
    coalesce(expected_loss_rate, 0) * coalesce(loss_base, 0) as expected_loss,
    ledger_account,
    accounting_view,
    default_bearer,
    needs_stage,
    max_per_customer_year,
    nullif(trim(guard), '') as guard,
    coalesce(provenance, 'assumed') as provenance
from raw.courtesy_catalogue
