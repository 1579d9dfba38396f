-- relation:   courtesy_catalogue
-- grain:      one row per courtesy measure
-- key:        measure_id
-- required:   measure_id, name
-- reject:     lower(trim(rule)) not in ('free_delivery', 'refund_beyond_policy', 'repair_after_warranty', 'extension', 'early_start', 'last_minutes') : rule is none of free_delivery, refund_beyond_policy, repair_after_warranty, extension, early_start, last_minutes
-- reject:     accounting_view not in ('cost_to_serve', 'marketing') : accounting_view is neither cost_to_serve nor marketing
-- reject:     provenance not in ('measured', 'standard', 'assumed', 'simulated') : provenance is none of measured, standard, assumed, simulated
-- reject:     business_type not in ('b2c_product', 'b2c_service', 'b2b_commodity', 'b2b_service', 'all') : business_type is none of b2c_product, b2c_service, b2b_commodity, b2b_service, all
-- reject:     direct_cost < 0 : direct_cost is negative
-- reject:     forgone_fee < 0 : forgone_fee is negative
-- reject:     expected_loss_rate not between 0 and 1 : expected_loss_rate is not between 0 and 1
-- reject:     expected_loss_rate > 0 and loss_base is null : loss_base is empty, and expected_loss_rate needs it
-- reject:     (base_minutes <> 0 or minutes_per_unit <> 0) and resource_id is null : resource_id is empty, and the minutes need it
-- reject:     trigger_at <= 0 : trigger_at is not above 0
-- reject:     max_per_customer_year < 0 : max_per_customer_year is negative
-- reject:     needs_stage not between 0 and 3 : needs_stage is none of 0, 1, 2, 3
-- reject:     not regexp_matches(effect_channels, '^((rate|retention|dropout|spend|basket|price|referral|returns|conversion)(;|$))+$') : effect_channels holds another word than rate, retention, dropout, spend, basket, price, referral, returns, conversion
create table raw.courtesy_catalogue (
    measure_id varchar,
    business_type varchar,
    name varchar,
    rule varchar, -- how custvalue finds it in the transactions; empty: only what is logged counts
    trigger_rule varchar,
    trigger_at decimal(18, 6), -- last_minutes: minutes before closing (empty: 5)
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
