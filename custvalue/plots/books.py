"""Figures of the books: where each euro went."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
import polars as pl

from custvalue.data.rows_read import RowsRead  # noqa: TC001 - singledispatch reads the annotation
from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, GREY, ORANGE, VERMILION, finish
from custvalue.profit.conservation import ControlTotals  # noqa: TC001 - singledispatch reads the annotation
from custvalue.profit.delivered import DeliveredToday  # noqa: TC001


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


@figure_for.register
def _(result: DeliveredToday) -> go.Figure:
    """Draw how often a customer gets each measure in a year, as of the last quarter."""
    table = result.latest.sort("n_events", "measure_id")
    names = [escape(str(name), quote=False) for name in table["measure"]]
    figure = go.Figure(
        go.Bar(
            orientation="h", y=names, x=table["events_per_customer_year"].to_list(), marker={"color": BLUE},
            customdata=table["n_events"].to_list(),
            hovertemplate="%{y}: %{x:.3f} per customer and year, %{customdata:,} in the quarter<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title_text="events per customer and year", rangemode="tozero")
    figure.update_yaxes(ticks="", showgrid=False, type="category")
    return finish(figure, result.title, height=160 + 26 * len(names))


@figure_for.register
def _(result: RowsRead) -> go.Figure:
    """Draw what became of each table's money: used, set aside, repeated, left out."""
    names = result.table["table"].to_list()
    figure = go.Figure()
    for column, name, colour, pattern in (
        ("used", "used", BLUE, ""), ("set_aside", "set aside", VERMILION, "x"), ("repeated", "repeated", GREY, ""),
        ("left_out", "left out by the mapping", ORANGE, "/"),
    ):  # fmt: skip
        figure.add_bar(
            orientation="h", y=names, x=result.table[column].cast(pl.Float64).to_list(), name=name,
            marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate="%{y}: %{x:,.2f} " + f"{result.currency} {name}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title_text=f"absolute amounts, {result.currency}", tickformat=",.0f")
    figure.update_yaxes(ticks="", showgrid=False, autorange="reversed")
    return finish(figure, result.title, height=170 + 34 * max(len(names), 1))
