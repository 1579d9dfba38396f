-- relation:   practice_cases
-- grain:      one row per practice of a department, declared segment, and whether the practice was followed
-- key:        practice, segment, is_so
-- inputs:     staging.stg_deliveries, staging.stg_contacts, intermediate.int_orders, marts.pnl_entries, marts.customer_segments, marts.data_span
-- params:     follow_days
-- outputs:    practice varchar, department varchar, segment varchar, is_so boolean, n bigint, size double,
--             own_cost double, came_back_share double, later double, later_variance double
-- what a department does, what that costs the department, and what the customer brings the company in the days after it.
-- size: days late, hours of the promise, minutes on hold, transfers. Cases too young to be followed are left out.
with limits as (
    select cast($follow_days as integer) as follow_days
),

shipped as (
    select
        orders.customer_id,
        cast(deliveries.delivered_at as date) as happened_on,
        cast(deliveries.carrier_cost as double) as own_cost,
        date_diff('minute', deliveries.promised_to, deliveries.delivered_at) / 60.0 / 24 as days_late,
        date_diff('minute', deliveries.promised_from, deliveries.promised_to) / 60.0 as promise_hours
    from staging.stg_deliveries as deliveries
    inner join intermediate.int_orders as orders on deliveries.order_id = orders.order_id
    where orders.customer_id is not null and deliveries.delivered_at is not null
),

usual_promise as (
    select avg(promise_hours) as promise_hours
    from shipped
),

handling as (
    select
        source_key as contact_id,
        -sum(cast(amount as double)) as own_cost
    from marts.pnl_entries
    where source_table = 'contacts' and pnl_line = 'support'
    group by source_key
),

contacts as (
    select
        contacts.customer_id,
        contacts.opened_on as happened_on,
        handling.own_cost,
        contacts.wait_s / 60.0 as minutes_on_hold,
        contacts.transfers,
        contacts.is_resolved_first
    from staging.stg_contacts as contacts
    left join handling on contacts.contact_id = handling.contact_id
    where contacts.customer_id is not null
),

usual_hold as (
    select avg(minutes_on_hold) as minutes_on_hold
    from contacts
),

cases as (
    select
        'late delivery' as practice,
        'logistics' as department,
        customer_id,
        happened_on,
        own_cost,
        days_late > 0 as is_so,
        greatest(days_late, 0) as size
    from shipped
    where days_late is not null
    union all
    select
        'delivery promise wider than usual' as practice,
        'logistics' as department,
        shipped.customer_id,
        shipped.happened_on,
        shipped.own_cost,
        shipped.promise_hours > usual_promise.promise_hours as is_so,
        shipped.promise_hours as size
    from shipped
    cross join usual_promise
    where shipped.promise_hours is not null
    union all
    select
        'contact not solved at once' as practice,
        'service' as department,
        customer_id,
        happened_on,
        own_cost,
        not is_resolved_first as is_so,
        cast(null as double) as size
    from contacts
    where is_resolved_first is not null
    union all
    select
        'contact handed on' as practice,
        'service' as department,
        customer_id,
        happened_on,
        own_cost,
        transfers > 0 as is_so,
        cast(transfers as double) as size
    from contacts
    where transfers is not null
    union all
    select
        'wait on hold longer than usual' as practice,
        'service' as department,
        contacts.customer_id,
        contacts.happened_on,
        contacts.own_cost,
        contacts.minutes_on_hold > usual_hold.minutes_on_hold as is_so,
        contacts.minutes_on_hold as size
    from contacts
    cross join usual_hold
    where contacts.minutes_on_hold is not null
),

moments as (
    select distinct
        cases.customer_id,
        cases.happened_on
    from cases
    cross join marts.data_span as span
    cross join limits
    where date_diff('day', cases.happened_on, span.last_day) >= limits.follow_days
),

days as (
    select
        customer_id,
        attributed_on,
        sum(cast(amount as double)) as contribution
    from marts.pnl_entries
    where pnl_line <> 'acquisition' and customer_id is not null
    group by customer_id, attributed_on
),

followed as (
    select
        moments.customer_id,
        moments.happened_on,
        coalesce(sum(days.contribution), 0) as later,
        count(days.attributed_on) as n_later
    from moments
    cross join limits
    left join days
        on
            moments.customer_id = days.customer_id
            and moments.happened_on < days.attributed_on
            and date_diff('day', moments.happened_on, days.attributed_on) <= limits.follow_days
    group by moments.customer_id, moments.happened_on
)

select
    cases.practice,
    cases.department,
    coalesce(segments.segment, 'not declared') as segment,
    cases.is_so,
    count(*) as n,
    avg(cast(cases.size as double)) as size,
    avg(cases.own_cost) as own_cost,
    avg(case when followed.n_later > 0 then cast(1 as double) else cast(0 as double) end) as came_back_share,
    avg(followed.later) as later,
    var_samp(followed.later) as later_variance
from cases
inner join followed on cases.customer_id = followed.customer_id and cases.happened_on = followed.happened_on
left join marts.customer_segments as segments on cases.customer_id = segments.customer_id
group by cases.practice, cases.department, coalesce(segments.segment, 'not declared'), cases.is_so
order by cases.practice, segment, cases.is_so
