"""Does a measure pay off? One decision, said in money, with the table by segment and the checks behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from custvalue.config import DecisionSettings
from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.afterchecks import check_findings
from custvalue.experiments.asked import (
    check_days,
    check_looks,
    checked_day,
    checked_looks,
    checked_settings,
    refuse_stated,
    with_plan,
)
from custvalue.experiments.checks import Check, check_trial, checks_table, min_per_arm
from custvalue.experiments.costs import cost_by_segment
from custvalue.experiments.judge import NOT_JUDGED, Decision, Judgement, judge, overall
from custvalue.experiments.lifetime_effect import with_long_run
from custvalue.experiments.looks import log_look, looks_before
from custvalue.experiments.naive import launch_estimate, naive_comparison
from custvalue.experiments.trial import Shop, Trial, mature_only, trial_from_frame, trial_from_shop
from custvalue.experiments.units import by_unit
from custvalue.experiments.verdict_table import table_of
from custvalue.experiments.wording import about_launch, sentence_of, title_of
from custvalue.results import Kind, Result, close_gaps
from custvalue.validation import check_share

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.experiments.opt_in import OptInEffect
    from custvalue.frames import Frame

MATURITY = "mature customers"
WHILE_IT_RUNS = Check(
    "looks",
    "warn",
    "Looked at while it runs, where one look at the end was planned: the always-valid interval is used.",
)


@dataclass(frozen=True, kw_only=True)
class Verdict(Result):
    """Whether a measure pays off.

    Attributes
    ----------
    table
        A row for all customers and one per pre-declared segment: `decision`, the `effect` on contribution per
        customer and window with the interval that the decision rests on and its standard error, `p_pays` (shown,
        never the rule), expected losses of either mistake per customer, expected `annual_impact` of a launch, what it
        would be worth to know the effect exactly (`perfect_information`, EVPI: no test is worth more) and to learn
        from the best further test (`sample_information`, EVSI, before its cost; null where no test is worth it), both
        money over `horizon_days` for all eligible customers; the further test that is worth its cost, effects on
        revenue and orders, and the uplift in orders that would break even.
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
        Effect per customer over `horizon_years` by segment, discounted. Of a test of the warehouse through what the
        measure does to purchase rate and dropout (`rate_factor`, `dropout_factor`): `persistence` is the share of
        that change left after a year, while the cost per purchase stays. Where the purchases do not tell, `basis`
        says that the effect itself was carried on, and persistence is the share of it left, as if no customer left.
        None where nothing was judged.
    interval
        `fixed` for one look at the end, `always-valid` where the test was looked at while it ran, and for
        provisional figures, which are such a look.
    looks
        How often the test has been looked at, this time included.
    unit, customers_per_unit
        What was assigned and is counted in `n_control` and `n_treated`, and how many customers one stands for.
    is_provisional
        True where figures are shown though customers are still within their window or the time for returns.
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
        "perfect_information": "money",
        "sample_information": "money",
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


