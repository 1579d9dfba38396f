-- relation:   courtesy_catalogue
-- grain:      one row per courtesy measure
-- key:        measure_id
-- required:   measure_id, name
-- reject:     accounting_view not in ('cost_to_serve', 'marketing') : accounting_view is neither cost_to_serve nor marketing
-- reject:     provenance not in ('measured', 'standard', 'assumed', 'simulated') : provenance is none of measured, standard, assumed, simulated
create table raw.courtesy_catalogue (
    measure_id varchar,
    business_type varchar,
    name varchar,
    trigger_rule varchar,
    cost_rule varchar, -- in words
    driver varchar, -- what units counts
    direct_cost decimal(18, 4), -- per event
    driver_rate decimal(18, 6), -- per unit
    base_minutes double, -- per event, above standard
    minutes_per_unit double,
    resource_id varchar, -- whose minutes
    forgone_fee decimal(18, 2), -- per event; a memo, never subtracted
    expected_loss_rate decimal(18, 6), -- times loss_base
    loss_base decimal(18, 2),
    ledger_account varchar,
    accounting_view varchar, -- cost_to_serve or marketing
    default_bearer varchar, -- department
    needs_stage smallint,
    max_per_customer_year smallint,
    effect_channels varchar, -- separated by ;
    guard varchar,
    provenance varchar -- measured, standard, assumed, simulated
)
