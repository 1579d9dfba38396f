"""One look for all figures: Okabe-Ito colours, white ground, the finding as title, thousands separators."""

from __future__ import annotations

import html
import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from custvalue.results import close_gaps

# Okabe & Ito (2008), Color Universal Design: told apart by colour-blind readers
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, INK, LINES = "#8A949E", "#1F2933", "#E3E7EB"
ROUNDED = ("x", "y", "z", "customdata", "error_x", "error_y", "base", "width")
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, BLACK)

_AXIS = {
    "gridcolor": LINES, "linecolor": GREY, "zerolinecolor": GREY, "zerolinewidth": 1, "ticks": "outside",
    "tickcolor": LINES, "automargin": True, "title": {"standoff": 12, "font": {"size": 13}},
}  # fmt: skip
TEMPLATE = go.layout.Template(
    layout={
        "colorway": COLOURS,
        "font": {"family": "Segoe UI, Helvetica Neue, Liberation Sans, Arial, sans-serif", "size": 13, "color": INK},
        "title": {
            "x": 0.0,
            "xref": "container",
            "xanchor": "left",
            "y": 1.0,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 14, "l": 12},
            "font": {"size": 14, "weight": "bold"},
        },
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "separators": ".,",
        "xaxis": _AXIS,
        "yaxis": {**_AXIS, "ticklabelstandoff": 4},
        "legend": {"orientation": "h", "x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
        "margin": {"l": 60, "r": 30, "t": 84, "b": 56},
        "hoverlabel": {"font": {"size": 13}},
        "bargap": 0.3,
    }
)


def finish(figure: go.Figure, title: str, *, height: int = 440) -> go.Figure:
    """Give a figure the theme, its finding as title (wrapped at words) and its height."""
    figure.update_layout(template=TEMPLATE, title_text=wrapped(title), height=height)
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):  # without a currency a gap is left
        if axis.title.text:
            axis.title.text = close_gaps(axis.title.text)
    for trace in figure.data:
        drawn = trace.to_plotly_json()
        for name in (name for name in ROUNDED if name in drawn):
            trace[name] = None  # an array is only replaced by what differs from it
            trace[name] = _rounded(drawn[name], 4 if name.startswith("error") else 8)
    return figure


def _rounded(node: Any, figures: int) -> Any:
    """Keep so many figures, and lists instead of packed arrays.

    What differs further on differs from machine to machine; in the length of an interval that begins early, since
    it comes from differences of gradients.
    """
    if isinstance(node, np.ndarray):
        return _rounded(node.tolist(), figures) if node.dtype.kind in "fiu" else node
    if isinstance(node, list | tuple):
        return [_rounded(each, figures) for each in node]
    if isinstance(node, dict):
        return {key: _rounded(value, figures) for key, value in node.items()}
    return float(f"{node:.{figures}g}") if isinstance(node, float) else node


def wrapped(title: str, width: int = 95) -> str:
    """Break a long title at words; what a customer typed in it is no markup."""
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(title, width))
