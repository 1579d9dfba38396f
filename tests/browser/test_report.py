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


DRAWN = """() => [...document.querySelectorAll('.chart')].every(
    node => node.classList.contains('js-plotly-plot') || node.closest('details:not([open])'))"""


def opened(chromium, file, width=1280, unfolded=False):
    """Open a file offline, the details too if wanted; return the page and what it said and asked for."""
    context = chromium.new_context(offline=True, viewport={"width": width, "height": 800})
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    if unfolded:
        page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
        page.wait_for_timeout(300)  # an opened fold says so only after a moment
    page.wait_for_function(DRAWN)
    return page, said, [url for url in asked if not url.startswith(("data:", "blob:"))]


def test_every_chart_is_drawn_without_a_network(chromium, answers, tmp_path):
    file = tmp_path / "report.html"
    write_report(answers, file)
    page, said, asked = opened(chromium, file, unfolded=True)
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


@pytest.mark.parametrize("width", [1280, 640])
def test_first_screen_holds_the_three_answers_and_the_page_is_short(chromium, answers, tmp_path, width):
    write_report(answers, tmp_path / "report.html")
    page, _, _ = opened(chromium, tmp_path / "report.html", width)
    boxes = [each.bounding_box() for each in page.locator(".answer").all()]
    assert len(boxes) == 3
    assert all(box["y"] + box["height"] <= 800 for box in boxes)
    assert page.evaluate("document.documentElement.scrollHeight") < 6_000
    assert page.locator(".chart.js-plotly-plot").count() == page.locator("section > figure .chart").count() == 6
    assert (tmp_path / "report.html").stat().st_size < 6_000_000


def test_a_fold_draws_its_figure_when_it_is_opened(chromium, answers, tmp_path):
    write_report(answers, tmp_path / "report.html")
    page, said, _ = opened(chromium, tmp_path / "report.html")
    fold = page.locator("#earn details", has_text="Who makes the profit?")
    assert fold.locator("svg.main-svg").count() == 0
    fold.locator("summary").click()
    fold.locator("svg.main-svg").first.wait_for()
    assert fold.locator("svg.main-svg").first.bounding_box()["width"] > 600
    assert said == []


def test_the_same_command_prints_it(answers, tmp_path):
    from custvalue.errors import SourceError
    from custvalue.reports import pdf

    if pdf.browser() is None:
        with pytest.raises(SourceError, match="no browser here that prints"):
            pdf.write_pdf(tmp_path / "report.html", tmp_path / "report.pdf")
        return
    write_report(answers, tmp_path / "report.html")
    pdf.write_pdf(tmp_path / "report.html", tmp_path / "report.pdf")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert 3 <= printed.count(b"/Type /Page\n") <= 12
    assert len(printed) > 50_000  # charts are drawn


def test_paper_has_at_most_twelve_pages(chromium, answers, tmp_path):
    write_report(answers, tmp_path / "report.html")
    page, _, _ = opened(chromium, tmp_path / "report.html")
    printed = page.pdf(prefer_css_page_size=True)
    assert 3 <= printed.count(b"/Type /Page\n") <= 12


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
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answers"


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
    page, said, asked = opened(chromium, tmp_path / "report.html", unfolded=True)
    page.wait_for_timeout(500)
    assert page.evaluate("window.pwned") is None
    assert said == []
    assert len(asked) == 1
    assert page.locator("img").count() == 0
    assert page.locator(".chart a").count() == 0
    assert page.locator("#courtesy .ytick", has_text="<script>window.pwned=1</script>").count() == 1
