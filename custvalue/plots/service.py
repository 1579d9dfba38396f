"""Figures of segments and of the service plan."""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, GREY, INK, finish
from custvalue.service.choice import LevelPlan  # noqa: TC001 - singledispatch reads the annotation
from custvalue.service.segments import Segments  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW = 34
"""Height of a segment's row, in pixels."""
FRAME = 190
"""Height of what stands above and below the rows."""


@figure_for.register
def _(result: Segments) -> go.Figure:
    """Draw each segment's share of the value beside its share of the customers."""
    table, value = result.table, result.value_column
    names = _names(table["segment"])
    figure = go.Figure()
    shares = [("share of customers", "customer_share", GREY)]
    if table["value_share"].null_count() == 0:
        what = "revenue" if value == "revenue_value" else "value"
        shares.append((f"share of future {what}", "value_share", BLUE))
    for label, column, colour in shares:
        share = table[column].round(6).to_list()
        figure.add_bar(
            x=share, y=names, orientation="h", name=label, marker_color=colour, texttemplate="%{x:.0%}",
            textposition="outside", cliponaxis=False, customdata=_details(table, value),
            hovertemplate=f"%{{y}}<br>{label} %{{x:.1%}}<br>%{{customdata[0]:,}} customers<br>%{{customdata[1]:,.0f}} "
            f"{result.currency} each<br>churn probability %{{customdata[2]:.0%}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", title_text="share of the whole", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", title_text="segment")
    figure.update_layout(barmode="group", bargap=0.25)
    return finish(figure, result.title, height=FRAME + int(1.4 * ROW) * table.height)


@figure_for.register
def _(result: LevelPlan) -> go.Figure:
    """Draw the step of each segment from today's level to the recommended one, and what it earns."""
    table = result.table
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, column_widths=[0.4, 0.6], horizontal_spacing=0.03)
    for is_raised, colour in ((True, BLUE), (False, GREY)):
        rows = table.filter((pl.col("level") > pl.col("level_today")) == is_raised)
        if not rows.is_empty():
            figure.add_trace(_today(rows, colour), row=1, col=1)
            figure.add_traces([_earnings(rows, colour), _labels(rows)], rows=1, cols=2)
    for row in table.filter(pl.col("level") > pl.col("level_today")).to_dicts():
        place = {"x": row["level"], "ax": row["level_today"], "y": escape(row["segment"]), "ay": escape(row["segment"])}
        figure.add_annotation(
            **place, xref="x", yref="y", axref="x", ayref="y", text="", showarrow=True, arrowhead=2, arrowwidth=2.5,
            arrowcolor=BLUE, startstandoff=7,
        )  # fmt: skip
    offered = result.options.select("level", "name").unique().sort("level")
    shown = offered.filter(pl.col("level") <= max(result.highest_level, *table["level"].to_list()))
    figure.update_xaxes(
        tickvals=shown["level"].to_list(), ticktext=[escape(n).replace(" ", "<br>") for n in shown["name"]],
        range=[shown["level"][0] - 0.35, shown["level"][-1] + 0.35], zeroline=False,
        title_text="level of service: today → recommended", row=1, col=1,
    )  # fmt: skip
    unit = f"{result.currency} {_period(result)}"
    figure.update_xaxes(tickformat=",", title_text=f"net gain with the interval of the effects, {unit}", row=1, col=2)
    order = _names(table["segment"])
    figure.update_yaxes(categoryorder="array", categoryarray=order, autorange="reversed")
    figure.update_yaxes(title_text="segment", row=1, col=1)
    figure.update_layout(showlegend=False)
    return finish(figure, result.title, height=FRAME + ROW * table.height)


def _today(rows: pl.DataFrame, colour: str) -> go.Scatter:
    return go.Scatter(
        x=rows["level_today"].to_list(), y=_names(rows["segment"]), mode="markers", customdata=_reasons(rows),
        marker={"color": colour, "size": 11, "symbol": "circle-open", "line": {"width": 2.5, "color": colour}},
        hovertemplate="%{customdata[0]}<extra></extra>",
    )  # fmt: skip


def _earnings(rows: pl.DataFrame, colour: str) -> go.Bar:
    reach = rows.select(
        up=(pl.col("gain_high") - pl.col("gain")).fill_null(0.0),
        down=(pl.col("gain") - pl.col("gain_low")).fill_null(0.0),
    )
    return go.Bar(
        x=rows["net"].to_list(), y=_names(rows["segment"]), orientation="h", marker_color=colour,
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": INK,
            "array": reach["up"].round(2).to_list(), "arrayminus": reach["down"].round(2).to_list(),
        },
        customdata=_reasons(rows), hovertemplate="%{customdata[0]}<extra></extra>",
    )  # fmt: skip


def _labels(rows: pl.DataFrame) -> go.Scatter:
    """Write the net gain to the right of its interval, where no line crosses it."""
    end = rows.select(pl.max_horizontal("net", pl.col("gain_high") - pl.col("cost"), pl.lit(0.0)))
    raised = rows["level"] > rows["level_today"]
    text = [f"  {n:+,.0f}" if up else "  stays" for n, up in zip(rows["net"], raised, strict=True)]
    return go.Scatter(
        x=end.to_series().round(2).to_list(), y=_names(rows["segment"]), mode="text", text=text,
        textposition="middle right", hoverinfo="skip", cliponaxis=False,
    )  # fmt: skip


def _period(result: LevelPlan) -> str:
    return "a year" if result.horizon_days == 365 else f"in {result.horizon_days:,} days"


def _names(segments: pl.Series) -> list[str]:
    return [escape(name) for name in segments]


def _reasons(rows: pl.DataFrame) -> list[list[str]]:
    return [["<br>".join(wrap(escape(why), 80))] for why in rows["why"]]


def _details(table: pl.DataFrame, value: str) -> Sequence[Sequence[Any]]:
    return table.select(
        "n_customers", pl.col(f"{value}_mean").round(2), pl.col("churn_probability").round(4)
    ).rows()  # fmt: skip
