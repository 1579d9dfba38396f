-- relation:   book_gaps
-- grain:      one row per gap in the books: work or goods without a cost, and what was decided for want of a fact
-- key:        none
-- inputs:     intermediate.int_time_uses, intermediate.int_courtesy_events, intermediate.int_courtesy_matches, intermediate.int_courtesy_measures, intermediate.int_late_contacts, staging.stg_resources, staging.stg_order_lines, staging.stg_products, staging.stg_orders, staging.stg_deliveries, staging.stg_jobs, staging.stg_repairs, staging.stg_courtesy_events, staging.stg_experiments
-- outputs:    pnl_line varchar, source_table varchar, resource_id varchar, period date, n_rows bigint,
--             amount double, unit varchar, why varchar
-- what has no cost is named with its amount of work; it is never zero
with uses as (
    select
        uses.rule_id,
        uses.source_table,
        uses.source_key,
        uses.customer_id,
        uses.used_on,
        uses.resource_id,
        cast(date_trunc('month', uses.used_on) as date) as period,
        cast(uses.minutes as double) as minutes,
        resources.period is not null as has_month,
        coalesce(resources.cost, 0) as cost
    from intermediate.int_time_uses as uses
    left join staging.stg_resources as resources
        on
            uses.resource_id = resources.resource_id
            and cast(date_trunc('month', uses.used_on) as date) = resources.period
    where uses.minutes <> 0
),

-- a job that a courtesy of the same customer and day counts the minutes of has its cost there
covered as (
    select distinct
        customer_id,
        occurred_on
    from intermediate.int_courtesy_events
    where minutes > 0 and resource_id is not null
),

known as (
    select
        (select count(*) from staging.stg_resources) as n_resources,
        (
            select count(*)
            from staging.stg_order_lines as lines
            left join staging.stg_products as products on lines.product_id = products.product_id
            where coalesce(lines.unit_cost, products.unit_cost) is not null
        ) as n_costed_lines,
        (select count(carrier_cost) from staging.stg_deliveries) as n_costed_deliveries
),

lines_of as (
    select distinct order_id
    from staging.stg_order_lines
)

select
    case uses.rule_id
        when 'contacts.handling_time' then 'support'
        when 'returns.inspection_time' then 'returns_handling'
        when 'deliveries.handling_time' then 'carrier_cost'
        when 'courtesy.time' then 'courtesy'
        else 'service_time'
    end as pnl_line,
    uses.source_table,
    uses.resource_id,
    uses.period,
    count(*) as n_rows,
    sum(uses.minutes) as amount,
    'minutes' as unit,
    case
        when uses.resource_id is null then 'no activity or measure says whose minutes these are'
        when not uses.has_month then 'resources has no row for this month'
        else 'the resource costs 0 in this month'
    end as why
from uses
cross join known
left join covered
    on
        uses.rule_id = 'jobs.time'
        and uses.resource_id is null
        and uses.customer_id = covered.customer_id
        and uses.used_on = covered.occurred_on
where
    (not uses.has_month or uses.cost = 0)
    and covered.customer_id is null
    and known.n_resources > 0
group by
    uses.rule_id, uses.source_table, uses.resource_id, uses.period, uses.has_month
union all
select
    'cost_of_goods' as pnl_line,
    'order_lines' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(sum(lines.qty * lines.list_price - lines.discount) as double) as amount,
    'sales' as unit,
    'neither the line nor its product has a unit_cost' as why
from staging.stg_order_lines as lines
left join staging.stg_products as products on lines.product_id = products.product_id
cross join known
where coalesce(lines.unit_cost, products.unit_cost) is null and known.n_costed_lines > 0
having count(*) > 0
union all
select
    'cost_of_goods' as pnl_line,
    'orders' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(sum(orders.gross_list - orders.discount) as double) as amount,
    'sales' as unit,
    'the order has no lines, so its goods have no cost' as why
