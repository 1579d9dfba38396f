-- relation:   int_courtesy_matches
-- grain:      one row per logged courtesy that is one found in the transactions, too
-- key:        event_id
-- inputs:     staging.stg_courtesy_events, intermediate.int_courtesy_measures, intermediate.int_derived_courtesies
-- outputs:    event_id varchar, rule varchar, source_key varchar, matched_by varchar
-- by delivery, return or contact, else by order, else by customer and day, else by customer within a week of it; the
-- nth of the log is the nth of the transactions. A log under another measure that names its delivery or order and
-- the fee it gave up is the free delivery of that order.
with logged as (
    select
        events.event_id,
        coalesce(measures.rule, case when events.forgone_fee > 0 then 'free_delivery' end) as rule,
        measures.rule is not null as is_own,
        events.customer_id,
        events.order_id,
        coalesce(events.delivery_id, events.return_id, events.contact_id) as source_key,
        events.occurred_on
    from staging.stg_courtesy_events as events
    left join intermediate.int_courtesy_measures as measures on events.measure_id = measures.measure_id
    where measures.rule is not null or events.forgone_fee > 0
),

derived as (
    select
        rule,
        source_key,
        customer_id,
        order_id,
        occurred_on
    from intermediate.int_derived_courtesies
),

log_by_key as (
    select
        event_id,
        rule,
        source_key,
        row_number() over (partition by rule, source_key order by event_id) as place
    from logged
    where source_key is not null
),

by_key as (
    select
        log_by_key.event_id,
        log_by_key.rule,
        log_by_key.source_key,
        'its own id' as matched_by
    from log_by_key
    inner join derived on log_by_key.rule = derived.rule and log_by_key.source_key = derived.source_key
    where log_by_key.place = 1
),

log_by_order as (
    select
        logged.event_id,
        logged.rule,
        logged.order_id,
        row_number() over (partition by logged.rule, logged.order_id order by logged.event_id) as place
    from logged
    left join by_key on logged.event_id = by_key.event_id
    where by_key.event_id is null and logged.order_id is not null and logged.source_key is null
),

derived_by_order as (
    select
        derived.rule,
        derived.source_key,
        derived.order_id,
        row_number() over (partition by derived.rule, derived.order_id order by derived.source_key) as place
    from derived
    left join by_key on derived.rule = by_key.rule and derived.source_key = by_key.source_key
    where by_key.event_id is null
),

by_order as (
    select
        log_by_order.event_id,
        log_by_order.rule,
        derived_by_order.source_key,
        'order' as matched_by
    from log_by_order
    inner join derived_by_order
        on
            log_by_order.rule = derived_by_order.rule
            and log_by_order.order_id = derived_by_order.order_id
            and log_by_order.place = derived_by_order.place
),

-- without any id only a measure that has the rule can be meant
open_log as (
    select
        logged.event_id,
        logged.rule,
        logged.customer_id,
        logged.occurred_on,
        row_number() over (
            partition by logged.rule, logged.customer_id, logged.occurred_on order by logged.event_id
        ) as place
    from logged
    where logged.is_own and logged.order_id is null and logged.source_key is null
),

open_derived as (
    select
        derived.rule,
        derived.source_key,
        derived.customer_id,
        derived.occurred_on,
        row_number() over (
            partition by derived.rule, derived.customer_id, derived.occurred_on order by derived.source_key
        ) as place
    from derived
    left join by_key on derived.rule = by_key.rule and derived.source_key = by_key.source_key
    left join by_order on derived.rule = by_order.rule and derived.source_key = by_order.source_key
    where by_key.event_id is null and by_order.event_id is null
),

by_day as (
    select
        open_log.event_id,
        open_log.rule,
        open_derived.source_key,
        'customer and day' as matched_by
    from open_log
    inner join open_derived
        on
            open_log.rule = open_derived.rule
            and open_log.customer_id = open_derived.customer_id
            and open_log.occurred_on = open_derived.occurred_on
            and open_log.place = open_derived.place
),

near as (
    select
        open_log.event_id,
        open_log.rule,
        open_derived.source_key,
        row_number() over (
            partition by open_log.event_id
            order by
                abs(date_diff('day', open_derived.occurred_on, open_log.occurred_on)), open_derived.source_key
        ) as choice_of_log,
        row_number() over (
            partition by open_derived.rule, open_derived.source_key
            order by abs(date_diff('day', open_derived.occurred_on, open_log.occurred_on)), open_log.event_id
        ) as choice_of_derived
    from open_log
    inner join open_derived
        on
            open_log.rule = open_derived.rule
            and open_log.customer_id = open_derived.customer_id
            and abs(date_diff('day', open_derived.occurred_on, open_log.occurred_on)) between 1 and 7
    left join by_day on open_log.event_id = by_day.event_id
    left join by_day as taken
        on open_derived.rule = taken.rule and open_derived.source_key = taken.source_key
    where by_day.event_id is null and taken.event_id is null
)

select
    event_id,
    rule,
    source_key,
    matched_by
from by_key
union all
select
    event_id,
    rule,
    source_key,
    matched_by
from by_order
union all
select
    event_id,
    rule,
    source_key,
    matched_by
from by_day
union all
select
    event_id,
    rule,
    source_key,
    'customer within a week' as matched_by
from near
where choice_of_log = 1 and choice_of_derived = 1
