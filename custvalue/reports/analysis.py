"""All questions asked of one shop, in order; what can't be answered yet is said, one line each."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from custvalue.data.purchases import purchase_summary, to_date
from custvalue.data.rows_read import RowsRead, rows_read
from custvalue.door import checked
from custvalue.errors import CustvalueError
from custvalue.experiments.judge import NOT_JUDGED
from custvalue.experiments.targeting import targeting
from custvalue.experiments.threshold import free_delivery_threshold
from custvalue.experiments.trial import CUSTOMER_WORDS
from custvalue.experiments.verdict import Verdict, does_it_pay
from custvalue.models.lifetime_value import LifetimeValue, lifetime_value
from custvalue.models.simpler import fit_purchases, fit_spend
from custvalue.profit.actions import unprofitable
from custvalue.profit.budget import activity_budget
from custvalue.profit.capacity import capacity_use
from custvalue.profit.conservation import control_totals
from custvalue.profit.courtesy import courtesy_cost
from custvalue.profit.delivered import delivered_today
from custvalue.profit.inward import inward_signs
from custvalue.profit.ledger import reconcile
from custvalue.profit.limits import courtesy_limits
from custvalue.profit.practices import department_against_company
from custvalue.profit.waterfall import CustomerProfit, customer_profit
from custvalue.profit.whale import whale_curve
from custvalue.service.plan import plan_service
from custvalue.service.segments import Segments, segment_customers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from custvalue.config import Settings
    from custvalue.data.loading import Progress
    from custvalue.data.warehouse import Warehouse
    from custvalue.models.fitting import ModelFit
    from custvalue.results import PurchaseSummary, Result


VALUE = "What is each customer worth from now on?"
ALIKE = "Which customers are alike?"


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Answers of one run.

    Attributes
    ----------
    results
        Name -> result, in the order of the questions.
    missing
        What could not be computed: the question, and which table would answer it.
    as_of
        Last day observed.
    settings
        The settings of the run.
    summary
        What each customer bought until then.
    warnings
        What has to be read before any figure: money that was set aside at loading, or lies after `as_of`.
    """

    results: dict[str, Result]
    summary: PurchaseSummary
    missing: tuple[tuple[str, str], ...]
    as_of: dt.date
    currency: str
    settings: Settings
    warnings: tuple[str, ...] = ()

    def customers(self) -> pl.DataFrame:
        """One row per customer: value, churn, profit, segment as far as they are known; else what was bought."""
        table = self.results["value"].table if "value" in self.results else self.summary.table
        for name in ("segments", "profit"):
            result = self.results.get(name)
            if isinstance(result, Segments):
                table = table.join(result.customers.select("customer_id", "segment"), on="customer_id", how="left")
            elif isinstance(result, CustomerProfit):
                table = table.join(result.table, on="customer_id", how="full", coalesce=True)
        return table.sort("customer_id")


@dataclass
class _Notebook:
    """What a run collects on its way."""

    progress: Progress
    results: dict[str, Result] = field(default_factory=dict)
    missing: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, name: str, question: str, answer: Callable[[], Result]) -> Any:
        """Keep the answer, or the one line that says why there is none."""
        self.progress(question)
        try:
            self.results[name] = answer()
        except CustvalueError as problem:
            self.missing.append((question, " ".join(filter(None, (problem.message, problem.hint)))))
            return None
        return self.results[name]


