"""Numbers and moments in texts: converted exactly, or set aside with what the mapping has to say; never misread."""

from __future__ import annotations

import datetime as dt
import random
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custvalue.data.mapping import Mapping, TableMap, read_mapping
from custvalue.data.reading import moment, number
from custvalue.data.warehouse import open_warehouse
from custvalue.errors import SourceError


def load(source, **entry):
    """Load a frame, or lines of `amount` in a file, and return the report, the lines and what was set aside."""
    with open_warehouse() as shop:
        report = shop.load(source, mapping=Mapping(tables={"transactions": TableMap(**entry)}))
        rejected = shop.rejected("transactions")
        return report, shop.fetch("transactions"), rejected


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as con:
        con.execute("set timezone = 'Pacific/Auckland'")  # where the engine believes to be must not matter
        yield con


def read(engine, expression, texts):
    """Evaluate the SQL of `reading` on texts."""
    rows = engine.execute(
        f"select {expression} from (select unnest($texts::varchar[]) as t)", {"texts": texts}
    ).fetchall()
    return [value for (value,) in rows]


@pytest.fixture
def file(tmp_path):
    def write(column, values):
        rest = {"ordered_at": "amount", "amount": "ordered_at", "quantity": "ordered_at;unit_price"}[column]
        filled = {"amount": "1", "ordered_at": "2025-01-01", "ordered_at;unit_price": "2025-01-01;1"}[rest]
        lines = [f'ann;{filled};"{value}"' for value in values]
        path = tmp_path / "t.csv"
        path.write_text("\n".join([f"customer_id;{rest};{column}", *lines, ""]), encoding="utf-8")
        return path

    return write


# ------------------------------------------------------------------------------------------------ moments

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-03-01T10:00:00+02:00", "2025-03-01 08:00"), ("2025-03-01T23:30:00-05:00", "2025-03-02 04:30"),
        ("2025-03-01T10:00:00Z", "2025-03-01 10:00"), ("2025-03-01T10:00Z", "2025-03-01 10:00"),
        ("2025-03-01 10:00:00+0545", "2025-03-01 04:15"), ("2025-03-01 10:00:00.5 -05:30", "2025-03-01 15:30:00.5"),
        ("2025-03-01 10:00:00+02", "2025-03-01 08:00"), ("2025-07-01 10:00:00 Europe/Berlin", "2025-07-01 08:00"),
        ("2025-03-01 10:00:00 UTC", "2025-03-01 10:00"), ("2025-03-01 10:00:00", "2025-03-01 10:00"),
        ("2025-03-01", "2025-03-01 00:00"),
    ],
)  # fmt: skip
def test_an_offset_is_converted_to_utc_and_a_time_without_one_is_taken_as_it_stands(engine, text, utc):
    assert read(engine, moment("t", "TIMESTAMP", TableMap()), [text]) == [dt.datetime.fromisoformat(utc)]


def test_what_stands_after_the_time_and_is_no_zone_is_not_dropped(file):
    """10:00 PM would be twelve hours early."""
    texts = ["2025-03-01 10:00:00 PM", "2025-03-01 10:00:00 Nowhere"]
    _, lines, rejected = load(file("ordered_at", texts))
    assert lines.is_empty()
    assert rejected["reason"].to_list() == [f"ordered_at: '{text}' is not a date" for text in texts]


def test_texts_polars_and_pandas_give_the_same_instants_as_zoneinfo():
    chance, start = random.Random(1), dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
    instants = [start + dt.timedelta(minutes=chance.randrange(35 * 365 * 1440)) for _ in range(300)]
    twice = dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN)  # the clock shows it before and after it is put back
    instants += [twice.astimezone(dt.UTC), twice.replace(fold=1).astimezone(dt.UTC)]
    rest = {"customer_id": ["ann"] * len(instants), "amount": [1] * len(instants)}
    pandas = pd.DataFrame(rest | {"ordered_at": pd.to_datetime(instants).tz_convert("Europe/Berlin")})
    polars = pl.DataFrame(rest | {"ordered_at": instants}).with_columns(
        pl.col("ordered_at").dt.convert_time_zone("Asia/Kathmandu")
    )
    texts = pl.DataFrame(rest | {"ordered_at": [instant.astimezone(BERLIN).isoformat() for instant in instants]})
    for zone in ("UTC", "Europe/Berlin"):
        expected = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for instant in instants]
        for frame in (pandas, polars, texts):
            assert load(frame, time_zone=zone)[1]["ordered_at"].to_list() == expected


def test_parquet_with_a_zone_gives_the_same_instants(tmp_path):
    frame = pl.DataFrame({"customer_id": ["ann"], "ordered_at": [dt.datetime(2025, 7, 1, 23)], "amount": [1]})
    frame.with_columns(pl.col("ordered_at").dt.replace_time_zone("America/New_York")).write_parquet(
        tmp_path / "t.parquet"
    )
    assert load(tmp_path / "t.parquet")[1]["ordered_at"].to_list() == [dt.datetime(2025, 7, 2, 3)]


