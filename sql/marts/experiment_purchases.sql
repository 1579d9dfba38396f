-- relation:   experiment_purchases
-- grain:      one row per customer of an experiment with a purchase until its end: how often he bought before and since
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
        -- while a test runs, nobody has been silent for longer than there are data
        least(max(experiments.ends), max(span.last_day)) as ends,
        greatest(max(experiments.starts), cast(min(assignments.assigned_at) as date)) as first_day
    from staging.stg_experiments as experiments
    inner join staging.stg_assignments as assignments
        on experiments.experiment_id = assignments.experiment_id
    cross join marts.data_span as span
    where experiments.name = $experiment
    group by assignments.customer_id
),

-- days are counted from the customer's first day in the experiment; before it they are negative
purchases as (
    select
        windows.customer_id,
        windows.arm,
        date_diff('day', windows.first_day, windows.ends) + 1 as observed_days,
        date_diff('day', windows.first_day, purchases.purchased_on) as at_day
    from windows
    inner join intermediate.int_purchase_days as purchases
        on
            windows.customer_id = purchases.customer_id
            and windows.ends >= purchases.purchased_on
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
