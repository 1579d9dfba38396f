-- relation:   stg_activity_terms
-- grain:      one row per activity: the minutes that each term of its time equation adds
-- key:        activity_id
-- inputs:     raw.activity_terms
-- outputs:    activity_id varchar, per_transfer double, per_piece double, per_attempt double, per_km double
select
    activity_id,
    sum(case when term = 'transfer' then minutes else 0 end) as per_transfer,
    sum(case when term = 'piece' then minutes else 0 end) as per_piece,
    sum(case when term = 'attempt' then minutes else 0 end) as per_attempt,
    sum(case when term = 'km' then minutes else 0 end) as per_km
from raw.activity_terms
group by activity_id
