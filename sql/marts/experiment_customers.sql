-- relation:   experiment_customers
-- grain:      one row per customer of an experiment (of its regions, if they were assigned): what he brought in its window and before it
-- key:        customer_id
-- inputs:     staging.stg_experiments, staging.stg_assignments, staging.stg_customers, staging.stg_deliveries, staging.stg_segments, marts.pnl_availability, marts.pnl_entries, intermediate.int_arrivals, intermediate.int_orders, intermediate.int_carrier_costs, marts.data_span
-- params:     experiment
-- outputs:    customer_id varchar, arm varchar, n_arms bigint, segment varchar, segment_is_late boolean, assigned_at timestamp,
--             exposed_at timestamp, first_day date, is_mature boolean, n_orders bigint,
--             n_free_orders bigint, revenue decimal(38,2), contribution decimal(38,2),
--             pre_contribution decimal(38,2), pre_revenue decimal(38,2), pre_orders bigint,
--             fee_forgone decimal(38,2), fee_paid decimal(38,2), carrier_cost decimal(38,2),
--             carrier_cost_free decimal(38,2), measure_cost decimal(38,2), order_weeks bigint,
--             n_orders_late bigint, n_orders_after bigint, days_after bigint, unit_id varchar,
--             last_day date, has_goods_cost boolean, has_returns boolean, is_new boolean
with units as (
    select
        assignments.experiment_id,
        case
            when experiments.unit in ('region', 'area') then customers.region
            else assignments.customer_id
        end as unit_id,
        experiments.unit in ('region', 'area') as is_region,
        assignments.customer_id,
        assignments.arm,
        assignments.assigned_at,
        assignments.exposed_at
    from staging.stg_experiments as experiments
    inner join staging.stg_assignments as assignments on experiments.experiment_id = assignments.experiment_id
    left join staging.stg_customers as customers on assignments.customer_id = customers.customer_id
    where experiments.name = $experiment
),

arms as (
    select
        experiment_id,
        unit_id,
        is_region,
        min(arm) as arm,
        count(distinct arm) as n_arms,
        min(assigned_at) as assigned_at,
        min(exposed_at) as exposed_at
    from units
    group by experiment_id, unit_id, is_region
),

-- a region counts whole: those who refused, and those who came later; whoever has no region is kept to be seen
members as (
    select
        unit_id as member_unit,
        unit_id as customer_id,
        cast(null as date) as acquired_on
    from arms
    where not is_region
    union all
    select
        arms.unit_id as member_unit,
        arrivals.customer_id,
        arrivals.acquired_on
    from arms
    inner join intermediate.int_arrivals as arrivals on arms.unit_id = arrivals.region
    where arms.is_region
    union all
    select
        unit_id as member_unit,
        customer_id,
        cast(null as date) as acquired_on
    from units
    where is_region and unit_id is null
),

started as (
    select
        experiments.measure_id,
        experiments.outcome_days,
        experiments.return_days,
        members.customer_id,
        members.acquired_on,
        arms.unit_id,
        arms.arm,
        arms.n_arms,
        arms.assigned_at,
        arms.exposed_at,
        greatest(experiments.starts, cast(arms.assigned_at as date)) as first_day
    from staging.stg_experiments as experiments
    inner join arms on experiments.experiment_id = arms.experiment_id
    inner join members on arms.unit_id is not distinct from members.member_unit
    where experiments.name = $experiment
),

-- who comes to a region when its window is over is none of it
windows as (
    select
        measure_id,
        outcome_days,
        return_days,
        customer_id,
        acquired_on,
        unit_id,
        arm,
        n_arms,
        assigned_at,
        exposed_at,
        first_day
    from started
    where acquired_on is null or date_diff('day', first_day, acquired_on) < outcome_days
),

-- the segment that was declared last before his first day; if there is none, the first one since
snapshots as (
    select
        windows.customer_id,
        segments.segment,
        segments.snapshot > windows.first_day as is_late,
        abs(date_diff('day', windows.first_day, segments.snapshot)) as days_apart
    from windows
    inner join staging.stg_segments as segments on windows.customer_id = segments.customer_id
    where segments.method = 'declared'
),

declared as (
    select
        customer_id,
        segment,
        is_late,
        row_number() over (partition by customer_id order by is_late, days_apart) as preference
    from snapshots
),

lines as (
    select
        max(case when pnl_line = 'cost_of_goods' and is_available then 1 else 0 end) = 1 as has_goods_cost,
        max(case when pnl_line = 'refunds' and is_available then 1 else 0 end) = 1 as has_returns
    from marts.pnl_availability
),

money as (
    select
        windows.customer_id,
        sum(case when entries.pnl_line in ('gross_list', 'discounts', 'refunds') then entries.amount end)
            as revenue,
        sum(case when entries.pnl_line <> 'acquisition' then entries.amount end) as contribution,
        -sum(case when entries.measure_id = windows.measure_id then entries.amount end) as measure_cost,
        sum(case when entries.pnl_line = 'delivery_charged' then entries.amount end) as fee_paid
    from windows
    inner join marts.pnl_entries as entries
        on
            windows.customer_id = entries.customer_id
            and windows.first_day <= entries.attributed_on
            and date_diff('day', windows.first_day, entries.attributed_on) < windows.outcome_days
    group by windows.customer_id
),

