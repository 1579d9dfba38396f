-- relation:   contacts
-- grain:      one row per contact
-- key:        contact_id
-- required:   contact_id, opened_at
-- references: customer_id -> customers
-- reject:     handle_s < 0 : handle_s is negative
-- reject:     wait_s < 0 : wait_s is negative
-- reject:     opened_at >= tomorrow : opened_at lies in the future
create table raw.contacts (
    contact_id varchar,
    customer_id varchar,
    order_id varchar,
    opened_at timestamp,
    site varchar, -- as in opening_hours; empty: the last site to close counts
    channel varchar,
    reason varchar,
    wait_s integer,
    handle_s integer,
    transfers smallint,
    owner_team varchar,
    resolved_first boolean,
    complaint boolean,
    answer_code varchar
)
