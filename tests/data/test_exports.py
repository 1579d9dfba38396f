"""Exports as shop and accounting programs write them, each from file to figures by a map that ships."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

import custvalue as cv
from custvalue.errors import SourceError
from custvalue.reports.html import write_report
from custvalue.reports.summary import controls

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,"
    "Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Country,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,"
    "Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Phone,Duties"
)


def shopify_row(**cells):
    return ",".join(str(cells.get(name, "")) for name in SHOPIFY.split(","))


def shopify_order(name, email, status, created, quantity=1, **money):
    first = {"Name": name, "Email": email, "Financial Status": status, "Created at": created, "Currency": "EUR"}
    return shopify_row(**first, **{"Lineitem quantity": quantity, "Lineitem name": "Mug"}, **money)


def shopify_line(name):
    return shopify_row(Name=name, **{"Lineitem quantity": 2, "Lineitem name": "Bowl", "Lineitem price": "5.00"})


def put(folder, name, text, encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def loaded(file, name):
    """Load a file by a map that ships; return the shop, the report, and the profit per customer and without one."""
    shop = cv.open()
    report = shop.load(file, mapping=name)
    for row in report.table.to_dicts():
        assert row["read"] == sum(count for name, count in row.items() if name not in ("table", "read"))
    if shop.fetch("data_span")["n_orders"].item():
        reported(shop, file.parent / "report.html")
    return shop, report


def reported(shop, file):
    """Go on to the report: every control total ties, and the revenue of the books stands on the page."""
    analysis = cv.analyse(shop, cv.Settings())
    write_report(analysis, file)
    assert [(c.what, c.difference) for c in controls(analysis) if c.difference] == []
    revenue = cv.customer_profit(shop).company["net_revenue"].item()
    assert f"{revenue:,.2f}" in file.read_text(encoding="utf-8")


def by_customer(shop, column="net_revenue"):
    profit = cv.customer_profit(shop).table
    return dict(zip(profit["customer_id"], profit[column], strict=True))


def company(shop, column="net_revenue"):
    profit = cv.customer_profit(shop)
    parts = [*profit.table[column], *(profit.unattributed[column] if column in profit.unattributed.columns else [])]
    return sum(part for part in parts if part is not None)


def test_shopify_with_tax_on_top_in_the_prices_and_refunds(tmp_path):
    """#1: 90 + 10 + 19 tax = 119; #2: 119 of goods with 19 tax in them, 11.90 delivery with 1.90; #3 voided, #4 cancelled."""
    file = put(tmp_path, "orders_export_1.csv", "\n".join([
        SHOPIFY,
        shopify_order("#1", "Ann@shop.example", "paid", "2024-01-05 10:12:33 +0100", 1, Subtotal="90.00", Shipping="10.00",
                      Taxes="19.00", Total="119.00", **{"Discount Amount": "10.00", "Refunded Amount": "0.00"}),
        shopify_line("#1"),
        shopify_order("#2", "ann@shop.example", "partially_refunded", "2024-02-05 10:12:33 +0100", 1, Subtotal="119.00",
                      Shipping="11.90", Taxes="20.90", Total="130.90", **{"Discount Amount": "0.00", "Refunded Amount": "13.09"}),
        shopify_order("#3", "bob@shop.example", "voided", "2024-02-06 10:12:33 +0100", 1, Subtotal="50.00", Shipping="0.00",
                      Taxes="0.00", Total="50.00", **{"Discount Amount": "0.00", "Refunded Amount": "0.00"}),
        shopify_line("#3"),
        shopify_order("#4", "bob@shop.example", "paid", "2024-02-07 10:12:33 +0100", 1, Subtotal="60.00", Shipping="0.00",
                      Taxes="0.00", Total="60.00", **{"Discount Amount": "0.00", "Refunded Amount": "0.00",
                      "Cancelled at": "2024-02-08 10:00:00 +0100"}),
    ]) + "\n")  # fmt: skip
    shop, report = loaded(file, "shopify")
    orders = (
        shop.fetch("raw.orders").sort("order_id").select("gross_list", "discount", "delivery_fee_charged", "tax").rows()
    )
    assert orders == [
        (Decimal("100.00"), Decimal("10.00"), Decimal("10.00"), Decimal("19.00")),
        (Decimal("100.00"), Decimal("0.00"), Decimal("10.00"), Decimal("20.90")),
    ]
    assert shop.fetch("raw.returns")["refund"].to_list() == [
        Decimal("11.00")
    ]  # 13.09 of 130.90, and 110.00 of it ex tax
    # control total: what was paid less tax and refunds, (119 - 19) + (130.90 - 20.90) - 11
    assert company(shop) + company(shop, "delivery_charged") == Decimal("199.00")
    assert by_customer(shop) == {"ann@shop.example": Decimal("179.00")}
    assert report.table.filter(table="orders").select("read", "accepted", "left_out", "merged").row(0) == (6, 2, 3, 1)
    assert any("Financial Status is voided" in remark and "50.00" in remark for remark in report.remarks)
    assert any("Cancelled at is not empty" in remark and "60.00" in remark for remark in report.remarks)


