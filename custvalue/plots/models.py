"""Figures of the customer models."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from custvalue.models.churn import Churn  # noqa: TC001
from custvalue.models.fitting import ModelFit  # noqa: TC001 - singledispatch reads the annotation
from custvalue.models.holdout import (  # noqa: TC001
    FrequencyCalibration,
    ModelComparison,
    Tracking,
    ValueByDecile,
)
from custvalue.models.lifetime_value import LifetimeValue, ValueTotals  # noqa: TC001
from custvalue.models.maps import CustomerHistory, HistoryMap  # noqa: TC001
from custvalue.models.posterior import Posterior  # noqa: TC001
from custvalue.models.spend import SpendIndependence  # noqa: TC001
from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, GREY, INK, ORANGE, SKY, finish

CURVE_POINTS = 300


@figure_for.register
def _(result: LifetimeValue) -> go.Figure:
    """Draw how value is spread over customers, and how much of it the best hold."""
    value = result.table[result.value_column].sort(descending=True).to_numpy()
    limit = float(np.quantile(value, 0.99)) if value.size else 1.0
    shown = np.clip(value, None, limit)
    share = np.cumsum(value) / max(float(value.sum()), 1e-9)
    at = np.unique(np.linspace(0, value.size - 1, CURVE_POINTS).astype(int))
    figure = make_subplots(cols=2, rows=1, horizontal_spacing=0.14)
    heights, edges = np.histogram(shown, bins=40)
    figure.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=heights, marker_color=BLUE, row=1, col=1, showlegend=False,
                   hovertemplate=f"%{{x:,.0f}} {result.currency}: %{{y:,.0f}} customers<extra></extra>")  # fmt: skip
    figure.add_scatter(x=(at + 1) / value.size, y=share[at], line={"color": ORANGE, "width": 3}, row=1, col=2,
                       showlegend=False, hovertemplate="best %{x:.0%}: %{y:.0%} of value<extra></extra>")  # fmt: skip
    figure.add_scatter(x=[0, 1], y=[0, 1], line={"color": GREY, "dash": "dot"}, row=1, col=2, showlegend=False,
                       hoverinfo="skip")  # fmt: skip
    days = f"{result.horizon_days:,.0f} days"
    figure.update_xaxes(title_text=f"Value within {days}, {result.currency} (last bar: and more)", row=1, col=1)
    figure.update_yaxes(title_text="Customers", tickformat=",.0f", row=1, col=1)
    figure.update_xaxes(title_text="Share of customers, best first", tickformat=".0%", range=[0, 1.01], row=1, col=2)
    figure.update_yaxes(title_text="Share of all value", tickformat=".0%", rangemode="tozero", row=1, col=2)
    return finish(figure.update_layout(bargap=0.05), result.title)


@figure_for.register
def _(result: ValueTotals) -> go.Figure:
    """Draw totals by group with their intervals."""
    table, name = result.table.reverse(), result.table.columns[2]
    total = table[name].to_numpy()
    figure = go.Figure(
        go.Scatter(
            x=total, y=table[table.columns[0]].cast(pl.String), mode="markers", marker={"size": 11, "color": BLUE},
            error_x={
                "array": table[f"{name}_high"].to_numpy() - total, "color": INK,
                "arrayminus": total - table[f"{name}_low"].to_numpy(), "symmetric": False,
            },
            hovertemplate="%{y}: %{x:,.0f} " + result.currency + "<extra></extra>",
        )
    )  # fmt: skip
    unit = f"Value within {result.horizon_days:,.0f} days, {result.currency}"
    figure.update_xaxes(title_text=unit, tickformat=",.0f", rangemode="tozero")
    return finish(figure, result.title, height=max(300, 60 * table.height + 160))


@figure_for.register
def _(result: Tracking) -> go.Figure:
    """Draw repeat purchases per period and cumulated, actual beside expected."""
    table = result.table
    figure = make_subplots(cols=2, rows=1, horizontal_spacing=0.12)
    pairs = (("actual", "expected"), ("cumulative_actual", "cumulative_expected"))
    for col, (actual, expected) in enumerate(pairs, start=1):
        for name, label, colour, dash in ((actual, "Actual", INK, "solid"), (expected, "Expected", ORANGE, "dash")):
            figure.add_scatter(x=table["period"], y=table[name], name=label, showlegend=col == 1, row=1, col=col,
                               line={"color": colour, "dash": dash, "width": 2.5},
                               hovertemplate="%{x}: %{y:,.0f}<extra>" + label + "</extra>")  # fmt: skip
        after = table.filter("is_holdout")["period"]
        if after.len():
            first = float(after[0])
            figure.add_vline(x=first - 0.5, line={"color": GREY, "dash": "dot"}, row=1, col=col)
            figure.add_annotation(x=first - 0.5, y=1.0, yref="y domain" if col == 1 else "y2 domain", yanchor="top",
                                  text="holdout →", showarrow=False, xanchor="left", row=1, col=col)  # fmt: skip
    figure.update_xaxes(title_text=f"{result.time_unit.capitalize()} since the first purchase")
    figure.update_yaxes(title_text=f"Repeat purchases a {result.time_unit}", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="Repeat purchases, cumulated", tickformat=",.0f", row=1, col=2)
    return finish(figure, result.title)


def _beside(x: pl.Series, actual: pl.Series, expected: pl.Series, names: tuple[str, str], unit: str = "") -> go.Figure:
    figure = go.Figure()
    for values, name, colour in ((actual, names[0], BLUE), (expected, names[1], ORANGE)):
        hover = "%{x}: %{y:,.0f}" + unit + "<extra>" + name + "</extra>"
        figure.add_bar(x=x, y=values, name=name, marker_color=colour, hovertemplate=hover)
    return figure.update_yaxes(tickformat=",.0f").update_layout(barmode="group")


@figure_for.register
def _(result: FrequencyCalibration) -> go.Figure:
    """Draw how many customers bought how often, actual beside expected."""
    t = result.table
    figure = _beside(t["purchases"], t["customers_actual"], t["customers_expected"], ("Actual", "Expected"))
    figure.update_xaxes(title_text="Repeat purchases", type="category").update_yaxes(title_text="Customers")
    return finish(figure, result.title)


@figure_for.register
def _(result: ValueByDecile) -> go.Figure:
    """Draw what each tenth of customers spent in the holdout beside the forecast."""
    t = result.table
    names = ("Actual", "Forecast")
    figure = _beside(t["decile"].cast(pl.String), t["actual"], t["forecast"], names, f" {result.currency}")
    figure.update_xaxes(title_text="Tenth of customers, forecast best first", type="category")
    figure.update_yaxes(title_text=f"Revenue in {result.horizon_days:,.0f} days, {result.currency}")
    return finish(figure, result.title)


@figure_for.register
def _(result: ModelComparison) -> go.Figure:
    """Draw actual against expected holdout purchases of each model."""
    table = result.table
    figure = go.Figure()
    told = table.select("purchases_expected", "total_error_rate").rows()
    text = [f"{expected:,.0f} ({error:+.1%})" for expected, error in told]
    figure.add_bar(x=table["model"], y=table["purchases_expected"], marker_color=BLUE, width=0.5, text=text,
                   textposition="outside", cliponaxis=False,
                   hovertemplate="%{x}: %{y:,.0f}<extra></extra>")  # fmt: skip
    actual = float(table["purchases_actual"][0])
    figure.add_hline(y=actual, line={"color": INK, "dash": "dash"}, annotation_text=f"Actual: {actual:,.0f}",
                     annotation_position="top left")  # fmt: skip
    highest = max(actual, float(table["purchases_expected"].to_numpy().max()))
    figure.update_yaxes(title_text=f"Purchases {result.calibration_end} to {result.holdout_end}", tickformat=",.0f",
                        range=[0, round(1.18 * highest, 1)])  # fmt: skip
    return finish(figure, result.title)


@figure_for.register
def _(result: HistoryMap) -> go.Figure:
    """Draw P(alive) and expected purchases over frequency and recency."""
    titles = ("P(alive)", f"Purchases expected in {result.horizon_days:,.0f} days")
    figure = make_subplots(cols=2, rows=1, horizontal_spacing=0.16, subplot_titles=titles)
    ordered = result.table.sort("recency", "frequency")
    x, y = ordered["frequency"].unique().sort(), ordered["recency"].unique().sort()
    for col, name in enumerate(("p_alive", "expected_purchases"), start=1):
        z = ordered[name].to_numpy().reshape(y.len(), x.len())
        bar = {"x": 0.43 if col == 1 else 1.01, "tickformat": ".0%" if col == 1 else ",.1f", "thickness": 12}
        number = "%{z:.0%}" if col == 1 else "%{z:,.1f}"
        figure.add_heatmap(x=x, y=y, z=z, colorscale="Cividis", colorbar=bar, row=1, col=col,
                           hovertemplate=f"%{{x}} purchases, last at %{{y:.1f}}: {number}<extra></extra>")  # fmt: skip
    figure.update_xaxes(title_text="Repeat purchases")
    figure.update_yaxes(title_text=f"Age at the last purchase, {result.time_unit}s")
    return finish(figure, result.title, height=500).update_layout(margin_t=110)


@figure_for.register
def _(result: CustomerHistory) -> go.Figure:
    """Draw one customer's P(alive) over time, with the purchases."""
    table, bought = result.table, result.table.filter("is_purchase")
    figure = go.Figure()
    figure.add_scatter(x=table["day"], y=table["p_alive"], line={"color": BLUE, "width": 2.5}, showlegend=False,
                       hovertemplate="%{x|%Y-%m-%d}: %{y:.0%}<extra></extra>")  # fmt: skip
    figure.add_scatter(x=bought["day"], y=bought["p_alive"], mode="markers", name="Purchase", showlegend=True,
                       marker={"color": ORANGE, "size": 10, "line": {"color": INK, "width": 1}},
                       hovertemplate="bought %{x|%Y-%m-%d}<extra></extra>")  # fmt: skip
    figure.update_yaxes(title_text="P(alive)", tickformat=".0%", range=[0, 1.05])
    return finish(figure.update_xaxes(title_text="Day"), result.title)


