-- relation:   bundle_items
-- grain:      one row per measure of a level; a level holds those below it only where they are listed again
-- key:        level, business_type, measure_id
-- required:   level, business_type, measure_id, dose
-- references: level -> service_levels
-- references: measure_id -> courtesy_catalogue
create table raw.bundle_items (
    level smallint,
    business_type varchar, -- all: every type
    measure_id varchar,
    dose double -- events per customer and year
)
