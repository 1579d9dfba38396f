-- relation:   int_courtesy_events
-- grain:      one row per courtesy granted, logged, derived or both, with what its measure says of cost and minutes
-- key:        event_id
-- inputs:     staging.stg_courtesy_events, intermediate.int_derived_courtesies, intermediate.int_courtesy_matches, intermediate.int_courtesy_measures
-- stored:     table
-- outputs:    event_id varchar, measure_id varchar, measure varchar, rule varchar, customer_id varchar,
--             order_id varchar, occurred_on date, units double, detected varchar, granted varchar, granted_by_dept varchar,
--             borne_by_dept varchar, accounting_view varchar, ledger_account varchar, resource_id varchar,
--             provenance varchar, has_own_cost boolean, has_own_minutes boolean,
--             direct_cost decimal(18,2), stated_cost decimal(18,2), borne decimal(18,2), carrier_cost decimal(18,2),
--             driver_cost decimal(18,2), minutes double, stated_minutes double, expected_loss decimal(18,2),
--             outcome_loss decimal(18,2), outcome_on date, loss decimal(18,2), forgone_fee decimal(18,2),
--             source_table varchar, source_key varchar
-- a logged courtesy that is one of the transactions adds what it knows; its stated cost is money that stands on another
-- line already, up to what stands there. Minutes above standard are never below zero: saved time shows in the standard.
with logged as (
    select
        events.event_id,
        events.measure_id,
        events.customer_id,
        events.order_id,
        events.occurred_on,
        events.units,
        events.minutes,
        events.direct_cost,
        events.forgone_fee,
        events.outcome_loss,
        events.outcome_on,
        events.granted_by_dept,
        events.borne_by_dept,
        matches.rule,
        matches.source_key
    from staging.stg_courtesy_events as events
    left join intermediate.int_courtesy_matches as matches on events.event_id = matches.event_id
),

events as (
    select
        event_id,
        measure_id,
        cast(null as varchar) as rule,
        customer_id,
        order_id,
        occurred_on,
        units,
        minutes,
        direct_cost as stated_cost,
        direct_cost,
        cast(0 as decimal(18, 2)) as borne,
        cast(null as decimal(18, 2)) as carrier_cost,
        forgone_fee,
        outcome_loss,
        outcome_on,
        granted_by_dept,
        borne_by_dept,
        'logged' as detected,
        'beyond rule' as granted,
        'courtesy_events' as source_table,
        event_id as source_key
    from logged
    where rule is null
    union all
    select
        derived.event_id,
        coalesce(logged.measure_id, measures.measure_id) as measure_id,
        derived.rule,
        derived.customer_id,
        derived.order_id,
        derived.occurred_on,
        coalesce(logged.units, derived.units) as units,
        logged.minutes,
        logged.direct_cost as stated_cost,
        case
            when logged.direct_cost is not null then greatest(logged.direct_cost - derived.bearable, 0)
            when derived.rule in ('free_delivery', 'repair_after_warranty') then 0
        end as direct_cost,
        case
            when derived.rule = 'free_delivery' and logged.direct_cost is not null
                then least(logged.direct_cost, derived.bearable)
            else derived.borne
        end as borne,
        derived.carrier_cost,
        derived.fee_forgone as forgone_fee,
        logged.outcome_loss,
        logged.outcome_on,
        logged.granted_by_dept,
        logged.borne_by_dept,
        case when logged.event_id is null then 'derived' else 'both' end as detected,
        derived.granted,
        derived.source_table,
        derived.source_key
    from intermediate.int_derived_courtesies as derived
    inner join intermediate.int_courtesy_measures as measures on derived.rule = measures.rule
    left join logged on derived.rule = logged.rule and derived.source_key = logged.source_key
)

select
    events.event_id,
    events.measure_id,
    measures.name as measure,
    events.rule,
    events.customer_id,
    events.order_id,
    events.occurred_on,
    events.units,
    events.detected,
    events.granted,
    coalesce(events.granted_by_dept, measures.default_bearer) as granted_by_dept,
    coalesce(events.borne_by_dept, measures.default_bearer) as borne_by_dept,
    measures.accounting_view,
    measures.ledger_account,
    measures.resource_id,
    measures.provenance,
    events.stated_cost is not null as has_own_cost,
    events.minutes is not null as has_own_minutes,
    cast(coalesce(events.direct_cost, measures.direct_cost) as decimal(18, 2)) as direct_cost,
    events.stated_cost,
    cast(events.borne as decimal(18, 2)) as borne,
    events.carrier_cost,
    cast(cast(events.units as decimal(18, 6)) * measures.driver_rate as decimal(18, 2)) as driver_cost,
    greatest(
        coalesce(events.minutes, measures.base_minutes + measures.minutes_per_unit * events.units), 0
    ) as minutes,
    coalesce(events.minutes, measures.base_minutes + measures.minutes_per_unit * events.units)
        as stated_minutes,
    cast(measures.expected_loss as decimal(18, 2)) as expected_loss,
    events.outcome_loss,
    events.outcome_on,
    cast(coalesce(events.outcome_loss, measures.expected_loss) as decimal(18, 2)) as loss,
    cast(coalesce(events.forgone_fee, measures.forgone_fee) as decimal(18, 2)) as forgone_fee,
    events.source_table,
    events.source_key
from events
inner join intermediate.int_courtesy_measures as measures on events.measure_id = measures.measure_id