@figure_for.register
def _(result: Posterior) -> go.Figure:
    """Draw the posterior of each parameter."""
    names = result.table.columns
    figure = make_subplots(cols=len(names), rows=1, horizontal_spacing=0.06)
    for col, name in enumerate(names, start=1):
        heights, edges = np.histogram(result.table[name].to_numpy(), bins=30)
        figure.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=heights, marker_color=SKY, row=1, col=col, showlegend=False)
        figure.update_xaxes(title_text=name, row=1, col=col)
    figure.update_yaxes(showticklabels=False, ticks="").update_layout(bargap=0.02)
    figure.update_yaxes(title_text="Draws", row=1, col=1)
    return finish(figure, result.title, height=360)


@figure_for.register
def _(result: ModelFit) -> go.Figure:
    """Draw each parameter with its interval, on a logarithmic axis."""
    table = result.table.reverse()
    estimate = table["estimate"].to_numpy()
    error = {
        "array": table["estimate_high"].to_numpy() - estimate, "color": INK, "symmetric": False,
        "arrayminus": estimate - table["estimate_low"].to_numpy(),
    }  # fmt: skip
    figure = go.Figure()
    figure.add_scatter(x=estimate, y=table["parameter"], mode="markers", error_x=error,
                       marker={"color": BLUE, "size": 11}, hovertemplate="%{y}: %{x:.4g}<extra></extra>")  # fmt: skip
    figure.update_xaxes(type="log", title_text=f"Estimate and {result.level:.0%} interval")
    return finish(figure, result.title, height=320)