def test_a_conversion_to_utc_is_remarked_unless_the_mapping_states_a_zone(file):
    told = (
        "t.csv: ordered_at comes with offsets or zones, and was converted to UTC; where days are counted in another zone,"
        ' the mapping says time_zone = "..." under [tables.transactions].'
    )
    zoned = file("ordered_at", ["2025-01-01 10:00", "2025-01-01T10:00+01:00"])
    assert load(zoned)[0].remarks == (told,)
    assert load(zoned, time_zone="UTC")[0].remarks == ()
    assert load(file("ordered_at", ["2025-01-01 10:00", "2025-01-01"]))[0].remarks == ()


def test_a_time_without_an_offset_stays_in_a_stated_zone(engine):
    texts = ["2025-07-01 10:00:00", "2025-07-01T10:00:00Z", "2025-03-30 02:30:00"]  # the last is in no Berlin day
    found = read(engine, moment("t", "TIMESTAMP", TableMap(time_zone="Europe/Berlin")), texts)
    assert [f"{instant:%d %H:%M}" for instant in found] == ["01 10:00", "01 12:00", "30 02:30"]


def test_a_day_is_that_of_the_zone(engine):
    texts = ["2025-03-01T00:30:00+02:00", "2025-03-01"]
    assert read(engine, moment("t", "DATE", TableMap()), texts) == [dt.date(2025, 2, 28), dt.date(2025, 3, 1)]


@pytest.mark.parametrize(
    ("form", "text", "utc"),
    [
        ("%d.%m.%Y %H:%M %z", "01.03.2025 00:30 +0200", "2025-02-28 22:30"),
        ("%d.%m.%Y %H:%M %z", "01.03.2025 00:30 Z", "2025-03-01 00:30"),
        ("%d.%m.%Y %H:%M %Z", "01.07.2025 00:30 Europe/Berlin", "2025-06-30 22:30"),
        ("%d.%m.%Y %H:%M", "01.03.2025 00:30", "2025-03-01 00:30"),
    ],
)
def test_a_date_format_with_an_offset_is_converted_too(engine, form, text, utc):
    assert read(engine, moment("t", "TIMESTAMP", TableMap(date_format=form)), [text]) == [
        dt.datetime.fromisoformat(utc)
    ]


# ------------------------------------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "value"),
    [
        (",", None, "1.234,56", "1234.56"), (",", None, "1.234", "1234"), (",", None, "-1.234.567,8", "-1234567.8"),
        (",", None, "12,5", "12.50"), (None, ".", "1.234,56", "1234.56"), (".", ",", "1,234.56", "1234.56"),
        (None, ",", "1,234", "1234"), (".", None, "1.234", "1.23"), (None, "'", "1'234.50", "1234.50"),
        (None, "'", "1’234.50", "1234.50"), (",", " ", "1 234,50", "1234.50"), (",", " ", "1\u202f234,50", "1234.50"),
        (",", " ", "1234,50", "1234.50"),
    ],
)  # fmt: skip
def test_stated_marks_are_read(engine, decimal, thousands, text, value):
    stated = number("t", "DECIMAL(18,2)", TableMap(decimal=decimal, thousands=thousands))
    assert read(engine, stated, [text]) == [Decimal(value)]


def test_stated_thousands_are_groups_of_three(file):
    """Cutting out every point would read 12.50 as 1250."""
    texts = ["12.50", "1.23", "1.2345,00", "1,234.56", "1.234.56"]
    _, lines, rejected = load(file("amount", texts), decimal=",")
    assert lines.is_empty()
    why = 'is not a number with decimal = ",", thousands = "."'
    assert rejected["reason"].to_list() == [f"amount: '{text}' {why}" for text in texts]


GERMAN = str.maketrans(",.", ".,")
AMOUNTS = st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=20)


@settings(deadline=None)
@given(AMOUNTS)
def test_numbers_written_the_german_way_come_back_exactly(engine, amounts):
    texts = [f"{amount:,.2f}".translate(GERMAN) for amount in amounts]
    assert read(engine, number("t", "DECIMAL(18,2)", TableMap(decimal=",")), texts) == amounts


@settings(deadline=None)
@given(AMOUNTS)
def test_in_a_doubtful_column_no_number_written_the_german_way_is_misread(engine, amounts):
    """It is null or right, although 1.234 could be read as one and a bit."""
    texts = [f"{amount:,.2f}".translate(GERMAN).removesuffix(",00") for amount in amounts]
    found = read(engine, number("t", "DECIMAL(18,2)", TableMap(), doubtful=True), texts)
    expected = [a if a == a.to_integral() and abs(a) < 1000 else None for a in amounts]
    assert found == expected


