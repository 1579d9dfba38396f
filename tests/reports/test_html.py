"""The report: one file that answers the question first, and in which nothing typed by a customer is markup."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import polars as pl
import pytest

import custvalue as cv
from custvalue.plots.theme import wrapped
from custvalue.reports.answers import answers
from custvalue.reports.chapters import chapters
from custvalue.reports.html import write_report
from custvalue.reports.summary import controls
from custvalue.reports.words import for_people

if TYPE_CHECKING:
    from custvalue.reports.analysis import Analysis

EVIL = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"


class Page(HTMLParser):
    """Collects the elements, and the text outside scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words, self._inside = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def html(analysis, tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    write_report(analysis, file)
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_every_finding_is_on_the_page_rounded_for_people(analysis, page):
    for name, result in analysis.results.items():
        if name not in ("plan", "verdict vip_gift"):  # the plan's steps are a sentence of their own
            assert " ".join(for_people(result.title).split()) in page.text
    assert "41% of 1.43 million EUR of net revenue" in page.text


def test_the_three_answers_come_first_and_can_be_repeated(analysis, page):
    worth, courtesy, act = answers(analysis)
    total = float(analysis.results["value"].table["clv"].sum())
    assert round(total, -3) == 243_000
    assert worth.lead == (
        "Our 4,000 customers will bring about 243,000\xa0EUR of profit after goods and service in the next 12 months."
    )
    low, high = analysis.results["value"].total_by().table.row(0)[3:5]
    assert f"between {round(low, -3):,.0f} and {round(high, -3):,.0f}\xa0EUR" in worth.more
    profit = analysis.results["profit"].table
    kept = float(profit["contribution"].sum())
    assert (
        f"So far we earned {round(kept, -3):,.0f}\xa0EUR on them, {kept / float(profit['net_revenue'].sum()):.0%} of their "
        f"net revenue; we lost money on {profit.filter(pl.col('contribution') < 0).height} of them." in worth.more
    )
    full = float(analysis.results["courtesy"].table["full"].sum())
    assert courtesy.lead == (
        f"Courtesy cost us about {round(full, -3):,.0f}\xa0EUR from January 2023 to December 2025, "
        f"{full / float(analysis.results['courtesy'].gross_margin):.0%} of gross margin."
    )
    assert act.lead == "Give free delivery to “remote”; withdraw it from “bargain” and “loyal and near”."
    places = [page.text.index(" ".join(answer.lead.split())) for answer in (worth, courtesy, act)]
    assert places == sorted(places)
    assert places[-1] < page.text.index("In this report")
    for answer in (worth, courtesy, act):
        assert answer.anchor in [attrs.get("id") for attrs in page.all("section")]


def test_what_has_no_customer_is_not_what_customers_brought():
    rows = [(f"c{i % 30}" if i % 4 else None, dt.date(2024, 1, 1) + dt.timedelta(days=3 * i), 10.0) for i in range(200)]
    with cv.open() as shop:
        shop.load(pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount"], orient="row"))
        worth = answers(cv.analyse(shop, cv.Settings()))[0]
    assert (
        "So far they brought 1,500\xa0EUR of net revenue; sales without a customer brought 500\xa0EUR more."
        in worth.more
    )


def test_a_warning_comes_before_the_answers(analysis, tmp_path):
    write_report(replace(analysis, warnings=("3% of the money of orders was set aside.",)), tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert text.index("Read this first. 3% of the money") < text.index("Our 4,000 customers")


def test_a_test_that_cannot_be_judged_is_no_chapter(analysis, page):
    asked = [chapter.question for chapter in chapters(analysis)]
    assert "Does free delivery pay?" in asked
    assert "Does vip gift pay?" not in asked
    assert f"Does vip gift pay? {analysis.results['verdict vip_gift'].sentence}" in page.text


def test_a_chapter_has_one_figure_and_at_most_one_short_table(html):
    parts = re.split(r'<section id="', html)[1:]
    assert len(parts) >= 8
    for part in parts:
        shown = re.sub(r"<details>.*</details>", "", part.split("</section>")[0], flags=re.DOTALL)
        assert shown.count('class="chart"') <= 1
        assert shown.count("<table") <= 1
        assert shown.count("<tr") <= 10


def test_the_methods_are_words_and_not_the_names_of_fields(page):
    text = page.text[page.text.index("What was counted, what was assumed") : page.text.index("The proofs")]
    assert "Orders from 1 January 2023 to 31 December 2025 of 4,000 customers." in text
    assert "discounted at 10% a year" in text
    assert "may leave after any purchase" in text
    assert "Free delivery was tried on customers drawn at random" in text
    assert "_" not in text
    for name in ("peak rank", "n draws", "gradient norm", "seed"):
        assert name not in page.text


def test_every_change_and_every_measured_row_of_the_plan_has_its_reason_on_the_page(analysis, page):
    # the page shows what changes and what was measured; the workbook has every row
    table = analysis.results["plan"].table
    shown = table.filter((pl.col("action") != "keep") | (pl.col("basis") == "measured"))
    assert shown.height > 0
    for row in shown.iter_rows(named=True):
        assert row["why"] in page.text
        assert row["segment"] in page.text


def test_what_is_missing_is_said_one_line_each(root, tmp_path):
    with cv.open() as shop:
        shop.load(root / "sample_data" / "customers.csv.gz")
        shop.load(root / "sample_data" / "orders.csv.gz")
        analysis = cv.analyse(shop, cv.Settings())
    write_report(analysis, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(analysis.missing) > 8
    for question, why in analysis.missing:
        assert f"{question} {why}" in page.text


def test_nothing_in_the_file_points_outside(page, html):
    for tag, attrs in page.elements:
        for name in ("src", "href", "action", "data", "poster"):
            assert not (attrs.get(name) or "").startswith(("http", "//")), (tag, attrs)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    styles = " ".join(re.findall(r"<style>.*?</style>", html, flags=re.DOTALL))
    assert "@import" not in styles
    assert "url(" not in styles
    assert html.count("plotly.js v") <= 1


def test_reads_well_for_a_screen_reader(page):
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    charts = [attrs for attrs in page.all("div") if attrs.get("class") == "chart"]
    assert len(charts) >= 6
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    targets = {attrs["href"][1:] for attrs in page.all("a")}
    assert targets <= set(ids)
    labels = {attrs["aria-labelledby"] for _, attrs in page.elements if "aria-labelledby" in attrs}
    assert labels <= set(ids)


def test_same_answers_give_the_same_file(analysis, html, tmp_path):
    write_report(analysis, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_what_a_customer_typed_is_text(analysis, tmp_path):
    write_report(poisoned(analysis), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert len(page.all("script")) == 2  # the plotting library and our own
    assert not [attrs for attrs in page.all("img") if "onerror" in attrs]
    assert EVIL not in html
    assert page.text.count("<script>") >= 5


def test_without_costs_and_tests_it_says_what_it_can(tmp_path):
    """Three columns: no cost, no test, no plan; every line that is missing is named."""
    rows = [
        (f"c{i}", dt.date(2025, 1, 1) + dt.timedelta(days=(i * 7 + k * 31) % 330), 10.0 + (i + k) % 7)
        for i in range(120)
        for k in range(i % 5 + 1)
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount"], orient="row")
    with cv.open() as shop:
        shop.load(frame)
        bare = cv.analyse(shop, cv.Settings())
    write_report(bare, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    worth, courtesy, act = answers(bare)
    assert worth.lead == "Our 120 customers will bring about 4,900\xa0EUR of revenue in the next 12 months."
    assert "once the cost of goods is loaded" in worth.more
    assert courtesy.lead == "Not known: no courtesy shows in these data."
    assert "courtesy_catalogue" in courtesy.more
    assert act.lead.startswith("Test before you change anything")
    assert "keep the best" not in act.more  # all are expected to bring the same
    assert "no costs are loaded" in page.text
    assert [chapter.question for chapter in chapters(bare)] == [worth.question, "What do we earn on them?"]
    assert [chapter.drawn is None for chapter in chapters(bare)] == [True, False]
    assert "needs unit_cost of order_lines or products" in page.text
    assert "experiments and assignments are not loaded" in page.text
    assert "contribution" not in worth.more


def test_control_totals_tie_and_would_show_a_cent(analysis):
    found = controls(analysis)
    assert len(found) >= 7
    assert all(control.difference == 0 for control in found)
    profit = analysis.results["profit"]
    off = replace(
        profit, company=profit.company.with_columns(pl.col("contribution") + pl.lit("0.01").cast(pl.Decimal(38, 2)))
    )
    changed = controls(replace(analysis, results={**analysis.results, "profit": off}))
    assert [control.difference for control in changed if control.difference] == [0.01]


def poisoned(analysis: Analysis) -> Analysis:
    """Return the analysis with markup for names, wherever a customer's words can come in."""
    results = dict(analysis.results)
    for name in ("segments", "plan", "courtesy"):
        column = "measure" if name == "courtesy" else "segment"
        table = results[name].table
        first = pl.int_range(pl.len()) == 0
        results[name] = replace(
            results[name], table=table.with_columns(pl.when(first).then(pl.lit(EVIL)).otherwise(column).alias(column))
        )
    verdict = results.pop("verdict free_delivery")
    named = pl.when(pl.col("segment") == "remote").then(pl.lit(EVIL)).otherwise("segment").alias("segment")
    results[f"verdict {EVIL}"] = replace(
        verdict, experiment=EVIL, table=verdict.table.with_columns(named), pays_only_for=(EVIL,),
        sentence=f"It pays only for {EVIL}.",
    )  # fmt: skip
    for kind, column in (("threshold", "segment"), ("targeting", "policy")):
        result = results.pop(f"{kind} free_delivery")
        first = pl.int_range(pl.len()) == 2
        said = pl.when(first).then(pl.lit(EVIL)).otherwise(column).alias(column)
        results[f"{kind} {EVIL}"] = replace(result, table=result.table.with_columns(said))
    value = results["value"]
    first = pl.col("clv") == pl.col("clv").max()
    customer = pl.when(first).then(pl.lit(EVIL)).otherwise("customer_id").alias("customer_id")
    results["value"] = replace(value, table=value.table.with_columns(customer))
    return replace(analysis, results=results, missing=((EVIL, EVIL),))


def test_report_and_notebooks_say_one_figure(root):
    """One run, one set of settings: what the shipped notebooks say of the sample is what the report says of it."""
    with cv.open() as shop:
        shop.load(root / "sample_data")
        analysis = cv.analyse(shop, cv.load_settings(root / "sample_data" / "custvalue.toml"))
    said = {
        name: wrapped(analysis.results[name].title) for name in ("profit", "courtesy", "verdict free_delivery", "plan")
    }
    for notebook, names in (("00_tour", tuple(said)), ("04_free_delivery", ("verdict free_delivery",)),
                            ("03_cost_of_courtesy", ("profit", "courtesy")), ("05_service_levels", ("plan",))):  # fmt: skip
        cells = json.loads((root / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        drawn = [o["data"]["application/vnd.plotly.v1+json"]["layout"]["title"]["text"] for cell in cells
                 for o in cell.get("outputs", ()) if "application/vnd.plotly.v1+json" in o.get("data", {})]  # fmt: skip
        for name in names:
            assert said[name] in drawn, (notebook, name, drawn)
