"""Figures of tests: the effect by segment against break-even, and how a test stood at each look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from custvalue.experiments.looks import Looks  # noqa: TC001 - singledispatch reads the annotation
from custvalue.experiments.verdict import Verdict  # noqa: TC001
from custvalue.plots.registry import figure_for

if TYPE_CHECKING:
    import polars as pl

# Okabe & Ito 2008: told apart by colour-blind readers; symbols say the same a second time
GOOD, BAD, OPEN, GREY = "#0072B2", "#D55E00", "#555555", "#BBBBBB"
LOOK = {"pays off": (GOOD, "circle"), "pays only for": (GOOD, "circle"), "does not pay": (BAD, "square")}
UNDECIDED = (OPEN, "circle-open")


@figure_for.register
def _(result: Verdict) -> go.Figure:
    """Draw the effect by segment with the interval that the decision rests on; 0 is break-even."""
    shown = result.table.drop_nulls("effect")
    figure = go.Figure()
    for decision in shown["decision"].unique(maintain_order=True):
        rows = shown.filter(decision=decision)
        colour, symbol = LOOK.get(str(decision), UNDECIDED)
        figure.add_trace(_intervals(rows, str(decision), colour, symbol))
    figure.add_vline(x=0.0, line={"color": "black", "width": 1.5})
    figure.add_annotation(
        x=0.0, y=1.0, yref="paper", yanchor="bottom", showarrow=False, text="break-even", font={"size": 12}
    )
    figure.update_yaxes(
        categoryorder="array", categoryarray=shown["segment"].to_list()[::-1], title_text="segment", type="category"
    )
    unit = f"{result.currency} per customer and {result.outcome_days} days"
    figure.update_xaxes(title_text=f"effect on contribution, {unit}", zeroline=False, tickformat="~g")
    return _titled(figure, result.title)


def _intervals(rows: pl.DataFrame, name: str, colour: str, symbol: str) -> go.Scatter:
    effect, low, high = (rows[c].round(4).to_list() for c in ("effect", "effect_low", "effect_high"))
    return go.Scatter(
        x=effect,
        y=rows["segment"].to_list(),
        mode="markers",
        name=name,
        marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": colour,
            "array": [h - e for e, h in zip(effect, high, strict=True)],
            "arrayminus": [e - b for e, b in zip(effect, low, strict=True)],
        },
        hovertemplate="%{y}: %{x:,.2f}<extra></extra>",
    )  # fmt: skip


@figure_for.register
def _(result: Looks) -> go.Figure:
    """Draw the effect over time with the always-valid interval and, thinner, the one that may be looked at once."""
    table, figure = result.table, go.Figure()
    days = table["day"].to_list()
    for low, high, name, colour in (
        ("effect_low", "effect_high", f"always valid, {result.level:.0%}", "rgba(0,114,178,0.20)"),
        ("fixed_low", "fixed_high", "valid for one look only", "rgba(0,114,178,0.30)"),
    ):
        lower, upper = table[low].round(4).to_list(), table[high].round(4).to_list()
        band = go.Scatter(
            x=days + days[::-1], y=upper + lower[::-1], fill="toself", fillcolor=colour, line={"width": 0}, name=name,
            hoverinfo="skip",
        )  # fmt: skip
        figure.add_trace(band)
    line = {"color": GOOD, "width": 2}
    figure.add_trace(go.Scatter(x=days, y=table["effect"].round(4).to_list(), mode="lines", line=line, name="effect"))
    figure.add_hline(y=0.0, line={"color": "black", "width": 1.5}, annotation_text="break-even")
    # the first days are wider than anything that follows: they would flatten the rest
    reach = float(table["effect_high"][len(days) // 5] - table["effect_low"][len(days) // 5])
    figure.update_yaxes(title_text=f"effect on contribution, {result.currency} per customer", range=[-reach, reach])
    figure.update_xaxes(title_text="last day of entry")
    return _titled(figure, result.title)


def _titled(figure: go.Figure, title: str) -> go.Figure:
    figure.update_layout(title={"text": title, "x": 0.0, "xref": "paper"}, template="plotly_white")
    return figure
