"""What `init` makes of files as people have them; each proposal is loaded, and the money that comes in is counted."""

from __future__ import annotations

import datetime as dt
import random
import tomllib

import polars as pl
import pytest

import custvalue as cv
from custvalue.data.looking import look_at
from custvalue.errors import SourceError
from custvalue.reports.columns_seen import Dates, Numbers, dates_of, numbers_of, role_of
from custvalue.reports.proposal import propose


def sales(n=60):
    """Yield number, customer, day and amount of orders; customers come back."""
    draw = random.Random(5)
    number = 0
    for customer in range(n):
        day = dt.date(2024, 1, 1) + dt.timedelta(days=draw.randrange(200))
        for _ in range(1 + draw.randrange(4)):
            number += 1
            yield number, customer, day, draw.choice([9.90, 19.95, 34.50, 1250.75])
            day += dt.timedelta(days=draw.randrange(3, 60))


SALES = list(sales())
TOTAL = round(sum(amount for *_, amount in SALES), 2)


def german(amount):
    return f"{amount:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def put(folder, name, lines, encoding="utf-8"):
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return file


def proposed(*files):
    return propose(look_at([str(file) for file in files]))


def loaded(folder, proposal, *files):
    """Load by the proposal; return the shop's raw tables that came, and the report."""
    mapping = None
    if proposal.text:
        mapping = folder / "mapping.toml"
        mapping.write_text(proposal.text, encoding="utf-8")
    with cv.open() as shop:
        report = shop.load([str(file) for file in files], mapping=mapping or proposal.shipped)
        frame = {name: shop.fetch(f"raw.{name}") for name in ("transactions", "orders") if shop.has(name)}
    return frame, report


def test_a_german_till(tmp_path):
    file = put(tmp_path, "kasse.csv", ["Belegnr;Kunden-Nr;Datum;Artikel;Umsatz netto", *(
        f"B{n};K{c:04};{d:%d.%m.%Y};Müsli;{german(a)}" for n, c, d, a in SALES)], "windows-1252")  # fmt: skip
    found = proposed(file)
    entry = tomllib.loads(found.text)["tables"]["transactions"]
    assert (entry["encoding"], entry["decimal"], entry["date_format"]) == ("windows-1252", ",", "%d.%m.%Y")
    assert entry["columns"] == {
        "customer_id": "Kunden-Nr", "ordered_at": "Datum", "order_id": "Belegnr", "amount": "Umsatz netto",
        "description": "Artikel",
    }  # fmt: skip
    assert found.doubts == ["No column tells the currency: EUR is assumed."]
    frame, _ = loaded(tmp_path, found, file)
    assert float(frame["transactions"]["amount"].sum()) == TOTAL
    assert set(frame["transactions"]["description"]) == {"Müsli"}


def test_a_total_that_repeats_on_each_line_is_counted_once(tmp_path):
    lines = ["Order No,Customer ID,Order Date,Item,Total"]
    for n, c, d, a in SALES:
        lines += [f'{n},{c},{d:%m/%d/%Y},item {i},"{a:,.2f}"' for i in range(1 + n % 3)]
    file = put(tmp_path, "total.csv", lines)
    found = proposed(file)
    assert "`Total` repeats on each line of an order: counted once per order?" in found.doubts
    frame, report = loaded(tmp_path, found, file)
    assert float(frame["orders"]["gross_list"].sum()) == TOTAL
    assert frame["orders"].height == len(SALES)
    assert report.table["rejected"].sum() == 0


def test_lines_of_an_order_with_their_own_amounts_are_all_counted(tmp_path):
    lines = ["order_id,customer,date,amount"]
    for n, c, d, a in SALES:
        lines += [f"{n},{c},{d},{a + i:.2f}" for i in range(2)]
    found = proposed(put(tmp_path, "lines.csv", lines))
    assert not [doubt for doubt in found.doubts if "repeats" in doubt]
    frame, _ = loaded(tmp_path, found, tmp_path / "lines.csv")
    assert float(frame["transactions"]["amount"].sum()) == pytest.approx(2 * TOTAL + len(SALES))


def test_guests_refunds_dollars_and_what_was_cancelled(tmp_path):
    states = ["complete", "refunded", "cancelled"]
    lines = ["created_at,e-mail,order_status,amount_paid,currency", *(
        f"{d} 10:00:00,{f'u{c}@x.de' if n % 9 else ''},{states[0 if n % 10 else 1 + n % 20 // 10]},$ {a},USD"
        for n, c, d, a in SALES)]  # fmt: skip
    found = proposed(put(tmp_path, "web.csv", lines))
    guests = sum(n % 9 == 0 for n, *_ in SALES) / len(SALES)
    assert f"`e-mail` is empty in {guests:.0%} of the rows: guests? They count for no customer." in found.doubts
    assert "Rows that are cancelled are left out: right?" in found.doubts
    assert "Rows that are refunded are taken for returns: right?" in found.doubts
    assert tomllib.loads(found.text)["currency"] == "USD"
    frame, _ = loaded(tmp_path, found, tmp_path / "web.csv")
    back = [a for n, *_, a in SALES if n % 20 == 0]
    void = [a for n, *_, a in SALES if n % 20 == 10]
    assert back
    assert void
    assert float(frame["transactions"]["amount"].sum()) == pytest.approx(TOTAL - 2 * sum(back) - sum(void))