@checked
def analyse(
    shop: Warehouse, settings: Settings, *, as_of: str | dt.date | None = None, progress: Progress = lambda _: None
) -> Analysis:
    """Answer every question that the loaded tables allow.

    Parameters
    ----------
    shop
        The warehouse.
    settings
        Horizon, discount rate, decision rules, limits of the plan.
    as_of
        Last day observed, inclusive; default the day of the last order.
    progress
        Called with each question before it is answered.

    Raises
    ------
    DataError
        No orders are loaded, or none before `as_of`.
    """
    summary = purchase_summary(shop, as_of=None if as_of is None else to_date(as_of), time_unit=settings.time_unit)
    # without a day that was asked for, the books take every row: refunds come after the last sale
    end = None if as_of is None else summary.as_of
    notes = _Notebook(progress)
    read = notes.ask("rows_read", "Was everything read?", lambda: rows_read(shop, settings.set_aside_limit))
    profit = notes.ask("profit", "What do we earn, and on whom?", lambda: customer_profit(shop, end=end))
    _profit(notes, shop, profit)
    notes.ask("courtesy", "What does each courtesy cost?", lambda: courtesy_cost(shop, end=end))
    _books(notes, shop, summary.as_of)
    value = _value(notes, shop, settings, summary, profit)
    if value is not None and shop.has("resources"):
        notes.ask("budget", "What work will the orders to come need?", lambda: activity_budget(shop, value))
    _verdicts(notes, shop, settings)
    segments = None if value is None else notes.ask("segments", ALIKE, lambda: _segments(value, profit))
    notes.ask(
        "plan",
        "What should each segment get, and what should be tested first?",
        lambda: plan_service(
            shop, **settings.service.model_dump(), value=value, segments=segments, summary=summary,
            purchases=cast("ModelFit | None", notes.results.get("purchases")), effects=_judged(notes),
        ),
    )  # fmt: skip
    # whole questions first, then single lines of the profit and loss
    missing = sorted(notes.missing, key=lambda pair: pair[0].startswith("Line "))
    return Analysis(
        results=notes.results, missing=tuple(missing), as_of=summary.as_of, currency=shop.currency,
        settings=settings, summary=summary, warnings=_warnings(shop, read, end),
    )  # fmt: skip


def _warnings(shop: Warehouse, read: RowsRead | None, end: dt.date | None) -> tuple[str, ...]:
    """Say what is in no figure: money set aside at loading, and orders after the day that was asked for."""
    said = [read.warning] if read is not None and read.warning else []
    if end is not None:
        later = shop.fetch("int_orders").filter(pl.col("ordered_on") > end)
        if later.height:
            money = float(later["gross_list"].sum() or 0)
            said.append(
                f"{later.height:,} orders of {money:,.2f} {shop.currency} lie after {end} and are in no figure."
            )
    return tuple(said)


def _profit(notes: _Notebook, shop: Warehouse, profit: CustomerProfit | None) -> None:
    """Name the lines that are missing, and ask what rests on the margin."""
    if profit is None:
        return
    notes.missing += [
        (f"Line {row['pnl_line'].replace('_', ' ')}", f"needs {row['needs']}; it would give {row['gives']}.")
        for row in profit.missing.iter_rows(named=True)
    ]
    if profit.has_margin:
        notes.ask("whale", "Who makes the profit?", lambda: whale_curve(profit))
        notes.ask("actions", "Who loses us money, and why?", lambda: unprofitable(shop, profit))


def _value(
    notes: _Notebook, shop: Warehouse, settings: Settings, summary: PurchaseSummary, profit: CustomerProfit | None
) -> LifetimeValue | None:
    purchases = notes.ask("purchases", "How do customers buy, and when do they leave?", lambda: fit_purchases(summary))
    spend = notes.ask("spend", "How much do they spend?", lambda: fit_spend(summary))
    if purchases is None or spend is None:
        needs = "needs both: how customers buy, and how much they spend."
        notes.missing += [(question, needs) for question in (VALUE, ALIKE)]
        return None
    if purchases.note:
        notes.missing.append(("Churn", f"can't be told from these data: {purchases.note}."))
    if spend.note:
        notes.missing.append(("Spend customer by customer", f"can't be told from these data: {spend.note}."))
    margin, cost = _margin_and_cost(shop, settings, profit)
    answer: LifetimeValue | None = notes.ask(
        "value",
        VALUE,
        lambda: lifetime_value(
            purchases, spend, summary, horizon_days=settings.horizon_days, margin_rate=margin,
            annual_discount_rate=settings.annual_discount_rate, service_cost_per_order=cost, level=settings.level,
            currency=shop.currency,
        ),
    )  # fmt: skip
    if margin is None:
        notes.missing.append(
            ("Lifetime value", "shown as revenue: cost of goods or a margin_rate setting would make it value.")
        )
    return answer


