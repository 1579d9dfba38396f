"""The first commands on an own file: init, template, doctor, as a new analyst meets them."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys

import pytest

import custvalue as cv
from custvalue.config import Settings
from custvalue.reports.doctor import checkup
from custvalue.reports.templates import tables, template

MAIN = "from custvalue.cli import main; main()"


def custvalue(*args, cwd):
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False
    )


def said(done):
    assert "Traceback" not in done.stderr + done.stdout
    return " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a till's export of customers who come back."""
    draw = random.Random(1)
    lines = ["Kunden-Nr;Datum;Betrag"]
    for customer in range(120):
        day = draw.randrange(300)
        for _ in range(1 + draw.randrange(5)):
            lines.append(
                f"K{customer};{1 + day % 28:02}.{1 + day // 28 % 12:02}.{2023 + day // 336};{draw.randrange(5, 90)},50"
            )
            day += draw.randrange(5, 60)
    (tmp_path / "kasse.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_one_command_from_an_own_file_to_the_report(folder):
    done = custvalue("init", "kasse.csv", "--run", cwd=folder)
    assert done.returncode == 0, done.stderr
    text = said(done)
    assert "customer_id Kunden-Nr: 120 customers" in text
    assert "No column tells the currency: EUR is assumed." in text
    assert "custvalue-out/report.html" in text
    assert "Our 120 customers will bring about" in (folder / "custvalue-out" / "report.html").read_text()
    assert (folder / "shop.duckdb").is_file()


def test_the_next_command_is_named_and_works(folder):
    done = custvalue("init", "kasse.csv", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert answer["mapping"] == "mapping.toml"
    assert answer["next"][0] == "custvalue load shop.duckdb kasse.csv --map mapping.toml"
    assert answer["tried"][0]["read"] == answer["tried"][0]["accepted"] > 200
    for command in answer["next"]:
        followed = custvalue(*command.split()[1:], cwd=folder)
        assert followed.returncode == 0, followed.stderr


def test_a_mapping_that_is_there_is_kept(folder):
    (folder / "mapping.toml").write_text("currency = 'CHF'\n")
    done = custvalue("init", "kasse.csv", cwd=folder)
    assert done.returncode == 1
    assert "There is a mapping file 'mapping.toml' already" in said(done)
    assert (folder / "mapping.toml").read_text() == "currency = 'CHF'\n"
    assert custvalue("init", "kasse.csv", "--force", cwd=folder).returncode == 0
    assert "Kunden-Nr" in (folder / "mapping.toml").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["init", "nothing.csv"], "no file or folder 'nothing.csv'"),
        (["init", "notes.csv"], "a column of days and one of amounts"),
        (["template", "order_line"], "Did you mean order_lines"),
        (["template", "sausages"], "There are activities"),
        (["doctor", "empty.duckdb"], "No orders are loaded."),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else None,
)
def test_what_a_user_can_cause_ends_in_one_message(folder, args, message):
    (folder / "notes.csv").write_text("who,what\nann,call\n")
    if args[-1] == "empty.duckdb":
        cv.open(folder / "empty.duckdb").close()
    done = custvalue(*args, cwd=folder)
    assert done.returncode == 1
    assert message in said(done)


@pytest.mark.parametrize("table", tables())
def test_every_template_has_the_columns_of_its_table_and_an_example_that_fits(table):
    found = template(table)
    header, row = list(csv.reader(found.text().splitlines()))
    assert header == [field.name for field in found.fields]
    assert all(value for value, field in zip(row, found.fields, strict=True) if field.is_needed)
    assert all(field.holds for field in found.fields)
    with cv.open() as shop:
        assert header == [name for name in shop.fetch(f"raw.{table}").columns if not name.startswith("_")]


@pytest.mark.parametrize(
    "table", ["transactions", "orders", "products", "experiments", "courtesy_catalogue", "resources"]
)
def test_the_example_row_can_be_loaded(tmp_path, table):
    (tmp_path / f"{table}.csv").write_text(template(table).text())
    with cv.open() as shop:
        report = shop.load(tmp_path / f"{table}.csv")
    assert report.table.row(0, named=True)["accepted"] == 1, report.reasons.to_dicts()


def test_a_template_is_written_once(tmp_path):
    assert custvalue("template", "order_lines", cwd=tmp_path).returncode == 0
    assert "There is a file 'order_lines.csv' already" in said(custvalue("template", "order_lines", cwd=tmp_path))
    done = custvalue("template", "order_lines", "--force", "--json", cwd=tmp_path)
    assert {"name": "qty", "holds": "whole number", "needed": True, "example": "1"} in json.loads(done.stdout)["fields"]


def loaded(*lines):
    import polars as pl

    shop = cv.open()
    frame = pl.DataFrame(lines, schema=["customer_id", "ordered_at", "amount", "kind"], orient="row")
    shop.load(frame.with_columns(pl.col("amount").cast(pl.Float64)), table="transactions")
    return checkup(shop, Settings())


def finding(found, what):
    return next((each for each in found.findings if each.what == what), None)


def test_the_doctor_sees_gaps_guests_and_returns_without_orders():
    found = loaded(
        *(("ann" if i % 3 else None, f"2024-0{1 + i // 28}-{1 + i % 28:02}", "10", "sale") for i in range(84)),
        *(("bob", f"2024-09-{1 + i:02}", "10", "sale") for i in range(20)),
        ("eve", "2024-09-03", "-25", "return"),
    )
    assert finding(found, "Gap").found == "no order in 157 days before 1 September 2024"
    assert finding(found, "Guests").found == "28 orders without a customer, 27%"
    assert "is there an e-mail" in finding(found, "Guests").remark
    assert finding(found, "Returns without an order").found == "1, 25 EUR"
    assert "too short" in finding(found, "Orders").remark


def test_the_doctor_says_nothing_where_there_is_nothing_to_say():
    lines = [
        (f"c{i % 50}", f"{2022 + i // 336}-{1 + i // 28 % 12:02}-{1 + i % 28:02}", "10", "sale") for i in range(900)
    ]
    found = loaded(*lines)
    assert [each.what for each in found.findings] == ["Orders", "Time between purchases", "Customers", "Sales"]
    assert not any(each.remark for each in found.findings)
    assert finding(found, "Customers").found == "50, of them 100% came back"
    assert [each.is_answered for each in found.questions] == [True] + 7 * [False]
    assert found.offers[0].table == "order_lines with unit_cost"


def test_the_doctor_finds_that_the_sample_answers_everything():
    with cv.open() as shop:
        shop.load(cv.sample_data())
        found = checkup(shop, Settings())
    assert all(each.is_answered for each in found.questions)
    assert [offer.table for offer in found.offers] == []


def test_headings_are_never_cut_at_eighty_columns(folder, root):
    done = custvalue("load", "s.duckdb", root / "sample_data" / "orders.csv.gz", root / "sample_data" / "customers.csv.gz",
                     cwd=folder)  # fmt: skip
    assert "…" not in done.stdout
    framed = [line for line in done.stdout.splitlines() if line.startswith(("│", "┃", "table"))]
    assert len(framed) > 4
    assert max(map(len, framed)) <= 80
    for heading in ("unattributed", "repeated", "share set aside", "accepted"):
        assert heading in said(done)
