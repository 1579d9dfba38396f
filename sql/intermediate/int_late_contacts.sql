-- relation:   int_late_contacts
-- grain:      one row per contact served in the last minutes before closing
-- key:        contact_id
-- inputs:     staging.stg_contacts, intermediate.int_closing_times, intermediate.int_courtesy_measures
-- outputs:    contact_id varchar, customer_id varchar, order_id varchar, opened_on date, is_by_last_site boolean
-- is_by_last_site: the contact names no site and sites close at different times, so the latest closing was taken
with last_minutes as (
    select coalesce(max(trigger_at), 5) as minutes
    from intermediate.int_courtesy_measures
    where rule = 'last_minutes'
),

sites as (
    select distinct site
    from intermediate.int_closing_times
    where site is not null
),

-- a site that closes after midnight closes on the day after its weekday
days (back) as (
    values
    (0),
    (1)
),

served as (
    select
        contacts.contact_id,
        contacts.customer_id,
        contacts.order_id,
        contacts.opened_on,
        sites.site,
        -- 1 January 1900 was a Monday
        (date_diff('day', date '1900-01-01', contacts.opened_on) - days.back) % 7 + 1 as weekday,
        (extract(hour from contacts.opened_at) + 24 * days.back) * 60
        + extract(minute from contacts.opened_at) as served_minute
    from staging.stg_contacts as contacts
    cross join days
    left join sites on contacts.site = sites.site
)

select
    served.contact_id,
    max(served.customer_id) as customer_id,
    max(served.order_id) as order_id,
    max(served.opened_on) as opened_on,
    max(case when hours.site is null and hours.n_times > 1 then 1 else 0 end) = 1 as is_by_last_site
from served
inner join intermediate.int_closing_times as hours
    on served.weekday = hours.weekday and coalesce(served.site, '') = coalesce(hours.site, '')
cross join last_minutes
where served.served_minute between hours.closes_minute - last_minutes.minutes and hours.closes_minute - 1
group by served.contact_id
