-- relation:   stg_contacts
-- grain:      one row per contact
-- key:        contact_id
-- inputs:     raw.contacts
-- outputs:    contact_id varchar, customer_id varchar, order_id varchar, site varchar, opened_at timestamp,
--             opened_on date, reason varchar, wait_s integer, handle_s integer, transfers smallint,
--             is_complaint boolean, is_resolved_first boolean, answer_code varchar
select
    contact_id,
    customer_id,
    order_id,
    site,
    opened_at,
    cast(opened_at as date) as opened_on,
    reason,
    wait_s,
    handle_s,
    transfers,
    complaint as is_complaint,
    resolved_first as is_resolved_first,
    answer_code
from raw.contacts
