-- relation:   capacity_use
-- grain:      one row per resource and month: practical capacity, what was used of it, what was not
-- key:        resource_id, period
-- inputs:     intermediate.int_capacity, staging.stg_gl_accounts
-- outputs:    resource_id varchar, name varchar, period date, practical_min double, used_min double,
--             unused_min double, cost decimal(18,2), used_cost decimal(18,2), unused_cost decimal(18,2)
select
    capacity.resource_id,
    accounts.name,
    capacity.period,
    capacity.practical_min,
    capacity.used_min,
    capacity.unused_min,
    capacity.cost,
    capacity.used_cost,
    capacity.unused_cost
from intermediate.int_capacity as capacity
left join staging.stg_gl_accounts as accounts on capacity.resource_id = accounts.resource_id
order by capacity.resource_id, capacity.period
