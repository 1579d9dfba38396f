-- relation:   check_entries_have_no_free_lunch
-- grain:      one row per order delivered free whose courtesy exceeds what the carrier took
-- inputs:     intermediate.int_carrier_costs
-- outputs:    delivery_id varchar, carrier_cost decimal(18,2), borne_by_courtesy decimal(18,2)
select
    delivery_id,
    carrier_cost,
    borne_by_courtesy
from intermediate.int_carrier_costs
where
    borne_by_courtesy > carrier_cost
    or borne_by_courtesy < 0
