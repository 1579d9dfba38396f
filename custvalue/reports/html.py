"""All answers in one HTML file that opens anywhere, with no network: three answers, then a chapter per question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from custvalue.plots import figure_for
from custvalue.plots.theme import TEMPLATE
from custvalue.reports.answers import answers
from custvalue.reports.chapters import METHODS, Chapter, Fold, chapters, methods
from custvalue.reports.headings import headings
from custvalue.reports.methods import paragraphs
from custvalue.reports.summary import controls, unsaid
from custvalue.reports.words import day
from custvalue.reports.writing import whole_file
from custvalue.results import format_table

if TYPE_CHECKING:
    from pathlib import Path

    from custvalue.reports.analysis import Analysis
    from custvalue.reports.tables import View
    from custvalue.results import Result

PAGE = "report.html.j2"
TITLE_HEIGHT = 52
"""Pixels above a figure that its title takes; on the page the chapter's heading says it."""
LEAD_HEIGHT, ROW, FRAME = 330, 17, 90
"""A chapter's figure is at most so high, unless its rows need more; folded figures have their own height."""
MARKUP = re.compile(r"<(?!/?(?:b|i|br|sup|sub|extra)/?>)")
"""A `<` that does not begin one of the tags that our own figures write."""


@dataclass(frozen=True, kw_only=True)
class _Chart:
    name: str
    height: int
    about: str


@dataclass(frozen=True, kw_only=True)
class _Table:
    caption: str
    html: Markup


@dataclass(frozen=True, kw_only=True)
class _Folded:
    heading: str
    finding: str
    text: str
    chart: _Chart | None
    tables: list[_Table]


@dataclass(frozen=True, kw_only=True)
class _Section:
    chapter: Chapter
    chart: _Chart | None
    table: _Table | None
    folds: list[_Folded]


def write_report(analysis: Analysis, file: Path) -> None:
    """Write the report: warnings, the three answers, a chapter per question, and the methods.

    Parameters
    ----------
    analysis
        The answers of a run.
    file
        Where to write; one file that holds everything it needs.
    """
    with whole_file(file) as written:
        written.write_text(page(analysis), encoding="utf-8")


def page(analysis: Analysis) -> str:
    """Return the report's HTML."""
    charts: dict[str, Any] = {}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("custvalue", "reports"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(PAGE).render(
        title="What our customers are worth, and which service pays",
        company=analysis.settings.company,
        as_of=day(analysis.as_of),
        currency=analysis.currency,
        answers=answers(analysis),
        sections=[_section(chapter, charts) for chapter in chapters(analysis)],
        warnings=analysis.warnings,
        missing=unsaid(analysis),
        methods=paragraphs(analysis),
        method_folds=[_folded(fold, METHODS, i, charts) for i, fold in enumerate(methods(analysis))],
        controls=[(c, *(_number(v, c.kind) for v in (c.source, c.result, c.difference))) for c in controls(analysis)],
        charts=_json(charts),
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - the library itself, once
    )


def _section(chapter: Chapter, charts: dict[str, Any]) -> _Section:
    anchor, currency = chapter.anchor, chapter.result.currency
    return _Section(
        chapter=chapter,
        chart=None if chapter.drawn is None else _chart(anchor, chapter.drawn, chapter.finding, charts, LEAD_HEIGHT),
        table=None if chapter.table is None else _table(chapter.table, anchor, currency),
        folds=[_folded(fold, anchor, i, charts) for i, fold in enumerate(chapter.folds)],
    )


def _folded(fold: Fold, anchor: str, number: int, charts: dict[str, Any]) -> _Folded:
    name = f"{anchor}-{number}"
    return _Folded(
        heading=fold.heading,
        finding=fold.finding,
        text=fold.text,
        chart=_chart(name, fold.result, fold.finding, charts) if fold.has_figure else None,
        tables=[_table(view, f"{name}-{i}", fold.result.currency) for i, view in enumerate(fold.tables)],
    )


def _chart(name: str, result: Result, about: str, charts: dict[str, Any], highest: int = 2_000) -> _Chart | None:
    """Draw a result's figure without its title, which stands above it as a heading; None where it has none."""
    if figure_for.dispatch(type(result)) is figure_for.dispatch(object):
        return None
    figure = figure_for(result)
    top = max(24, (figure.layout.margin.t or TEMPLATE.layout.margin.t) - TITLE_HEIGHT)
    names = {
        name
        for trace in figure.data
        for name in (trace.y if isinstance(trace.y, tuple) else ())
        if isinstance(name, str)
    }
    height = min(int(figure.layout.height or 440) - TITLE_HEIGHT, max(highest, FRAME + ROW * len(names)))
    figure.update_layout(template=TEMPLATE, title=None, autosize=True, margin_t=top, height=height)
    if names:  # each row keeps its name, however low the figure
        figure.update_yaxes(dtick=1)
    charts[f"chart-{name}"] = _tame(figure.to_plotly_json())
    return _Chart(name=f"chart-{name}", height=height, about=about)


def _table(view: View, name: str, currency: str) -> _Table:
    formatted = format_table(view.frame, view.kinds, currency=currency, name=f"table-{name}")
    raw = formatted.cols_label(cases={**headings(view.kinds, currency)}).as_raw_html()
    return _Table(caption=view.caption, html=Markup(raw))  # noqa: S704 - cells are escaped by great-tables


def _tame(node: Any) -> Any:
    """Escape what a customer typed in a figure's texts: Plotly reads some tags in them."""
    if isinstance(node, dict):
        return {key: _tame(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_tame(value) for value in node]
    return MARKUP.sub("&lt;", node) if isinstance(node, str) else node


def _json(charts: dict[str, Any]) -> Markup:
    """Write the figures for a script element: no character in them can end it."""
    text = to_json_plotly(charts, engine="json")
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - just made safe


def _number(value: float, kind: str, digits: int = 2) -> str:
    if kind == "percent":
        return f"{value:.1%}"
    return f"{value:,.{0 if kind == 'count' else digits}f}".replace("-", "−")
