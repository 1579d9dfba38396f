-- relation:   int_courtesy_events
-- grain:      one row per courtesy granted, logged or derived, with its cost by rule
-- key:        event_id
-- inputs:     staging.stg_courtesy_events, intermediate.int_derived_courtesies, staging.stg_courtesy_catalogue, intermediate.int_resource_rates
-- outputs:    event_id varchar, measure_id varchar, measure varchar, customer_id varchar,
--             order_id varchar, occurred_on date, units double, detected varchar, granted_by_dept varchar,
--             borne_by_dept varchar, accounting_view varchar, ledger_account varchar, resource_id varchar,
--             provenance varchar, direct_cost decimal(18,2), driver_cost decimal(18,2), minutes double,
--             time_cost decimal(18,2), time_avoidable decimal(18,2), loss decimal(18,2),
--             forgone_fee decimal(18,2)
with events as (
    select
        event_id,
        measure_id,
        customer_id,
        order_id,
        occurred_on,
        units,
        direct_cost,
        minutes,
        forgone_fee,
        outcome_loss,
        granted_by_dept,
        borne_by_dept,
        'logged' as detected
    from staging.stg_courtesy_events
    union all
    select
        derived.event_id,
        derived.measure_id,
        derived.customer_id,
        derived.order_id,
        derived.occurred_on,
        derived.units,
        derived.direct_cost,
        derived.minutes,
        derived.fee_forgone as forgone_fee,
        cast(null as decimal(18, 2)) as outcome_loss,
        cast(null as varchar) as granted_by_dept,
        cast(null as varchar) as borne_by_dept,
        'derived' as detected
    from intermediate.int_derived_courtesies as derived
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
    cast(coalesce(events.direct_cost, catalogue.direct_cost) as decimal(18, 2)) as direct_cost,
    cast(events.units * cast(catalogue.driver_rate as double) as decimal(18, 2)) as driver_cost,
    coalesce(events.minutes, catalogue.base_minutes + catalogue.minutes_per_unit * events.units) as minutes,
    cast(
        coalesce(events.minutes, catalogue.base_minutes + catalogue.minutes_per_unit * events.units)
        * cast(rates.cost_per_minute as double)
        as decimal(18, 2)
    ) as time_cost,
    cast(
        coalesce(events.minutes, catalogue.base_minutes + catalogue.minutes_per_unit * events.units)
        * cast(rates.cost_per_minute as double) * cast(rates.avoidable_share as double)
        as decimal(18, 2)
    ) as time_avoidable,
    cast(coalesce(events.outcome_loss, catalogue.expected_loss) as decimal(18, 2)) as loss,
    cast(coalesce(events.forgone_fee, catalogue.forgone_fee) as decimal(18, 2)) as forgone_fee
from events
inner join staging.stg_courtesy_catalogue as catalogue on events.measure_id = catalogue.measure_id
left join intermediate.int_resource_rates as rates
    on catalogue.resource_id = rates.resource_id and rates.period = date_trunc('month', events.occurred_on)
