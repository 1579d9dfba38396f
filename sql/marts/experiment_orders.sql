-- relation:   experiment_orders
-- grain:      one row per order of a customer of an experiment within his window
-- key:        order_id
-- inputs:     staging.stg_experiments, staging.stg_assignments, staging.stg_returns, intermediate.int_orders
-- params:     experiment
-- outputs:    customer_id varchar, order_id varchar, ordered_on date, basket decimal(18,2),
--             fee_paid decimal(18,2), returned decimal(38,2)
with windows as (
    select
        assignments.customer_id,
        max(experiments.outcome_days) as outcome_days,
        greatest(max(experiments.starts), cast(min(assignments.assigned_at) as date)) as first_day
    from staging.stg_experiments as experiments
    inner join staging.stg_assignments as assignments
        on experiments.experiment_id = assignments.experiment_id
    where experiments.name = $experiment
    group by assignments.customer_id
),

refunds as (
    select
        order_id,
        sum(refund) as returned
    from staging.stg_returns
    group by order_id
)

select
    windows.customer_id,
    orders.order_id,
    orders.ordered_on,
    cast(orders.gross_list - orders.discount as decimal(18, 2)) as basket,
    orders.delivery_fee_charged as fee_paid,
    coalesce(refunds.returned, 0) as returned
from windows
inner join intermediate.int_orders as orders
    on
        windows.customer_id = orders.customer_id
        and windows.first_day <= orders.ordered_on
        and date_diff('day', windows.first_day, orders.ordered_on) < windows.outcome_days
left join refunds on orders.order_id = refunds.order_id
order by windows.customer_id, orders.order_id
