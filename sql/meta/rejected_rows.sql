-- relation:   rejected_rows
-- grain:      one row per row that was set aside
-- key:        source_id, row_number
create table meta.rejected_rows (
    source_id integer,
    table_name varchar,
    row_number bigint, -- first row after the header is 1
    reason varchar,
    as_it_came varchar, -- JSON of the source's columns
    cause varchar, -- the reason without the value: what such rows have in common
    value varchar, -- the value that could not be used, quoted; null where the cause is not one value
    money decimal(38, 2), -- its amount, where that can be read
    is_repeat boolean -- its order, line or key stands in the books already
)