def test_negative_amounts_are_returns(tmp_path):
    lines = ["client,day,value", *(f"c{c},{d:%d/%m/%Y},{a if n % 7 else -a}" for n, c, d, a in SALES)]
    found = proposed(put(tmp_path, "neg.csv", lines))
    n = sum(n % 7 == 0 for n, *_ in SALES)
    assert f"{n} values of `value` are negative: taken for returns?" in found.doubts
    frame, report = loaded(tmp_path, found, tmp_path / "neg.csv")
    assert report.table["rejected"].sum() == 0
    assert frame["transactions"].filter(kind="return").height == n


@pytest.mark.parametrize("minus", ["({}) €", "€ ({})", "{}- €", "-{} €", "\u2212{} €"])
def test_refunds_as_bookkeepers_write_them_are_read(tmp_path, minus):
    """Every tenth order is a refund; the proposal takes them as they are written, with what was cancelled left out."""
    lines, total = ["Kunde;Datum;Betrag;Status"], 0.0
    for number, customer, day, amount in SALES:
        back, cancelled = number % 10 == 0, number % 7 == 0
        written = minus.format(german(amount)) if back else f"{german(amount)} €"
        lines.append(f"K{customer};{day:%d.%m.%Y};{written};{'storniert' if cancelled else 'bezahlt'}")
        total += 0.0 if cancelled else (-amount if back else amount)
    file = put(tmp_path, "umsatz.csv", lines)
    frame, report = loaded(tmp_path, proposed(file), file)
    assert float(frame["transactions"]["amount"].sum()) == pytest.approx(total, abs=0.001)
    assert report.reasons.is_empty()


def test_day_and_month_that_could_change_places_are_doubted(tmp_path):
    lines = ["customer,date,amount", *(f"c{i % 4},0{1 + i % 9}/0{1 + i // 9}/2024,{5 + i}" for i in range(60))]
    (doubt,) = [each for each in proposed(put(tmp_path, "days.csv", lines)).doubts if "day or the month" in each]
    assert "%d/%m/%Y" in doubt
    assert 'date_format = "%m/%d/%Y"' in doubt
    clear = ["customer,date,amount", *(f"c{i % 4},0{1 + i % 9}/{13 + i // 9}/2024,{5 + i}" for i in range(60))]
    found = proposed(put(tmp_path, "clear.csv", clear))
    assert tomllib.loads(found.text)["tables"]["transactions"]["date_format"] == "%m/%d/%Y"
    assert not [each for each in found.doubts if "day or the month" in each]


def test_a_workbook_without_telling_names(tmp_path):
    frame = pl.DataFrame({"a": [d for _, _, d, _ in SALES], "b": [f"N{c}" for _, c, *_ in SALES],
                          "c": [a for *_, a in SALES]})  # fmt: skip
    frame.write_excel(tmp_path / "book.xlsx")
    found = proposed(tmp_path / "book.xlsx")
    assert [(ours, theirs) for ours, theirs, _ in found.understood] == [
        ("customer_id", "b"), ("ordered_at", "a"), ("amount", "c"),
    ]  # fmt: skip
    assert "`b` is taken for the customer because its values come back: is it?" in found.doubts
    raw, _ = loaded(tmp_path, found, tmp_path / "book.xlsx")
    assert float(raw["transactions"]["amount"].sum()) == TOTAL


def test_our_own_columns_need_no_mapping(tmp_path, root):
    file = put(tmp_path, "any.csv", ["customer_id,ordered_at,amount", *(f"c{c},{d},{a}" for _, c, d, a in SALES)])
    assert proposed(file).text == ""
    assert proposed(root / "sample_data" / "orders.csv.gz", root / "sample_data" / "products.csv").text == ""


def test_a_mapping_that_ships_is_named(tmp_path):
    head = "Name,Email,Financial Status,Paid at,Created at,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Cancelled at"
    lines = [head, "#1,a@x,paid,,2024-01-01 10:00:00 +0100,CHF,10.00,0.00,0.00,10.00,0.00,",
             "#2,a@x,paid,,2024-02-01 10:00:00 +0100,CHF,12.00,0.00,0.00,12.00,0.00,"]  # fmt: skip
    found = proposed(put(tmp_path, "orders_export.csv", lines))
    assert found.shipped == "shopify"
    told = tomllib.loads(found.text)
    assert told == {"extends": "shopify", "currency": "CHF"}


