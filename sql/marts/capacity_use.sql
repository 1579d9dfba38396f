-- relation:   capacity_use
-- grain:      one row per resource and month with capacity or with work for it
-- key:        resource_id, period
-- inputs:     intermediate.int_capacity, intermediate.int_resource_minutes, staging.stg_gl_accounts
-- outputs:    resource_id varchar, name varchar, period date, practical_min double, needed_min double,
--             used_min double, unused_min double, idle_min double, overload_min double, cost decimal(18,2),
--             used_cost decimal(18,2), unused_cost decimal(18,2), avoidable_cost decimal(18,2)
-- idle less overload is unused; where a month's capacity is not known, what its work needs is, and the rest is empty
with months as (
    select
        resource_id,
        period,
        practical_min,
        used_min as needed_min,
        used_min,
        unused_min,
        cost,
        used_cost,
        unused_cost,
        avoidable_cost
    from intermediate.int_capacity
    union all
    select
        needed.resource_id,
        needed.period,
        cast(null as double) as practical_min,
        needed.needed_min,
        cast(null as double) as used_min,
        cast(null as double) as unused_min,
        cast(null as decimal(18, 2)) as cost,
        cast(null as decimal(18, 2)) as used_cost,
        cast(null as decimal(18, 2)) as unused_cost,
        cast(null as decimal(18, 2)) as avoidable_cost
    from intermediate.int_resource_minutes as needed
    left join intermediate.int_capacity as capacity
        on needed.resource_id = capacity.resource_id and needed.period = capacity.period
    where capacity.resource_id is null
),

accounts as (
    select
        resource_id,
        min(name) as name
    from staging.stg_gl_accounts
    group by resource_id
)

select
    months.resource_id,
    accounts.name,
    months.period,
    months.practical_min,
    months.needed_min,
    months.used_min,
    months.unused_min,
    case when months.unused_min > 0 then months.unused_min when months.unused_min is not null then 0 end
        as idle_min,
    case when months.unused_min < 0 then -months.unused_min when months.unused_min is not null then 0 end
        as overload_min,
    months.cost,
    months.used_cost,
    months.unused_cost,
    months.avoidable_cost
from months
left join accounts on months.resource_id = accounts.resource_id
order by months.resource_id, months.period