WEBTOFFEE = (
    "order_id,order_number,order_date,paid_date,status,shipping_total,shipping_tax_total,fee_total,fee_tax_total,tax_total,"
    "cart_discount,order_discount,discount_total,order_total,order_subtotal,order_currency,payment_method,customer_id,"
    "customer_email,billing_email,refunded_total"
)


def test_woocommerce_totals_without_tax(tmp_path):
    rows = [
        "101,101,2024-03-01 09:00:00,,completed,5.00,0.95,0,0,19.95,10.00,0,10.00,124.95,110.00,EUR,paypal,0,Ann@x.de,ANN@x.de,0",
        "102,102,2024-03-02 09:00:00,,wc-failed,0,0,0,0,0,0,0,0,70.00,70.00,EUR,paypal,0,bob@x.de,bob@x.de,0",
        "103,103,2024-03-03 09:00:00,,processing,0,0,0,0,3.80,0,0,0,23.80,20.00,EUR,paypal,0,ann@x.de,ann@x.de,11.90",
    ]
    shop, report = loaded(put(tmp_path, "order_export.csv", "\n".join([WEBTOFFEE, *rows]) + "\n"), "woocommerce")
    # 124.95 - 19.95 tax - 5 delivery = 100 of goods; 23.80 - 3.80 - refund of 11.90 with 1.90 tax = 10
    assert by_customer(shop) == {"ann@x.de": Decimal("110.00")}
    assert company(shop, "delivery_charged") == Decimal("5.00")
    assert shop.fetch("raw.orders").sort("order_id")["gross_list"].to_list() == [Decimal("110.00"), Decimal("20.00")]
    assert report.table.filter(table="orders")["left_out"].item() == 1


def test_woocommerce_by_advanced_order_export_with_a_row_per_item(tmp_path):
    head = (
        '"Order Number","Order Status","Order Date","Email (Billing)","Payment Method Title","Cart Discount Amount",'
        '"Order Subtotal Amount","Order Shipping Amount","Order Refund Amount","Order Total Amount","Order Total Tax Amount",'
        'SKU,"Item #","Item Name","Quantity (- Refund)","Item Cost"'
    )
    rows = [
        "7,Completed,2024-03-01 09:00,ann@x.de,PayPal,0,30,4,0,40.46,6.46,A,1,Mug,1,10",
        "7,Completed,2024-03-01 09:00,ann@x.de,PayPal,0,30,4,0,40.46,6.46,B,2,Bowl,2,10",
    ]
    shop, report = loaded(put(tmp_path, "orders.csv", "\n".join([head, *rows]) + "\n"), "woocommerce")
    assert by_customer(shop) == {"ann@x.de": Decimal("30.00")}
    assert report.table.filter(table="orders").select("read", "accepted", "merged").row(0) == (2, 1, 1)


STRIPE = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
    "Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),Statement Descriptor,Status,Seller Message,"
    "Taxes On Fee,Card ID,Customer ID,Customer Description,Customer Email,Invoice ID,Transfer"
)


@pytest.mark.parametrize("created", ["Created date (UTC)", "Created (UTC)"])
def test_stripe_counts_what_reached_the_balance(tmp_path, created):
    rows = [
        "ch_1,2024-01-05 10:00:00,100.00,0.00,eur,true,100.00,0.00,eur,,,1.75,,,Paid,,0,,cus_1,,Ann@x.ch,,",
        "ch_2,2024-01-06 10:00:00,110.00,55.00,usd,true,100.00,50.00,eur,,,3.25,2024-02-01 08:00:00,,Paid,,0,,cus_1,,ann@x.ch,,",
        "ch_3,2024-01-07 10:00:00,70.00,0.00,eur,false,70.00,0.00,eur,do_not_honor,,0.00,,,Failed,,0,,cus_2,,bob@x.ch,,",
        "ch_4,2024-01-07 11:00:00,71.00,0.00,eur,false,71.00,0.00,eur,,,0.00,,,requires_payment_method,,0,,cus_2,,bob@x.ch,,",
    ]
    text = "\n".join([STRIPE.replace("Created date (UTC)", created), *rows]) + "\n"
    shop, report = loaded(put(tmp_path, "unified_payments.csv", text), "stripe")
    assert by_customer(shop) == {"ann@x.ch": Decimal("150.00")}  # control total: 100 + 100 - 50
    assert company(shop, "payment_fees") == Decimal("-5.00")
    assert shop.fetch("raw.returns")["returned_at"].to_list() == [dt.datetime(2024, 2, 1, 8)]
    assert report.table.filter(table="orders").select("read", "accepted", "left_out").row(0) == (4, 2, 2)


