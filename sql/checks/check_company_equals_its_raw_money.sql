-- relation:   check_company_equals_its_raw_money
-- grain:      one row per source of sales whose money the sub-ledger does not hold to the cent
-- inputs:     marts.pnl_entries, staging.stg_orders, staging.stg_transactions
-- outputs:    orders_difference decimal(38,2), transactions_difference decimal(38,2)
with booked as (
    select
        coalesce(sum(case when pnl_line = 'gross_list' and source_table = 'orders' then amount end), 0)
            as orders,
        coalesce(sum(case when source_table = 'transactions' then amount end), 0) as transactions
    from marts.pnl_entries
),

came as (
    select
        (select coalesce(sum(gross_list), 0) from staging.stg_orders) as orders,
        (select coalesce(sum(amount), 0) from staging.stg_transactions) as transactions
)

select
    booked.orders - came.orders as orders_difference,
    booked.transactions - came.transactions as transactions_difference
from booked
cross join came
where
    booked.orders <> came.orders
    or booked.transactions <> came.transactions
