"""Who should get a measure: the best small rule over declared attributes, valued on customers it has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from scipy.stats import norm

from custvalue.config import DecisionSettings
from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.checks import BLOCK_BELOW, check_trial
from custvalue.experiments.opt_in import basis, propensity
from custvalue.experiments.randomised import sample_ratio_p_value
from custvalue.experiments.trial import CUSTOMER_WORDS, Shop, mature_only, trial_from_frame, trial_from_shop
from custvalue.experiments.wording import in_words, money
from custvalue.frames import check_finite, check_once, to_polars
from custvalue.results import Kind, Result
from custvalue.validation import check_level, check_names, check_share, check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from custvalue.frames import Frame

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

CUTS = (0.2, 0.4, 0.6, 0.8)  # quantiles of a number at which a rule may divide
KNOWN_BEFORE = ("segment", "pre_contribution", "pre_revenue", "pre_orders")
NOBODY, EVERYBODY = "nobody", "everybody"
MIN_CUSTOMERS = 200
SURE = 0.02  # nearer to 0 or 1 a chance of treatment is clipped: such customers have no like in the other arm
MOST_CLIPPED = 0.1


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One condition of a rule: a number at least or under a value, or a group in or out.

    Attributes
    ----------
    attribute
        Column.
    sign
        `at least`, `under`, `is` or `is not`.
    value
        A number, or a group's name.
    """

    attribute: str
    sign: str
    value: float | str

    def holds(self, frame: pl.DataFrame) -> Mask:
        """Tell for which customers the condition holds."""
        column = frame[self.attribute]
        if self.sign in ("is", "is not"):
            same = (column.cast(pl.String) == str(self.value)).to_numpy()
            return same if self.sign == "is" else ~same
        over = column.cast(pl.Float64).to_numpy() >= float(self.value)
        return over if self.sign == "at least" else ~over

    def __str__(self) -> str:
        value = f"{self.value:,.6g}" if isinstance(self.value, float) else str(self.value)
        return f"{in_words(self.attribute)} {self.sign} {value}"


Rule = tuple[Clause, ...]


@dataclass(frozen=True, kw_only=True)
class TargetingRule(Result):
    """Who should get the measure.

    Attributes
    ----------
    table
        `policy` (the rule, everybody, nobody), `share_treated`, `value` per customer and window against nobody,
        its interval, and `gain` of the rule over it with interval. The rule's figures are from customers that
        did not choose it.
    rule
        In words; `everybody` or `nobody` where no rule gained on held-out customers.
    clauses
        The same for machines: all of them must hold.
    is_better
        Whether the rule surely gains over the better of everybody and nobody; never of a launch.
    planned_share
        Share of the test's customers that was meant to be treated; None where the chance was estimated from a launch.
    agreement
        Share of customers on whom the folds' rules say the same as the one found on all.
    budget_share
        Largest share of customers that may get the measure.
    """

    rule: str
    clauses: Rule
    is_better: bool
    planned_share: float | None
    agreement: float
    n_customers: int
    n_folds: int
    depth: int
    budget_share: float
    attributes: tuple[str, ...]
    level: float
    seed: int

    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("value", "value_low", "value_high", "gain", "gain_low", "gain_high"), "money"),
        "share_treated": "percent",
    }

    @property
    def title(self) -> str:
        """The rule and what it gains, or that none does."""
        launch = "; estimated from a launch, not a test" if self.planned_share is None else ""
        if not self.clauses:
            return f"Give it to {self.rule}: no rule gained on customers that it was not learned from{launch}"
        row = self.table.row(0, named=True)
        interval = f"({money(row['value_low'])} to {money(row['value_high'])})"
        gain = f"{money(row['value'], sign=True)} {self.currency} {interval} per customer against nobody"
        sure = "" if self.is_better else ", not surely better than one answer for all"
        return f"Give it where {self.rule}: {gain}{sure}{launch}"

    def applies_to(self, customers: Frame) -> pl.Series:
        """Tell which customers the rule treats.

        Parameters
        ----------
        customers
            One row per customer, pandas or Polars, with the columns that the rule asks for.

        Raises
        ------
        DataError
            Such a column is missing, or empty in some rows.
        """
        table = to_polars(customers)
        _refuse_gaps(table, sorted({clause.attribute for clause in self.clauses}))
        return pl.Series("treat", _treats(self.clauses, self.rule, table))


