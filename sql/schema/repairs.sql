-- relation:   repairs
-- grain:      one row per repair
-- key:        repair_id
-- required:   repair_id, customer_id, opened_at
-- references: customer_id -> customers
-- reject:     parts_cost < 0 : parts_cost is negative
-- reject:     fee_charged < 0 : fee_charged is negative
-- reject:     minutes < 0 : minutes is negative
-- reject:     opened_at >= tomorrow : opened_at lies in the future
create table raw.repairs (
    repair_id varchar,
    customer_id varchar,
    order_id varchar,
    product_id varchar,
    opened_at timestamp,
    closed_at timestamp,
    parts_cost decimal(18, 2),
    minutes double,
    fee_charged decimal(18, 2),
    loan_days double
)
