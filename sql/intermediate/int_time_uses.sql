-- relation:   int_time_uses
-- grain:      one row per use of a resource's minutes: a contact, an inspection, a handling, a courtesy
-- key:        source_table, source_key, rule_id
-- inputs:     staging.stg_contacts, staging.stg_returns, staging.stg_deliveries, intermediate.int_orders, intermediate.int_courtesy_events, staging.stg_activities, staging.stg_activity_terms
-- outputs:    resource_id varchar, used_on date, minutes decimal(18,6), customer_id varchar,
--             order_id varchar, measure_id varchar, rule_id varchar, provenance varchar,
--             source_table varchar, source_key varchar
-- measured minutes come first; where none were measured, the activity's time equation: base + terms
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
inner join staging.stg_activities as activities on activities.activity_id = 'contact'
left join staging.stg_activity_terms as terms on activities.activity_id = terms.activity_id
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
inner join staging.stg_activities as activities on activities.activity_id = 'inspection'
left join staging.stg_activity_terms as terms on activities.activity_id = terms.activity_id
left join intermediate.int_orders as orders on returned.order_id = orders.order_id
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
inner join staging.stg_activities as activities on activities.activity_id = 'handling'
left join staging.stg_activity_terms as terms on activities.activity_id = terms.activity_id
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
where resource_id is not null and minutes <> 0