@checked
def targeting(
    customers: Shop | Frame,
    experiment: str | None = None,
    *,
    attributes: Sequence[str] = KNOWN_BEFORE,
    arm: str = "arm",
    control: Any = None,
    outcome: str = "contribution",
    planned_share: float | None = 0.5,
    depth: int = 2,
    budget_share: float = 1.0,
    folds: int = 5,
    seed: int = 1,
    level: float = 0.95,
    currency: str | None = None,
) -> TargetingRule:
    """Find the rule of up to `depth` conditions that gains most, and value it on folds that did not learn it.

    Scores Γ = μ₁ − μ₀ + W(Y − μ₁)/e − (1 − W)(Y − μ₀)/(1 − e) are cross-fitted (Athey & Wager 2021); the search
    over rules is exhaustive (Kitagawa & Tetenov 2018), so that nothing is missed.

    Parameters
    ----------
    customers
        A warehouse, or one row per customer of a test, or of a launch with what was known before.
    experiment
        Name of a randomised test of the warehouse; arms, contribution and planned share are taken from it.
    attributes
        Columns that a rule may use, declared beforehand and known before the measure; of a warehouse `segment`,
        `pre_contribution`, `pre_revenue` and `pre_orders`.
    arm, control, outcome
        Columns, and how the control arm is called, as for `does_it_pay`; the outcome is net of the measure.
    planned_share
        Share of treated in a randomised test, with which the arms must agree; None estimates the chance of treatment
        from the attributes, of a launch: nothing is surely better then, for what else decided is not known.
    depth
        Conditions in a rule, 1 or 2.
    budget_share
        Largest share of customers that may get the measure.
    folds, seed
        How customers are divided.
    level
        Of the intervals.
    currency
        Of the outcome; default that of the warehouse. Frames say none, so none is printed.

    Raises
    ------
    DataError
        A column is missing, empty or infinite, a customer has several rows, the arms are not those planned, an
        attribute of the warehouse is not known before, there are fewer than 200 customers, or a limit makes no sense.
        The test of the warehouse was not randomised by customer, or a check blocks, as for a verdict. More than a
        tenth of a launch's customers were sure, or sure not, to be treated.
    """
    check_whole("seed", seed, least=0)
    check_level(level)
    check_names("attributes", attributes)
    if planned_share is not None:
        check_share("planned_share", planned_share)
    if isinstance(customers, Shop):
        currency = currency or str(getattr(customers, "currency", ""))
        customers, planned_share, attributes = _of_shop(customers, experiment, attributes)
        arm, control, outcome = "treated", None, "outcome"
    table = to_polars(customers)
    if depth not in (1, 2) or not 0.0 < budget_share <= 1.0 or folds < 2:
        raise DataError("depth is 1 or 2, budget_share above 0 and at most 1, folds at least 2.")
    frame = _frame(table, attributes, arm, control, outcome)
    if planned_share is not None:
        _check_split(frame, planned_share)
    fold = np.random.default_rng(seed).permutation(frame.height) % folds
    chance = _chance(frame, attributes) if planned_share is None else np.full(frame.height, planned_share)
    scores = _scores(frame, attributes, fold, chance)
    rules = _rules(frame, attributes, depth)
    masks = np.stack([_treats(rule, name, frame) for name, rule in rules])
    chosen = _best(masks, scores, np.ones(frame.height, dtype=np.bool_), budget_share)
    held_out = np.zeros(frame.height, dtype=np.bool_)
    agreement = []
    for k in range(folds):
        inside = fold == k
        best = _best(masks, scores, ~inside, budget_share)
        held_out[inside] = masks[best][inside]
        agreement.append(float((masks[best] == masks[chosen]).mean()))
    rows = _policies(scores, held_out, budget_share, float(norm.ppf(0.5 + level / 2.0)))
    name, clauses = rules[chosen]
    everybody = rows[1]["value"] if budget_share >= 1.0 else -math.inf
    if rows[0]["value"] <= max(everybody, 0.0):  # what was learned did not gain on those who did not teach it
        name, clauses = (EVERYBODY if everybody > 0.0 else NOBODY), ()
    return TargetingRule(
        table=pl.DataFrame(rows, infer_schema_length=None), currency=currency or "", rule=name, clauses=clauses,
        is_better=planned_share is not None and bool(clauses) and all(r["gain_low"] > 0.0 for r in rows[1:]),
        planned_share=planned_share, agreement=float(np.mean(agreement)), n_customers=frame.height, n_folds=folds,
        depth=depth, budget_share=budget_share, attributes=tuple(attributes), level=level, seed=seed,
    )  # fmt: skip


