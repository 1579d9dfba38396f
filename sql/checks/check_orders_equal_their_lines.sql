-- relation:   check_orders_equal_their_lines
-- grain:      one row per order whose gross_list or discount is not the sum of its lines
-- inputs:     staging.stg_orders, staging.stg_order_lines, staging.stg_gl_accounts
-- outputs:    order_id varchar, period date, account varchar, gross_list decimal(18,2),
--             sum_of_lines decimal(38,2), discount decimal(18,2), discount_of_lines decimal(38,2)
-- a price may have parts of a cent: an order is right whether each line was rounded or their sum
with summed as (
    select
        order_id,
        cast(sum(qty * list_price) as decimal(38, 2)) as gross_list,
        sum(cast(qty * list_price as decimal(38, 2))) as gross_of_rounded_lines,
        sum(discount) as discount
    from staging.stg_order_lines
    group by order_id
),

accounts as (
    select
        pnl_line,
        min(account) as account
    from staging.stg_gl_accounts
    group by pnl_line
)

select
    orders.order_id,
    cast(date_trunc('month', orders.ordered_on) as date) as period,
    accounts.account,
    orders.gross_list,
    summed.gross_list as sum_of_lines,
    orders.discount,
    summed.discount as discount_of_lines
from staging.stg_orders as orders
inner join summed on orders.order_id = summed.order_id
left join accounts
    on
        case
            when orders.gross_list not in (summed.gross_list, summed.gross_of_rounded_lines) then 'gross_list'
            else 'discounts'
        end
        = accounts.pnl_line
where
    orders.gross_list not in (summed.gross_list, summed.gross_of_rounded_lines)
    -- a discount may be given on the order as a whole: then no line has one
    or (summed.discount <> 0 and orders.discount <> summed.discount)
order by orders.order_id
