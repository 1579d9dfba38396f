-- relation:   stg_deliveries
-- grain:      one row per delivery
-- key:        delivery_id
-- inputs:     raw.deliveries
-- outputs:    delivery_id varchar, order_id varchar, mode varchar, carrier_cost decimal(18,2),
--             promised_from timestamp, promised_to timestamp, delivered_at timestamp, attempts smallint,
--             distance_km double, handling_min double
select
    delivery_id,
    order_id,
    coalesce(mode, 'standard') as mode,
    carrier_cost,
    promised_from,
    promised_to,
    delivered_at,
    attempts,
    distance_km,
    handling_min
from raw.deliveries
