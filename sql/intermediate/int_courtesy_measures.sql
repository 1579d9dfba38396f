-- relation:   int_courtesy_measures
-- grain:      one row per measure: those of the catalogue, those that need no row there, those that only the log knows
-- key:        measure_id
-- inputs:     staging.stg_courtesy_catalogue, intermediate.int_standard_measures, staging.stg_courtesy_events
-- stored:     table
-- outputs:    measure_id varchar, name varchar, rule varchar, trigger_at decimal(18,6), direct_cost decimal(18,4),
--             driver_rate decimal(18,6), base_minutes double, minutes_per_unit double, resource_id varchar,
--             forgone_fee decimal(18,2), expected_loss decimal(18,8), ledger_account varchar,
--             accounting_view varchar, default_bearer varchar, provenance varchar, is_in_catalogue boolean,
--             rule_of_catalogue varchar
-- A catalogue without a rule is read by its own words: the trigger or the name of the standard catalogue, or an id that
-- is the rule's word, where no other measure has that rule. Where two measures have one rule, the first by its id is
-- found by it; a check names the other.
with worded as (
    select
        catalogue.measure_id,
        coalesce(catalogue.rule, by_trigger.rule, by_name.rule) as rule
    from staging.stg_courtesy_catalogue as catalogue
    left join intermediate.int_standard_measures as by_trigger
        on catalogue.trigger_rule = lower(by_trigger.trigger_rule)
    left join intermediate.int_standard_measures as by_name
        on lower(trim(catalogue.name)) = lower(by_name.name)
),

held as (
    select distinct rule
    from worded
    where rule is not null
),

catalogued as (
    select
        worded.measure_id,
        coalesce(worded.rule, case when held.rule is null then by_id.rule end) as rule
    from worded
    left join intermediate.int_standard_measures as by_id on worded.measure_id = by_id.rule
    left join held on by_id.rule = held.rule
),

ranked as (
    select
        measure_id,
        rule,
        row_number() over (partition by rule order by measure_id) as place
    from catalogued
    where rule is not null
),

logged_ids as (
    select distinct measure_id
    from staging.stg_courtesy_events
),

ruled as (
    select
        measure_id,
        rule
    from ranked
    where place = 1
)

select
    catalogue.measure_id,
    catalogue.name,
    ruled.rule,
    catalogue.trigger_at,
    catalogue.direct_cost,
    catalogue.driver_rate,
    catalogue.base_minutes,
    catalogue.minutes_per_unit,
    catalogue.resource_id,
    catalogue.forgone_fee,
    catalogue.expected_loss,
    catalogue.ledger_account,
    catalogue.accounting_view,
    catalogue.default_bearer,
    catalogue.provenance,
    true as is_in_catalogue,
    catalogued.rule as rule_of_catalogue
from staging.stg_courtesy_catalogue as catalogue
inner join catalogued on catalogue.measure_id = catalogued.measure_id
left join ruled on catalogue.measure_id = ruled.measure_id
union all
select
    -- a measure of the catalogue may have the word for another rule as its id
    standard.rule || case when taken.measure_id is null then '' else ' (standard)' end as measure_id,
    standard.name,
    standard.rule,
    cast(null as decimal(18, 6)) as trigger_at,
    cast(0 as decimal(18, 4)) as direct_cost,
    cast(0 as decimal(18, 6)) as driver_rate,
    cast(0 as double) as base_minutes,
    cast(0 as double) as minutes_per_unit,
    cast(null as varchar) as resource_id,
    cast(0 as decimal(18, 2)) as forgone_fee,
    cast(0 as decimal(18, 8)) as expected_loss,
    cast(null as varchar) as ledger_account,
    cast(null as varchar) as accounting_view,
    cast(null as varchar) as default_bearer,
    'standard' as provenance,
    false as is_in_catalogue,
    cast(null as varchar) as rule_of_catalogue
from intermediate.int_standard_measures as standard
left join ruled on standard.rule = ruled.rule
left join staging.stg_courtesy_catalogue as taken on standard.rule = taken.measure_id
where standard.costs_nothing_more and ruled.rule is null
union all
select
    logged.measure_id,
    logged.measure_id as name,
    cast(null as varchar) as rule,
    cast(null as decimal(18, 6)) as trigger_at,
    cast(0 as decimal(18, 4)) as direct_cost,
    cast(0 as decimal(18, 6)) as driver_rate,
    cast(0 as double) as base_minutes,
    cast(0 as double) as minutes_per_unit,
    cast(null as varchar) as resource_id,
    cast(0 as decimal(18, 2)) as forgone_fee,
    cast(0 as decimal(18, 8)) as expected_loss,
    cast(null as varchar) as ledger_account,
    cast(null as varchar) as accounting_view,
    cast(null as varchar) as default_bearer,
    'standard' as provenance,
    false as is_in_catalogue,
    cast(null as varchar) as rule_of_catalogue
from logged_ids as logged
left join staging.stg_courtesy_catalogue as catalogue on logged.measure_id = catalogue.measure_id
left join intermediate.int_standard_measures as standard
    on logged.measure_id = standard.rule and standard.costs_nothing_more
where catalogue.measure_id is null and standard.rule is null