def _books(notes: _Notebook, shop: Warehouse, as_of: dt.date) -> None:
    """Ask what needs more than orders; a shop without these tables gets one line for each."""
    notes.ask("control_totals", "Where did each euro go?", lambda: control_totals(shop))
    notes.ask("ledger", "Do the figures tie to the ledger?", lambda: reconcile(shop))
    notes.ask("capacity", "How much of the paid capacity is used?", lambda: capacity_use(shop))
    if shop.has("contacts") or shop.has("deliveries"):
        notes.ask("signs", "Do we look inward?", lambda: inward_signs(shop, as_of))
        asked = "What do departments save at the company's cost?"
        notes.ask("practices", asked, lambda: department_against_company(shop))
    if shop.has("courtesy_catalogue"):
        notes.ask("today", "What is given today?", lambda: delivered_today(shop))
        notes.ask("limits", "Which courtesies go beyond their limits?", lambda: courtesy_limits(shop))


def _margin_and_cost(shop: Warehouse, settings: Settings, profit: CustomerProfit | None) -> tuple[float | None, float]:
    """Return the margin rate and the cost of serving an order: as set, or else as the books have them."""
    known = profit is not None and profit.has_margin
    margin = settings.margin_rate
    if margin is None and profit is not None:
        margin = profit.margin_rate()
    if margin is None:
        return None, 0.0  # revenue less cost is not a value
    if settings.service_cost_per_order is not None:
        return margin, settings.service_cost_per_order
    n_orders = shop.fetch("data_span")["n_orders"].item()
    return margin, cast("CustomerProfit", profit).service_cost_per_order(n_orders) if known else 0.0


def _verdicts(notes: _Notebook, shop: Warehouse, settings: Settings) -> None:
    names = shop.fetch("experiments").sort("experiment_id")["name"].to_list()
    for name in names:
        _experiment(notes, shop, settings, name)
    if not names:
        gives = "tables experiments and assignments are not loaded; they would give a verdict with its interval."
        notes.missing.append(("Does free delivery pay?", gives))


def _experiment(notes: _Notebook, shop: Warehouse, settings: Settings, name: str) -> None:
    """Ask whether a measure pays, and of a test that can be judged for whom and from which basket on."""
    said = name.replace("_", " ")
    thresholds = shop.fetch("experiment_arm_thresholds", experiment=name)
    if thresholds.height < 3:  # more arms than two are no question of yes or no
        rules = settings.decision
        if rules.margin_rate is None:
            rules = rules.model_copy(update={"margin_rate": settings.margin_rate})
        ask = functools.partial(does_it_pay, shop, experiment=name, settings=rules)
        verdict: Verdict | None = notes.ask(f"verdict {name}", f"Does {said} pay?", ask)
        if verdict is not None and verdict.decision != NOT_JUDGED and verdict.unit in CUSTOMER_WORDS:
            notes.ask(f"targeting {name}", f"Who should get {said}?", functools.partial(targeting, shop, name))
    if thresholds.height > 1:
        compare = functools.partial(free_delivery_threshold, shop, experiment=name)
        notes.ask(f"threshold {name}", f"From which basket on: {said}?", compare)


def _judged(notes: _Notebook) -> list[Verdict]:
    """Return the verdicts that measure an effect."""
    found = [result for result in notes.results.values() if isinstance(result, Verdict)]
    return [v for v in found if v.design == "rct" and v.decision != NOT_JUDGED and not v.is_provisional]


def _segments(value: LifetimeValue, profit: CustomerProfit | None) -> Segments:
    customers = value.table
    if profit is not None:
        customers = customers.join(profit.cost_to_serve(), on="customer_id", how="left")
        if customers["cost_to_serve"].null_count() == customers.height:
            customers = customers.drop("cost_to_serve")
    return segment_customers(customers, value=value.value_column, currency=value.currency)


def verdicts(analysis: Analysis) -> list[Verdict]:
    """Return the verdicts of a run, in the order of their experiments."""
    return [result for result in analysis.results.values() if isinstance(result, Verdict)]
