-- relation:   returns
-- grain:      one row per return
-- key:        return_id
-- required:   return_id, order_id, returned_at, refund
-- references: order_id -> orders
-- reject:     refund < 0 : refund is negative
-- reject:     returned_at >= tomorrow : returned_at lies in the future
create table raw.returns (
    return_id varchar,
    order_id varchar,
    line_no smallint,
    returned_at timestamp,
    qty integer,
    refund decimal(18, 2), -- positive
    reason varchar,
    cogs_recovered decimal(18, 2), -- cost of goods that came back, positive
    write_down decimal(18, 2), -- of it not resellable, positive
    inbound_freight decimal(18, 2), -- positive
    inspect_min double,
    within_policy boolean
)
