-- relation:   int_standard_measures
-- grain:      one row per measure that custvalue can find in the transactions, in the words of the standard catalogue
-- key:        rule
-- inputs:
-- outputs:    rule varchar, name varchar, trigger_rule varchar, costs_nothing_more boolean
-- costs_nothing_more: its money stands on other lines already, so it needs no row of the catalogue
with standard (rule, name, trigger_rule, costs_nothing_more) as (
    values
    ('free_delivery', 'free delivery', 'delivery_fee_charged < fee schedule', true),
    ('refund_beyond_policy', 'refund beyond policy', 'return outside policy (within_policy=false)', true),
    ('repair_after_warranty', 'repair after warranty expiry', 'claim with age > warranty', true),
    ('extension', 'service extension', 'used/entitled >= 0.89 (parameter)', false),
    ('early_start', 'urgent rendering before formal order', 'work start < order date', false),
    ('last_minutes', 'serve in the last 5 minutes before closing', 'opened_at > close-5min', false)
)

select
    rule,
    name,
    trigger_rule,
    costs_nothing_more
from standard
