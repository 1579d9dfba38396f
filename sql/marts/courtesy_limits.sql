-- relation:   courtesy_limits
-- grain:      one row per measure with a courtesy in the window for which the catalogue states a limit or a guard
-- key:        measure_id
-- inputs:     intermediate.int_courtesy_events, staging.stg_courtesy_catalogue, staging.stg_stage_gates, marts.pnl_entries
-- params:     start_date, end_date
-- outputs:    measure_id varchar, measure varchar, guard varchar, max_per_customer_year smallint,
--             needs_stage smallint, unmet varchar, n_events bigint, n_beyond bigint,
--             n_customers_beyond bigint, cost_beyond decimal(18,2), n_too_early bigint,
--             cost_too_early decimal(18,2)
-- beyond: more than the yearly maximum of one customer, counted by calendar year in the order of the days.
-- too early: the stage that the measure needs has a requirement that is not met, or an earlier one has; without rows of
-- stage_gates every stage is reached
with booked as (
    select
        measure_id,
        source_table,
        source_key,
        -sum(amount) as full_cost
    from marts.pnl_entries
    where pnl_line = 'courtesy'
    group by measure_id, source_table, source_key
),

counted as (
    select
        events.event_id,
        events.measure_id,
        events.measure,
        events.customer_id,
        events.occurred_on,
        coalesce(booked.full_cost, 0) as full_cost,
        row_number() over (
            partition by events.measure_id, events.customer_id, extract(year from events.occurred_on)
            order by events.occurred_on, events.event_id
        ) as place
    from intermediate.int_courtesy_events as events
    left join booked
        on
            events.measure_id = booked.measure_id
            and events.source_table = booked.source_table
            and events.source_key = booked.source_key
),

gates as (
    select
        catalogue.measure_id,
        min(
            case
                when not gates.is_met
                    then concat('stage ', cast(gates.stage as varchar), ': ', gates.requirement)
            end
        ) as unmet
    from staging.stg_courtesy_catalogue as catalogue
    inner join staging.stg_stage_gates as gates on catalogue.needs_stage >= gates.stage
    group by catalogue.measure_id
),

flagged as (
    select
        counted.measure_id,
        counted.measure,
        counted.customer_id,
        counted.full_cost,
        catalogue.guard,
        catalogue.max_per_customer_year,
        catalogue.needs_stage,
        gates.unmet,
        coalesce(
            counted.customer_id is not null and counted.place > catalogue.max_per_customer_year, false
        ) as is_beyond
    from counted
    inner join staging.stg_courtesy_catalogue as catalogue on counted.measure_id = catalogue.measure_id
    left join gates on counted.measure_id = gates.measure_id
    where
        counted.occurred_on >= cast($start_date as date)
        and counted.occurred_on <= cast($end_date as date)
        and (
            catalogue.guard is not null
            or catalogue.max_per_customer_year is not null
            or catalogue.needs_stage is not null
        )
)

select
    measure_id,
    max(measure) as measure,
    max(guard) as guard,
    max(max_per_customer_year) as max_per_customer_year,
    max(needs_stage) as needs_stage,
    max(unmet) as unmet,
    count(*) as n_events,
    count(case when is_beyond then 1 end) as n_beyond,
    count(distinct case when is_beyond then customer_id end) as n_customers_beyond,
    cast(coalesce(sum(case when is_beyond then full_cost end), 0) as decimal(18, 2)) as cost_beyond,
    count(unmet) as n_too_early,
    cast(coalesce(sum(case when unmet is not null then full_cost end), 0) as decimal(18, 2)) as cost_too_early
from flagged
group by measure_id
order by measure_id
