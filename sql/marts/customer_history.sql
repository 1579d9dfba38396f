-- relation:   customer_history
-- grain:      one row per customer with an order before the past window that a test is planned on
-- key:        customer_id
-- inputs:     marts.pnl_entries, marts.customer_segments, marts.data_span, intermediate.int_orders
-- params:     outcome_days, return_days
-- outputs:    customer_id varchar, segment varchar, n_orders bigint, revenue decimal(38,2),
--             contribution decimal(38,2), pre_revenue decimal(38,2), pre_contribution decimal(38,2)
with order_days as (
    select
        orders.customer_id,
        date_diff('day', orders.ordered_on, span.last_day) as days_ago
    from intermediate.int_orders as orders
    cross join marts.data_span as span
    where orders.customer_id is not null
),

known as (
    select
        customer_id,
        count(case when days_ago >= $return_days and days_ago < $return_days + $outcome_days then 1 end)
            as n_orders
    from order_days
    group by customer_id
    having max(days_ago) >= $return_days + $outcome_days
),

entry_days as (
    select
        entries.customer_id,
        entries.pnl_line in ('gross_list', 'discounts', 'refunds') as is_revenue,
        entries.amount,
        date_diff('day', entries.attributed_on, span.last_day) as days_ago
    from marts.pnl_entries as entries
    cross join marts.data_span as span
    where entries.pnl_line <> 'acquisition'
),

money as (
    select
        customer_id,
        sum(case when is_revenue and days_ago < $return_days + $outcome_days then amount end) as revenue,
        sum(case when days_ago < $return_days + $outcome_days then amount end) as contribution,
        sum(case when is_revenue and days_ago >= $return_days + $outcome_days then amount end) as pre_revenue,
        sum(case when days_ago >= $return_days + $outcome_days then amount end) as pre_contribution
    from entry_days
    where days_ago >= $return_days and days_ago < $return_days + $outcome_days + $outcome_days
    group by customer_id
)

select
    known.customer_id,
    segments.segment,
    known.n_orders,
    coalesce(money.revenue, 0) as revenue,
    coalesce(money.contribution, 0) as contribution,
    coalesce(money.pre_revenue, 0) as pre_revenue,
    coalesce(money.pre_contribution, 0) as pre_contribution
from known
left join money on known.customer_id = money.customer_id
left join marts.customer_segments as segments on known.customer_id = segments.customer_id
order by known.customer_id
