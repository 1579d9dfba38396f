-- relation:   customer_entries
-- grain:      one row per entry of one customer's sub-ledger
-- key:        none
-- inputs:     marts.pnl_entries, staging.stg_courtesy_catalogue
-- params:     customer_id
-- outputs:    entry_date date, order_id varchar, pnl_line varchar, measure_id varchar, measure varchar,
--             account varchar, resource_id varchar, amount decimal(18,2), avoidable decimal(18,2),
--             rule_id varchar, provenance varchar, source_table varchar, source_key varchar
with entries as (
    select
        entry_date,
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
    from marts.pnl_entries
    where customer_id = $customer_id
)

select
    entries.entry_date,
    entries.order_id,
    entries.pnl_line,
    entries.measure_id,
    catalogue.name as measure,
    entries.account,
    entries.resource_id,
    entries.amount,
    entries.avoidable,
    entries.rule_id,
    entries.provenance,
    entries.source_table,
    entries.source_key
from entries
left join staging.stg_courtesy_catalogue as catalogue on entries.measure_id = catalogue.measure_id
order by
    entries.entry_date,
    entries.order_id,
    entries.pnl_line,
    entries.rule_id,
    entries.source_table,
    entries.source_key
