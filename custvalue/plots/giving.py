"""Figures of what is given: doses, limits, practices of departments, what came back, next year's work."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
import polars as pl

from custvalue.experiments.doses import DoseResponse  # noqa: TC001 - singledispatch reads the annotation
from custvalue.experiments.recovery import Recovery  # noqa: TC001
from custvalue.plots.bars import bars, escaped, listed
from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION, finish
from custvalue.profit.allocation import DepartmentCosts  # noqa: TC001
from custvalue.profit.budget import ActivityBudget  # noqa: TC001
from custvalue.profit.limits import CourtesyLimits  # noqa: TC001
from custvalue.profit.practices import DepartmentAgainstCompany  # noqa: TC001


@figure_for.register
def _(result: DoseResponse) -> go.Figure:
    """Draw margin by dose with its interval, and what is left of it after the cost."""
    rows = result.table
    error = {
        "type": "data", "array": (rows["margin_high"] - rows["margin"]).to_list(),
        "arrayminus": (rows["margin"] - rows["margin_low"]).to_list(), "color": GREY, "thickness": 1.2,
    }  # fmt: skip
    figure = go.Figure()
    figure.add_scatter(
        x=rows["dose"].to_list(), y=rows["margin"].to_list(), mode="markers", error_y=error,
        name="margin before the measure's cost", marker={"color": GREY, "size": 8}, customdata=rows["n_customers"],
        hovertemplate="%{x:.1f} a year: %{y:,.2f} " + result.currency + ", %{customdata:,} customers<extra></extra>",
    )  # fmt: skip
    for column, name, colour, dash in (
        ("fitted", "the same, fitted", BLUE, "dot"), ("net", "after the measure's cost", GREEN, "solid"),
    ):  # fmt: skip
        figure.add_scatter(
            x=rows["dose"].to_list(), y=rows[column].to_list(), mode="lines", name=name,
            line={"color": colour, "dash": dash, "width": 2.5},
            hovertemplate="%{x:.1f} a year: %{y:,.2f} " + f"{result.currency} {name}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(
        x=result.best_dose, line={"color": GREEN, "width": 1, "dash": "dash"}, annotation_text="best", annotation_y=0.02
    )
    figure.update_xaxes(title_text=f"{escape(result.name, quote=False)}: times a customer and year", rangemode="tozero")
    figure.update_yaxes(title_text=f"{result.currency} per customer and year", tickformat=",.0f")
    return finish(figure, result.title, height=440)


@figure_for.register
def _(result: CourtesyLimits) -> go.Figure:
    """Draw what courtesies beyond each limit cost."""
    costly = (pl.col("cost_beyond") != 0) | (pl.col("cost_too_early") != 0)
    rows = result.table.filter(costly)
    figure = go.Figure()
    for column, name, colour, pattern in (
        ("cost_beyond", "beyond the yearly maximum", BLUE, ""), ("cost_too_early", "before their stage", ORANGE, "/"),
    ):  # fmt: skip
        figure.add_trace(
            bars(
                escaped(rows["measure"]),
                rows[column].cast(pl.Float64).to_list(),
                name,
                colour,
                pattern,
                result.currency,
            )
        )
    figure.update_layout(barmode="stack")
    return listed(figure, result.title, f"full cost, {result.currency}", rows.height)


@figure_for.register
def _(result: DepartmentAgainstCompany) -> go.Figure:
    """Draw per case what each practice saves its department, and what the company loses with its interval."""
    rows = result.table
    names = [escape(name, quote=False) for name in rows["practice"]]
    figure = go.Figure()
    figure.add_scatter(
        x=rows["company_loses"].to_list(),
        y=names,
        mode="markers",
        name="company earns less, 95 % interval",
        error_x={"type": "data", "array": (rows["loses_high"] - rows["company_loses"]).to_list(), "color": VERMILION},
        marker={"color": VERMILION, "size": 11, "symbol": "diamond"},
        hovertemplate="%{y}: %{x:,.2f} " + f"{result.currency} less<extra></extra>",
    )
    known = rows.drop_nulls("department_saves")
    figure.add_scatter(
        x=known["department_saves"].to_list(), y=known["practice"].to_list(), mode="markers",
        name="department saves", marker={"color": BLUE, "size": 11},
        hovertemplate="%{y}: %{x:,.2f} " + f"{result.currency} saved<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    return listed(figure, result.title, f"{result.currency} a case, within {result.follow_days} days", rows.height)


@figure_for.register
def _(result: Recovery) -> go.Figure:
    """Draw what came back for each unit of money, by segment, against the one that was spent."""
    rows = result.table.drop_nulls("recovery_ratio")
    names = [escape(name, quote=False) for name in rows["segment"]]
    pays = [low > 1 for low in rows["ratio_low"]]
    figure = go.Figure(
        go.Scatter(
            x=rows["recovery_ratio"].to_list(), y=names, mode="markers",
            error_x={
                "type": "data", "array": (rows["ratio_high"] - rows["recovery_ratio"]).to_list(),
                "arrayminus": (rows["recovery_ratio"] - rows["ratio_low"]).to_list(), "color": GREY,
            },
            marker={"size": 11, "color": [GREEN if sure else GREY for sure in pays],
                    "symbol": ["diamond" if sure else "circle" for sure in pays]},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=1, line={"color": GREY, "width": 1, "dash": "dash"})
    shown = listed(figure, result.title, "margin for each unit of cost; diamond: surely above 1", rows.height)
    return shown.update_xaxes(tickformat=",.1f")


@figure_for.register
def _(result: DepartmentCosts) -> go.Figure:
    """Draw each department's cost before and after the allocation."""
    rows = result.table
    figure = go.Figure()
    for column, name, colour, pattern in (("own_cost", "before", SKY, ""), ("full_cost", "after", BLUE, "/")):
        values = rows[column].cast(pl.Float64)
        figure.add_trace(bars(escaped(rows["department"]), values.to_list(), name, colour, pattern, result.currency))
    figure.update_layout(barmode="group")
    return listed(figure, result.title, f"cost, {result.currency}", 2 * rows.height)


@figure_for.register
def _(result: ActivityBudget) -> go.Figure:
    """Draw the hours that each resource will need against those that are paid for."""
    rows = result.table
    names = [escape(str(name), quote=False) for name in rows.select(pl.coalesce("name", "resource_id")).to_series()]
    figure = go.Figure(
        go.Bar(
            orientation="h", y=names, x=(rows["minutes"] / 60).to_list(), name="needed", marker={"color": BLUE},
            error_x={
                "type": "data", "array": ((rows["minutes_high"] - rows["minutes"]) / 60).to_list(),
                "arrayminus": ((rows["minutes"] - rows["minutes_low"]) / 60).to_list(), "color": GREY,
            },
            hovertemplate="%{y}: %{x:,.0f} hours needed<extra></extra>",
        )
    )  # fmt: skip
    figure.add_scatter(
        x=(rows["practical_min"] / 60).to_list(), y=names, mode="markers", name="paid for",
        marker={"symbol": "line-ns-open", "size": 20, "color": VERMILION, "line": {"width": 3, "color": VERMILION}},
        hovertemplate="%{y}: %{x:,.0f} hours paid for<extra></extra>",
    )  # fmt: skip
    return listed(figure, result.title, f"hours in the next {result.days} days", len(names))
