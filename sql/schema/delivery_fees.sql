-- relation:   delivery_fees
-- grain:      one row per spell, mode and region of the fee schedule
-- key:        valid_from, mode, region
-- required:   valid_from, mode, region, fee
-- reject:     fee < 0 : fee is negative
create table raw.delivery_fees (
    valid_from date,
    valid_to date,
    mode varchar,
    region varchar, -- all: everywhere
    free_over decimal(18, 2), -- no fee where goods less discount reach it; null: never free
    fee decimal(18, 2)
)