from staging.stg_orders as orders
left join lines_of on orders.order_id = lines_of.order_id
cross join known
where lines_of.order_id is null and orders.gross_list > 0 and known.n_costed_lines > 0
having count(*) > 0
union all
select
    'carrier_cost' as pnl_line,
    'deliveries' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(count(*) as double) as amount,
    'deliveries' as unit,
    'carrier_cost is empty, beside deliveries that have one' as why
from staging.stg_deliveries as deliveries
cross join known
where deliveries.carrier_cost is null and known.n_costed_deliveries > 0
having count(*) > 0
union all
select
    'service_time' as pnl_line,
    'jobs' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(count(*) as double) as amount,
    'jobs' as unit,
    'no minutes, and no activity that says how many' as why
from staging.stg_jobs as jobs
left join intermediate.int_time_uses as uses on jobs.job_id = uses.source_key and uses.rule_id = 'jobs.time'
cross join known
where uses.source_key is null and known.n_resources > 0
having count(*) > 0
union all
select
    'service_time' as pnl_line,
    'repairs' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(count(*) as double) as amount,
    'repairs' as unit,
    'no minutes, and no activity that says how many' as why
from staging.stg_repairs as repairs
left join intermediate.int_time_uses as uses
    on repairs.repair_id = uses.source_key and uses.rule_id = 'repairs.time'
cross join known
where uses.source_key is null and known.n_resources > 0
having count(*) > 0
union all
select
    'courtesy' as pnl_line,
    'courtesy_events' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    sum(stated_minutes) as amount,
    'minutes' as unit,
    'these took less time than standard, and count as none' as why
from intermediate.int_courtesy_events
where stated_minutes < 0
having count(*) > 0
union all
select
    'courtesy' as pnl_line,
    'courtesy_events' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(count(*) as double) as amount,
    'courtesies' as unit,
    'logged under a measure with a rule, but the transactions show no such courtesy: counted as logged' as why
from staging.stg_courtesy_events as logged
inner join intermediate.int_courtesy_measures as measures
    on logged.measure_id = measures.measure_id and measures.rule is not null
left join intermediate.int_courtesy_matches as matches on logged.event_id = matches.event_id
where matches.event_id is null
having count(*) > 0
union all
select
    cast(null as varchar) as pnl_line,
    'contacts' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(count(*) as double) as amount,
    'contacts' as unit,
    'the contact names no site and sites close at different times: the latest closing was taken' as why
from intermediate.int_late_contacts as contacts
inner join intermediate.int_courtesy_measures as measures on measures.rule = 'last_minutes'
where contacts.is_by_last_site
having count(*) > 0
union all
select
    cast(null as varchar) as pnl_line,
    'resources' as source_table,
    resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(sum(cost) as double) as amount,
    'cost' as unit,
    'avoidable_share is empty: the whole cost counts as avoidable' as why
from staging.stg_resources
where not has_avoidable_share
group by resource_id
union all
-- a measure whose courtesies nobody logged and no rule finds costs nothing in its own test
select
    'courtesy' as pnl_line,
    'experiments' as source_table,
    cast(null as varchar) as resource_id,
    cast(null as date) as period,
    count(*) as n_rows,
    cast(count(*) as double) as amount,
    'tests' as unit,
    case
        when measures.measure_id is null
            then concat(
                'measure ', experiments.measure_id,
                ' is in no catalogue, no event is logged under it, and it is no rule''s name'
            )
        when measures.rule is null
            then concat(
                'measure ', experiments.measure_id,
                ' has no logged event; without a rule in the catalogue nothing else was looked for'
            )
        else concat(
            'measure ', experiments.measure_id,
            ' has no logged event, and by its rule ', measures.rule, ' none was found in the transactions'
        )
    end as why
from staging.stg_experiments as experiments
left join intermediate.int_courtesy_measures as measures on experiments.measure_id = measures.measure_id
left join intermediate.int_courtesy_events as events on experiments.measure_id = events.measure_id
where experiments.measure_id is not null and events.measure_id is null
group by experiments.measure_id, measures.measure_id, measures.rule
