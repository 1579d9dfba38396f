"""One look for all figures: Okabe-Ito colours, white ground, the finding as title, thousands separators."""

from __future__ import annotations

import html
import textwrap

import plotly.graph_objects as go

# Okabe & Ito (2008), Color Universal Design: told apart by colour-blind readers
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, INK, LINES = "#8A949E", "#1F2933", "#E3E7EB"
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, BLACK)

_AXIS = {
    "gridcolor": LINES, "linecolor": GREY, "zerolinecolor": GREY, "zerolinewidth": 1, "ticks": "outside",
    "tickcolor": LINES, "automargin": True, "title": {"standoff": 12, "font": {"size": 13}},
}  # fmt: skip
TEMPLATE = go.layout.Template(
    layout={
        "colorway": COLOURS,
        "font": {"family": "Segoe UI, Helvetica Neue, Liberation Sans, Arial, sans-serif", "size": 13, "color": INK},
        "title": {"x": 0.0, "xref": "paper", "xanchor": "left", "font": {"size": 14, "weight": "bold"}},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "separators": ".,",
        "xaxis": _AXIS,
        "yaxis": {**_AXIS, "ticklabelstandoff": 4},
        "legend": {"orientation": "h", "x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
        "margin": {"l": 60, "r": 30, "t": 80, "b": 56},
        "hoverlabel": {"font": {"size": 13}},
        "bargap": 0.3,
    }
)


def finish(figure: go.Figure, title: str, *, height: int = 440) -> go.Figure:
    """Give a figure the theme, its finding as title (wrapped at words) and its height."""
    figure.update_layout(template=TEMPLATE, title_text=wrapped(title), height=height)
    return figure


def wrapped(title: str, width: int = 95) -> str:
    """Break a long title at words; what a customer typed in it is no markup."""
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(title, width))