@figure_for.register
def _(result: Churn) -> go.Figure:
    """Draw how churn is spread over customers, now and by the end of the horizon."""
    edges = np.linspace(0.0, 1.0, 21)
    figure = go.Figure()
    by_then, now = result.table[result.column].to_numpy(), 1.0 - result.table["p_alive"].to_numpy()
    for values, name, colour in ((now, "today", SKY), (by_then, f"within {result.horizon_days:,.0f} days", BLUE)):
        heights, _ = np.histogram(values, bins=edges)
        figure.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=heights, name=name, marker_color=colour,
                       hovertemplate="about %{x:.0%}: %{y:,.0f} customers<extra>" + name + "</extra>")  # fmt: skip
    figure.update_xaxes(title_text="Probability to have left", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title_text="Customers", tickformat=",.0f").update_layout(bargap=0.1)
    return finish(figure, result.title)


@figure_for.register
def _(result: SpendIndependence) -> go.Figure:
    """Draw mean spend by frequency, with intervals: level where the assumption holds."""
    t, mean = result.table, result.table["mean_spend"].to_numpy()
    high = t["mean_spend_high"].fill_null(np.nan).to_numpy()
    error = {"array": np.nan_to_num(high - mean), "color": INK}
    figure = go.Figure()
    hover = "%{x} repeat purchases: %{y:,.2f} " + result.currency + "<extra></extra>"
    marker = {"color": BLUE, "size": 11}
    figure.add_scatter(x=t["purchases"], y=mean, mode="markers", error_y=error, marker=marker, hovertemplate=hover)
    figure.update_xaxes(title_text="Repeat purchases", type="category")
    figure.update_yaxes(title_text=f"Mean spend per purchase, {result.currency}", rangemode="tozero", tickformat=",.0f")
    return finish(figure, result.title)