def test_a_map_that_ships_is_extended_by_two_lines(tmp_path):
    row = "ch_1,2024-01-05 10:00:00,119.00,0.00,eur,true,119.00,0.00,eur,,,1.75,,,Paid,,0,,cus_1,,ann@x.ch,,"
    put(tmp_path, "payments.csv", f"{STRIPE}\n{row}\n")
    shop = cv.open()
    report = shop.load(
        tmp_path / "payments.csv", mapping=put(tmp_path, "m.toml", 'extends = "stripe"\n[tables.orders]\ntax = 0.19\n')
    )
    assert by_customer(shop) == {"ann@x.ch": Decimal("100.00")}
    assert any("less the tax by the rate 0.19, 1 row, 19.00" in remark for remark in report.remarks)


AMAZON_TITLE = [
    '"Includes Amazon Marketplace, Fulfillment by Amazon (FBA), and Amazon Webstore transactions"',
    '"All amounts in USD, unless specified"',
    '"Definitions:"',
    '"Sales tax collected: Includes sales tax collected from buyers for product sales, shipping, and gift wrap."',
    '"Selling fees: Includes variable closing fees and referral fees."',
    '"Other transaction fees: Includes shipping chargebacks, shipping holdbacks, per-item fees and sales tax collection fees."',
    '"Other: Includes non-order transaction amounts. For more details, see the ""Type"" and ""Description"" columns."',
]
AMAZON = (
    '"date/time","settlement id","type","order id","sku","description","quantity","marketplace","account type","fulfillment",'
    '"order city","order state","order postal","tax collection model","product sales","product sales tax","shipping credits",'
    '"shipping credits tax","gift wrap credits","giftwrap credits tax","Regulatory Fee","Tax On Regulatory Fee",'
    '"promotional rebates","promotional rebates tax","marketplace withheld tax","selling fees","fba fees",'
    '"other transaction fees","other","total"'
)


def amazon_row(when, kind, order, sku, money):
    cells = [
        when,
        "1001",
        kind,
        order,
        sku,
        "Mug, speckled",
        "1",
        "amazon.com",
        "Standard Orders",
        "Seller",
        "X",
        "CA",
        "1",
        "M",
    ]
    return ",".join(f'"{cell}"' for cell in [*cells, *money])


