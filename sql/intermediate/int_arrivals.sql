-- relation:   int_arrivals
-- grain:      one row per customer: since when he is there; without a day of acquisition, from his first order on
-- key:        customer_id
-- inputs:     staging.stg_customers, intermediate.int_orders
-- outputs:    customer_id varchar, region varchar, acquired_on date
select
    customers.customer_id,
    customers.region,
    coalesce(customers.acquired_on, min(orders.ordered_on)) as acquired_on
from staging.stg_customers as customers
left join intermediate.int_orders as orders on customers.customer_id = orders.customer_id
group by customers.customer_id, customers.region, customers.acquired_on
