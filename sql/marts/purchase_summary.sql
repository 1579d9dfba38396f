-- relation:   purchase_summary
-- grain:      one row per customer with a purchase until as_of
-- key:        customer_id
-- inputs:     intermediate.int_purchase_days
-- params:     as_of, days_per_unit
-- outputs:    customer_id varchar, frequency bigint, recency double, T double, monetary_value double,
--             sum_log_intervals double
with numbered as (
    select
        customer_id,
        purchased_on,
        amount,
        lag(purchased_on) over (partition by customer_id order by purchased_on) as purchased_before
    from intermediate.int_purchase_days
    where purchased_on <= cast($as_of as date)
)

select
    customer_id,
    count(*) - 1 as frequency,
    date_diff('day', min(purchased_on), max(purchased_on)) / cast($days_per_unit as double) as recency,
    date_diff('day', min(purchased_on), cast($as_of as date)) / cast($days_per_unit as double) as T, -- noqa: CP02
    cast(sum(case when purchased_before is not null then amount end) as double)
    / nullif(count(*) - 1, 0) as monetary_value,
    coalesce(
        sum(ln(date_diff('day', purchased_before, purchased_on) / cast($days_per_unit as double))), 0
    ) as sum_log_intervals
from numbered
group by customer_id
order by customer_id