def test_amazon_transactions_below_their_title(tmp_path):
    sale = [
        "1,076.00",
        "6.08",
        "5.00",
        "0",
        "0",
        "0",
        "0",
        "0",
        "-4.00",
        "0",
        "-6.08",
        "-11.55",
        "0",
        "0",
        "0",
        "1065.45",
    ]
    back = ["-38.00", "-3.04", "0", "0", "0", "0", "0", "0", "2.00", "0", "3.04", "4.62", "0", "0", "0", "-31.38"]
    fee = ["0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "-39.99", "0", "-39.99"]
    rows = [
        amazon_row("Jan 4, 2024 1:05:07 AM PST", "Order", "111-1", "MUG-1", sale),
        amazon_row("Sep 9, 2024 3:00:00 PM PDT", "Refund", "111-1", "MUG-1", back),
        amazon_row("Sep 10, 2024 3:00:00 PM PDT", "Service Fee", "", "", fee),
    ]
    text = "\n".join([*AMAZON_TITLE, AMAZON, *rows]) + "\n"
    shop, report = loaded(put(tmp_path, "2024SepMonthlyTransaction.csv", text), "amazon")
    lines = shop.fetch("raw.transactions").select("ordered_at", "kind", "amount").rows()
    assert lines == [
        (dt.datetime(2024, 1, 4, 1, 5, 7), "sale", Decimal("1077.00")),  # 1,076 + 5 - 4
        (dt.datetime(2024, 9, 9, 15), "return", Decimal("-36.00")),  # -38 + 2
    ]
    assert report.currency == "USD"
    assert report.table.select("read", "accepted", "unattributed", "rejected", "left_out").row(0) == (3, 0, 2, 0, 1)


EXTF = '"EXTF";700;21;"Buchungsstapel";12;20240801000000000;;"RE";"";"";1234567;40001;20230701;4;20230701;20240630;"Umsatz";"";1;0;0;"EUR"'
DATEV = (
    "Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Kurs;Basis-Umsatz;WKZ Basis-Umsatz;Konto;"
    "Gegenkonto (ohne BU-Schlüssel);BU-Schlüssel;Belegdatum;Belegfeld 1;Belegfeld 2;Skonto;Buchungstext"
)
POSTINGS = [
    '1.190,00;"S";"EUR";;;;10001;8400;;1507;"RE-1";;;"Müller"',  # 15 July of the year before: the fiscal year starts in July
    '107,00;"S";"EUR";;;;10002;8300;;0401;"RE-2";;;"Buch"',
    '119,00;"H";"EUR";;;;10001;8400;;501;"GU-1";;;"Gutschrift"',  # a credit note; the leading zero is gone
    '238,00;"H";"EUR";;;;8400;10002;;0602;"RE-3";;;"Konto und Gegenkonto vertauscht"',
    '1.190,00;"S";"EUR";;;;1200;10001;;2007;"RE-1";;;"Zahlung"',  # a payment is no sale
    '59,50;"S";"EUR";;;;4930;70001;9;2007;"ER-1";;;"Bürobedarf"',  # nor is a purchase
    '119,00;"S";"EUR";;;;1000;8400;;0702;"BAR";;;"Barverkauf"',  # sold to nobody known
]


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-8-sig"])
def test_datev_postings_with_the_year_from_the_title(tmp_path, encoding):
    text = "\r\n".join([EXTF, DATEV, *POSTINGS]) + "\r\n"
    shop, report = loaded(put(tmp_path, "EXTF_Buchungsstapel.csv", text, encoding), "datev")
    lines = (
        shop.fetch("raw.transactions").sort("ordered_at").select("ordered_at", "customer_id", "kind", "amount").rows()
    )
    assert lines == [
        (dt.datetime(2023, 7, 15), "10001", "sale", Decimal("1000.00")),
        (dt.datetime(2024, 1, 4), "10002", "sale", Decimal("100.00")),
        (dt.datetime(2024, 1, 5), "10001", "return", Decimal("-100.00")),
        (dt.datetime(2024, 2, 6), "10002", "sale", Decimal("200.00")),
        (dt.datetime(2024, 2, 7), None, "sale", Decimal("100.00")),
    ]
    assert by_customer(shop) == {"10001": Decimal("900.00"), "10002": Decimal("300.00")}
    assert report.table.select("read", "accepted", "unattributed", "rejected", "left_out").row(0) == (7, 4, 1, 0, 2)
    assert any("less the tax" in remark for remark in report.remarks)


def test_an_account_without_a_rate_of_tax_is_set_aside(tmp_path):
    text = f'{EXTF}\n{DATEV}\n100,00;"S";"EUR";;;;10001;8999;;1507;"RE-1";;;"?"\n'
    _, report = loaded(put(tmp_path, "EXTF_x.csv", text, "windows-1252"), "datev")
    assert report.reasons["reason"].to_list() == ["the mapping's tax gives no rate"]


@pytest.mark.parametrize(
    ("name", "header", "missing"),
    [
        ("shopify", SHOPIFY.replace(",Total,", ",Sum,"), "Total"),
        ("woocommerce", WEBTOFFEE.replace("order_total", "grand_total"), "order_total"),
        ("stripe", STRIPE.replace("Status", "State"), "Status"),
        ("amazon", AMAZON.replace("product sales", "item sales"), "product sales"),
        ("datev", f"{EXTF}\n{DATEV.replace('Konto;', 'Account;', 1)}", "Konto"),
        ("superstore", "Order ID,Order Date,Customer ID,Sales", "Region"),
    ],
)
def test_a_wrong_header_is_told_what_is_missing(tmp_path, name, header, missing):
    columns = header.splitlines()[-1].count(";" if name == "datev" else ",")
    file = put(tmp_path, "export.csv", header + "\n" + (";" if name == "datev" else ",") * columns + "\n")
    with pytest.raises(SourceError, match=missing) as told:
        cv.open().load(file, mapping=name)
    assert "export.csv" in told.value.message
    assert "it has:" in told.value.message or "they have" in told.value.message


def test_all_maps_that_ship_are_read():
    from custvalue.data.mapping import read_mapping
    from custvalue.paths import shipped_maps

    names = shipped_maps()
    assert {"amazon", "datev", "northwind", "shopify", "stripe", "superstore", "woocommerce"} <= set(names)
    assert all(read_mapping(name).tables for name in names)
