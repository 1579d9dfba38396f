-- relation:   stg_courtesy_events
-- grain:      one row per courtesy that the company logged
-- key:        event_id
-- inputs:     raw.courtesy_events
-- outputs:    event_id varchar, measure_id varchar, customer_id varchar, order_id varchar,
--             delivery_id varchar, return_id varchar, contact_id varchar, occurred_on date, units double,
--             minutes double, direct_cost decimal(18,2), forgone_fee decimal(18,2),
--             outcome_loss decimal(18,2), outcome_on date, granted_by_dept varchar,
--             borne_by_dept varchar
select
    event_id,
    measure_id,
    customer_id,
    order_id,
    delivery_id,
    return_id,
    contact_id,
    cast(occurred_at as date) as occurred_on,
    coalesce(units, 1) as units,
    minutes,
    direct_cost,
    forgone_fee,
    outcome_loss,
    coalesce(outcome_on, cast(occurred_at as date)) as outcome_on,
    granted_by_dept,
    borne_by_dept
from raw.courtesy_events
