-- relation:   build_log
-- grain:      one row: the state of sql/ that views and stored tables were built from
create table meta.build_log (
    fingerprint varchar
)