def test_a_customer_who_never_comes_back_is_doubted(tmp_path):
    lines = ["customer_id,date,amount", *(f"c{i},2024-01-{1 + i % 28:02},{i}.50" for i in range(40))]
    assert any("No `customer_id` stands twice" in doubt for doubt in proposed(put(tmp_path, "x.csv", lines)).doubts)


def test_a_file_without_days_or_money_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"a column of days and one of amounts.*notes\.csv has who, what"):
        proposed(put(tmp_path, "notes.csv", ["who,what", "ann,call", "bob,visit"]))


def test_a_file_without_a_header_is_told_from_one_with(tmp_path):
    lines = [f"{c},{d},{a}" for _, c, d, a in SALES]
    with pytest.raises(SourceError, match=r"bare\.csv seems to have no header: its first line reads 0, 2024"):
        proposed(put(tmp_path, "bare.csv", lines[:1] + ["x,y,z"] * 3))


def test_a_price_without_a_quantity_is_the_amount(tmp_path):
    found = proposed(put(tmp_path, "apparel.csv", ["Id,Date,Price", *(f"{c},{d},{a}" for _, c, d, a in SALES)]))
    assert tomllib.loads(found.text)["tables"]["transactions"]["columns"] == {
        "customer_id": "Id", "ordered_at": "Date", "amount": "Price",
    }  # fmt: skip


def test_files_of_one_kind_are_read_by_one_entry_and_others_are_named(tmp_path):
    head = "Kunde;Datum;Betrag"
    parts = [put(tmp_path, f"kasse-{year}.csv", [head, *(f"K{c};{d:%d.%m.}{year};{german(a)}" for _, c, d, a in SALES)])
             for year in (2022, 2024)]  # fmt: skip
    other = put(tmp_path, "lager.csv", ["Regal;Platz", "A;1", "B;2"])
    found = proposed(*parts, other)
    assert found.left_out == ["lager.csv"]
    raw, _ = loaded(tmp_path, found, *parts)
    assert float(raw["transactions"]["amount"].sum()) == pytest.approx(2 * TOTAL)


def test_what_a_heading_holds_can_break_no_mapping(tmp_path):
    evil = "Kunde\"]\\'# x = 1"
    lines = [f'"{evil.replace(chr(34), chr(34) * 2)}",date,amount', *(f"k{c},{d},{a}" for _, c, d, a in SALES)]
    found = proposed(put(tmp_path, "evil[1]*.csv", lines))
    told = tomllib.loads(found.text)["tables"]["transactions"]
    assert told["columns"]["customer_id"] == evil
    raw, _ = loaded(tmp_path, found, tmp_path / "evil[1]*.csv")
    assert raw["transactions"].height == len(SALES)


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("CustomerID", "customer_id"), ("Kunden-Nr.", "customer_id"), ("E-Mail", "email"), ("Kundenname", "customer_name"),
        ("Rechnungsdatum", "ordered_at"), ("order_date", "ordered_at"), ("Created at", "ordered_at"),
        ("Date de commande", "ordered_at"), ("Order Number", "order_id"), ("Umsatz €", "amount"), ("Line Total", "amount"),
        ("Montant HT", "amount"), ("Einzelpreis", "unit_price"), ("Qty", "quantity"), ("SKU", "product_id"),
        ("Shelf", None), ("Gross weight", None),
    ],
)  # fmt: skip
def test_headings(heading, role):
    assert role_of(heading) == role


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["1.50", "-2", "3"], Numbers(n_negative=1)), (["1.234,50", "7,00"], Numbers(decimal=",", thousands=".")),
        (["1,234.50", "7.00"], Numbers(thousands=",")), (["€ 5.00", "€ 7.10"], Numbers(signs=("EUR",))),
        (["a", "b"], None), ([], None),
    ],
)  # fmt: skip
def test_numbers(values, read):
    assert numbers_of(pl.Series(values, dtype=pl.String)) == read


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["2024-01-31", "2024-02-01T10:00:00Z"], Dates(form=None)), (["31.01.2024", "01.02.2024"], Dates(form="%d.%m.%Y")),
        (["Jan 31, 2024", "Feb 1, 2024"], Dates(form="%b %d, %Y")), (["1/31/2024 5:00 PM"], Dates(form="%m/%d/%Y %I:%M %p")),
        (["20240131", "20240201"], Dates(form="%Y%m%d")), (["12", "13"], None), (["12.50"], None), ([], None),
    ],
)  # fmt: skip
def test_dates(values, read):
    assert dates_of(pl.Series(values, dtype=pl.String)) == read
