-- relation:   uncosted_sales
-- grain:      one row per order with goods that have no cost, in a shop where others have one
-- key:        order_id
-- inputs:     intermediate.int_orders, staging.stg_orders, staging.stg_order_lines, staging.stg_products
-- params:     start_date, end_date
-- outputs:    order_id varchar, customer_id varchar, n_lines bigint, sales decimal(38,2)
with lines as (
    select
        lines.order_id,
        lines.qty * lines.list_price - lines.discount as sales,
        coalesce(lines.unit_cost, products.unit_cost) is not null as has_cost
    from staging.stg_order_lines as lines
    left join staging.stg_products as products on lines.product_id = products.product_id
),

known as (
    select count(case when has_cost then 1 end) as n_costed
    from lines
),

uncosted as (
    select
        order_id,
        count(*) as n_lines,
        sum(sales) as sales
    from lines
    where not has_cost
    group by order_id
    union all
    -- an order without lines has no cost of goods at all
    select
        orders.order_id,
        cast(0 as bigint) as n_lines,
        orders.gross_list - orders.discount as sales
    from staging.stg_orders as orders
    left join lines on orders.order_id = lines.order_id
    where lines.order_id is null and orders.gross_list > 0
)

select
    uncosted.order_id,
    orders.customer_id,
    uncosted.n_lines,
    cast(uncosted.sales as decimal(38, 2)) as sales
from uncosted
inner join intermediate.int_orders as orders on uncosted.order_id = orders.order_id
cross join known
where
    known.n_costed > 0
    and orders.ordered_on >= cast($start_date as date)
    and orders.ordered_on <= cast($end_date as date)
order by uncosted.order_id
