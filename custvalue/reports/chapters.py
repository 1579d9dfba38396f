"""The order of the report: a chapter per question with one figure and one short table, the rest folded beneath."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.threshold import ThresholdCurve
from custvalue.experiments.verdict import Verdict
from custvalue.models.lifetime_value import LifetimeValue
from custvalue.profit.courtesy import CourtesyCost
from custvalue.reports.answers import ACT, COURTESY, STEPS, WORTH, anchor_of, plan_steps
from custvalue.reports.summary import question
from custvalue.reports.tables import View, recommendation, view_of, views
from custvalue.reports.words import capital, for_people
from custvalue.service.segments import Segments
from custvalue.service.service_plan import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.reports.analysis import Analysis
    from custvalue.results import Result

SHORT = 8
"""Rows of the one table of a chapter; what is longer is folded."""
METHODS = "methods"
FOLDED: dict[str, tuple[str, ...]] = {
    "worth": ("value", "segments"),
    "earn": ("profit", "whale", "actions"),
    "courtesy": ("courtesy", "today", "limits"),
    "act": ("plan",),
    "capacity": ("capacity", "budget", "signs", "practices"),
    METHODS: ("rows_read", "control_totals", "ledger", "purchases", "spend"),
}
"""Chapter -> its results; the first that is there leads it."""
ASKED = {
    "worth": WORTH,
    "earn": "What do we earn on them?",
    "courtesy": COURTESY,
    "act": ACT,
    "capacity": "Do we use the capacity we pay for?",
}


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What stands folded under a chapter: a result with its figure and tables, or further tables of the lead."""

    name: str
    heading: str
    finding: str
    result: Result
    has_figure: bool
    text: str = ""
    tables: list[View]


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A question, its finding, one figure, at most one short table, and what is folded.

    `drawn` is the result whose figure is shown, in short; None where a figure would say nothing.
    """

    anchor: str
    question: str
    finding: str
    result: Result
    drawn: Result | None
    table: View | None
    folds: list[Fold]


def chapters(analysis: Analysis) -> list[Chapter]:
    """Return the chapters that have something to say, in the order of the first screen's questions."""
    results = analysis.results
    told = [_chapter(anchor, results) for anchor in ("worth", "earn", "courtesy")]
    told += [_test(verdict, results) for verdict in results.values() if isinstance(verdict, Verdict)]
    told += [_thresholds(name, results) for name in results if name.startswith("threshold ")]
    told += [_chapter(anchor, results) for anchor in ("act", "capacity")]
    return [chapter for chapter in told if chapter is not None]


def methods(analysis: Analysis) -> list[Fold]:
    """Return what the methods chapter folds: what was read, what ties, and the fits behind the values."""
    names = [name for name in FOLDED[METHODS] if name in analysis.results]
    names += [n for n, r in analysis.results.items() if isinstance(r, Verdict) and r.decision == NOT_JUDGED]
    return [_fold(name, analysis.results[name]) for name in names]


def _chapter(anchor: str, results: Mapping[str, Result]) -> Chapter | None:
    names = [name for name in FOLDED[anchor] if name in results]
    if not names or (anchor == "courtesy" and _is_empty(results[names[0]])):
        return None
    lead = results[names[0]]
    table, rest = _tables(lead)
    drawn: Result | None = _brief(lead)
    if isinstance(lead, LifetimeValue):
        if _is_even(lead):  # where all are expected to bring the same there is nothing to draw
            drawn = None
        elif isinstance(segments := results.get("segments"), Segments):
            table = _short_segments(segments)
    return Chapter(
        anchor=anchor, question=ASKED[anchor], finding=_finding(lead), result=lead, drawn=drawn, table=table,
        folds=[*_more(names[0], lead, rest), *(_fold(name, results[name]) for name in names[1:])],
    )  # fmt: skip


def _finding(lead: Result) -> str:
    steps = plan_steps(lead).removesuffix(".") if isinstance(lead, ServicePlan) else ""
    return steps or for_people(lead.title)


def _is_empty(result: Result) -> bool:
    return isinstance(result, CourtesyCost) and not float(result.table["full"].sum() or 0)


def _is_even(value: LifetimeValue) -> bool:
    each = value.table[value.value_column]
    return bool(float(each.max() or 0) - float(each.min() or 0) < 0.005)  # type: ignore[arg-type]


