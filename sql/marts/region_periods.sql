-- relation:   region_periods
-- grain:      one row per region and period, counted from the first day on which a region got the measure of a launch
-- key:        region, period
-- inputs:     staging.stg_experiments, staging.stg_assignments, staging.stg_customers, intermediate.int_arrivals, marts.pnl_entries, marts.pnl_availability, marts.data_span
-- params:     experiment, period_days
-- outputs:    region varchar, period bigint, is_exposed boolean, n_customers bigint,
--             contribution decimal(38,2), has_goods_cost boolean
with launches as (
    select
        customers.region,
        min(cast(assignments.exposed_at as date)) as launched_on
    from staging.stg_experiments as experiments
    inner join staging.stg_assignments as assignments on experiments.experiment_id = assignments.experiment_id
    inner join staging.stg_customers as customers on assignments.customer_id = customers.customer_id
    where experiments.name = $experiment and assignments.exposed_at is not null
    group by customers.region
),

goods as (
    select max(case when pnl_line = 'cost_of_goods' and is_available then 1 else 0 end) = 1 as has_cost
    from marts.pnl_availability
),

first_launch as (
    select min(launched_on) as launched_on
    from launches
),

entries as (
    select
        customers.region,
        entries.amount,
        date_diff('day', first_launch.launched_on, entries.attributed_on) as days_since,
        date_diff('day', first_launch.launched_on, span.first_day) as first_day,
        date_diff('day', first_launch.launched_on, span.last_day) as last_day
    from marts.pnl_entries as entries
    inner join staging.stg_customers as customers on entries.customer_id = customers.customer_id
    cross join marts.data_span as span
    cross join first_launch
    where entries.pnl_line <> 'acquisition'
),

-- a period that the data hold only in part is left out
periodic as (
    select
        region,
        amount,
        cast(floor(days_since / cast($period_days as double)) as bigint) as period
    from entries
    where
        floor(days_since / cast($period_days as double)) * $period_days >= first_day
        and (floor(days_since / cast($period_days as double)) + 1) * $period_days - 1 <= last_day
),

money as (
    select
        region,
        period,
        sum(amount) as contribution
    from periodic
    group by region, period
),

periods as (
    select
        period,
        period * $period_days + $period_days - 1 as last_day
    from money
    group by period
),

-- customers who were there before the first launch: what new ones bring counts, they themselves don't
regions as (
    select
        arrivals.region,
        min(date_diff('day', first_launch.launched_on, launches.launched_on)) as launch_day,
        count(case when arrivals.acquired_on < first_launch.launched_on then 1 end) as n_customers
    from intermediate.int_arrivals as arrivals
    cross join first_launch
    left join launches on arrivals.region = launches.region
    where arrivals.region is not null and first_launch.launched_on is not null
    group by arrivals.region
)

select
    regions.region,
    periods.period,
    coalesce(regions.launch_day <= periods.last_day, false) as is_exposed,
    regions.n_customers,
    coalesce(money.contribution, 0) as contribution,
    goods.has_cost as has_goods_cost
from regions
cross join periods
cross join goods
left join money on regions.region = money.region and periods.period = money.period
order by regions.region, periods.period
