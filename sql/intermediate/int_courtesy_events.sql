-- relation:   int_courtesy_events
-- grain:      one row per courtesy granted, logged or derived, with what its rule says of cost and minutes
-- key:        event_id
-- inputs:     staging.stg_courtesy_events, intermediate.int_derived_courtesies, staging.stg_courtesy_catalogue
-- outputs:    event_id varchar, measure_id varchar, measure varchar, customer_id varchar,
--             order_id varchar, occurred_on date, units double, detected varchar, granted_by_dept varchar,
--             borne_by_dept varchar, accounting_view varchar, ledger_account varchar, resource_id varchar,
--             provenance varchar, has_own_cost boolean, has_own_minutes boolean,
--             direct_cost decimal(18,2), carrier_cost decimal(18,2), driver_cost decimal(18,2),
--             minutes double, expected_loss decimal(18,2), outcome_loss decimal(18,2), outcome_on date,
--             loss decimal(18,2), forgone_fee decimal(18,2), source_table varchar, source_key varchar
-- what the company logged itself is not derived a second time
with logged_rows as (
    select
        measure_id,
        customer_id,
        occurred_on,
        delivery_id,
        return_id,
        contact_id
    from staging.stg_courtesy_events
    where measure_id in ('P2', 'P4', 'P5b', 'S1', 'D2', 'Q2')
),

logged_on as (
    select distinct
        measure_id,
        customer_id,
        occurred_on
    from logged_rows
),

logged_for as (
    select
        measure_id,
        delivery_id as source_key
    from logged_rows
    where delivery_id is not null
    union
    select
        measure_id,
        return_id as source_key
    from logged_rows
    where return_id is not null
    union
    select
        measure_id,
        contact_id as source_key
    from logged_rows
    where contact_id is not null
),

events as (
    select
        event_id,
        measure_id,
        customer_id,
        order_id,
        occurred_on,
        units,
        direct_cost,
        cast(null as decimal(18, 2)) as carrier_cost,
        minutes,
        forgone_fee,
        outcome_loss,
        outcome_on,
        granted_by_dept,
        borne_by_dept,
        'logged' as detected,
        'courtesy_events' as source_table,
        event_id as source_key
    from staging.stg_courtesy_events
    union all
    select
        derived.event_id,
        derived.measure_id,
        derived.customer_id,
        derived.order_id,
        derived.occurred_on,
        cast(1 as double) as units,
        derived.direct_cost,
        derived.carrier_cost,
        derived.minutes,
        derived.fee_forgone as forgone_fee,
        cast(null as decimal(18, 2)) as outcome_loss,
        cast(null as date) as outcome_on,
        cast(null as varchar) as granted_by_dept,
        cast(null as varchar) as borne_by_dept,
        'derived' as detected,
        derived.source_table,
        derived.source_key
    from intermediate.int_derived_courtesies as derived
    left join logged_on
        on
            derived.measure_id = logged_on.measure_id
            and derived.customer_id = logged_on.customer_id
            and derived.occurred_on = logged_on.occurred_on
    left join logged_for
        on derived.measure_id = logged_for.measure_id and derived.source_key = logged_for.source_key
    where logged_on.measure_id is null and logged_for.measure_id is null
)

select
    events.event_id,
    events.measure_id,
    catalogue.name as measure,
    events.customer_id,
    events.order_id,
    events.occurred_on,
    events.units,
    events.detected,
    coalesce(events.granted_by_dept, catalogue.default_bearer) as granted_by_dept,
    coalesce(events.borne_by_dept, catalogue.default_bearer) as borne_by_dept,
    catalogue.accounting_view,
    catalogue.ledger_account,
    catalogue.resource_id,
    catalogue.provenance,
    events.direct_cost is not null as has_own_cost,
    events.minutes is not null as has_own_minutes,
    cast(coalesce(events.direct_cost, catalogue.direct_cost) as decimal(18, 2)) as direct_cost,
    events.carrier_cost,
    cast(cast(events.units as decimal(18, 6)) * catalogue.driver_rate as decimal(18, 2)) as driver_cost,
    coalesce(events.minutes, catalogue.base_minutes + catalogue.minutes_per_unit * events.units) as minutes,
    cast(catalogue.expected_loss as decimal(18, 2)) as expected_loss,
    events.outcome_loss,
    events.outcome_on,
    cast(coalesce(events.outcome_loss, catalogue.expected_loss) as decimal(18, 2)) as loss,
    cast(coalesce(events.forgone_fee, catalogue.forgone_fee) as decimal(18, 2)) as forgone_fee,
    events.source_table,
    events.source_key
from events
inner join staging.stg_courtesy_catalogue as catalogue on events.measure_id = catalogue.measure_id
