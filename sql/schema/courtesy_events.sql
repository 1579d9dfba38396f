-- relation:   courtesy_events
-- grain:      one row per courtesy granted
-- key:        event_id
-- required:   event_id, measure_id, customer_id, occurred_at
-- references: measure_id -> courtesy_catalogue
-- references: customer_id -> customers
-- reject:     direct_cost < 0 : direct_cost is negative
-- reject:     occurred_at >= tomorrow : occurred_at lies in the future
create table raw.courtesy_events (
    event_id varchar,
    measure_id varchar,
    customer_id varchar,
    order_id varchar,
    delivery_id varchar,
    return_id varchar,
    contact_id varchar,
    occurred_at timestamp,
    units double,
    minutes double, -- above standard; null: the catalogue's equation
    direct_cost decimal(18, 2), -- positive; null: the catalogue's
    forgone_fee decimal(18, 2), -- memo
    outcome_loss decimal(18, 2), -- positive, known afterwards
    outcome_on date, -- when it was known; null: the event's day
    granted_by_dept varchar,
    borne_by_dept varchar,
    agent_id varchar,
    policy_version varchar,
    assignment_id varchar,
    discretionary boolean,
    detected varchar -- logged or derived
)