money_before as (
    select
        windows.customer_id,
        sum(case when entries.pnl_line in ('gross_list', 'discounts', 'refunds') then entries.amount end)
            as pre_revenue,
        sum(case when entries.pnl_line <> 'acquisition' then entries.amount end) as pre_contribution,
        count(distinct case when entries.pnl_line = 'gross_list' then entries.order_id end) as pre_orders
    from windows
    inner join marts.pnl_entries as entries
        on
            windows.customer_id = entries.customer_id
            and windows.first_day > entries.attributed_on
            and date_diff('day', entries.attributed_on, windows.first_day) <= windows.outcome_days
    group by windows.customer_id
),

costed as (
    select
        order_id,
        count(case when carrier_cost is null then 1 end) = 0 as is_costed
    from staging.stg_deliveries
    group by order_id
),

deliveries as (
    select
        windows.customer_id,
        count(distinct orders.order_id) as n_orders,
        count(distinct case when carried.fee_forgone > 0 then orders.order_id end) as n_free_orders,
        sum(carried.fee_forgone) as fee_forgone,
        -- one order without a known cost leaves the whole unknown: half a cost would make a measure look cheap
        case
            when
                count(distinct orders.order_id)
                = count(distinct case when costed.is_costed then orders.order_id end)
                then sum(carried.carrier_cost)
        end as carrier_cost,
        sum(case when carried.fee_forgone > 0 then carried.carrier_cost else 0 end) as carrier_cost_free
    from windows
    inner join intermediate.int_orders as orders
        on
            windows.customer_id = orders.customer_id
            and windows.first_day <= orders.ordered_on
            and date_diff('day', windows.first_day, orders.ordered_on) < windows.outcome_days
    left join intermediate.int_carrier_costs as carried on orders.order_id = carried.order_id
    left join costed on orders.order_id = costed.order_id
    group by windows.customer_id
),

order_days as (
    select
        windows.customer_id,
        windows.outcome_days,
        date_diff('day', windows.first_day, orders.ordered_on) as days_in
    from windows
    inner join intermediate.int_orders as orders
        on
            windows.customer_id = orders.customer_id
            and windows.first_day <= orders.ordered_on
),

-- in which week of his window an order came (1 is the first), and what came in as many days after it
timing as (
    select
        customer_id,
        sum(case when days_in < outcome_days then cast(floor(days_in / 7) as bigint) + 1 else 0 end)
            as order_weeks,
        count(case when days_in < outcome_days and 2 * days_in >= outcome_days then 1 end) as n_orders_late,
        count(case when days_in >= outcome_days and days_in < 2 * outcome_days then 1 end) as n_orders_after
    from order_days
    group by customer_id
)

select
    windows.customer_id,
    windows.arm,
    windows.n_arms,
    declared.segment,
    coalesce(declared.is_late, false) as segment_is_late,
    windows.assigned_at,
    windows.exposed_at,
    windows.first_day,
    date_diff('day', windows.first_day, span.last_day) >= windows.outcome_days - 1 + windows.return_days
        as is_mature,
    coalesce(deliveries.n_orders, 0) as n_orders,
    coalesce(deliveries.n_free_orders, 0) as n_free_orders,
    coalesce(money.revenue, 0) as revenue,
    coalesce(money.contribution, 0) as contribution,
    coalesce(money_before.pre_contribution, 0) as pre_contribution,
    coalesce(money_before.pre_revenue, 0) as pre_revenue,
    coalesce(money_before.pre_orders, 0) as pre_orders,
    coalesce(deliveries.fee_forgone, 0) as fee_forgone,
    coalesce(money.fee_paid, 0) as fee_paid,
    -- no order, no cost; an order whose carrier cost is not known leaves it unknown
    case when deliveries.customer_id is null then 0 else deliveries.carrier_cost end as carrier_cost,
    coalesce(deliveries.carrier_cost_free, 0) as carrier_cost_free,
    coalesce(money.measure_cost, 0) as measure_cost,
    cast(coalesce(timing.order_weeks, 0) as bigint) as order_weeks,
    coalesce(timing.n_orders_late, 0) as n_orders_late,
    coalesce(timing.n_orders_after, 0) as n_orders_after,
    least(
        greatest(date_diff('day', windows.first_day, span.last_day) - windows.outcome_days + 1, 0),
        windows.outcome_days
    ) as days_after,
    windows.unit_id,
    span.last_day,
    lines.has_goods_cost,
    lines.has_returns,
    coalesce(windows.acquired_on >= windows.first_day, false) as is_new
from windows
cross join marts.data_span as span
cross join lines
left join declared on windows.customer_id = declared.customer_id and declared.preference = 1
left join money on windows.customer_id = money.customer_id
left join money_before on windows.customer_id = money_before.customer_id
left join deliveries on windows.customer_id = deliveries.customer_id
left join timing on windows.customer_id = timing.customer_id
order by windows.customer_id
