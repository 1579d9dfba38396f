-- relation:   stg_courtesy_catalogue
-- grain:      one row per courtesy measure
-- key:        measure_id
-- inputs:     raw.courtesy_catalogue, staging.stg_standard_measures
-- outputs:    measure_id varchar, name varchar, rule varchar, trigger_at decimal(18,6), direct_cost decimal(18,4),
--             driver_rate decimal(18,6), base_minutes double, minutes_per_unit double, resource_id varchar,
--             forgone_fee decimal(18,2), expected_loss decimal(18,8), ledger_account varchar,
--             accounting_view varchar, default_bearer varchar, provenance varchar
-- a catalogue without a rule column is read by its own words: the trigger or the name of the standard catalogue
select
    catalogue.measure_id,
    catalogue.name,
    coalesce(lower(trim(catalogue.rule)), by_trigger.rule, by_name.rule) as rule,
    catalogue.trigger_at,
    coalesce(catalogue.direct_cost, 0) as direct_cost,
    coalesce(catalogue.driver_rate, 0) as driver_rate,
    coalesce(catalogue.base_minutes, 0) as base_minutes,
    coalesce(catalogue.minutes_per_unit, 0) as minutes_per_unit,
    catalogue.resource_id,
    coalesce(catalogue.forgone_fee, 0) as forgone_fee,
    coalesce(catalogue.expected_loss_rate, 0) * coalesce(catalogue.loss_base, 0) as expected_loss,
    catalogue.ledger_account,
    catalogue.accounting_view,
    catalogue.default_bearer,
    coalesce(catalogue.provenance, 'assumed') as provenance
from raw.courtesy_catalogue as catalogue
left join staging.stg_standard_measures as by_trigger
    on lower(trim(catalogue.trigger_rule)) = lower(by_trigger.trigger_rule)
left join staging.stg_standard_measures as by_name on lower(trim(catalogue.name)) = lower(by_name.name)
