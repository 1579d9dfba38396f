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
with events as (
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
        event_id,
        measure_id,
        customer_id,
        order_id,
        occurred_on,
        cast(1 as double) as units,
        direct_cost,
        carrier_cost,
        minutes,
        fee_forgone as forgone_fee,
        cast(null as decimal(18, 2)) as outcome_loss,
        cast(null as date) as outcome_on,
        cast(null as varchar) as granted_by_dept,
        cast(null as varchar) as borne_by_dept,
        'derived' as detected,
        source_table,
        source_key
    from intermediate.int_derived_courtesies
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
