-- relation:   check_rules_have_one_measure
-- grain:      one row per measure of the catalogue whose rule another measure has, too: it is found by none
-- inputs:     intermediate.int_courtesy_measures
-- outputs:    measure_id varchar, rule varchar, found_as varchar
select
    catalogue.measure_id,
    catalogue.rule_of_catalogue as rule,
    found.measure_id as found_as
from intermediate.int_courtesy_measures as catalogue
inner join intermediate.int_courtesy_measures as found on catalogue.rule_of_catalogue = found.rule
where catalogue.measure_id <> found.measure_id