def _of_shop(
    shop: Shop, experiment: str | None, attributes: Sequence[str]
) -> tuple[pl.DataFrame, float, Sequence[str]]:
    """Return the customers of a test whose window is over, the share that was planned, what is known of them."""
    if experiment is None:
        raise DataError("Name the experiment, as in targeting(shop, 'free_delivery').")
    if late := [a for a in attributes if a not in KNOWN_BEFORE]:
        raise DataError(f"{late[0]!r} is not known before the measure; a rule may use {', '.join(KNOWN_BEFORE)}.")
    trial, _ = trial_from_shop(shop, experiment)
    if trial.design != "rct":
        raise DataError(
            f"The design of {experiment!r} is {trial.design!r}: chance did not choose who got it, and a rule can only"
            " be learned from a randomised test.",
            "Draw by lot who gets it, for some weeks, and learn from them.",
        )
    if trial.unit not in CUSTOMER_WORDS:
        raise DataError(
            f"Assigned was the {trial.unit}: a rule is learned from customers who were assigned one by one."
        )
    trial = mature_only(trial)
    if trial.customers.height == 0:
        raise DataError(f"Nobody's window and returns of {experiment!r} are over.")
    if blocked := [c for c in check_trial(trial, DecisionSettings(), 1) if c.status == "block"]:
        said = " ".join(f"{c.check}: {c.detail}" for c in blocked)
        raise DataError(f"No rule can be learned from {experiment!r}. Blocked by {said}")
    if attributes is KNOWN_BEFORE and not trial.segments:  # no segments were loaded
        attributes = [a for a in attributes if a != "segment"]
    return trial.customers, trial.planned_share, attributes


def _check_split(frame: pl.DataFrame, planned_share: float) -> None:
    """Refuse arms that chance would not make: the scores weigh by the planned share."""
    n_treated = int(frame["__w"].sum())
    if sample_ratio_p_value(frame.height - n_treated, n_treated, planned_share) < BLOCK_BELOW:
        raise DataError(
            f"{n_treated / frame.height:.1%} of the customers were treated, {planned_share:.1%} were planned.",
            "State the share of the plan, as in planned_share=0.1, or planned_share=None where no lot decided.",
        )


def _refuse_gaps(table: pl.DataFrame, attributes: Sequence[str]) -> None:
    if missing := [c for c in attributes if c not in table.columns]:
        raise DataError(f"The frame has no column {missing[0]!r} (attribute); it has {', '.join(table.columns)}.")
    if empty := [c for c in attributes if table[c].null_count()]:
        raise DataError(f"Column {empty[0]!r} is empty in {table[empty[0]].null_count():,} rows.")
    check_finite(table, attributes)


def _frame(table: pl.DataFrame, attributes: Sequence[str], arm: str, control: str | None, outcome: str) -> pl.DataFrame:
    if not attributes:
        raise DataError("A rule needs attributes: columns known before the measure.")
    _refuse_gaps(table, attributes)
    check_once(table)
    if table.height < MIN_CUSTOMERS:
        raise DataError(f"{table.height} customers are too few to learn a rule; {MIN_CUSTOMERS} are needed.")
    trial = trial_from_frame(
        table, arm=arm, control=control, outcome=outcome, segment=None, before=None, planned_share=0.5,
        outcome_days=28, as_of=None,
    )  # fmt: skip
    frame = table.select(attributes).with_columns(
        __w=trial.customers["treated"].cast(pl.Float64), __y=trial.customers["outcome"]
    )
    if empty := [c for c in frame.columns if frame[c].null_count()]:
        named = {"__w": arm, "__y": outcome}.get(empty[0], empty[0])
        raise DataError(f"Column {named!r} is empty in {frame[empty[0]].null_count():,} rows.")
    return frame


