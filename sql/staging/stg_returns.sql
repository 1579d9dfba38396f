-- relation:   stg_returns
-- grain:      one row per return
-- key:        return_id
-- inputs:     raw.returns
-- outputs:    return_id varchar, order_id varchar, returned_at timestamp, returned_on date,
--             qty integer, refund decimal(18,2), cogs_recovered decimal(18,2), write_down decimal(18,2),
--             inbound_freight decimal(18,2), inspect_min double, is_within_policy boolean
select
    return_id,
    order_id,
    returned_at,
    cast(returned_at as date) as returned_on,
    qty,
    refund,
    cogs_recovered,
    write_down,
    inbound_freight,
    inspect_min,
    coalesce(within_policy, true) as is_within_policy
from raw.returns