@checked
def does_it_pay(
    customers: Shop | Frame,
    experiment: str | None = None,
    *,
    arm: str = "arm",
    control: Any = None,
    outcome: str = "contribution",
    segment: str | None = None,
    before: str | None = None,
    unit: str | None = None,
    planned_share: float = 0.5,
    outcome_days: int = 28,
    as_of: dt.date | str | None = None,
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
        Days may be ISO text; yes and no may be true and false, 1 and 0, yes and no, ja and nein.
    experiment
        Name of a test of the warehouse, whose tables then state what the next arguments, as far as
        `outcome_days`, state of a frame.
    arm
        Column of a frame with two values.
    control
        Which of them is the control arm. It need not be said where a name says it (control, holdout, placebo,
        baseline, Kontrolle, 0, False, off, no and the like) or a convention does (A and B, 1 and 2); a test of the
        warehouse says it in `control_arm` of `experiments`.
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
        Length of the outcome window, at least 1.
    as_of
        Day of the analysis, a date or ISO text; default the last day of a warehouse's data, or that on which a
        frame's last customer entered.
    looks
        How often the test has been looked at, this time included. A warehouse logs its looks, those of `looks_of`
        too, so there it need only be said where there were more of them elsewhere; for a frame the default is 1.
    settings
        What turns an effect into a verdict.
    currency
        Of every money figure; default that of the warehouse. Frames say none, so none is printed.

    Raises
    ------
    DataError
        No such experiment or column, an empty frame, not two arms or arms whose names do not tell which is control,
        an argument out of its range or that a warehouse states itself, or fewer looks than the warehouse has logged.

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
    check_looks(looks)
    chosen, day = checked_settings(settings), checked_day(as_of)
    if isinstance(customers, Shop):
        refuse_stated(
            experiment, arm=arm, control=control, outcome=outcome, segment=segment, before=before, unit=unit,
            planned_share=planned_share, outcome_days=outcome_days,
        )  # fmt: skip
        trial, row = trial_from_shop(customers, str(experiment), as_of=day, margin_rate=chosen.margin_rate)
        return _judge_logged(customers, by_unit(trial), with_plan(chosen, row), looks, currency)
    check_share("planned_share", planned_share)
    check_days("outcome_days", outcome_days)
    trial = trial_from_frame(
        customers,
        arm=arm,
        outcome=outcome,
        segment=segment,
        before=before,
        planned_share=planned_share,
        outcome_days=outcome_days,
        as_of=day,
        name=experiment or "test",
        unit=unit,
        control=control,
    )
    trial = by_unit(trial)
    return with_long_run(verdict_of(trial, chosen, looks=looks or 1, currency=currency or ""), trial, None)


def _judge_logged(
    shop: Shop, trial: Trial, settings: DecisionSettings, looks: int | None, currency: str | None
) -> Verdict:
    """Judge a test of the warehouse and log the look where a figure is shown: a provisional one can be acted on too."""
    mature = mature_only(trial).customers["treated"].drop_nulls()
    sizes = (int((~mature).sum()), int(mature.sum()))
    look = checked_looks(looks, looks_before(shop, trial.name, *sizes), trial.name)
    verdict = verdict_of(trial, settings, looks=look, currency=currency or str(getattr(shop, "currency", "")))
    if verdict.decision != NOT_JUDGED or verdict.is_provisional:
        log_look(shop, trial.name, look, (trial.as_of, *sizes, verdict.table["effect"][0]))
    return with_long_run(verdict, mature_only(trial), shop)


def verdict_of(trial: Trial, settings: DecisionSettings, *, looks: int = 1, currency: str = "") -> Verdict:
    """Judge a trial: blocking checks first, then the estimates, then the checks of what was found."""
    mature = mature_only(trial)
    checks = check_trial(trial, settings, looks)
    too_few = _too_few_mature(trial, mature)
    checks = [too_few if too_few and c.check == MATURITY else c for c in checks]
    blocked = [c for c in checks if c.status == "block"]
    only_young = [c.check for c in blocked] == [MATURITY] and too_few is None
    judgements: dict[str, Judgement] = {}
    if not blocked or only_young:
        try:
            judgements = judge(mature, settings, max(looks, 2) if only_young else looks)
        except DataError as problem:
            blocked.append(Check("estimate", "block", trial.said(problem.message)))
            checks.append(blocked[-1])
    is_provisional = only_young and bool(judgements)
    if is_provisional:
        checks = [WHILE_IT_RUNS if c.check == "looks" else c for c in checks]
    decision, paying = overall(judgements) if judgements and not blocked else (NOT_JUDGED, ())
    if judgements:
        checks += check_findings(mature, judgements, settings)
    launch = launch_estimate(mature, checks, settings.level, currency)
    sentence = sentence_of(trial, judgements, decision, paying, blocked, currency)
    return Verdict(
        table=table_of(trial, judgements, judged=not blocked, launch=launch),
        currency=currency,
        decision=decision,
        pays_only_for=paying,
        sentence=close_gaps(f"{sentence} {about_launch(launch)}"),
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
        interval="always-valid" if max(settings.planned_looks, looks) > 1 or is_provisional else "fixed",
        is_provisional=is_provisional,
    )


def _too_few_mature(trial: Trial, mature: Trial) -> Check | None:
    """Tell where so few are mature that no figure can be shown yet."""
    least = min(mature.customers.filter(treated=t).height for t in (False, True))
    needed = min_per_arm(trial)
    if least >= needed or mature.customers.height == trial.customers.height:
        return None
    days = f"{trial.outcome_days} + {trial.return_days} days"
    who = "nobody yet"
    if mature.customers.height:
        who = f"only {least:,} {trial.noun} of an arm, {needed} are needed"
    return Check(MATURITY, "block", f"Window and returns ({days}) are over for {who}: there are no figures so far.")