def _chance(frame: pl.DataFrame, attributes: Sequence[str]) -> Floats:
    """Estimate who got the measure in a launch, from all, for no outcome is asked; refuse arms that hardly overlap."""
    chance = propensity(basis(frame, attributes, squares=True), frame["__w"].to_numpy())
    sure = float(((chance < SURE) | (chance > 1.0 - SURE)).mean())
    if sure > MOST_CLIPPED:
        raise DataError(
            f"{sure:.1%} of the customers were all but sure to get the measure, or not to: nobody is like them in the"
            f" other arm; at most {MOST_CLIPPED:.0%} may be.",
            "Leave those customers out, or draw by lot who gets it.",
        )
    clipped: Floats = np.clip(chance, SURE, 1.0 - SURE)
    return clipped


def _scores(frame: pl.DataFrame, attributes: Sequence[str], fold: NDArray[np.int64], chance: Floats) -> Floats:
    """Doubly robust scores, each from models fitted without its own fold."""
    w, y = frame["__w"].to_numpy(), frame["__y"].to_numpy()
    x = basis(frame, attributes, squares=True)
    out = np.empty(y.size)
    for k in np.unique(fold):
        inside = fold == k
        mu = []
        for arm in (0.0, 1.0):
            rows = ~inside & (w == arm)
            if rows.sum() < x.shape[1] + 2:
                raise DataError("An arm has too few customers to model the outcome in each fold.")
            coefficients, *_ = np.linalg.lstsq(x[rows], y[rows], rcond=None)
            mu.append(x[inside] @ coefficients)
        wi, yi, e = w[inside], y[inside], chance[inside]
        out[inside] = mu[1] - mu[0] + wi * (yi - mu[1]) / e - (1.0 - wi) * (yi - mu[0]) / (1.0 - e)
    return out


def _rules(frame: pl.DataFrame, attributes: Sequence[str], depth: int) -> list[tuple[str, Rule]]:
    """List every rule, the simplest first, so that ties go to the simpler."""
    single: list[list[Clause]] = []
    for name in attributes:
        if frame.schema[name].is_numeric():
            cuts = sorted({float(frame[name].quantile(q, "higher")) for q in CUTS})  # type: ignore[arg-type]
            single.append([Clause(attribute=name, sign=s, value=c) for c in cuts for s in ("at least", "under")])
        else:
            groups = sorted(frame[name].cast(pl.String).unique().to_list())
            single.append([Clause(attribute=name, sign=s, value=g) for g in groups for s in ("is", "is not")])
    rules: list[Rule] = [(clause,) for clauses in single for clause in clauses]
    if depth == 2:
        rules += [pair for a, b in combinations(single, 2) for pair in product(a, b)]
        rules += [pair for clauses in single for pair in combinations(clauses, 2)]
    named = [(" and ".join(map(str, rule)), rule) for rule in rules]
    return [(NOBODY, ()), (EVERYBODY, ()), *named]


def _treats(rule: Rule, name: str, frame: pl.DataFrame) -> Mask:
    if not rule:
        return np.full(frame.height, name == EVERYBODY)
    treated: Mask = np.logical_and.reduce([clause.holds(frame) for clause in rule])
    return treated


def _best(masks: NDArray[np.bool_], scores: Floats, rows: Mask, budget_share: float) -> int:
    """Return the rule with the highest sum of scores among those within the budget."""
    inside = masks[:, rows]
    value = inside @ scores[rows]
    value[inside.mean(axis=1) > budget_share + 1e-12] = -math.inf
    return int(np.argmax(value))


def _policies(scores: Floats, held_out: Mask, budget_share: float, z: float) -> list[dict[str, Any]]:
    """Value the rule, everybody and nobody; where the budget is short everybody is a lot drawn for it."""
    policies = {"the rule, on held-out customers": held_out.astype(np.float64)}
    policies[EVERYBODY] = np.full(scores.size, min(budget_share, 1.0))
    policies[NOBODY] = np.zeros(scores.size)
    rule = held_out * scores
    rows = []
    for name, share in policies.items():
        value, gain = share * scores, rule - share * scores
        row: dict[str, Any] = {"policy": name, "share_treated": float(share.mean())}
        for key, each in (("value", value), ("gain", gain)):
            mean, half = float(each.mean()), z * float(each.std()) / math.sqrt(each.size)
            row |= {key: mean, f"{key}_low": mean - half, f"{key}_high": mean + half}
        rows.append(row)
    return rows
