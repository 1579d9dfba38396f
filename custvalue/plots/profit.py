"""Figures of profit: the company's waterfall, who makes the profit, what each courtesy costs, who came back."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
import polars as pl

from custvalue.plots.bars import bars, listed
from custvalue.plots.registry import figure_for
from custvalue.plots.theme import BLUE, COLOURS, GREY, INK, ORANGE, SKY, VERMILION, finish
from custvalue.profit.actions import Unprofitable  # noqa: TC001 - singledispatch reads the annotation
from custvalue.profit.capacity import CapacityUse  # noqa: TC001
from custvalue.profit.courtesy import CourtesyCost  # noqa: TC001
from custvalue.profit.departments import CourtesyBySegment, GrantedAndBorne  # noqa: TC001
from custvalue.profit.explain import Explanation  # noqa: TC001
from custvalue.profit.inward import InwardPanel  # noqa: TC001
from custvalue.profit.ledger import PARTS, LedgerReconciliation
from custvalue.profit.trend import CourtesyTrend  # noqa: TC001
from custvalue.profit.waterfall import CustomerProfit, waterfall_steps
from custvalue.profit.whale import WhaleComparison, WhaleCurve  # noqa: TC001
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


@figure_for.register
def _(result: WhaleComparison) -> go.Figure:
    """Draw the whale curve with and without the cost of courtesy."""
    figure = go.Figure()
    for curve, name, colour, dash in (
        (result.without_courtesy, "without courtesy", GREY, "dash"),
        (result.with_courtesy, "with courtesy", BLUE, "solid"),
    ):
        shares, profits = _curve(curve)
        figure.add_trace(
            go.Scatter(
                x=shares, y=profits, mode="lines", name=name, line={"color": colour, "width": 3, "dash": dash},
                hovertemplate="best %{x:.1f} %: %{y:,.0f} " + result.currency + f", {name}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title_text="customers, best first, % of all", range=[0, 101], ticksuffix=" %")
    figure.update_yaxes(title_text=f"cumulative profit, {result.currency}", tickformat=",.0f", rangemode="tozero")
    return finish(figure, result.title)


def _curve(curve: WhaleCurve) -> tuple[list[float], list[float]]:
    n = curve.table.height
    at = {*np.linspace(1, n, min(n, CURVE_POINTS)).astype(int).tolist(), curve.peak_rank}
    drawn = curve.table.filter(pl.col("rank").is_in(at))
    return [0.0, *(round(100.0 * rank / n, 3) for rank in drawn["rank"])], [0.0, *drawn["cumulative"].cast(pl.Float64)]


@figure_for.register
def _(result: LedgerReconciliation) -> go.Figure:
    """Draw what the ledger's result of each month is made of."""
    months = result.by("month").with_columns(pl.col(*PARTS, "ledger").cast(pl.Float64))
    figure = go.Figure()
    for part, colour in zip(PARTS, COLOURS, strict=False):
        figure.add_trace(
            go.Bar(
                x=months["period"].to_list(), y=months[part].to_list(), name=_words(part), marker={"color": colour},
                hovertemplate="%{x|%Y-%m}: %{y:,.2f} " + result.currency + f" {_words(part)}<extra></extra>",
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=months["period"].to_list(), y=months["ledger"].to_list(), name="ledger", mode="lines+markers",
            line={"color": INK, "width": 2},
            hovertemplate="%{x|%Y-%m}: %{y:,.2f} " + result.currency + "<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(barmode="relative")
    figure.update_xaxes(title_text="month")
    figure.update_yaxes(title_text=f"{result.currency}; income positive, costs negative", tickformat=",.0f")
    return finish(figure, result.title)


@figure_for.register
def _(result: CapacityUse) -> go.Figure:
    """Draw what was paid for each resource: used, and used by nobody."""
    table = result.by_resource.with_columns(pl.col("used_cost", "unused_cost").cast(pl.Float64))
    names = [escape(str(name or key), quote=False) for key, name in table.select("resource_id", "name").rows()]
    figure = go.Figure()
    for column, name, colour, pattern in (("used_cost", "used", BLUE, ""), ("unused_cost", "unused", ORANGE, "/")):
        figure.add_trace(bars(names, table[column].to_list(), name, colour, pattern, result.currency))
    figure.update_layout(barmode="stack")
    return listed(figure, result.title, f"paid for capacity, {result.currency}", len(names))


@figure_for.register
def _(result: GrantedAndBorne) -> go.Figure:
    """Draw who granted courtesies against who bears them; off the diagonal it is at a colleague's expense."""
    names, bearers = result.table["granted_by_dept"].to_list(), result.bearers
    values = [[float(row[bearer]) for bearer in bearers] for row in result.table.iter_rows(named=True)]
    text = [[f"{value:,.0f}" if value else "" for value in row] for row in values]
    figure = go.Figure(
        go.Heatmap(
            z=values, x=[escape(b, quote=False) for b in bearers], y=[escape(n, quote=False) for n in names],
            text=text, texttemplate="%{text}", colorscale=[[0, "white"], [1, SKY]], showscale=False, xgap=2, ygap=2,
            hovertemplate="granted by %{y}, borne by %{x}: %{z:,.2f} " + result.currency + "<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title_text=f"borne by, {result.currency}", type="category", showgrid=False)
    figure.update_yaxes(title_text="granted by", autorange="reversed", type="category", showgrid=False)
    return finish(figure, result.title, height=200 + 44 * max(len(names), 1))


@figure_for.register
def _(result: CourtesyBySegment) -> go.Figure:
    """Draw the cost of the dearest measures, each bar split by segment."""
    shown = result.table.head(MEASURES_SHOWN)
    names = [escape(name, quote=False) for name in shown["measure"]]
    figure = go.Figure()
    for i, segment in enumerate(result.segments):
        values = shown[segment].cast(pl.Float64).to_list()
        figure.add_trace(
            bars(names, values, escape(segment, quote=False), COLOURS[i % len(COLOURS)], "", result.currency)
        )
    figure.update_layout(barmode="relative")
    return listed(figure, result.title, f"full cost, {result.currency}", len(names))


@figure_for.register
def _(result: Unprofitable) -> go.Figure:
    """Draw what each action on unprofitable customers frees."""
    rows = result.actions.with_columns(pl.col("frees").cast(pl.Float64))
    names = [f"{action}: {cause}" for action, cause in rows.select("action", "cause").rows()]
    figure = go.Figure(bars(names, rows["frees"].to_list(), "frees", BLUE, "", result.currency))
    figure.update_traces(
        text=[f"{n:,} customers" for n in rows["n_customers"]], textposition="outside", cliponaxis=False
    )
    figure.update_layout(showlegend=False, margin={"r": 110})
    return listed(figure, result.title, f"money freed, {result.currency}, if they go on buying", len(names))


@figure_for.register
def _(result: Explanation) -> go.Figure:
    """Draw one customer's profit as a waterfall."""
    lines = result.lines.with_columns(pl.col("amount").cast(pl.Float64))
    names = [*map(_words, lines["pnl_line"]), "<b>customer profit</b>"]
    amounts = [*lines["amount"], float(result.customer_profit)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h", y=names, x=amounts, measure=["relative"] * lines.height + ["total"],
            text=[f"{amount:,.2f}".replace("-", "−") for amount in amounts], textposition="outside", cliponaxis=False,
            increasing={"marker": {"color": SKY}}, decreasing={"marker": {"color": VERMILION}},
            totals={"marker": {"color": BLUE}}, connector={"line": {"color": GREY, "width": 1, "dash": "dot"}},
            hovertemplate="%{y}: %{text} " + result.currency + "<extra></extra>",
        )
    )  # fmt: skip
    axis = f"{result.currency}, ex tax; income positive, costs negative"
    running = [0.0, *np.cumsum(amounts[:-1])]
    room = 0.15 * (max(running) - min(running))
    figure.update_xaxes(range=[min(running) - room, max(running) + room])
    return listed(figure, result.title, axis, len(names))


@figure_for.register
def _(result: CourtesyTrend) -> go.Figure:
    """Draw how much more or less often each courtesy is given than before."""
    rows = result.table.drop_nulls("change_share").sort("change_share", "measure_id")
    names = [escape(name, quote=False) for name in rows["measure"]]
    figure = go.Figure(
        go.Bar(
            orientation="h", y=names, x=(rows["change_share"] * 100).round(1).to_list(),
            marker={"color": [VERMILION if drifted else GREY for drifted in rows["has_drifted"]]},
            hovertemplate="%{y}: %{x:+.1f} % an order<extra></extra>",
        )
    )  # fmt: skip
    axis = "change of courtesies an order, %; coloured: beyond chance"
    return listed(figure, result.title, axis, len(names)).update_xaxes(ticksuffix=" %", tickformat="+,.0f")


@figure_for.register
def _(result: InwardPanel) -> go.Figure:
    """Draw each sign against what peers publish, or against the time before where they publish nothing."""
    against = pl.coalesce("benchmark", "before")
    rows = result.table.filter(against > 0).with_columns(index=(pl.col("value") / against * 100).round(1))
    peers = rows["benchmark"].is_not_null()
    names = [f"{sign} ({'peers' if peer else 'before'})" for sign, peer in zip(rows["sign"], peers, strict=True)]
    bad = rows.select(pl.col("is_worse") | pl.col("is_above_benchmark")).to_series()
    figure = go.Figure(
        go.Scatter(
            x=rows["index"].to_list(), y=names, mode="markers",
            marker={"size": 13, "color": [VERMILION if is_bad else BLUE for is_bad in bad],
                    "symbol": ["diamond" if is_bad else "circle" for is_bad in bad]},
            hovertemplate="%{y}: %{x:.0f}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=100, line={"color": GREY, "width": 1, "dash": "dash"})
    axis = "100 = peers, or the time before; higher is worse; diamond: beyond chance"
    return listed(figure, result.title, axis, len(names))


def _words(name: str) -> str:
    return name.replace("_", " ")
