"""Figures of the books: where each euro went."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, ORANGE, finish
from custvalue.profit.conservation import ControlTotals  # noqa: TC001 - singledispatch reads the annotation


@figure_for.register
def _(result: ControlTotals) -> go.Figure:
    """Draw for each raw money column what the books carry and what is left out by name."""
    table = result.table.filter(pl.col("came") != 0).sort("came")
    names = table["raw_column"].to_list()
    figure = go.Figure()
    for column, name, colour, pattern in (
        ("carried", "in the books", BLUE, ""),
        ("left_out", "left out by name", ORANGE, "/"),
    ):
        figure.add_trace(
            go.Bar(
                orientation="h", y=names, x=table[column].cast(pl.Float64).to_list(), name=name,
                marker={"color": colour, "pattern": {"shape": pattern}},
                hovertemplate="%{y}: %{x:,.2f} " + result.currency + f" {name}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(barmode="relative")
    figure.update_xaxes(title_text=f"{result.currency} that came, by column of the raw tables", tickformat=",.0f")
    figure.update_yaxes(ticks="", showgrid=False)
    return finish(figure, result.title, height=160 + 26 * len(names))
