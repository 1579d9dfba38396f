"""Figures of tests: the effect by segment against break-even, a test at each look, who can be compared with whom."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from custvalue.experiments.break_even import BreakEven  # noqa: TC001 - singledispatch reads the annotation
from custvalue.experiments.design import Assignment, SamplePlan  # noqa: TC001
from custvalue.experiments.effects import Effects  # noqa: TC001
from custvalue.experiments.launch import LaunchEffect  # noqa: TC001
from custvalue.experiments.long_run import LongRun  # noqa: TC001
from custvalue.experiments.looks import Looks  # noqa: TC001
from custvalue.experiments.opt_in import OptInEffect  # noqa: TC001
from custvalue.experiments.targeting import TargetingRule  # noqa: TC001
from custvalue.experiments.threshold import ThresholdCurve  # noqa: TC001
from custvalue.experiments.verdict import Verdict  # noqa: TC001
from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, COLOURS, GREY, INK, ORANGE, VERMILION, finish

if TYPE_CHECKING:
    import polars as pl

# colour and symbol say the same twice
LOOK = {
    "pays off": (BLUE, "circle"),
    "pays only for": (BLUE, "circle"),
    "does not pay": (VERMILION, "square"),
    "keep testing": (INK, "circle-open"),
    "not worth testing further": (GREY, "diamond-open"),
    "practically neutral": (GREY, "diamond"),
    "cannot be judged": (GREY, "x-thin"),
}
BAND, DARK_BAND = "rgba(0,114,178,0.18)", "rgba(0,114,178,0.32)"


@figure_for.register
def _(result: Verdict) -> go.Figure:
    """Draw the effect by segment with the interval that the decision rests on; 0 is break-even."""
    shown = result.table.drop_nulls("effect")
    figure = go.Figure()
    for decision in shown["decision"].unique(maintain_order=True):
        colour, symbol = LOOK[str(decision)]
        figure.add_trace(_intervals(shown.filter(decision=decision), str(decision), colour, symbol))
    names = [escape(s) for s in shown["segment"]]
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], type="category", ticks="", showgrid=False)
    figure.update_xaxes(
        title_text=f"effect on contribution, {result.currency} per customer and {result.outcome_days} days"
        " (0 is break-even)",
        zeroline=False,
        tickformat=",~g",
    )
    figure.add_vline(x=0.0, line={"color": INK, "width": 1.5})
    if not shown.height:
        _say(figure, "No effect is shown: " + ", ".join(result.blocked_by()))
    return finish(figure, result.title, height=190 + 44 * max(shown.height, 2))


def _say(figure: go.Figure, text: str) -> None:
    figure.add_annotation(x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, text=text, font={"size": 14})


def _intervals(rows: pl.DataFrame, name: str, colour: str, symbol: str) -> go.Scatter:
    effect, low, high = (rows[c].round(4).to_list() for c in ("effect", "effect_low", "effect_high"))
    return go.Scatter(
        x=effect,
        y=[escape(s) for s in rows["segment"]],
        mode="markers",
        name=name,
        showlegend=True,
        marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": colour,
            "array": [round(h - e, 4) for e, h in zip(effect, high, strict=True)],
            "arrayminus": [round(e - b, 4) for e, b in zip(effect, low, strict=True)],
        },
        customdata=list(zip(low, high, strict=True)),
        hovertemplate="%{y}: %{x:,.2f} (%{customdata[0]:,.2f} to %{customdata[1]:,.2f})<extra></extra>",
    )  # fmt: skip


@figure_for.register
def _(result: Looks) -> go.Figure:
    """Draw the effect over time with the always-valid interval and, thinner, the one that may be looked at once."""
    table, figure = result.table, go.Figure()
    days = table["day"].to_list()
    intervals = (
        ("effect_low", "effect_high", f"always valid, {result.level:.0%}", BAND),
        ("fixed_low", "fixed_high", "valid for one look only", DARK_BAND),
    )
    if len(days) == 1:
        return _one_look(result, intervals)
    for low, high, name, colour in intervals:
        lower, upper = table[low].round(4).to_list(), table[high].round(4).to_list()
        band = go.Scatter(x=days + days[::-1], y=upper + lower[::-1], fill="toself", fillcolor=colour, name=name)
        figure.add_trace(band.update(line={"width": 0}, hoverinfo="skip", mode="lines"))
    effect = table["effect"].round(4).to_list()
    figure.add_trace(go.Scatter(x=days, y=effect, mode="lines", line={"color": BLUE, "width": 2}, name="effect"))
    figure.add_hline(y=0.0, line={"color": INK, "width": 1.5})
    # the first days are wider than anything that follows: they would flatten the rest
    reach = float(table["effect_high"][len(days) // 5] - table["effect_low"][len(days) // 5])
    figure.update_yaxes(
        title_text=f"effect, {result.currency} per customer (0 is break-even)", range=[-reach, reach], zeroline=False
    )
    figure.update_xaxes(title_text="last day of entry")
    return finish(figure, result.title)


def _one_look(result: Looks, intervals: tuple[tuple[str, str, str, str], ...]) -> go.Figure:
    """Draw the two intervals of a single look beside each other: a band has no width there."""
    figure, row = go.Figure(), result.table.row(0, named=True)
    for (low, high, name, _), colour in zip(intervals, (BLUE, GREY), strict=True):
        figure.add_trace(go.Scatter(
            x=[name], y=[row["effect"]], mode="markers", name=name, showlegend=False,
            marker={"size": 11, "color": colour},
            error_y={
                "type": "data", "symmetric": False, "thickness": 2, "width": 6,
                "array": [row[high] - row["effect"]], "arrayminus": [row["effect"] - row[low]],
            },
        ))  # fmt: skip
    figure.add_hline(y=0.0, line={"color": INK, "width": 1.5})
    title = f"effect, {result.currency} per customer (0 is break-even)"
    figure.update_yaxes(title_text=title, zeroline=False)
    figure.update_xaxes(title_text=f"interval at the only look, day of entry {row['day']}", type="category")
    return finish(figure, result.title)


@figure_for.register
def _(result: OptInEffect) -> go.Figure:
    """Draw how many customers with and without the measure had the same chance of getting it."""
    figure = go.Figure()
    table = result.overlap
    at = [f"{a:.0%} to {b:.0%}" for a, b in table.select("propensity_from", "propensity_to").iter_rows()]
    for column, name, colour in (("n_control", "without the measure", GREY), ("n_treated", "with it", ORANGE)):
        figure.add_trace(go.Bar(x=at, y=table[column].to_list(), name=name, marker={"color": colour}))
    figure.update_yaxes(title_text="customers", tickformat=",.0f", type="log")
    figure.update_xaxes(title_text="chance of getting the measure, by what was known before")
    return finish(figure, result.title)


@figure_for.register
def _(result: LaunchEffect) -> go.Figure:
    """Draw the effect before and after the launch: before it should be 0, as the naive comparison never shows."""
    if result.rests_on_synthetic_control:
        return _against_synthetic(result)
    events = result.events
    at = events["periods_since_launch"].to_list()
    effect, low, high = (events[c].round(4).to_list() for c in ("effect", "effect_low", "effect_high"))
    known = [b is not None for b in low]
    marks = go.Scatter(
        x=at, y=effect, mode="markers", name="effect", showlegend=False,
        marker={"size": 9, "color": [BLUE if t >= 0 else GREY for t in at]},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": GREY,
            "array": [round(h - e, 4) if k else 0.0 for e, h, k in zip(effect, high, known, strict=True)],
            "arrayminus": [round(e - b, 4) if k else 0.0 for e, b, k in zip(effect, low, known, strict=True)],
        },
    )  # fmt: skip
    figure = go.Figure(marks)
    figure.add_hline(y=0.0, line={"color": INK, "width": 1.5})
    figure.add_vline(x=-0.5, line={"color": VERMILION, "width": 1.5, "dash": "dash"}, annotation_text="launch")
    figure.update_yaxes(title_text=f"effect, {result.currency} per customer and period", zeroline=False)
    figure.update_xaxes(title_text="periods since the launch", zeroline=False)
    return finish(figure, result.title)


def _against_synthetic(result: LaunchEffect) -> go.Figure:
    """Draw the launched area and its synthetic control: alike before the launch, apart by the effect after it."""
    figure, path = go.Figure(), result.path
    at, treated, synthetic = (path[c].round(4).to_list() for c in path.columns)
    first = next(i for i, t in enumerate(at) if t == 0)
    after, upper, lower = at[first:], treated[first:], synthetic[first:]
    gap = go.Scatter(x=after + after[::-1], y=upper + lower[::-1], fill="toself", fillcolor=BAND, name="effect")
    figure.add_trace(gap.update(line={"width": 0}, hoverinfo="skip", mode="lines"))
    for values, name, line in (
        (synthetic, f"synthetic control, of {result.donors.filter(result.donors['weight'] > 0).height} others",
         {"color": GREY, "width": 2, "dash": "dash"}),
        (treated, "with the measure", {"color": BLUE, "width": 2}),
    ):  # fmt: skip
        marks = {"size": 6, "color": line["color"]}
        figure.add_trace(go.Scatter(x=at, y=values, mode="lines+markers", name=name, line=line, marker=marks))
    figure.add_vline(x=-0.5, line={"color": VERMILION, "width": 1.5, "dash": "dash"}, annotation_text="launch")
    figure.update_yaxes(title_text=f"outcome, {result.currency} per period", zeroline=False, tickformat=",~g")
    figure.update_xaxes(title_text="periods since the launch", zeroline=False)
    return finish(figure, result.title)


@figure_for.register
def _(result: ThresholdCurve) -> go.Figure:
    """Draw profit by threshold and segment; between tested thresholds hollow, beyond them nothing."""
    known = result.table.drop_nulls("profit")
    order = known.sort("threshold", nulls_last=True)["delivery"].unique(maintain_order=True).to_list()
    figure = go.Figure()
    for i, (segment, rows) in enumerate(known.partition_by("segment", as_dict=True, maintain_order=True).items()):
        profit, low, high = (rows[c].round(4).to_list() for c in ("profit", "profit_low", "profit_high"))
        colour = COLOURS[i % len(COLOURS)]
        figure.add_trace(go.Scatter(
            x=rows["delivery"].to_list(), y=profit, mode="lines+markers", name=escape(str(segment[0])),
            line={"color": colour, "width": 1.5, "dash": "dot"},
            marker={"size": 10, "symbol": ["circle" if b == "tested" else "circle-open" for b in rows["basis"]]},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 5,
                "array": [0.0 if h is None else round(h - p, 4) for p, h in zip(profit, high, strict=True)],
                "arrayminus": [0.0 if b is None else round(p - b, 4) for p, b in zip(profit, low, strict=True)],
            },
        ))  # fmt: skip
    figure.update_xaxes(title_text="delivery (filled: tested)", type="category", categoryarray=order)
    figure.update_yaxes(title_text=f"profit, {result.currency} per customer", tickformat=",~g")
    return finish(figure, result.title)


@figure_for.register
def _(result: TargetingRule) -> go.Figure:
    """Draw what each policy is worth per customer, against giving the measure to nobody."""
    rows = result.table
    value, low, high = (rows[c].round(4).to_list() for c in ("value", "value_low", "value_high"))
    marks = go.Scatter(
        x=value, y=rows["policy"].to_list(), mode="markers", marker={"size": 11, "color": BLUE}, showlegend=False,
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": BLUE,
            "array": [round(h - v, 4) for v, h in zip(value, high, strict=True)],
            "arrayminus": [round(v - b, 4) for v, b in zip(value, low, strict=True)],
        },
    )  # fmt: skip
    figure = go.Figure(marks)
    figure.add_vline(x=0.0, line={"color": INK, "width": 1.5})
    figure.update_yaxes(autorange="reversed", type="category", ticks="", showgrid=False)
    title = f"value, {result.currency} per customer (0: nobody gets it)"
    figure.update_xaxes(title_text=title, zeroline=False, tickformat=",~g")
    return finish(figure, result.title, height=300)


@figure_for.register
def _(result: SamplePlan) -> go.Figure:
    """Draw the smallest effect that a test finds, by its size."""
    figure = go.Figure()
    n = result.table["n_customers"].to_list()
    apart = [b for a, b in zip([1, *n], n, strict=False) if b > 1.15 * a]  # labels closer than that run together
    for column, name, colour in (
        ("smallest_effect", "means", GREY),
        ("smallest_effect_adjusted", "with what was known before (CUPED)", BLUE),
    ):
        if result.table[column].null_count() == 0:
            effect = result.table[column].round(4).to_list()
            figure.add_trace(go.Scatter(x=n, y=effect, mode="lines+markers", name=name, line={"color": colour}))
    figure.update_xaxes(title_text="customers in both arms", type="log", tickformat=",.0f", tickvals=apart)
    figure.update_yaxes(title_text=f"smallest effect found, {result.currency} per customer", rangemode="tozero")
    return finish(figure, result.title)


@figure_for.register
def _(result: Assignment) -> go.Figure:
    """Draw the customers of each arm by stratum."""
    figure = go.Figure()
    counted = result.table.group_by("stratum", "arm").len().sort("stratum", "arm")
    for arm, colour in (("control", GREY), ("treatment", BLUE)):
        rows = counted.filter(arm=arm)
        strata = [escape(s) for s in rows["stratum"]]
        figure.add_trace(go.Bar(x=strata, y=rows["len"].to_list(), name=arm, marker={"color": colour}))
    figure.update_yaxes(title_text="customers", tickformat=",.0f")
    figure.update_xaxes(title_text="stratum", type="category")
    return finish(figure, result.title)


@figure_for.register
def _(result: BreakEven) -> go.Figure:
    """Draw what each channel alone would have to bring, said beside it in the channel's own unit."""
    rows = result.table.drop_nulls("change")
    said = [f"{c}<br>{_change(c, v)} {r}" for c, v, r in rows.select("channel", "change", "reads").iter_rows()]
    change = rows["change"].round(6).to_list()
    figure = go.Figure(go.Bar(x=change, y=said, orientation="h", marker={"color": BLUE}, showlegend=False))
    figure.update_yaxes(autorange="reversed", type="category", ticks="")
    figure.update_xaxes(title_text="change needed by this channel alone (0.1 is 10 % or 10 points)", tickformat=".2~f")
    if not rows.height:
        _say(figure, "No change of one channel alone pays for it")
    return finish(figure, result.title, height=180 + 52 * max(rows.height, 2))


