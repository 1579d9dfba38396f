-- relation:   deliveries
-- grain:      one row per delivery
-- key:        delivery_id
-- required:   delivery_id, order_id
-- references: order_id -> orders
-- reject:     carrier_cost < 0 : carrier_cost is negative
create table raw.deliveries (
    delivery_id varchar,
    order_id varchar,
    mode varchar,
    carrier_cost decimal(18, 2), -- positive
    promised_from timestamp,
    promised_to timestamp,
    delivered_at timestamp,
    attempts smallint,
    distance_km double,
    handling_min double
)
