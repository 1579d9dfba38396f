"""Lying bars, and figures with one line for each name."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from custvalue.plots.theme import finish

if TYPE_CHECKING:
    import polars as pl


def escaped(names: pl.Series) -> list[str]:
    """Return names as a figure takes them: what a customer typed is no markup."""
    return [escape(str(name), quote=False) for name in names]


def bars(names: list[str], values: list[float], label: str, colour: str, pattern: str, currency: str) -> go.Bar:
    """Draw one lying bar for each name."""
    return go.Bar(
        orientation="h", y=names, x=values, name=label,
        marker={"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay", "size": 6}},
        hovertemplate="%{y}: %{x:,.2f} " + f"{currency} {label}<extra></extra>",
    )  # fmt: skip


def listed(figure: go.Figure, title: str, axis: str, n: int) -> go.Figure:
    """Finish a figure with one line for each name, the first at the top."""
    figure.update_yaxes(autorange="reversed", type="category", ticks="", showgrid=False)
    figure.update_xaxes(title_text=axis, tickformat=",.0f")
    return finish(figure, title, height=160 + 28 * max(n, 1))
