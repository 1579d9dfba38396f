"""The service plan as a grid: segments across, measures down, what to do in each cell."""

from __future__ import annotations

from html import escape
from textwrap import wrap

import plotly.graph_objects as go
import polars as pl

from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, GREEN, GREY, VERMILION, finish
from custvalue.service.service_plan import ServicePlan  # noqa: TC001 - singledispatch reads the annotation

ROW, FRAME, MOST = 42, 210, 12
SHADES = {"keep": GREY, "test": BLUE, "limit": VERMILION, "withdraw": VERMILION, "give": GREEN}


@figure_for.register
def _(result: ServicePlan) -> go.Figure:
    """Draw the measures in which something changes or was measured: an action and its gain in each segment."""
    told = result.table.filter((pl.col("action") != "keep") | (pl.col("basis") == "measured"))
    names = told["name"].unique(maintain_order=True).head(MOST).to_list()
    shown = result.table.filter(pl.col("name").is_in(names))
    segments = shown["segment"].unique().sort().to_list()
    figure = go.Figure()
    for action, colour in SHADES.items():
        rows = shown.filter(action=action)
        if rows.is_empty():
            continue
        figure.add_scatter(
            x=[escape(s) for s in rows["segment"]], y=[_short(n) for n in rows["name"]], mode="markers+text",
            name=action, text=[_cell(row) for row in rows.iter_rows(named=True)], textposition="middle center",
            textfont={"color": "white", "size": 12},
            customdata=[["<br>".join(wrap(escape(why), 80))] for why in rows["why"]],
            marker={"symbol": "square", "size": 38, "color": colour, "opacity": 0.35 if action == "keep" else 1.0},
            hovertemplate="%{x}, %{y}<br>%{customdata[0]}<extra></extra>",
        )  # fmt: skip
    figure.update_traces(marker_sizemin=38)
    figure.update_xaxes(title_text="segment", categoryorder="array", categoryarray=[escape(s) for s in segments],
                        range=[-0.6, len(segments) - 0.4])  # fmt: skip
    figure.update_yaxes(title_text="measure", categoryorder="array", categoryarray=[_short(n) for n in names],
                        range=[len(names) - 0.4, -0.6])  # fmt: skip
    return finish(figure, result.title, height=FRAME + ROW * len(names))


def _short(name: str) -> str:
    return "<br>".join(wrap(escape(name), 28)[:2])


def _cell(row: dict[str, object]) -> str:
    gain = float(row["gain"])  # type: ignore[arg-type]
    return f"{gain / 1000:+.0f}k" if abs(gain) >= 1000 and row["action"] != "test" else ""
