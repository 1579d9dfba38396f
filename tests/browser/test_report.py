"""The report in a real browser with the network off: charts are drawn, nothing is asked for, nothing runs."""

from __future__ import annotations

import pytest

import custvalue as cv
from custvalue.reports.html import write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers():
    with cv.open() as shop:
        shop.load(cv.sample_data())
        return cv.analyse(shop, cv.Settings())


def opened(chromium, file, width=1280):
    """Open a file offline; return the page and what it said and asked for."""
    context = chromium.new_context(offline=True, viewport={"width": width, "height": 900})
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_function(
        "document.querySelectorAll('.chart').length == document.querySelectorAll('.chart.js-plotly-plot').length"
    )
    return page, said, [url for url in asked if not url.startswith(("data:", "blob:"))]


def test_every_chart_is_drawn_without_a_network(chromium, answers, tmp_path):
    file = tmp_path / "report.html"
    write_report(answers, file)
    page, said, asked = opened(chromium, file)
    charts = page.locator(".chart")
    assert charts.count() == len(answers.results)
    for number in range(charts.count()):
        chart = charts.nth(number)
        assert chart.locator("svg.main-svg").count() >= 1
        marks = chart.locator(".trace path, .trace .point, .lines path")
        assert marks.count() > 0, chart.get_attribute("id")
        assert chart.locator(".xtick text").count() > 1, chart.get_attribute("id")
        width = chart.locator("svg.main-svg").first.bounding_box()["width"]
        assert width == pytest.approx(chart.bounding_box()["width"], abs=2)
    assert said == []
    assert asked == [file.as_uri()]


def test_first_screen_holds_the_answer(chromium, answers, tmp_path):
    write_report(answers, tmp_path / "report.html")
    page, _, _ = opened(chromium, tmp_path / "report.html")
    for text in ("Contribution", "Future value", "Cost of courtesy", "Free delivery"):
        assert page.locator(".card .label", has_text=text).bounding_box()["y"] < 500
    assert page.locator("#recommendation .gt_table").bounding_box()["y"] < 900


@pytest.mark.parametrize("width", [360, 703])
def test_narrow_screens_and_paper_need_no_scrolling_sideways(chromium, answers, tmp_path, width):
    write_report(answers, tmp_path / "report.html")
    page, _, _ = opened(chromium, tmp_path / "report.html", width)
    if width == 703:  # A4 less its margins
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_keyboard_reaches_the_answer_first(chromium, answers, tmp_path):
    write_report(answers, tmp_path / "report.html")
    page, _, _ = opened(chromium, tmp_path / "report.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"


def test_what_a_customer_typed_does_not_run(chromium, answers, tmp_path):
    from dataclasses import replace

    import polars as pl

    evil = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1><a href='javascript:window.pwned=1'>x</a>"
    results = dict(answers.results)
    for name, column in (("segments", "segment"), ("plan", "segment"), ("courtesy", "measure")):
        table = results[name].table
        first = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(evil)).otherwise(column).alias(column)
        results[name] = replace(results[name], table=table.with_columns(first))
    verdict = results["verdict free_delivery"]
    remote = pl.when(pl.col("segment") == "remote").then(pl.lit(evil)).otherwise("segment").alias("segment")
    results["verdict free_delivery"] = replace(
        verdict, experiment=evil, pays_only_for=(evil,), table=verdict.table.with_columns(remote)
    )
    write_report(replace(answers, results=results, missing=((evil, evil),)), tmp_path / "report.html")
    page, said, asked = opened(chromium, tmp_path / "report.html")
    page.wait_for_timeout(500)
    assert page.evaluate("window.pwned") is None
    assert said == []
    assert len(asked) == 1
    assert page.locator("img").count() == 0
    assert page.locator(".chart a").count() == 0
    assert page.locator("#courtesy .ytick", has_text="<script>window.pwned=1</script>").count() == 1
