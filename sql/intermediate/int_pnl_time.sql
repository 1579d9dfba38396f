-- relation:   int_pnl_time
-- grain:      one row per use of a resource's minutes, at the month's rate of practical capacity
-- key:        source_table, source_key, rule_id
-- inputs:     intermediate.int_time_uses, staging.stg_resources
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
-- Cumulative rounding: an entry is the difference of two rounded totals, the cost of all minutes up to
-- and including its own less the cost of those before it. So the entries of a month add up to the rounded cost of
-- all its minutes, and with what int_capacity shows as unused, to the resource's cost, to the cent.
with running as (
    select
        uses.used_on,
        uses.customer_id,
        uses.order_id,
        uses.measure_id,
        uses.resource_id,
        uses.rule_id,
        uses.provenance,
        uses.source_table,
        uses.source_key,
        cast(resources.cost as double) as cost,
        cast(resources.avoidable_cost as double) as avoidable_cost,
        resources.practical_min,
        uses.minutes,
        sum(uses.minutes) over (
            partition by uses.resource_id, resources.period
            order by uses.used_on, uses.source_table, uses.source_key, uses.rule_id
            rows between unbounded preceding and current row
        ) as minutes_so_far
    from intermediate.int_time_uses as uses
    inner join staging.stg_resources as resources
        on
            uses.resource_id = resources.resource_id
            and cast(date_trunc('month', uses.used_on) as date) = resources.period
)

select
    used_on as entry_date,
    customer_id,
    order_id,
    case rule_id
        when 'contacts.handling_time' then 'support'
        when 'returns.inspection_time' then 'returns_handling'
        when 'deliveries.handling_time' then 'carrier_cost'
        when 'jobs.time' then 'service_time'
        when 'repairs.time' then 'service_time'
        else 'courtesy'
    end as pnl_line,
    measure_id,
    cast(null as varchar) as account,
    resource_id,
    cast(
        cast(cost * cast(minutes_so_far - minutes as double) / practical_min as decimal(18, 2))
        - cast(cost * cast(minutes_so_far as double) / practical_min as decimal(18, 2)) as decimal(18, 2)
    ) as amount,
    cast(
        cast(avoidable_cost * cast(minutes_so_far - minutes as double) / practical_min as decimal(18, 2))
        - cast(avoidable_cost * cast(minutes_so_far as double) / practical_min as decimal(18, 2))
        as decimal(18, 2)
    ) as avoidable,
    rule_id,
    provenance,
    source_table,
    source_key
from running
