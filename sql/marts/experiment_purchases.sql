-- relation:   experiment_purchases
-- grain:      one row per customer of an experiment with a purchase until the end of his window: how often he bought before and since
-- key:        customer_id
-- inputs:     staging.stg_experiments, staging.stg_assignments, marts.customer_segments, marts.data_span, intermediate.int_purchase_days
-- params:     experiment
-- outputs:    customer_id varchar, arm varchar, segment varchar, n_before bigint, n_within bigint,
--             first_purchase_days bigint, last_before_days bigint, last_purchase_days bigint,
--             observed_days bigint
with windows as (
    select
        assignments.customer_id,
        min(assignments.arm) as arm,
        max(experiments.outcome_days) as outcome_days,
        max(span.last_day) as last_day,
        greatest(max(experiments.starts), cast(min(assignments.assigned_at) as date)) as first_day
    from staging.stg_experiments as experiments
    inner join staging.stg_assignments as assignments
        on experiments.experiment_id = assignments.experiment_id
    cross join marts.data_span as span
    where experiments.name = $experiment
    group by assignments.customer_id
),

observed as (
    select
        customer_id,
        arm,
        first_day,
        -- while a window runs, nobody has been silent for longer than there are data
        least(outcome_days, date_diff('day', first_day, last_day) + 1) as observed_days
    from windows
    where first_day <= last_day
),

-- days are counted from the customer's first day in the experiment; before it they are negative
purchases as (
    select
        observed.customer_id,
        observed.arm,
        observed.observed_days,
        date_diff('day', observed.first_day, purchases.purchased_on) as at_day
    from observed
    inner join intermediate.int_purchase_days as purchases
        on
            observed.customer_id = purchases.customer_id
            and date_diff('day', observed.first_day, purchases.purchased_on) < observed.observed_days
)

select
    purchases.customer_id,
    max(purchases.arm) as arm,
    max(segments.segment) as segment,
    count(case when purchases.at_day < 0 then 1 end) as n_before,
    count(case when purchases.at_day >= 0 then 1 end) as n_within,
    min(purchases.at_day) as first_purchase_days,
    max(case when purchases.at_day < 0 then purchases.at_day end) as last_before_days,
    max(purchases.at_day) as last_purchase_days,
    max(purchases.observed_days) as observed_days
from purchases
left join marts.customer_segments as segments on purchases.customer_id = segments.customer_id
group by purchases.customer_id
order by purchases.customer_id
