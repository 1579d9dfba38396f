"""Figures of profit: the company's waterfall, who makes the profit, what each courtesy costs, who came back."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
import polars as pl

from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, GREY, INK, ORANGE, SKY, VERMILION, finish
from custvalue.profit.courtesy import CourtesyCost  # noqa: TC001 - singledispatch reads the annotation
from custvalue.profit.waterfall import CustomerProfit, waterfall_steps
from custvalue.profit.whale import WhaleCurve  # noqa: TC001
from custvalue.results import PurchaseSummary  # noqa: TC001

MEASURES_SHOWN = 15
CURVE_POINTS = 400
MOST_PURCHASES = 12


@figure_for.register
def _(result: CustomerProfit) -> go.Figure:
    """Draw the company's profit and loss as a waterfall, from gross sales down to customer profit."""
    steps = [step for step in waterfall_steps(result) if step[1] or step[2]]
    amounts = [float(amount) for _, amount, _ in steps]
    names = [f"<b>{_words(name)}</b>" if is_sum else _words(name) for name, _, is_sum in steps]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=names,
            x=amounts,
            measure=["total" if is_sum else "relative" for _, _, is_sum in steps],
            text=[f"{amount:,.0f}".replace("-", "−") for amount in amounts],
            textposition="outside",
            textfont={"size": 12, "color": INK},
            cliponaxis=False,
            increasing={"marker": {"color": SKY}},
            decreasing={"marker": {"color": VERMILION}},
            totals={"marker": {"color": BLUE}},
            connector={"line": {"color": GREY, "width": 1, "dash": "dot"}},
            hovertemplate="%{y}: %{text} " + result.currency + "<extra></extra>",
        )
    )
    highest = max(np.cumsum([a for a, (_, _, is_sum) in zip(amounts, steps, strict=True) if not is_sum]), default=0.0)
    figure.update_yaxes(autorange="reversed", type="category", ticks="", showgrid=False)
    figure.update_xaxes(
        title_text=f"{result.currency}, ex tax; income positive, costs negative", tickformat=",.0f",
        range=[min(0.0, *amounts[-1:]) * 1.15, highest * 1.12],
    )  # fmt: skip
    return finish(figure, result.title, height=140 + 26 * len(steps))


@figure_for.register
def _(result: WhaleCurve) -> go.Figure:
    """Draw cumulative profit from the best customer to the worst, with the peak and what is left at the end."""
    table, n = result.table, result.table.height
    at = {*np.linspace(1, n, min(n, CURVE_POINTS)).astype(int).tolist(), result.peak_rank}
    drawn = table.filter(pl.col("rank").is_in(at))
    shares = [0.0, *(100.0 * rank / n for rank in drawn["rank"])]
    profits = [0.0, *drawn["cumulative"].cast(pl.Float64)]
    peak, total, at_peak = float(result.peak), float(result.total), result.peak_rank / max(n, 1) * 100
    figure = go.Figure(
        go.Scatter(
            x=[round(share, 3) for share in shares], y=profits, mode="lines", line={"color": BLUE, "width": 3},
            fill="tozeroy", fillcolor="rgba(86,180,233,0.18)", name="cumulative profit",
            hovertemplate="best %{x:.1f} %: %{y:,.0f} " + result.currency + "<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[at_peak], y=[peak], mode="markers", name="peak", hoverinfo="skip",
            marker={"color": VERMILION, "size": 12, "symbol": "diamond"},
        )
    )  # fmt: skip
    figure.add_annotation(
        x=at_peak, y=peak, ax=-12, ay=-34, xanchor="right", showarrow=True, arrowcolor=GREY,
        text=f"<b>peak {peak:,.0f}</b>: the best {result.peak_rank:,} of {n:,} customers",
    )  # fmt: skip
    figure.add_hline(y=total, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.add_annotation(
        x=0.0, y=total, xanchor="left", yanchor="bottom", showarrow=False, text=f"all customers together {total:,.0f}"
    )
    figure.update_xaxes(title_text="customers, best first, % of all", range=[0, 101], ticksuffix=" %")
    top = max(peak, total, 1.0)
    figure.update_yaxes(
        title_text=f"cumulative profit, {result.currency}", tickformat=",.0f", range=[min(0.0, total) * 1.1, top * 1.18]
    )
    figure.update_layout(showlegend=False)
    return finish(figure, result.title)


@figure_for.register
def _(result: CourtesyCost) -> go.Figure:
    """Draw the full and the avoidable cost of each measure side by side, dearest first."""
    costly = result.table.filter(pl.col("n_events") > 0)
    shown = costly.head(MEASURES_SHOWN).select("measure", pl.col("full", "avoidable").cast(pl.Float64))
    rest = costly.slice(MEASURES_SHOWN)
    if rest.height:
        name = pl.lit(f"{rest.height} others").alias("measure")
        others = rest.select(name, pl.col("full", "avoidable").sum().cast(pl.Float64))
        shown = pl.concat([shown, others])
    names = [escape(name, quote=False) for name in shown["measure"]]
    figure = go.Figure()
    for column, colour, pattern in (("full", BLUE, ""), ("avoidable", ORANGE, "/")):
        figure.add_trace(
            go.Bar(
                orientation="h", y=names, x=shown[column].round(2).to_list(), name=f"{column} cost",
                marker={"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay", "size": 6}},
                hovertemplate="%{y}: %{x:,.2f} " + result.currency + f" {column}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed", type="category", ticks="", showgrid=False)
    figure.update_xaxes(title_text=f"cost, {result.currency}", tickformat=",.0f")
    figure.update_layout(barmode="group", bargroupgap=0.05)
    return finish(figure, result.title, height=160 + 28 * len(names))


@figure_for.register
def _(result: PurchaseSummary) -> go.Figure:
    """Draw how many customers came back how often."""
    capped = pl.col("frequency").cast(pl.Int64).clip(upper_bound=MOST_PURCHASES)
    counts = result.table.group_by(capped.alias("repeats")).agg(pl.len().alias("n")).sort("repeats")
    labels = [f"{n} or more" if n == MOST_PURCHASES else str(n) for n in counts["repeats"]]
    figure = go.Figure(
        go.Bar(
            x=labels, y=counts["n"].to_list(), text=[f"{n:,}" for n in counts["n"]], textposition="outside",
            cliponaxis=False, marker={"color": [VERMILION if n == 0 else BLUE for n in counts["repeats"]]},
            hovertemplate="%{x} repeat purchases: %{y:,} customers<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title_text="repeat purchases (0: bought once and never again)", type="category")
    figure.update_yaxes(title_text="customers", tickformat=",.0f", rangemode="tozero")
    return finish(figure, result.title)


def _words(name: str) -> str:
    return name.replace("_", " ")