@pytest.mark.parametrize(
    ("texts", "kept", "needs"),
    [
        (["1.234,56", "1.234", "12,5", "7"], [7], 'its column has decimal commas, so the mapping needs decimal = ","'),
        (["1.234.567", "1.234", "7"], [7], 'its column has thousands points, so the mapping needs decimal = ","'),
        (["1.234", "2.500", "7"], [7], 'points may mark thousands here, so the mapping needs decimal = "." or decimal = ","'),
        (["1,234.56", "1,234", "7.50"], [Decimal("7.50")], 'its column has thousands commas, so the mapping needs thousands = ","'),
        (["1,234", "7.50"], [Decimal("7.50")], 'its column has commas, so the mapping needs decimal = "," or thousands = ","'),
        (["1'234.50", "7.50"], [Decimal("7.50")], """its column has thousands apostrophes, so the mapping needs thousands = "'\""""),
        (["1 234,50", "7"], [7], ("its column has decimal commas and thousands spaces, so the mapping needs"
           ' decimal = ",", thousands = " "')),
    ],
    ids=["decimal comma", "points", "only points", "thousands comma", "comma", "apostrophe", "space"],
)  # fmt: skip
def test_unclear_numbers_are_set_aside_with_what_the_mapping_needs(file, texts, kept, needs):
    report, lines, rejected = load(file("amount", texts))
    assert lines["amount"].to_list() == kept
    assert rejected["amount"].to_list() == texts[:-1]
    why = f"is not clear: {needs} under [tables.transactions]"
    assert rejected["reason"].to_list() == [f"amount: '{text}' {why}" for text in texts[:-1]]
    assert report.reasons.select("reason", "example", "rows").rows() == [
        (f"amount {why}", f"t.csv row 1: '{texts[0]}'", len(texts) - 1)
    ]


@pytest.mark.parametrize("texts", [["1.234", "7.50"], ["0.125", "1.2345", "1234.567"]])
def test_a_point_that_can_only_mark_decimals_is_read_as_one(file, texts):
    _, lines, _ = load(file("amount", texts))
    assert lines["amount"].to_list() == [Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP) for text in texts]


def test_words_in_a_doubtful_column_are_still_no_numbers(file):
    _, _, rejected = load(file("amount", ["1.234,56", "ten"]))
    assert rejected["reason"][1] == "amount: 'ten' is not a number"


def test_quantities_may_have_three_decimals(file):
    """A weight of 1.234 kg is common; with a comma beside it, it is unclear."""
    assert load(file("quantity", ["1.234"]))[1]["quantity"].to_list() == [Decimal("1.2340")]
    assert load(file("quantity", ["1.234", "2,5"]))[1].is_empty()


def test_whole_numbers_with_thousands_points_are_set_aside(tmp_path):
    text = "contact_id,opened_at,wait_s\n1,2025-01-01,1.234\n2,2025-01-01,1.000\n3,2025-01-01,7\n"
    (tmp_path / "contacts.csv").write_text(text)
    with open_warehouse() as shop:
        shop.load(tmp_path / "contacts.csv")
        assert shop.fetch("contacts")["wait_s"].to_list() == [7]


def test_numbers_that_are_numbers_already_have_no_marks(tmp_path):
    """A mapping's decimal comma is for texts: a float of 1.234 or 12.5 is what it is."""
    frame = pl.DataFrame({"customer_id": "ann", "ordered_at": "2025-01-01", "unit_price": [1.234, 12.5], "quantity": 1})
    frame.write_parquet(tmp_path / "t.parquet")
    for source in (frame, frame.to_pandas(), tmp_path / "t.parquet"):
        assert load(source, decimal=",")[1]["unit_price"].to_list() == [Decimal("1.2340"), Decimal("12.5000")]


def test_an_amount_that_is_no_number_is_not_replaced_by_quantity_times_price(tmp_path):
    (tmp_path / "t.csv").write_text("customer_id;ordered_at;quantity;unit_price;amount\nann;2025-01-01;1;5;1.234,56\n")
    _, lines, rejected = load(tmp_path / "t.csv")
    assert lines.is_empty()
    assert "amount: '1.234,56' is not clear" in rejected["reason"].item()


def test_kind_rules_read_numbers_with_the_stated_marks(tmp_path):
    (tmp_path / "t.csv").write_text(
        "customer_id;ordered_at;quantity;amount\nann;2025-01-01;-1,5;3\nann;2025-01-01;2;3\n"
    )
    rules = [{"kind": "return", "column": "quantity", "below": 0}]
    assert load(tmp_path / "t.csv", decimal=",", kinds=rules)[1]["kind"].to_list() == ["return", "sale"]


@pytest.mark.parametrize("marks", ['decimal = ","\nthousands = ","', 'thousands = "."\ndecimal = "."'])
def test_two_marks_differ(tmp_path, marks):
    (tmp_path / "m.toml").write_text(f"[tables.transactions]\n{marks}\n")
    with pytest.raises(SourceError, match="decimal and thousands are both"):
        read_mapping(tmp_path / "m.toml")
