"""Does a measure pay off? One decision, said in money, with the table by segment and the checks behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from custvalue.config import DecisionSettings
from custvalue.errors import DataError
from custvalue.experiments.afterchecks import check_findings
from custvalue.experiments.checks import Check, check_trial, checks_table
from custvalue.experiments.costs import cost_by_segment
from custvalue.experiments.judge import NOT_JUDGED, Decision, Judgement, judge, overall
from custvalue.experiments.lifetime_effect import with_long_run
from custvalue.experiments.looks import log_look, looks_before
from custvalue.experiments.naive import launch_estimate, naive_comparison
from custvalue.experiments.randomised import ALL
from custvalue.experiments.trial import Shop, Trial, mature_only, trial_from_frame, trial_from_shop
from custvalue.experiments.units import by_unit
from custvalue.experiments.wording import about_launch, sentence_of, title_of
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.experiments.opt_in import OptInEffect
    from custvalue.experiments.trial import Frame

MATURITY = "mature customers"
SCHEMA = {
    "segment": pl.String,
    "decision": pl.String,
    "n_control": pl.Int64,
    "n_treated": pl.Int64,
    "control_mean": pl.Float64,
    "effect": pl.Float64,
    "effect_low": pl.Float64,
    "effect_high": pl.Float64,
    "level": pl.Float64,
    "standard_error": pl.Float64,
    "p_value": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "p_pays": pl.Float64,
    "loss_if_launched": pl.Float64,
    "loss_if_kept": pl.Float64,
    "annual_impact": pl.Float64,
    "keep_testing_until": pl.Date,
    "customers_to_test": pl.Int64,
    "testing_cost": pl.Float64,
    "testing_gain": pl.Float64,
    "revenue_effect": pl.Float64,
    "orders_effect": pl.Float64,
    "orders_uplift": pl.Float64,
    "break_even_uplift": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class Verdict(Result):
    """Whether a measure pays off.

    Attributes
    ----------
    table
        A row for all customers and one per pre-declared segment: `decision`, the `effect` on contribution per
        customer and window with the interval that the decision rests on and its standard error, `p_pays` (shown,
        never the rule), expected losses of either mistake per customer, expected `annual_impact` of a launch, the further test
        that is worth its cost, effects on revenue and orders, and the uplift in orders that would break even.
    decision
        Exactly one of: cannot be judged, pays only for, pays off, does not pay, practically neutral, keep
        testing, not worth testing further.
    pays_only_for
        The segments, where that is the decision.
    sentence
        The verdict in words, money first.
    checks
        `check`, `status` (ok, warn, block), `detail`; a block means that the test cannot be judged.
    costs
        Accounting and economic cost of the measure by segment; null where a column that it needs is missing.
    naive
        Where the launch was not randomised: the comparison that must not be taken for the effect, and why.
    launch
        There, the doubly robust estimate of the effect on those who got it; it stands in the table too, but
        no decision rests on it.
    long_run
        Effect per customer over `horizon_years` by segment and `persistence` (share of the effect left after a
        year), discounted. Of a test of the warehouse through what the measure does to purchase rate and dropout
        (`rate_factor`, `dropout_factor`); where the purchases do not tell, `basis` says that the effect itself
        was carried on. None where nothing was judged.
    interval
        `fixed` for one look at the end, `always-valid` where the test was looked at while it ran.
    looks
        How often the test has been looked at, this time included.
    unit, customers_per_unit
        What was assigned and is counted in `n_control` and `n_treated`, and how many customers one stands for.
    is_provisional
        True where customers are still within their window or the time for returns.
    settings
        Loss cap, neutral margin, eligible customers and the rest.
    """

    decision: Decision
    pays_only_for: tuple[str, ...] = ()
    sentence: str
    checks: pl.DataFrame
    costs: pl.DataFrame
    naive: pl.DataFrame | None = None
    launch: OptInEffect | None = None
    long_run: pl.DataFrame | None = None
    experiment: str
    outcome: str
    before: str | None
    control_arm: str
    treated_arm: str
    unit: str = "customer"
    customers_per_unit: float = 1.0
    planned_share: float
    outcome_days: int
    return_days: int
    design: str
    as_of: dt.date
    interval: str = "fixed"
    looks: int = 1
    is_provisional: bool = False
    settings: DecisionSettings = field(default_factory=DecisionSettings)

    kinds: ClassVar[Mapping[str, Kind]] = {
        "control_mean": "money",
        "effect": "money",
        "effect_low": "money",
        "effect_high": "money",
        "standard_error": "money",
        "level": "percent",
        "p_value": "number",
        "p_value_adjusted": "number",
        "loss_if_launched": "money",
        "loss_if_kept": "money",
        "annual_impact": "money",
        "testing_cost": "money",
        "testing_gain": "money",
        "revenue_effect": "money",
        "orders_uplift": "percent",
        "break_even_uplift": "percent",
        "persistence": "percent",
    }

    @property
    def title(self) -> str:
        """The decision and the effect it rests on."""
        return title_of(self.decision, self.pays_only_for, self.table, self.currency, self.outcome_days)

    @property
    def assumptions(self) -> dict[str, Any]:
        """Everything that made the verdict, the settings included."""
        kept = {k: v for k, v in super().assumptions.items() if k != "sentence"}
        return kept | self.settings.model_dump()

    def blocked_by(self) -> list[str]:
        """Names of the checks that block."""
        return self.checks.filter(pl.col("status") == "block")["check"].to_list()


def does_it_pay(
    customers: Shop | Frame,
    experiment: str | None = None,
    *,
    arm: str = "arm",
    outcome: str = "contribution",
    segment: str | None = None,
    before: str | None = None,
    unit: str | None = None,
    planned_share: float = 0.5,
    outcome_days: int = 28,
    as_of: dt.date | None = None,
    looks: int | None = None,
    settings: DecisionSettings | None = None,
    currency: str | None = None,
) -> Verdict:
    """Judge whether a measure pays off, from a test in the warehouse or a frame with one row per customer.

    Parameters
    ----------
    customers
        A warehouse, or a pandas or Polars frame. Of a frame these columns are used where they are there:
        `customer_id`, `household`, `assigned_at` or `entry_day`, `exposed_at`, `is_mature`, `orders`, `revenue`,
        `fee_paid`, `carrier_cost`, `measure_cost`, `pre_revenue`, `pre_orders`, `pre_contribution`, orders by week
        of the window `orders_week_1`, `orders_week_2`, ..., and `orders_after`, those once the measure was over.
    experiment
        Name of a test of the warehouse.
    arm
        Column of a frame with two values; 0, False and 'control' are control, otherwise the smaller value is.
    outcome
        Contribution per customer over the window, net of the measure; 0 for a customer who bought nothing.
    segment
        Column with the segments declared before the test.
    before
        Covariate known before the assignment; it makes the interval narrower (CUPED).
    unit
        Column of a frame with what was assigned where that is not the customer: a household, an area, an area and
        period. Rows of a unit are added up and counted as one; the effect is still per customer. Those with `is_new`
        true bring their contribution but were not there at the start; where a row is not one customer, `n_customers`
        says how many it stands for. A test of the warehouse by `region` counts all customers of its regions.
    planned_share
        Share of customers that was meant to be treated.
    outcome_days
        Length of the outcome window; for a test of the warehouse its own is taken.
    as_of
        Day of the analysis; default the last day of a warehouse's data, or that on which a frame's last customer
        entered.
    looks
        How often the test has been looked at, this time included. A warehouse logs its looks; for a frame
        the default is 1.
    settings
        What turns an effect into a verdict.
    currency
        Of every money figure; default that of the warehouse, else EUR.

    Raises
    ------
    DataError
        No such experiment or column, an empty frame, not two arms.

    Notes
    -----
    Segments are judged at the levels of Holm's procedure, all customers at `settings.level`.

    Examples
    --------
    >>> import polars as pl
    >>> arm, noise = ["control", "free"] * 500, [float(i % 40) for i in range(1_000)]
    >>> paid = [n + 4.0 * (a == "free") for a, n in zip(arm, noise)]
    >>> customers = pl.DataFrame({"customer_id": range(1_000), "arm": arm, "contribution": paid})
    >>> does_it_pay(customers).decision
    'pays off'
    """
    if looks is not None and looks < 1:
        raise DataError(f"looks counts this look too, so it is at least 1; got {looks}.")
    chosen = settings or DecisionSettings()
    if isinstance(customers, Shop):
        if experiment is None:
            raise DataError("Name the experiment, as in does_it_pay(shop, experiment='free_delivery').")
        trial, row = trial_from_shop(customers, experiment, as_of=as_of)
        return _judge_logged(customers, by_unit(trial), _with_plan(chosen, row), looks, currency)
    if not 0.0 < planned_share < 1.0:
        raise DataError(f"planned_share is the share of treated, between 0 and 1; got {planned_share}.")
    trial = trial_from_frame(
        customers,
        arm=arm,
        outcome=outcome,
        segment=segment,
        before=before,
        planned_share=planned_share,
        outcome_days=outcome_days,
        as_of=as_of,
        name=experiment or "test",
        unit=unit,
    )
    trial = by_unit(trial)
    return with_long_run(verdict_of(trial, chosen, looks=looks or 1, currency=currency or "EUR"), trial, None)


def _judge_logged(
    shop: Shop, trial: Trial, settings: DecisionSettings, looks: int | None, currency: str | None
) -> Verdict:
    """Judge a test of the warehouse and log the look where a decision could be taken on it."""
    mature = mature_only(trial).customers["treated"].drop_nulls()
    sizes = (int((~mature).sum()), int(mature.sum()))
    look = looks or looks_before(shop, trial.name, *sizes)
    verdict = verdict_of(trial, settings, looks=look, currency=currency or str(getattr(shop, "currency", "EUR")))
    shown = verdict.table["effect"][0]
    if verdict.decision != NOT_JUDGED:
        log_look(
            shop,
            trial.name,
            look=look,
            as_of=trial.as_of,
            n_control=sizes[0],
            n_treated=sizes[1],
            effect=shown,
        )
    return with_long_run(verdict, mature_only(trial), shop)


def _with_plan(settings: DecisionSettings, row: Mapping[str, Any]) -> DecisionSettings:
    """Take from the experiment's row what the settings do not state."""
    planned = {
        name: row[name]
        for name in ("eligible_customers", "planned_looks")
        if name not in settings.model_fields_set and row.get(name)
    }
    return settings.model_copy(update=planned)