def _change(channel: str, change: float) -> str:
    """Write a change as a share of today's, as points, or as the number that it is."""
    said = {"retention": f"{100.0 * change:+.1f}", "dropout": f"{change:+.3f}", "referral": f"{change:+.3f}"}
    return said.get(channel, f"{100.0 * change:+.1f} %").replace("-", "−")


@figure_for.register
def _(result: LongRun) -> go.Figure:
    """Draw the long-run effect by how well it persists; above 0 it has paid back what the launch cost."""
    rows = result.table
    effect, low, high = (rows[c].round(4).to_list() for c in ("effect", "effect_low", "effect_high"))
    marks = go.Scatter(
        x=rows["persistence"].to_list(), y=effect, mode="lines+markers", line={"color": BLUE, "dash": "dot"},
        marker={"size": 9}, showlegend=False,
        error_y={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 5, "color": BLUE,
            "array": [round(h - e, 4) for e, h in zip(effect, high, strict=True)],
            "arrayminus": [round(e - b, 4) for e, b in zip(effect, low, strict=True)],
        },
    )  # fmt: skip
    figure = go.Figure(marks)
    figure.add_hline(y=0.0, line={"color": INK, "width": 1.5})
    figure.update_xaxes(
        title_text="share of the effect left after a year (an assumption)", tickformat=".0%", zeroline=False
    )
    net = " less set-up" if result.setup_cost else ""
    title = f"effect over {result.horizon_years} years{net}, {result.currency} per customer"
    figure.update_yaxes(title_text=title, zeroline=False, tickformat=",~g")
    return finish(figure, result.title)


@figure_for.register
def _(result: Effects) -> go.Figure:
    """Draw the relative change of each outcome for all customers; those with a base near 0 have none."""
    rows = result.table.filter(segment="all").drop_nulls("relative")
    relative, low, high = (rows[c].round(6).to_list() for c in ("relative", "relative_low", "relative_high"))
    marks = go.Scatter(
        x=relative, y=[escape(m) for m in rows["metric"]], mode="markers", marker={"size": 11, "color": BLUE},
        showlegend=False,
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": BLUE,
            "array": [round(h - v, 6) for v, h in zip(relative, high, strict=True)],
            "arrayminus": [round(v - b, 6) for v, b in zip(relative, low, strict=True)],
        },
    )  # fmt: skip
    figure = go.Figure(marks)
    figure.add_vline(x=0.0, line={"color": INK, "width": 1.5})
    figure.update_yaxes(autorange="reversed", type="category", ticks="", showgrid=False)
    figure.update_xaxes(title_text="relative change", zeroline=False, tickformat=".0%")
    return finish(figure, result.title, height=180 + 44 * max(rows.height, 2))
