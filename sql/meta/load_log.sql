-- relation:   load_log
-- grain:      one row per source and table loaded
-- key:        source_id
create table meta.load_log (
    source_id integer,
    table_name varchar,
    source_name varchar, -- as shown
    identity varchar, -- the file's whole path, or the content's hash for a frame
    content_hash varchar,
    currency varchar,
    n_read bigint,
    n_accepted bigint,
    n_unattributed bigint,
    n_rejected bigint,
    n_identical bigint, -- accepted lines that repeat another to the letter
    loaded_at timestamp,
    n_left_out bigint, -- by a rule of the mapping
    n_merged bigint, -- went into an earlier row of the same order, customer, ...
    money_came decimal(38, 2), -- absolute amounts of all rows as the file writes them; null where a rule changes them
    money_left_out decimal(38, 2) -- absolute amounts of the rows that a rule of the mapping leaves out
)
