-- relation:   waiting_losses
-- grain:      one row for orders delivered on time and one for late ones, followed for half a year
-- key:        is_late
-- inputs:     staging.stg_deliveries, intermediate.int_orders, marts.pnl_entries, marts.data_span
-- params:     follow_days
-- outputs:    is_late boolean, n_orders bigint, carrier_cost double, came_back_share double,
--             later_contribution double, later_variance double
with limits as (
    select cast($follow_days as integer) as follow_days
),

delivered as (
    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_on,
        cast(shipped.delivered_at as date) as delivered_on,
        cast(shipped.carrier_cost as double) as carrier_cost,
        shipped.delivered_at > shipped.promised_to as is_late
    from staging.stg_deliveries as shipped
    inner join intermediate.int_orders as orders on shipped.order_id = orders.order_id
    cross join marts.data_span as span
    cross join limits
    where
        orders.customer_id is not null
        and shipped.delivered_at is not null
        and shipped.promised_to is not null
        and date_diff('day', cast(shipped.delivered_at as date), span.last_day) >= limits.follow_days
),

days as (
    select
        customer_id,
        attributed_on,
        sum(cast(amount as double)) as contribution
    from marts.pnl_entries
    where pnl_line <> 'acquisition' and customer_id is not null
    group by customer_id, attributed_on
),

followed as (
    select
        delivered.order_id,
        max(delivered.carrier_cost) as carrier_cost,
        bool_or(delivered.is_late) as is_late,
        coalesce(sum(days.contribution), 0) as later,
        count(days.attributed_on) as n_later
    from delivered
    cross join limits
    left join days
        on
            delivered.customer_id = days.customer_id
            and delivered.delivered_on < days.attributed_on
            and date_diff('day', delivered.delivered_on, days.attributed_on) <= limits.follow_days
    group by delivered.order_id
)

select
    is_late,
    count(*) as n_orders,
    avg(carrier_cost) as carrier_cost,
    avg(case when n_later > 0 then cast(1 as double) else cast(0 as double) end) as came_back_share,
    avg(later) as later_contribution,
    var_samp(later) as later_variance
from followed
group by is_late
order by is_late
