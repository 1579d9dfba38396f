-- relation:   int_pnl_support
-- grain:      one row per contact: its handling time at the month's rate
-- key:        source_key
-- inputs:     staging.stg_contacts, staging.stg_activities, intermediate.int_resource_rates
-- outputs:    entry_date date, customer_id varchar, order_id varchar, pnl_line varchar,
--             measure_id varchar, account varchar, resource_id varchar, amount decimal(18,2),
--             avoidable decimal(18,2), rule_id varchar, provenance varchar, source_table varchar,
--             source_key varchar
select
    contacts.opened_on as entry_date,
    contacts.customer_id,
    contacts.order_id,
    'support' as pnl_line,
    cast(null as varchar) as measure_id,
    cast(null as varchar) as account,
    activities.resource_id,
    cast(-contacts.handle_s / 60.0 * cast(rates.cost_per_minute as double) as decimal(18, 2)) as amount,
    cast(
        -contacts.handle_s
        / 60.0
        * cast(rates.cost_per_minute as double)
        * cast(rates.avoidable_share as double) as decimal(18, 2)
    ) as avoidable,
    'contacts.handling_time' as rule_id,
    'standard' as provenance,
    'contacts' as source_table,
    contacts.contact_id as source_key
from staging.stg_contacts as contacts
inner join staging.stg_activities as activities on activities.activity_id = 'contact'
inner join intermediate.int_resource_rates as rates
    on activities.resource_id = rates.resource_id and rates.period = date_trunc('month', contacts.opened_on)
where contacts.handle_s > 0
