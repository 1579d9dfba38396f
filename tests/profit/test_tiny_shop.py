"""The tiny shop of docs/tiny_shop.md: custvalue says what was worked out there by hand, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

import custvalue as cv

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMERS = ("anna", "ben", "clara", "dora", "emil")


def tables_of(page: Path) -> dict[str, list[dict[str, str]]]:
    """Read the first table under each heading of a page."""
    found: dict[str, list[dict[str, str]]] = {}
    heading, header = "", []
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading, header = line[3:], []
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not header:
                header = cells
            elif set(line) - set("|- "):
                found.setdefault(heading, []).append(dict(zip(header, cells, strict=True)))
    return found


@pytest.fixture(scope="module")
def page(root):
    return tables_of(root / "docs" / "tiny_shop.md")


@pytest.fixture(scope="module")
def shop(root):
    with cv.open() as opened:
        report = opened.load(root / "tests" / "profit" / "tiny_shop")
        assert report.table["rejected"].sum() == 0, report.reasons
        yield opened


def by_line(rows, key):
    """Map each line of a waterfall to what the page says of a customer."""
    return {row["line"]: Decimal(row[key]) for row in rows}


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_the_waterfall_of_a_customer(shop, page, customer):
    table = cv.customer_profit(shop).table.filter(customer_id=customer).row(0, named=True)
    wanted = by_line(page["The waterfall, full"], customer)
    assert {line: table[line] for line in wanted} == wanted
    assert set(wanted) == set(table) - {"customer_id", "adjustments"}  # no line is left out of the page


def test_the_waterfall_of_rows_without_a_customer_and_of_the_company(shop, page):
    pnl = cv.customer_profit(shop)
    for key, frame in (("nobody", pnl.unattributed), ("company", pnl.company)):
        wanted = by_line(page["The waterfall, full"], key)
        row = frame.row(0, named=True)
        assert {line: row[line] for line in wanted} == wanted


@pytest.mark.parametrize("customer", [*CUSTOMERS, "nobody"])
def test_the_avoidable_part_of_each_line(shop, page, customer):
    entries = shop.fetch("pnl_entries")
    own = pl.col("customer_id").is_null() if customer == "nobody" else pl.col("customer_id") == customer
    sums = dict(entries.filter(own).group_by("pnl_line").agg(pl.col("avoidable").sum()).iter_rows())
    full = by_line(page["The waterfall, full"], customer)
    part = by_line(page["The waterfall, avoidable"], customer)
    subtotals = {"net_revenue", "gross_margin", "contribution", "customer_profit"}
    wanted = {line: part.get(line, amount) for line, amount in full.items() if line not in subtotals}
    assert {line: sums.get(line, Decimal(0)) for line in wanted} == wanted


def test_each_courtesy_in_four_views(shop, page):
    table = cv.courtesy_cost(shop).by("measure")
    money = ("full", "avoidable", "forgone_fee", "economic")
    got = {
        name: (*tuple(rows[column].sum() for column in money), rows["n_events"].sum())
        for (name,), rows in table.group_by("measure_id")
    }
    wanted = {
        row["measure"]: (*tuple(Decimal(row[name.replace("_", " ")]) for name in money), int(row["events"]))
        for row in page["Courtesies"]
    }
    assert got == wanted
    assert table["accounting"].sum() == Decimal("192.30")
    assert table["economic"].sum() == Decimal("162.70")
    assert table["full"].sum() == -cv.customer_profit(shop).company["courtesy"].item()


def test_courtesies_as_marketing(shop, page):
    cost = cv.courtesy_cost(shop)
    wanted = [(row["view"], row["what"], Decimal(row["amount"])) for row in page["Courtesies as marketing"]]
    assert cost.marketing.rows() == wanted
    assert dict(cost.by("view").select("accounting_view", "full").rows()) == {
        "marketing": Decimal("7.50"), "cost_to_serve": Decimal("184.80"),
    }  # fmt: skip


def test_free_delivery_by_rule_and_beyond_it(shop, page):
    granted: dict[str, Decimal] = {}
    for row in page["Delivery"]:
        if row["granted"]:
            granted[row["granted"]] = granted.get(row["granted"], Decimal(0)) + Decimal(row["borne by the courtesy"])
    events = cv.courtesy_cost(shop).events.filter(measure_id="FD")
    assert dict(events.group_by("granted").agg(pl.col("full").sum()).iter_rows()) == granted


def test_hours_of_each_resource(shop, page):
    table = cv.capacity_use(shop).table
    for row in page["Hours"]:
        got = table.filter(resource_id=row["resource"]).row(0, named=True)
        assert got["practical_min"] == pytest.approx(float(row["practical"]))
        assert got["used_min"] == pytest.approx(float(row["used"]))
        assert got["unused_min"] == pytest.approx(float(row["unused"]))
        assert (got["used_cost"], got["unused_cost"]) == (Decimal(row["used cost"]), Decimal(row["unused cost"]))


def test_every_account_of_the_ledger(shop, page):
    ledger = cv.reconcile(shop)
    assert ledger.ties
    names = ("ledger", "assigned", "unused_capacity", "facility", "unassigned")
    got = {row["account"]: tuple(row[name] for name in names) for row in ledger.table.iter_rows(named=True)}
    assert got == {row["account"]: tuple(Decimal(row[name]) for name in names) for row in page["The ledger"]}
    company = cv.customer_profit(shop, per="company").table
    assert company["result"].item() == Decimal("-5464.59")


def test_all_checks_pass(shop):
    assert shop.checks().filter(pl.col("n_failures") > 0).rows() == []
