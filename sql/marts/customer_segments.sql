-- relation:   customer_segments
-- grain:      one row per customer with a declared segment, the latest
-- key:        customer_id
-- inputs:     staging.stg_segments
-- outputs:    customer_id varchar, segment varchar
with latest as (
    select
        customer_id,
        segment,
        row_number() over (partition by customer_id order by snapshot desc) as age
    from staging.stg_segments
    where method = 'declared'
)

select
    customer_id,
    segment
from latest
where age = 1
