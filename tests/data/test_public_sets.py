"""Two sets that every analyst has met, in their own columns: from file to gross margin and delivery cost per customer."""

from __future__ import annotations

import csv
import random
from decimal import Decimal

import polars as pl
import pytest

import custvalue as cv
from tests.data.test_exports import reported

SUPERSTORE = (
    "Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,Country,City,State,Postal Code,Region,"
    "Product ID,Category,Sub-Category,Product Name,Sales,Quantity,Discount,Profit"
)


def superstore(folder, *, places, shipping=False):
    """Write 300 order lines of 20 customers; return the file, and sales, profit and shipping cost per customer."""
    draw, unit = random.Random(7), Decimal(10) ** -places
    rows, sums = [], {}
    for i in range(300):
        order, customer = f"CA-{i // 3}", f"CG-{i // 3 % 20}"
        sales = draw.randint(10**places, 999 * 10**places) * unit
        profit = draw.randint(-10 * 10**places, int(sales / 2 / unit)) * unit
        cost = Decimal(draw.randint(0, 900)) / 100
        rows.append([i + 1, order, f"{i // 3 % 12 + 1}/{i // 3 % 28 + 1}/2016", "12/30/2016", "Second Class", customer,
                     f"Claire {customer}", "Consumer", "US", "Á", "KY", 42420, ("South", "West")[i // 3 % 2],
                     f"FUR-{draw.randint(1, 40)}", "Furniture", "Bookcases", 'Bush "Somerset", 2"', sales,
                     draw.randint(1, 14), draw.choice(["0", "0.2", "0.15", "0.7", "1"]), profit] + [cost] * shipping)  # fmt: skip
        was = sums.setdefault(customer, [Decimal(0)] * 3)
        sums[customer] = [a + b for a, b in zip(was, (sales, profit, cost), strict=True)]
    file = folder / "Sample - Superstore.csv"
    with file.open("w", encoding="latin-1", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([SUPERSTORE.split(",") + ["Shipping Cost"] * shipping, *rows])
    return file, sums


def profit_of(shop):
    return {row["customer_id"]: row for row in cv.customer_profit(shop).table.to_dicts()}


def failures(shop):
    return shop.checks().filter(pl.col("n_failures") > 0)["check"].to_list()


def test_superstore_is_its_own_profit_column_to_the_cent(tmp_path):
    file, sums = superstore(tmp_path, places=2, shipping=True)
    shop = cv.open()
    report = shop.load(file, mapping="superstore")
    reported(shop, tmp_path / "report.html")
    assert report.table.select("table", "read", "accepted", "rejected", "merged").rows() == [
        ("customers", 300, 20, 0, 280),
        ("products", 300, 40, 0, 260),
        ("orders", 300, 100, 0, 200),
        ("deliveries", 300, 100, 0, 200),
        ("order_lines", 300, 300, 0, 0),
    ]
    for customer, row in profit_of(shop).items():
        found = [row["net_revenue"], row["gross_margin"], -row["carrier_cost"]]
        assert found == sums[customer], customer
    assert failures(shop) == []


def test_parts_of_a_cent_are_carried_so_that_sums_are_right(tmp_path):
    file, sums = superstore(tmp_path, places=4)
    shop = cv.open()
    shop.load(file, mapping="superstore")
    found = profit_of(shop)
    for line, place in (("net_revenue", 0), ("gross_margin", 1)):
        assert all(abs(row[line] - sums[customer][place]) < Decimal("0.01") for customer, row in found.items())
        total = sum(each[place] for each in sums.values())
        assert abs(sum(row[line] for row in found.values()) - total) <= Decimal("0.005")
    assert failures(shop) == []


NORTHWIND = {
    "orders": "OrderID,CustomerID,EmployeeID,OrderDate,RequiredDate,ShippedDate,ShipVia,Freight,ShipName\n"
    "10248,VINET,5,1996-07-04,1996-08-01,1996-07-16,3,32.3800,Vins\n10249,TOMSP,6,1996-07-05,1996-08-16,NULL,1,11.6100,Toms\n",
    "order_details": "OrderID,ProductID,UnitPrice,Quantity,Discount\n"
    "10248,11,14.0000,12,0\n10248,42,9.8000,10,0.15\n10249,14,18.6000,9,0.05\n",
    "products": "ProductID,ProductName,SupplierID,CategoryID,UnitPrice,StandardCost\n"
    "11,Queso,5,4,21,7.50\n42,Mee,20,5,14,4.00\n14,Tofu,6,7,23.25,9.99\n",
    "customers": "CustomerID,CompanyName,Region,Country\nVINET,Vins et alcools,NULL,France\nTOMSP,Toms,NULL,Germany\n",
    "categories": "CategoryID,CategoryName\n4,Dairy\n",
    "employees": "EmployeeID,LastName\n5,B\n",
    "shippers": "ShipperID,CompanyName,Phone\n1,Speedy,5\n",
}
SNAKE = {"OrderID": "order_id", "ProductID": "product_id", "CustomerID": "customer_id", "UnitPrice": "unit_price",
         "OrderDate": "order_date", "CompanyName": "company_name", "StandardCost": "standard_cost"}  # fmt: skip


@pytest.mark.parametrize("written", ["as it is", "snake case", "hyphens", "blanks"])
def test_northwind_is_a_folder_with_files_that_are_none_of_ours(tmp_path, written):
    for name, text in NORTHWIND.items():
        head, _, body = text.partition("\n")
        if written == "snake case":
            head = ",".join(SNAKE.get(column, column) for column in head.split(","))
        file = {"hyphens": name.replace("_", "-"), "blanks": name.replace("_", " ").title()}.get(written, name)
        (tmp_path / f"{file}.csv").write_text(f"{head}\n{body}")
    shop = cv.open()
    report = shop.load(tmp_path, mapping="northwind")
    reported(shop, tmp_path / "report.html")
    found = profit_of(shop)
    # 14 x 12 + 9.80 x 10 = 266.00, less 15 % of 98.00; goods 12 x 7.50 + 10 x 4.00
    assert found["VINET"]["gross_list"] == Decimal("266.00")
    assert found["VINET"]["discounts"] == Decimal("-14.70")
    assert found["VINET"]["gross_margin"] == Decimal("121.30")
    assert found["VINET"]["carrier_cost"] == Decimal("-32.38")
    # 18.60 x 9 = 167.40, less 5 %; goods 9 x 9.99
    assert found["TOMSP"]["gross_margin"] == Decimal("69.12")
    assert found["TOMSP"]["carrier_cost"] == Decimal("-11.61")
    assert any("Left alone" in remark and "shippers.csv" in remark.lower() for remark in report.remarks)
    assert failures(shop) == []
