-- relation:   customer_doses
-- grain:      one row per customer who was there before the split day
-- key:        customer_id
-- inputs:     intermediate.int_arrivals, intermediate.int_courtesy_events, intermediate.int_orders, staging.stg_customers, marts.customer_segments, marts.pnl_entries
-- params:     measure, split_day, end_day
-- outputs:    customer_id varchar, segment varchar, business_type varchar, acquired_on date,
--             years_before double, n_before bigint, years_after double, contribution_after double,
--             cost_before double, cost_after double, first_basket double
-- how often a customer got a measure before the split day, and what he brought from then to the end day, that day
-- included; a year has 365 days. contribution_after is net of the measure's own cost, cost_after is that cost.
with asked as (
    select
        cast($measure as varchar) as measure_id,
        cast($split_day as date) as split_day,
        cast($end_day as date) as end_day
),

events as (
    select
        events.customer_id,
        count(*) as n_before
    from intermediate.int_courtesy_events as events
    cross join asked
    where events.measure_id = asked.measure_id and events.occurred_on < asked.split_day
    group by events.customer_id
),

money as (
    select
        entries.customer_id,
        sum(
            case
                when entries.attributed_on >= asked.split_day and entries.pnl_line <> 'acquisition'
                    then cast(entries.amount as double)
                else 0
            end
        ) as contribution_after,
        -sum(
            case
                when entries.attributed_on >= asked.split_day and entries.measure_id = asked.measure_id
                    then cast(entries.amount as double)
                else 0
            end
        ) as cost_after,
        -sum(
            case
                when entries.attributed_on < asked.split_day and entries.measure_id = asked.measure_id
                    then cast(entries.amount as double)
                else 0
            end
        ) as cost_before
    from marts.pnl_entries as entries
    cross join asked
    where entries.customer_id is not null and asked.end_day >= entries.attributed_on
    group by entries.customer_id
),

baskets as (
    select
        customer_id,
        cast(gross_list - discount as double) as first_basket,
        row_number() over (partition by customer_id order by ordered_at, order_id) as place
    from intermediate.int_orders
    where customer_id is not null
)

select
    arrivals.customer_id,
    coalesce(segments.segment, 'not declared') as segment,
    coalesce(customers.business_type, 'not declared') as business_type,
    arrivals.acquired_on,
    date_diff('day', arrivals.acquired_on, asked.split_day) / cast(365 as double) as years_before,
    coalesce(events.n_before, 0) as n_before,
    (date_diff('day', asked.split_day, asked.end_day) + 1) / cast(365 as double) as years_after,
    coalesce(money.contribution_after, 0) as contribution_after,
    coalesce(money.cost_before, 0) as cost_before,
    coalesce(money.cost_after, 0) as cost_after,
    coalesce(baskets.first_basket, 0) as first_basket
from intermediate.int_arrivals as arrivals
cross join asked
left join staging.stg_customers as customers on arrivals.customer_id = customers.customer_id
left join marts.customer_segments as segments on arrivals.customer_id = segments.customer_id
left join events on arrivals.customer_id = events.customer_id
left join money on arrivals.customer_id = money.customer_id
left join baskets on arrivals.customer_id = baskets.customer_id and baskets.place = 1
where asked.split_day > arrivals.acquired_on
order by arrivals.customer_id
