"""All answers in one HTML file that opens anywhere, with no network: figures first, tables under them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from custvalue.experiments.targeting import TargetingRule
from custvalue.experiments.verdict import Verdict
from custvalue.models.fitting import ModelFit
from custvalue.plots import figure_for
from custvalue.plots.theme import TEMPLATE
from custvalue.reports.summary import KeyFigure, controls, decision_of, key_figures, question
from custvalue.reports.tables import View, recommendation, views
from custvalue.reports.writing import whole_file
from custvalue.results import format_table
from custvalue.service.plan import ServicePlan

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from custvalue.reports.analysis import Analysis
    from custvalue.results import Result

PAGE = "report.html.j2"
TITLE_HEIGHT = 52
"""Pixels above a figure that its title takes; on the page the section's heading says it."""
MARKUP = re.compile(r"<(?!/?(?:b|i|br|sup|sub|extra)/?>)")
"""A `<` that does not begin one of the tags that our own figures write."""


@dataclass(frozen=True, kw_only=True)
class _Table:
    caption: str
    html: Markup


@dataclass(frozen=True, kw_only=True)
class _Section:
    anchor: str
    question: str
    finding: str
    text: str
    chart: str
    height: int
    tables: list[_Table]
    notes: list[str]


def write_report(analysis: Analysis, file: Path) -> None:
    """Write the report: the answer and its key figures, then a section per question.

    Parameters
    ----------
    analysis
        The answers of a run.
    file
        Where to write; one file that holds everything it needs.
    """
    charts: dict[str, Any] = {}
    ordered = sorted(analysis.results.items(), key=lambda pair: isinstance(pair[1], ModelFit))
    sections = [_section(name, result, charts) for name, result in ordered]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("custvalue", "reports"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template(PAGE).render(
        title="What our customers are worth, and which service pays",
        company=analysis.settings.company,
        as_of=_day(analysis.as_of),
        currency=analysis.currency,
        answers=_answers(analysis),
        cards=[(card, _shown(card, analysis.currency)) for card in key_figures(analysis)],
        recommendation=_recommendation(analysis),
        sections=sections,
        warnings=analysis.warnings,
        missing=analysis.missing,
        controls=[(c, *(_number(v, c.kind) for v in (c.source, c.result, c.difference))) for c in controls(analysis)],
        charts=_json(charts),
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - the library itself, once
    )
    with whole_file(file) as written:
        written.write_text(page, encoding="utf-8")


def _section(name: str, result: Result, charts: dict[str, Any]) -> _Section:
    anchor = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    chart, height = "", 0
    if figure_for.dispatch(type(result)) is not figure_for.dispatch(object):
        chart = f"chart-{anchor}"
        figure = figure_for(result)
        top = figure.layout.margin.t or TEMPLATE.layout.margin.t
        figure.update_layout(template=TEMPLATE, title=None, autosize=True, margin_t=max(24, top - TITLE_HEIGHT))
        charts[chart] = _tame(figure.to_plotly_json())
        height = int(figure.layout.height or 440)
    return _Section(
        anchor=anchor,
        question=question(name),
        finding=result.title,
        text=result.sentence if isinstance(result, Verdict) else "",
        chart=chart,
        height=height,
        tables=[_table(view, f"{anchor}-{i}", result.currency) for i, view in enumerate(views(result))],
        notes=result.notes(),
    )


def _table(view: View, name: str, currency: str) -> _Table:
    formatted = format_table(view.frame, view.kinds, currency=currency, name=f"table-{name}")
    raw = formatted.as_raw_html()
    return _Table(caption=view.caption, html=Markup(raw))  # noqa: S704 - cells are escaped by great-tables


def _recommendation(analysis: Analysis) -> _Table | None:
    plan = analysis.results.get("plan")
    return _table(recommendation(plan), "recommendation", plan.currency) if isinstance(plan, ServicePlan) else None


def _answers(analysis: Analysis) -> list[tuple[str, str]]:
    """Say the decisions first; without a plan, what was found."""
    told: list[tuple[str, str]] = []
    for name, result in analysis.results.items():
        if isinstance(result, Verdict):
            told.append((result.experiment.replace("_", " ").capitalize(), decision_of(result)))
        elif isinstance(result, TargetingRule):
            told.append((question(name), result.title))
    plan = analysis.results.get("plan")
    if plan is not None:
        return [*told, ("Service", plan.title)]
    known = (
        (question(name), r.title)
        for name, r in analysis.results.items()
        if not isinstance(r, ModelFit | Verdict | TargetingRule)
    )
    return [*told, *known]


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


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _shown(card: KeyFigure, currency: str) -> tuple[str, str]:
    """Return a key figure's text and its unit."""
    if isinstance(card.value, str):
        return card.value, ""
    return _number(card.value, card.kind, digits=0), currency if card.kind == "money" else ""


def _number(value: float, kind: str, digits: int = 2) -> str:
    if kind == "percent":
        return f"{value:.1%}"
    return f"{value:,.{0 if kind == 'count' else digits}f}".replace("-", "−")
