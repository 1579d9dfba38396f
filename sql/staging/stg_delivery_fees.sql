-- relation:   stg_delivery_fees
-- grain:      one row per spell, mode and region of the fee schedule
-- key:        valid_from, mode, region
-- inputs:     raw.delivery_fees
-- outputs:    valid_from date, valid_to date, mode varchar, region varchar, free_over decimal(18,2),
--             fee decimal(18,2)
select
    valid_from,
    coalesce(valid_to, date '9999-12-31') as valid_to,
    mode,
    coalesce(region, 'all') as region,
    free_over,
    fee
from raw.delivery_fees
