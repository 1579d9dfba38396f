"""Which table a source feeds: a mapping that fits nothing says so, and a file that fits nothing is told what it lacks."""

from __future__ import annotations

import polars as pl
import pytest

from custvalue.data.mapping import read_mapping
from custvalue.data.warehouse import open_warehouse
from custvalue.errors import SourceError

THREE = "customer_id,ordered_at,amount\nann,2025-01-01,10.00\n"


@pytest.fixture(scope="module")
def shop():
    with open_warehouse() as shop:
        yield shop


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


# ------------------------------------------------------------------------------------------------ mappings


@pytest.mark.parametrize(
    ("mapping", "message", "hint"),
    [
        ("[tables.transaction]", "The mapping's [tables.transaction] is no table of ours.", "Did you mean transactions?"),
        ("[tables.transactions.columns]\ncustmer_id = 'Kunde'",
         "The mapping fills transactions.custmer_id, which is no column of transactions.", "Did you mean customer_id?"),
        ("[tables.transactions]\ntime_zone = 'Europe/Zurch'", "The mapping's time_zone 'Europe/Zurch' is no time zone.",
         "Europe/Zurich"),
        ("[tables.transactions.columns]\ncustomer_id = 'Kunde'",
         ("t.csv has no column 'Kunde', which the mapping names for transactions.customer_id;"
          " it has: customer_id, ordered_at, amount."), ""),
        ("[tables.orders]\n[tables.orders.columns]\nquantity = 'x'", "The mapping fills orders.quantity, which is no column", ""),
    ],
    ids=["table", "column of ours", "zone", "column of theirs", "column of another table"],
)  # fmt: skip
def test_a_mapping_that_names_what_is_not_there_is_refused(shop, put, mapping, message, hint):
    with pytest.raises(SourceError) as caught:
        shop.load(put("t.csv", THREE), mapping=put("m.toml", mapping))
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


TWO = """
[tables.customers]
file = "customers-*.csv"
[tables.orders]
file = "orders-*.csv"
[tables.transactions]
file = "t.csv"
"""


def test_entries_without_a_file_are_remarked(shop, put):
    report = shop.load(put("t.csv", THREE), mapping=put("m.toml", TWO))
    assert report.remarks == (
        (
            'No file here is one of the mapping\'s [tables.customers] (file = "customers-*.csv"),'
            ' [tables.orders] (file = "orders-*.csv"): nothing is read by it.'
        ),
    )
    assert shop.load(put("t.csv", THREE), mapping=put("m.toml", "[tables.transactions]")).remarks == ()


def test_an_error_says_which_entry_did_not_match(shop, put):
    with pytest.raises(SourceError, match=r"sales\.csv fits no table") as caught:
        shop.load(put("sales.csv", "CustomerID,InvoiceDate\n1,2\n"), mapping="online_retail")
    assert caught.value.hint.endswith('[tables.transactions] (file = "*online*retail*"): nothing is read by it.')


def test_file_names_match_in_capitals_too():
    """The file comes from UCI as `Online Retail.xlsx`."""
    assert [table for table, _ in read_mapping("online_retail").for_file("Online Retail.xlsx")] == ["transactions"]


def test_a_frame_has_no_name_and_takes_the_entry_of_its_table(put):
    mapping = put(
        "m.toml", '[tables.transactions]\nfile = "kasse-*.csv"\n[tables.transactions.columns]\ncustomer_id = "Kunde"\n'
    )
    frame = pl.DataFrame({"Kunde": ["ann"], "ordered_at": ["2025-01-01"], "amount": [1]})
    for table in (None, "transactions"):
        with open_warehouse() as shop:
            assert shop.load(frame, mapping=mapping, table=table).remarks == ()
            assert shop.fetch("transactions")["customer_id"].to_list() == ["ann"]


def test_an_entry_may_say_how_to_read_a_column_that_keeps_its_name(shop, put):
    mapping = put("m.toml", "[tables.transactions.columns]\namount = { multiply = 0.01 }\n")
    shop.load(put("t.csv", THREE.replace("10.00", "1234").replace("ann", "zoe")), mapping=mapping)
    assert float(shop.fetch("transactions").filter(customer_id="zoe")["amount"].item()) == 12.34


# ------------------------------------------------------------------------------------------------ no table


def test_a_file_that_fits_no_table_is_told_the_closest(shop, put):
    with pytest.raises(SourceError) as caught:
        shop.load(put("march.csv", "order_id,customer,ordered_at,gross_list\n1,ann,2025-01-01,10\n"))
    assert caught.value.message == (
        "march.csv fits no table: 'march' is none of ours, and it has no columns customer_id, ordered_at, amount."
    )
    first, *tables, last = caught.value.hint.splitlines()
    assert first == "Tables that are closest by their columns:"
    assert tables == [
        "  orders has order_id, ordered_at, gross_list too, and needs no more",
        "  transactions has order_id, ordered_at too, and needs amount",
        "  deliveries has order_id too, and needs delivery_id",
    ]
    assert last.startswith(
        'If it is orders, call it orders.csv, or say so in a mapping: [tables.orders] file = "march.csv"'
    )


def test_quantity_and_price_are_an_amount(shop, put):
    with pytest.raises(SourceError) as caught:
        shop.load(put("march.csv", "Kunde,ordered_at,quantity,unit_price\nann,2025-01-01,1,10\n"))
    assert "  transactions has ordered_at, quantity, unit_price too, and needs no more" in caught.value.hint


def test_a_file_with_nothing_of_ours_is_shown_the_way_to_three_columns(shop, put):
    with pytest.raises(SourceError) as caught:
        shop.load(put("a.csv", "Kunde,Tag\n1,2\n"))
    first, last = caught.value.hint.splitlines()
    assert first == "No table has any of its columns."
    assert "[tables.transactions.columns]" in last
