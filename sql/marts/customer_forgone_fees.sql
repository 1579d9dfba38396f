-- relation:   customer_forgone_fees
-- grain:      one row per courtesy of one customer by which a fee was not charged: a memo, in no sum
-- key:        event_id
-- inputs:     intermediate.int_courtesy_events
-- params:     customer_id
-- outputs:    occurred_on date, order_id varchar, measure_id varchar, measure varchar, event_id varchar,
--             detected varchar, forgone_fee decimal(18,2), source_table varchar, source_key varchar
select
    occurred_on,
    order_id,
    measure_id,
    measure,
    event_id,
    detected,
    forgone_fee,
    source_table,
    source_key
from intermediate.int_courtesy_events
where customer_id = $customer_id and forgone_fee <> 0
order by occurred_on, event_id
