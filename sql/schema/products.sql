-- relation:   products
-- grain:      one row per product
-- key:        product_id
-- required:   product_id
-- reject:     list_price < 0 : list_price is negative
-- reject:     unit_cost < 0 : unit_cost is negative
create table raw.products (
    product_id varchar,
    category varchar,
    list_price decimal(18, 6),
    unit_cost decimal(18, 6),
    warranty_months smallint,
    weight_kg double,
    return_salvage_rate decimal(18, 6)
)
