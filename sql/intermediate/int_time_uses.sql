-- relation:   int_time_uses
-- grain:      one row per use of a resource's minutes: a contact, an inspection, a handling, a job, a repair, a courtesy
-- key:        source_table, source_key, rule_id
-- inputs:     staging.stg_contacts, staging.stg_returns, staging.stg_deliveries, intermediate.int_orders, intermediate.int_courtesy_events, intermediate.int_courtesy_measures, staging.stg_jobs, staging.stg_repairs, staging.stg_activities, staging.stg_activity_terms
-- outputs:    resource_id varchar, used_on date, minutes decimal(18,6), customer_id varchar,
--             order_id varchar, measure_id varchar, rule_id varchar, provenance varchar,
--             source_table varchar, source_key varchar
-- without a resource the minutes can't be costed: marts.uncosted names them. Measured minutes come first; where none were measured, the activity's time equation: base + terms
select
    activities.resource_id,
    contacts.opened_on as used_on,
    cast(
        coalesce(
            contacts.handle_s / 60.0,
            activities.base_min + coalesce(terms.per_transfer * coalesce(contacts.transfers, 0), 0)
        ) as decimal(18, 6)
    ) as minutes,
    contacts.customer_id,
    contacts.order_id,
    cast(null as varchar) as measure_id,
    'contacts.handling_time' as rule_id,
    'standard' as provenance,
    'contacts' as source_table,
    contacts.contact_id as source_key
from staging.stg_contacts as contacts
left join staging.stg_activities as activities on activities.activity_id = 'contact'
left join staging.stg_activity_terms as terms on activities.activity_id = terms.activity_id
where contacts.handle_s is not null or activities.activity_id is not null
union all
select
    activities.resource_id,
    returned.returned_on as used_on,
    cast(
        coalesce(
            returned.inspect_min,
            activities.base_min + coalesce(terms.per_piece * coalesce(returned.qty, 1), 0)
        ) as decimal(18, 6)
    ) as minutes,
    orders.customer_id,
    returned.order_id,
    cast(null as varchar) as measure_id,
    'returns.inspection_time' as rule_id,
    'standard' as provenance,
    'returns' as source_table,
    returned.return_id as source_key
from staging.stg_returns as returned
left join staging.stg_activities as activities on activities.activity_id = 'inspection'
left join staging.stg_activity_terms as terms on activities.activity_id = terms.activity_id
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
where returned.inspect_min is not null or activities.activity_id is not null
union all
select
    activities.resource_id,
    orders.ordered_on as used_on,
    cast(
        coalesce(
            deliveries.handling_min,
            activities.base_min
            + coalesce(terms.per_attempt * coalesce(deliveries.attempts, 1), 0)
            + coalesce(terms.per_km * coalesce(deliveries.distance_km, 0), 0)
        ) as decimal(18, 6)
    ) as minutes,
    orders.customer_id,
    deliveries.order_id,
    cast(null as varchar) as measure_id,
    'deliveries.handling_time' as rule_id,
    'standard' as provenance,
    'deliveries' as source_table,
    deliveries.delivery_id as source_key
from staging.stg_deliveries as deliveries
inner join intermediate.int_orders as orders on deliveries.order_id = orders.order_id
left join staging.stg_activities as activities on activities.activity_id = 'handling'
left join staging.stg_activity_terms as terms on activities.activity_id = terms.activity_id
where deliveries.handling_min is not null or activities.activity_id is not null
union all
-- a job's own activity is named by its kind, else it is the activity job
select
    coalesce(own.resource_id, activities.resource_id) as resource_id,
    jobs.done_on as used_on,
    cast(
        coalesce(
            jobs.minutes,
            coalesce(own.base_min, activities.base_min) + coalesce(terms.per_km * coalesce(jobs.km, 0), 0)
        ) as decimal(18, 6)
    ) as minutes,
    jobs.customer_id,
    jobs.order_id,
    cast(null as varchar) as measure_id,
    'jobs.time' as rule_id,
    'standard' as provenance,
    'jobs' as source_table,
    jobs.job_id as source_key
from staging.stg_jobs as jobs
left join staging.stg_activities as own on lower(jobs.kind) = lower(own.activity_id)
left join staging.stg_activities as activities on activities.activity_id = 'job'
left join staging.stg_activity_terms as terms
    on coalesce(own.activity_id, activities.activity_id) = terms.activity_id
where coalesce(jobs.minutes, own.base_min, activities.base_min) is not null
union all
-- without an activity repair, the resource that the measure of late repairs names
select
    coalesce(activities.resource_id, measures.resource_id) as resource_id,
    repairs.opened_on as used_on,
    cast(coalesce(repairs.minutes, activities.base_min) as decimal(18, 6)) as minutes,
    repairs.customer_id,
    repairs.order_id,
    cast(null as varchar) as measure_id,
    'repairs.time' as rule_id,
    'standard' as provenance,
    'repairs' as source_table,
    repairs.repair_id as source_key
from staging.stg_repairs as repairs
left join staging.stg_activities as activities on activities.activity_id = 'repair'
left join intermediate.int_courtesy_measures as measures on measures.rule = 'repair_after_warranty'
where coalesce(repairs.minutes, activities.base_min) is not null
union all
select
    resource_id,
    occurred_on as used_on,
    cast(minutes as decimal(18, 6)) as minutes,
    customer_id,
    order_id,
    measure_id,
    'courtesy.time' as rule_id,
    case
        when has_own_minutes or provenance = 'measured' then 'standard' else provenance
    end as provenance,
    source_table,
    source_key
from intermediate.int_courtesy_events
where minutes <> 0