def verdict_of(trial: Trial, settings: DecisionSettings, *, looks: int = 1, currency: str = "EUR") -> Verdict:
    """Judge a trial: blocking checks first, then the estimates, then the checks of what was found."""
    checks = check_trial(trial, settings, looks)
    blocked = [c for c in checks if c.status == "block"]
    only_young = [c.check for c in blocked] == [MATURITY]
    judgements: dict[str, Judgement] = {}
    mature = mature_only(trial)
    if not blocked or only_young:
        try:
            judgements = judge(mature, settings, looks)
        except DataError as problem:
            blocked.append(Check("estimate", "block", problem.message))
            checks.append(blocked[-1])
    decision, paying = overall(judgements) if judgements and not blocked else (NOT_JUDGED, ())
    if judgements:
        checks += check_findings(mature, judgements, settings)
    launch = launch_estimate(mature, checks, settings.level, currency)
    sentence = sentence_of(trial, judgements, decision, paying, blocked, currency)
    return Verdict(
        table=_table(trial, judgements, judged=not blocked, launch=launch),
        currency=currency,
        decision=decision,
        pays_only_for=paying,
        sentence=f"{sentence} {about_launch(launch)}".strip(),
        checks=checks_table(checks),
        costs=cost_by_segment(trial),
        naive=naive_comparison(trial),
        launch=launch,
        experiment=trial.name,
        outcome=trial.outcome,
        before=trial.before,
        control_arm=trial.control,
        treated_arm=trial.treatment,
        unit=trial.unit,
        customers_per_unit=trial.customers_per_unit,
        planned_share=trial.planned_share,
        outcome_days=trial.outcome_days,
        return_days=trial.return_days,
        design=trial.design,
        as_of=trial.as_of,
        looks=looks,
        settings=settings,
        interval="always-valid" if max(settings.planned_looks, looks) > 1 else "fixed",
        is_provisional=only_young,
    )


