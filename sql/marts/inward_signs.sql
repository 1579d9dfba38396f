-- relation:   inward_signs
-- grain:      one row per sign of looking inward in a window; higher is worse
-- key:        sign
-- inputs:     staging.stg_contacts, staging.stg_deliveries, staging.stg_returns, staging.stg_peer_benchmarks, staging.stg_stock, intermediate.int_orders
-- params:     start_date, end_date, other_start, other_end
-- outputs:    sign varchar, aspect varchar, unit varchar, n bigint, value double, variance double,
--             benchmark double
-- with another window, only customers who bought in both are looked at: a sign that is better only because those who
-- had it worst have left is no better
with asked as (
    select cast($other_start as date) is null as of_all
),

stayed as (
    select customer_id
    from intermediate.int_orders
    where customer_id is not null
    group by customer_id
    having
        count(
            case
                when
                    ordered_on >= cast($start_date as date)
                    and ordered_on <= cast($end_date as date)
                    then 1
            end
        ) > 0
        and count(
            case
                when
                    ordered_on >= cast($other_start as date)
                    and ordered_on <= cast($other_end as date)
                    then 1
            end
        ) > 0
),

contacts as (
    select
        contacts.contact_id,
        contacts.reason,
        contacts.answer_code,
        cast(contacts.wait_s as double) as wait_s,
        cast(contacts.handle_s as double) as handle_s,
        cast(contacts.transfers as double) as transfers,
        contacts.is_complaint,
        contacts.is_resolved_first
    from staging.stg_contacts as contacts
    cross join asked
    left join stayed on contacts.customer_id = stayed.customer_id
    where
        contacts.opened_on >= cast($start_date as date)
        and contacts.opened_on <= cast($end_date as date)
        and (asked.of_all or stayed.customer_id is not null)
),

answers as (
    select
        reason,
        answer_code,
        count(*) as n_given,
        row_number() over (partition by reason order by count(*) desc, answer_code) as place
    from contacts
    where answer_code is not null
    group by reason, answer_code
),

orders as (
    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_at,
        orders.ordered_on
    from intermediate.int_orders as orders
    cross join asked
    left join stayed on orders.customer_id = stayed.customer_id
    where
        orders.ordered_on >= cast($start_date as date)
        and orders.ordered_on <= cast($end_date as date)
        and (asked.of_all or stayed.customer_id is not null)
),

deliveries as (
    select
        case when shipped.delivered_at > shipped.promised_to then 1.0 else 0.0 end as is_late,
        date_diff('minute', shipped.promised_from, shipped.promised_to) / 60.0 as promise_hours,
        date_diff('minute', orders.ordered_at, shipped.delivered_at) / 60.0 / 24 as delivery_days
    from staging.stg_deliveries as shipped
    inner join orders on shipped.order_id = orders.order_id
    where shipped.delivered_at is not null
),

sent_back as (
    select distinct order_id
    from staging.stg_returns
),

known_returns as (
    select count(*) as n
    from staging.stg_returns
),

-- who bought in as many days before the window, and whether he came back within it
earlier as (
    select
        before.customer_id,
        max(case when orders.customer_id is null then 1.0 else 0.0 end) as is_gone
    from intermediate.int_orders as before
    left join orders on before.customer_id = orders.customer_id
    where
        before.customer_id is not null
        and before.ordered_on < cast($start_date as date)
        and date_diff('day', before.ordered_on, cast($start_date as date))
        <= date_diff('day', cast($start_date as date), cast($end_date as date)) + 1
    group by before.customer_id
),

stock as (
    select sum(value) as held
    from staging.stg_stock
    where
        counted_on >= cast($start_date as date)
        and counted_on <= cast($end_date as date)
    group by counted_on
),

observations as (
    select
        'customers who did not come back' as sign,
        'what customers feel' as aspect,
        'share' as unit,
        'churn_share' as metric,
        is_gone as observed
    from earlier
    union all
    select
        'complaints' as sign,
        'what customers feel' as aspect,
        'share of contacts' as unit,
        'complaint_share' as metric,
        case when is_complaint then 1.0 else 0.0 end as observed
    from contacts
    where is_complaint is not null
    union all
    select
        'waiting on hold' as sign,
        'what customers feel' as aspect,
        'seconds' as unit,
        'wait_s' as metric,
        wait_s as observed
    from contacts
    where wait_s is not null
    union all
    select
        'waiting for the goods' as sign,
        'what customers feel' as aspect,
        'days' as unit,
        'delivery_days' as metric,
        delivery_days as observed
    from deliveries
    where delivery_days is not null
    union all
    select
        'late deliveries' as sign,
        'what customers feel' as aspect,
        'share of deliveries' as unit,
        'late_share' as metric,
        is_late as observed
    from deliveries
    union all
    select
        'width of the delivery promise' as sign,
        'what customers feel' as aspect,
        'hours' as unit,
        'promise_width_hours' as metric,
        promise_hours as observed
    from deliveries
    where promise_hours is not null
    union all
    select
        'orders with goods sent back' as sign,
        'what customers feel' as aspect,
        'share of orders' as unit,
        'return_share' as metric,
        case when sent_back.order_id is null then 0.0 else 1.0 end as observed
    from orders
    left join sent_back on orders.order_id = sent_back.order_id
    cross join known_returns
    where known_returns.n > 0
    union all
    select
        'transfers between departments' as sign,
        'what customers feel' as aspect,
        'share of contacts' as unit,
        'transfer_share' as metric,
        case when transfers > 0 then 1.0 else 0.0 end as observed
    from contacts
    where transfers is not null
    union all
    select
        'answers that differ from the usual one' as sign,
        'what customers feel' as aspect,
        'share of contacts' as unit,
        'inconsistent_share' as metric,
        case when answers.place = 1 then 0.0 else 1.0 end as observed
    from contacts
    inner join answers on contacts.reason = answers.reason and contacts.answer_code = answers.answer_code
    union all
    select
        'contacts not solved at once' as sign,
        'operation' as aspect,
        'share of contacts' as unit,
        'first_contact_resolution' as metric,
        case when is_resolved_first then 0.0 else 1.0 end as observed
    from contacts
    where is_resolved_first is not null
    union all
    select
        'handling of a contact' as sign,
        'operation' as aspect,
        'seconds' as unit,
        'handle_s' as metric,
        handle_s as observed
    from contacts
    where handle_s is not null
    union all
    select
        'inventory' as sign,
        'operation' as aspect,
        'money in stock on a day of counting' as unit,
        'stock_value' as metric,
        cast(held as double) as observed
    from stock
)

select
    seen.sign,
    max(seen.aspect) as aspect,
    max(seen.unit) as unit,
    count(*) as n,
    avg(cast(seen.observed as double)) as value,
    var_samp(cast(seen.observed as double)) as variance,
    -- peers publish how many were solved at once, we count those that were not
    max(
        case when seen.metric = 'first_contact_resolution' then 1 - peers.value else peers.value end
    ) as benchmark
from observations as seen
left join staging.stg_peer_benchmarks as peers on seen.metric = peers.metric and peers.segment = 'all'
group by seen.sign
order by seen.sign
