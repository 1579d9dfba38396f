-- relation:   pnl_entries
-- grain:      one row per entry of the sub-ledger: income positive, costs negative, ex tax
-- key:        none
-- inputs:     intermediate.int_pnl_orders, intermediate.int_pnl_returns, intermediate.int_pnl_deliveries, intermediate.int_pnl_time, intermediate.int_pnl_courtesy, intermediate.int_pnl_acquisition, intermediate.int_pnl_transactions, intermediate.int_pnl_services, intermediate.int_pnl_moves, intermediate.int_orders, staging.stg_gl_accounts
-- stored:     table
-- outputs:    period date, entry_date date, attributed_on date, customer_id varchar,
--             order_id varchar, pnl_line varchar, measure_id varchar, account varchar,
--             resource_id varchar, amount decimal(18,2), avoidable decimal(18,2), rule_id varchar,
--             provenance varchar, source_table varchar, source_key varchar
with entries as (
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_orders
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_returns
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_deliveries
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_time
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_courtesy
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_acquisition
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_transactions
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_services
    union all
    select
        entry_date,
        customer_id,
        order_id,
        pnl_line,
        measure_id,
        account,
        resource_id,
        amount,
        avoidable,
        rule_id,
        provenance,
        source_table,
        source_key
    from intermediate.int_pnl_moves
),

accounts as (
    select
        pnl_line,
        min(account) as account
    from staging.stg_gl_accounts
    where cost_class <> 'time' or cost_class is null
    group by pnl_line
),

time_accounts as (
    select
        resource_id,
        min(account) as account
    from staging.stg_gl_accounts
    where resource_id is not null
    group by resource_id
),

-- parts of a courtesy that finance books elsewhere than with its direct cost; a move stays on its line's account
elsewhere (rule_id, pnl_line) as (
    values
    ('move.carrier_cost', 'carrier_cost'),
    ('move.refunds', 'refunds'),
    ('move.goods_recovered', 'goods_recovered'),
    ('move.write_down', 'write_down'),
    ('move.returns_handling', 'returns_handling'),
    ('move.parts_cost', 'parts_cost'),
    ('courtesy.expected_loss', 'courtesy_loss'),
    ('courtesy.true_up', 'courtesy_true_up')
)

select
    cast(date_trunc('month', entries.entry_date) as date) as period,
    entries.entry_date,
    -- an order's later costs belong to the order: windows of tests and cohorts go by this day
    coalesce(orders.ordered_on, entries.entry_date) as attributed_on,
    entries.customer_id,
    entries.order_id,
    entries.pnl_line,
    entries.measure_id,
    case
        when entries.resource_id is not null then time_accounts.account
        else coalesce(own.account, entries.account, accounts.account)
    end as account,
    entries.resource_id,
    entries.amount,
    entries.avoidable,
    entries.rule_id,
    entries.provenance,
    entries.source_table,
    entries.source_key
from entries
left join intermediate.int_orders as orders on entries.order_id = orders.order_id
left join accounts on entries.pnl_line = accounts.pnl_line
left join elsewhere on entries.rule_id = elsewhere.rule_id
left join accounts as own on elsewhere.pnl_line = own.pnl_line
left join time_accounts on entries.resource_id = time_accounts.resource_id
where entries.amount is not null