def _brief(result: Result) -> Result:
    """Return the result with the rows that a chapter's figure has room for; what is left out is one row."""
    if not isinstance(result, CourtesyCost):
        return result
    costly = result.table.filter(pl.col("n_events") > 0)
    rest = costly.slice(SHORT)
    if rest.height < 2:
        return replace(result, table=costly)
    numbers = [name for name, dtype in costly.schema.items() if dtype.is_numeric()]
    others = rest.select(pl.lit(f"{rest.height} others").alias("measure"), *(pl.col(n).sum() for n in numbers))
    return replace(result, table=pl.concat([costly.head(SHORT), others.cast({n: costly.schema[n] for n in numbers})],
                                           how="diagonal"))  # fmt: skip


def _test(verdict: Verdict, results: Mapping[str, Result]) -> Chapter | None:
    if verdict.decision == NOT_JUDGED:
        return None  # it is among what can't be told
    name = f"verdict {verdict.experiment}"
    key = next((n for n, r in results.items() if r is verdict), name)
    table, rest = _tables(verdict)
    about = [n for n in (key.replace("verdict ", kind, 1) for kind in ("targeting ", "threshold ")) if n in results]
    return Chapter(
        anchor=anchor_of(verdict), question=question(key), finding=for_people(verdict.title), result=verdict,
        drawn=verdict, table=table,
        folds=[*_more(key, verdict, rest, for_people(verdict.sentence)), *(_fold(n, results[n]) for n in about)],
    )  # fmt: skip


def _thresholds(name: str, results: Mapping[str, Result]) -> Chapter | None:
    """Return a chapter of thresholds where no verdict of yes or no leads them."""
    curve, verdict = results[name], results.get(name.replace("threshold ", "verdict ", 1))
    if not isinstance(curve, ThresholdCurve) or (isinstance(verdict, Verdict) and verdict.decision != NOT_JUDGED):
        return None
    table, rest = _tables(curve)
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return Chapter(
        anchor=kept.strip("-"), question=question(name), finding=for_people(curve.title), result=curve,
        drawn=curve, table=table, folds=_more(name, curve, rest),
    )  # fmt: skip


def _tables(result: Result) -> tuple[View | None, list[View]]:
    """Return the short table that stands in the chapter, and those that are folded."""
    if isinstance(result, ServicePlan):
        whole = recommendation(result)
        folded = [_named(whole, "Every step, and why"), *views(result)]
        changes = whole.frame.filter(pl.col("action").is_in(list(STEPS)))
        if 0 < changes.height <= SHORT:
            return _cut(whole, changes.select("name", "segment", "action", "n_customers", "why")), folded
        return None, folded
    all_views = views(result)
    if isinstance(result, Verdict) and all_views[0].frame.height <= SHORT:
        first = all_views[0]
        columns = ("segment", "decision", "effect", "effect_low", "effect_high", "annual_impact")
        return view_of(first.caption, first.frame, first.kinds, columns), all_views
    return None, all_views


def _cut(view: View, frame: pl.DataFrame) -> View:
    return View(caption=view.caption, frame=frame, kinds={c: view.kinds[c] for c in frame.columns}, name=view.name)


def _named(view: View, caption: str) -> View:
    return View(caption=caption, frame=view.frame, kinds=view.kinds, name=view.name)


def _short_segments(segments: Segments) -> View | None:
    mean = f"{segments.value_column}_mean"
    columns = ("segment", "n_customers", "value_share", mean, "churn_probability")
    if segments.table.height > SHORT:
        return None
    return view_of("High value first; within it those at risk first", segments.table, segments.column_kinds(), columns)


def _more(name: str, result: Result, rest: list[View], text: str = "") -> list[Fold]:
    """Fold the lead's further tables under one heading that names them."""
    if not rest:
        return []
    named = [view.caption for view in rest if view.caption]
    heading = capital(named[0]) if len(rest) == 1 and named else "In detail"
    finding = "" if len(rest) == 1 else "; ".join(caption[:1].lower() + caption[1:] for caption in named)
    return [Fold(name=f"{name} tables", heading=heading, finding=finding, result=result, has_figure=False, text=text,
                 tables=rest)]  # fmt: skip


def _fold(name: str, result: Result) -> Fold:
    return Fold(
        name=name, heading=question(name), finding=for_people(result.title), result=result, has_figure=True,
        tables=views(result),
    )  # fmt: skip
