"""Rows and money that were set aside are never forgotten: load, check, run, report and workbook say them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

import custvalue as cv
from custvalue.reports.html import write_report
from custvalue.reports.summary import controls

HEAD = "customer_id,ordered_at,amount,order_id\n"


def sales(folder, n_good, *more):
    rows = "".join(f"c{i % 7},2025-0{i % 9 + 1}-03,10.00,{i}\n" for i in range(n_good))
    (folder / "sales.csv").write_text(HEAD + rows + "".join(f"{row}\n" for row in more))
    return folder / "sales.csv"


@pytest.fixture
def shop():
    with cv.open() as opened:
        yield opened


def test_each_row_and_each_cent_by_hand(shop, tmp_path):
    """20 rows of 10.00; an unreadable day with 30.00, an unreadable amount, 5.00 of nobody: 235.00 came, 205.00 are used."""
    shop.load(sales(tmp_path, 20, "ann,some day,30.00,a", "ann,2025-01-03,ten,b", ",2025-01-03,5.00,c"))
    read = cv.rows_read(shop)
    row = read.table.row(0, named=True)
    assert (row["n_read"], row["n_used"], row["n_set_aside"], row["n_repeated"], row["n_unreadable"]) == (
        23,
        21,
        2,
        0,
        1,
    )
    money = ("came", "used", "unattributed", "set_aside", "repeated", "left_out", "difference")
    assert [row[name] for name in money] == [
        Decimal(x) for x in ("235.00", "205.00", "5.00", "30.00", "0.00", "0.00", "0.00")
    ]
    assert row["share_set_aside"] == pytest.approx(30 / 235)
    assert read.title == (
        "2 of 23 rows of transactions with 30.00 EUR (12.8%) were set aside and are in no figure:"
        " shop.rejected('transactions') says why."
    )


def test_a_row_that_stands_in_the_books_already_is_no_loss(shop, tmp_path):
    first = sales(tmp_path, 20)
    (tmp_path / "again.csv").write_text(first.read_text() + "zoe,2025-05-05,7.00,z\n")
    shop.load([first, tmp_path / "again.csv"])
    row = cv.rows_read(shop).table.row(0, named=True)
    assert (row["n_repeated"], row["repeated"], row["n_set_aside"]) == (20, Decimal("200.00"), 0)
    assert (row["came"], row["used"], row["difference"]) == (Decimal("407.00"), Decimal("207.00"), Decimal("0.00"))
    assert cv.rows_read(shop).warning == ""


def test_returns_tax_and_rules(shop, tmp_path):
    """A return of 30.00 written as positive counts as 30.00 on both roads; a rule leaves 50.00 out; with tax no sum is stated."""
    (tmp_path / "sales.csv").write_text(
        "customer_id,ordered_at,amount,kind,state\nann,2025-01-01,100.00,sale,paid\nann,2025-01-09,30.00,return,paid\n"
        "bob,2025-01-02,50.00,sale,voided\n"
    )
    mapping = '[tables.transactions]\nfile = "sales.csv"\ndrop = [{ column = "state", values = "voided" }]\n'
    (tmp_path / "map.toml").write_text(mapping)
    shop.load(tmp_path / "sales.csv", mapping=tmp_path / "map.toml")
    row = cv.rows_read(shop).table.row(0, named=True)
    assert [row[n] for n in ("came", "used", "left_out", "difference")] == [
        Decimal(x) for x in ("180.00", "130.00", "50.00", "0.00")
    ]
    (tmp_path / "map.toml").write_text(mapping + "tax = { rate = 0.19 }\n")
    shop.load(tmp_path / "sales.csv", mapping=tmp_path / "map.toml")
    assert cv.rows_read(shop).table["came"].to_list() == [None]


def test_check_fails_above_the_limit_and_names_the_table(shop, tmp_path):
    shop.load(sales(tmp_path, 200, "ann,some day,30.00,a"))  # 30 of 2,030: 1.5 %
    name = "check_little_money_was_set_aside"
    failed = shop.checks().filter(check=name).row(0, named=True)
    assert failed["n_failures"] == 1
    assert "'table': 'transactions'" in failed["example"]
    assert shop.checks(0.02).filter(check=name)["n_failures"].item() == 0


def test_check_compares_the_files_own_sum(shop, tmp_path):
    shop.load(sales(tmp_path, 20))
    name = "check_files_add_up_to_what_became_of_them"
    assert shop.checks().filter(check=name)["n_failures"].item() == 0
    shop._con.execute("update raw.transactions set amount = amount + 0.01 where _row = 1")
    failed = shop.checks().filter(check=name)
    assert failed["n_failures"].item() == 1
    assert "Decimal('-0.01')" in failed["example"].item()


def test_a_run_says_so_first_of_all(shop, tmp_path):
    shop.load(sales(tmp_path, 60, *(f"ann,some day,30.00,a{i}" for i in range(40))))
    analysis = cv.analyse(shop, cv.Settings(), as_of="2025-08-31")
    lost, later = analysis.warnings
    assert lost.startswith("40 of 100 rows of transactions with 1,200.00 EUR (66.7%) were set aside")
    assert later == "6 orders of 60.00 EUR lie after 2025-08-31 and are in no figure."
    write_report(analysis, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.index("Read this first.") < page.index('class="answer')
    files = [c for c in controls(analysis) if c.what.startswith("Files of transactions")]
    assert [(c.source, c.result, c.difference) for c in files] == [(1800.0, 1800.0, 0.0)]
    assert cv.analyse(shop, cv.Settings(set_aside_limit=0.7)).warnings == ()


def test_load_prints_money_for_people_and_machines(tmp_path, capsys, monkeypatch):
    from custvalue.cli.commands import app

    file = sales(tmp_path, 20, "ann,some day,30.00,a")
    monkeypatch.setenv("COLUMNS", "200")
    app(["load", str(tmp_path / "shop.duckdb"), str(file), "--json"], standalone_mode=False)
    said = json.loads(capsys.readouterr().out)
    assert said["read"][0]["set_aside"] in (30.0, "30.00")
    assert said["warning"].startswith("1 of 21 rows of transactions with 30.00 EUR (13.0%) were set aside")
