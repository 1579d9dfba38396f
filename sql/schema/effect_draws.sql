-- relation:   effect_draws
-- grain:      one row per measure, segment and draw: what a measure does, with its uncertainty
-- key:        measure_id, segment, draw
-- required:   measure_id, segment, draw, provenance
-- references: measure_id -> courtesy_catalogue
-- reject:     provenance not in ('measured', 'standard', 'assumed', 'simulated') : provenance is none of measured, standard, assumed, simulated
create table raw.effect_draws (
    measure_id varchar,
    segment varchar, -- declared segment, or all
    draw integer,
    d_log_rate double, -- change of the log purchase rate
    d_log_dropout double,
    d_log_spend double,
    d_referral double, -- new customers per customer and year
    d_log_returns double,
    d_price double, -- share
    estimator varchar,
    provenance varchar -- measured, standard, assumed, simulated
)
