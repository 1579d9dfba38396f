"""Column headings in words, for report, workbook and command line: `p_pays` is read as `chance that it pays`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.results import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.results import Kind

WORDS = {
    "T": "age",
    "p_alive": "still a customer",
    "churn_probability": "has left (probability)",
    "clv": "future value",
    "clv_low": "future value from",
    "clv_high": "future value to",
    "clv_mean": "future value each",
    "revenue_value": "future revenue",
    "revenue_value_low": "future revenue from",
    "revenue_value_high": "future revenue to",
    "revenue_value_mean": "future revenue each",
    "value_share": "share of future value",
    "customer_share": "share of customers",
    "cost_to_serve": "cost to serve each",
    "n_events": "times",
    "n_control": "without it",
    "n_treated": "with it",
    "effect_low": "effect from",
    "effect_high": "effect to",
    "gain_low": "gain from",
    "gain_high": "gain to",
    "net_low": "net from",
    "net_high": "net to",
    "p_pays": "chance that it pays",
    "p_value": "p-value",
    "p_value_adjusted": "p-value, adjusted",
    "annual_impact": "a year, if all get it",
    "orders_uplift": "more orders",
    "revenue_effect": "effect on revenue",
    "break_even_uplift": "more orders to break even",
    "p_beats_today": "chance to beat today",
    "p_beats_nobody": "chance to beat giving to nobody",
    "p_beats_everybody": "chance to beat giving to everybody",
    "full": "full cost",
    "avoidable": "avoidable cost",
    "accounting": "cost in the books",
    "economic": "cost that decides",
    "forgone_fee": "fee forgone (memo)",
    "came": "in the files",
    "why": "reason",
    "one_more": "worth of one more",
    "in_words": "in words",
    "tail_loss": "mean of the worst twentieth",
    "needed_min": "minutes needed",
    "practical_min": "minutes there are",
    "idle_min": "minutes idle",
    "overload_min": "minutes too many",
    "short_min": "minutes short",
    "n_overloaded": "months overloaded",
}


def heading(name: str, kind: Kind, currency: str) -> str:
    """Return a column's heading, with its unit where it is money."""
    if name not in WORDS:
        return label(name, kind, currency)
    return f"{WORDS[name]}, {currency}" if kind == "money" and currency else WORDS[name]


def headings(kinds: Mapping[str, Kind], currency: str) -> dict[str, str]:
    """Return the headings of a table; where two would be alike, the columns' own names."""
    told = {name: heading(name, kind, currency) for name, kind in kinds.items()}
    if "name" in told:  # whose name it is, the other columns tell
        told["name"] = "measure" if "segment" in told else "resource" if "practical_min" in told else "name"
    return {name: text if list(told.values()).count(text) == 1 else name for name, text in told.items()}