def _table(
    trial: Trial, judgements: Mapping[str, Judgement], *, judged: bool, launch: OptInEffect | None
) -> pl.DataFrame:
    rows = [
        _row(judgements[s], judged=judged) if s in judgements else {"segment": s, "decision": NOT_JUDGED}
        for s in (ALL, *trial.segments)
    ]
    if launch is not None:
        kept = ("n_control", "n_treated", "effect", "effect_low", "effect_high", "standard_error")
        rows[0] |= {name: launch.table[name][0] for name in kept} | {"level": launch.level}
    return pl.DataFrame(rows, schema=SCHEMA)


def _row(j: Judgement, *, judged: bool) -> dict[str, object]:
    testing = j.decision == "keep testing" and judged
    uplift = None if j.orders is None or j.orders.control <= 0.0 else j.orders.treated / j.orders.control - 1.0
    return {
        "segment": j.segment,
        "decision": j.decision if judged else NOT_JUDGED,
        "n_control": j.effect.n_control,
        "n_treated": j.effect.n_treated,
        "control_mean": j.effect.control,
        "effect": j.effect.effect,
        "effect_low": j.effect.low,
        "effect_high": j.effect.high,
        "level": j.effect.level,
        "standard_error": j.effect.standard_error,
        "p_value": j.effect.p_value,
        "p_value_adjusted": j.p_adjusted,
        "p_pays": j.belief.p_pays(),
        "loss_if_launched": j.belief.loss_if_launched(),
        "loss_if_kept": j.belief.loss_if_kept(),
        "annual_impact": j.annual_impact,
        "keep_testing_until": j.until if testing else None,
        "customers_to_test": 2 * j.further.n_per_arm if testing else None,
        "testing_cost": j.further.cost if testing else None,
        "testing_gain": j.further.net_benefit if testing else None,
        "revenue_effect": None if j.revenue is None else j.revenue.effect,
        "orders_effect": None if j.orders is None else j.orders.effect,
        "orders_uplift": uplift,
        "break_even_uplift": j.break_even_uplift,
    }
