"""What a mapping file can say of files as people have them."""

from __future__ import annotations

from decimal import Decimal

import pytest

import custvalue as cv
from custvalue.data.mapping import TableMap, read_mapping
from custvalue.errors import SourceError


def test_header_row_is_another_way_to_say_skip():
    assert TableMap(header_row=4).skip == 3
    assert TableMap(header_row=1, skip=0).skip == 0


@pytest.mark.parametrize("entries", ["header_row = 4\nskip = 1", "header_row = 2\nheader = false", "header_row = 0"])
def test_header_row_that_contradicts_the_rest_is_refused(tmp_path, entries):
    file = tmp_path / "map.toml"
    file.write_text(f"[tables.orders]\n{entries}\n")
    with pytest.raises(SourceError, match=r"map\.toml: entry tables\.orders.*header_row|header_row"):
        read_mapping(file)


@pytest.mark.parametrize("form", ["%e.%m.%Y", "%s", "%Q"])
def test_a_format_that_the_engine_lacks_is_told_by_its_entry(tmp_path, form):
    file = tmp_path / "map.toml"
    file.write_text(f'[tables.orders]\ndate_format = "{form}"\n')
    with pytest.raises(SourceError, match=r"map\.toml: entry tables\.orders\.date_format: .* is no format of dates"):
        read_mapping(file)


def test_a_discount_that_may_be_subtracted_twice_is_doubted(tmp_path):
    """90.00 were paid after 10.00 off 100.00: from "Total" the discount would be taken twice."""
    (tmp_path / "o.csv").write_text(
        "no,who,day,Total,Discount\n1,ann,2025-01-01,90.00,10.00\n2,bob,2025-01-02,50.00,0.00\n"
    )
    columns = 'order_id = "no"\ncustomer_id = "who"\nordered_at = "day"\ndiscount = "Discount"\n'
    head = '[tables.orders]\nfile = "o.csv"\n[tables.orders.columns]\n' + columns
    (tmp_path / "map.toml").write_text(head + 'gross_list = "Total"\n')
    with cv.open() as shop:
        (doubt,) = shop.load(tmp_path / "o.csv", mapping=tmp_path / "map.toml").remarks
        assert doubt == (
            "o.csv: 'Discount' is subtracted from 'Total' in 1 row, 10.00 in all; if 'Total' is what was left after it,"
            ' the mapping says gross_list = { expression = "Total + Discount" }.'
        )
    (tmp_path / "map.toml").write_text(head + 'gross_list = { expression = "Total + Discount" }\n')
    with cv.open() as shop:
        assert shop.load(tmp_path / "o.csv", mapping=tmp_path / "map.toml").remarks == ()
        assert cv.customer_profit(shop).company["net_revenue"].item() == Decimal("140.00")
