-- relation:   courtesy_costs
-- grain:      one row per measure, customer and departments with a courtesy in the window
-- key:        measure_id, customer_id, granted_by_dept, borne_by_dept
-- inputs:     intermediate.int_courtesy_events
-- params:     start_date, end_date
-- outputs:    measure_id varchar, measure varchar, customer_id varchar, granted_by_dept varchar,
--             borne_by_dept varchar, accounting_view varchar, n_events bigint, minutes double,
--             full_cost decimal(18,2), avoidable_cost decimal(18,2), forgone_fee decimal(18,2),
--             economic_cost decimal(18,2)
select
    measure_id,
    max(measure) as measure,
    customer_id,
    granted_by_dept,
    borne_by_dept,
    max(accounting_view) as accounting_view,
    count(*) as n_events,
    sum(minutes) as minutes,
    cast(sum(direct_cost + driver_cost + coalesce(time_cost, 0) + loss) as decimal(18, 2)) as full_cost,
    cast(sum(direct_cost + driver_cost + coalesce(time_avoidable, 0) + loss) as decimal(18, 2))
        as avoidable_cost,
    cast(sum(forgone_fee) as decimal(18, 2)) as forgone_fee,
    -- without a test every order would have come anyway: a fee not charged is lost whole
    cast(
        sum(
            case
                when forgone_fee > 0 then forgone_fee
                else direct_cost + driver_cost + coalesce(time_avoidable, 0) + loss
            end
        ) as decimal(18, 2)
    ) as economic_cost
from intermediate.int_courtesy_events
where
    occurred_on >= cast($start_date as date)
    and occurred_on <= cast($end_date as date)
group by measure_id, customer_id, granted_by_dept, borne_by_dept
order by measure_id, customer_id, granted_by_dept, borne_by_dept
