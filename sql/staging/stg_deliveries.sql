-- relation:   stg_deliveries
-- grain:      one row per delivery
-- key:        delivery_id
-- inputs:     raw.deliveries
-- outputs:    delivery_id varchar, order_id varchar, mode varchar, carrier_cost decimal(18,2),
--             promised_to timestamp, delivered_at timestamp, handling_min double
select
    delivery_id,
    order_id,
    coalesce(mode, 'standard') as mode,
    carrier_cost,
    promised_to,
    delivered_at,
    handling_min
from raw.deliveries
