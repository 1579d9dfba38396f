-- relation:   delivered_today
-- grain:      one row per quarter, declared segment, measure and grant with at least one courtesy
-- key:        period, segment, measure_id, granted
-- inputs:     intermediate.int_courtesy_events, intermediate.int_arrivals, marts.customer_segments, marts.data_span
-- outputs:    period date, segment varchar, measure_id varchar, measure varchar, granted varchar,
--             n_events bigint, n_served bigint, n_customers bigint, customer_years double,
--             events_per_customer_year double, all_customer_years double, minutes double
-- what is given now. customer_years: from when a customer came, or the quarter began, to its end or the last day with
-- an order; a year has 365 days. The rate is empty where nobody is known to be there: rows without a customer.
-- all_customer_years: of every segment, with or without such a courtesy
with placed as (
    select
        arrivals.customer_id,
        arrivals.acquired_on,
        coalesce(segments.segment, 'not declared') as segment
    from intermediate.int_arrivals as arrivals
    left join marts.customer_segments as segments on arrivals.customer_id = segments.customer_id
),

events as (
    select
        cast(date_trunc('quarter', events.occurred_on) as date) as period,
        case
            when events.customer_id is null then 'no customer'
            else coalesce(placed.segment, 'not declared')
        end as segment,
        events.measure_id,
        events.measure,
        events.granted,
        events.customer_id,
        events.minutes
    from intermediate.int_courtesy_events as events
    left join placed on events.customer_id = placed.customer_id
),

quarters as (
    select distinct
        events.period,
        least(
            cast(events.period + interval '3' month as date), cast(span.last_day + interval '1' day as date)
        ) as ends_before
    from events
    cross join marts.data_span as span
),

exposure as (
    select
        quarters.period,
        placed.segment,
        count(*) as n_customers,
        sum(date_diff('day', greatest(placed.acquired_on, quarters.period), quarters.ends_before))
        / cast(365 as double) as customer_years
    from quarters
    inner join placed on quarters.ends_before > placed.acquired_on
    where quarters.ends_before > quarters.period
    group by quarters.period, placed.segment
),

everybody as (
    select
        period,
        sum(customer_years) as customer_years
    from exposure
    group by period
)

select
    events.period,
    events.segment,
    events.measure_id,
    max(events.measure) as measure,
    events.granted,
    count(*) as n_events,
    count(distinct events.customer_id) as n_served,
    max(exposure.n_customers) as n_customers,
    cast(max(exposure.customer_years) as double) as customer_years,
    cast(count(*) / max(exposure.customer_years) as double) as events_per_customer_year,
    cast(max(everybody.customer_years) as double) as all_customer_years,
    sum(events.minutes) as minutes
from events
left join everybody on events.period = everybody.period
left join exposure on events.period = exposure.period and events.segment = exposure.segment
group by events.period, events.segment, events.measure_id, events.granted
order by events.period, events.segment, events.measure_id, events.granted
