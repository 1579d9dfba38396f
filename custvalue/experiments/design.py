"""Before a test: how many customers and days it needs, in money, and who gets which arm."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.columns import to_boolean
from custvalue.experiments.money import arm_size_test_and_roll
from custvalue.experiments.randomised import Metric, detectable
from custvalue.experiments.trial import Shop
from custvalue.experiments.wording import money
from custvalue.frames import as_key, check_columns, to_polars
from custvalue.results import Kind, Result
from custvalue.validation import check_level, check_names, check_number, check_share, is_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from custvalue.frames import Frame

LONGEST = 3_650  # days of a test that nobody would wait for
SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, kw_only=True)
class SamplePlan(Result):
    """How large a test must be.

    Attributes
    ----------
    table
        For some sizes, for the one asked for and, where that can't be had, for the customers there are:
        `n_customers` of both arms, `smallest_effect` per customer and window that is found with the given power,
        `smallest_effect_adjusted` with the covariate (CUPED; null without one), `days` until the last customer is
        mature: null where that would take more than ten years.
    n_customers
        Customers of both arms that find `effect`; with the covariate where there is one. None if no effect was
        asked for.
    n_test_and_roll
        Customers per arm that maximise total profit where the winner then gets the rest (Feit & Berman 2019);
        None without a number of eligible customers and a spread of past effects.
    at_once
        Customers who enter on the first day, since they are known; the others come at `entered_per_day`.
    """

    n_customers: int | None
    n_test_and_roll: int | None
    effect: float | None
    level: float
    power: float
    treated_share: float
    entered_per_day: float
    at_once: int
    outcome_days: int
    return_days: int

    kinds: ClassVar[Mapping[str, Kind]] = {"smallest_effect": "money", "smallest_effect_adjusted": "money"}

    @property
    def title(self) -> str:
        """How many customers, for how long."""
        within = self.table.drop_nulls("days")
        if self.n_customers is None:
            row = (within if within.height else self.table).row(-1, named=True)
            return f"{row['n_customers']:,} customers show an effect of {self._smallest(row)} {self.currency} or more"
        asked = self.table.filter(n_customers=self.n_customers)["days"][0]
        effect = f"{money(abs(self.effect or 0.0))} {self.currency}"
        if asked is not None:
            return f"{self.n_customers:,} customers and {asked:,} days show {effect}"
        if not self.at_once:
            return f"{self.n_customers:,} customers would take more than ten years: {effect} can't be found"
        row = self.table.filter(n_customers=self.at_once).row(0, named=True)
        found = f"{self._smallest(row)} {self.currency}"
        years = " within ten years" if self.entered_per_day else ""
        return f"You have {self.at_once:,} customers: they show {found} or more; {effect} can't be found{years}"

    @staticmethod
    def _smallest(row: Mapping[str, float | None]) -> str:
        return money(row["smallest_effect_adjusted"] or row["smallest_effect"] or 0.0)


@checked
def sample_size(
    history: Shop | Frame,
    *,
    outcome: str = "contribution",
    before: str | None = None,
    effect: float | None = None,
    level: float = 0.95,
    power: float = 0.8,
    treated_share: float = 0.5,
    entered_per_day: float | None = None,
    outcome_days: int = 28,
    return_days: int = 0,
    eligible_customers: int | None = None,
    prior_sd: float | None = None,
    currency: str | None = None,
) -> SamplePlan:
    """Plan a test from the company's own customers of a past window of the same length.

    Parameters
    ----------
    history
        A warehouse: its last window of `outcome_days` whose time for returns is over, with the window before it as
        the covariate. Or a frame, one row per customer: his contribution in a past window, 0 if he bought nothing.
    outcome, before
        Columns of a frame: the contribution, and what was known before that window (CUPED).
    effect
        The effect per customer and window that must not be missed, in money.
    level, power
        Of the interval, and the chance to find the effect.
    treated_share
        Share of customers to be treated.
    entered_per_day
        Customers who can enter per day. Default, of a warehouse: everybody known on the first day, then new customers
        at the pace of the last window, which may be none; of a frame: all of the history over one window.
    outcome_days, return_days
        Length of the window, and of the time for returns after it.
    eligible_customers, prior_sd
        Customers who would get the winner, and the spread of past effects: they give the Test & Roll size.
    currency
        Of the outcome; default that of the warehouse. Frames say none, so none is printed.

    Raises
    ------
    DataError
        A column is missing, empty or infinite in some rows or the same for everybody; a share, an effect, a pace or a
        number of days makes no sense.
    """
    if not all(map(is_number, (outcome_days, return_days))) or outcome_days < 1 or return_days < 0:
        raise DataError(f"A window has a day or more, got outcome_days={outcome_days}, return_days={return_days}.")
    _check_plan(level, power, treated_share, effect, entered_per_day, eligible_customers, prior_sd)
    pace, at_once = 0.0, 0
    if isinstance(history, Shop):
        table, pace = _past_window(history, outcome_days, return_days)
        at_once = table.height
        before, currency = before or f"pre_{outcome}", currency or str(getattr(history, "currency", ""))
    else:
        table = to_polars(history)
    _check_history(table, [c for c in (outcome, before) if c is not None])
    plain, adjusted = Metric(outcome), Metric(outcome, before) if before else None
    solve = partial(detectable, table, level=level, power=power, treated_share=treated_share)
    needed = None
    if effect is not None:
        needed = _needed(partial(solve, adjusted or plain), effect)
    if entered_per_day is not None:
        pace, at_once = entered_per_day, 0
    elif not at_once:
        pace = table.height / outcome_days
    window = outcome_days + return_days
    rows = [
        {
            "n_customers": n,
            "smallest_effect": solve(plain, n=n),
            "smallest_effect_adjusted": solve(adjusted, n=n) if adjusted else None,
            "days": _days(n - at_once, pace, window),
        }
        for n in _sizes(needed, at_once, pace)
    ]
    roll = None
    if eligible_customers and prior_sd:
        spread = float(table[outcome].cast(pl.Float64).std())  # type: ignore[arg-type]
        roll = round(arm_size_test_and_roll(eligible_customers, spread, prior_sd))
    schema = {"n_customers": pl.Int64, "smallest_effect": pl.Float64, "smallest_effect_adjusted": pl.Float64}
    return SamplePlan(
        table=pl.DataFrame(rows, schema=schema | {"days": pl.Int64}), currency=currency or "", n_customers=needed,
        n_test_and_roll=roll, effect=effect, level=level, power=power, treated_share=treated_share,
        entered_per_day=pace, at_once=at_once, outcome_days=outcome_days, return_days=return_days,
    )  # fmt: skip


def _check_plan(
    level: object,
    power: object,
    treated_share: object,
    effect: float | None,
    entered_per_day: float | None,
    eligible_customers: int | None,
    prior_sd: float | None,
) -> None:
    check_level(level)
    check_share("power", power)
    check_share("treated_share", treated_share)
    if effect is not None:
        check_number("effect", effect)
        if effect == 0.0:
            raise DataError("effect=0: the effect that must not be missed is not 0.")
    above = {"entered_per_day": entered_per_day, "eligible_customers": eligible_customers, "prior_sd": prior_sd}
    for name, value in above.items():
        if value is not None:
            check_number(name, value, above=0.0)


def _needed(solve: Callable[..., float], effect: float) -> int:
    try:
        return math.ceil(solve(effect=abs(effect)))
    except ValueError:  # the solver's smallest test has more power than was asked for
        raise DataError(
            f"effect={effect:g} is so large against how customers differ that a handful of them show it.",
            "State the smallest effect that must not be missed.",
        ) from None


def _check_history(table: pl.DataFrame, columns: list[str]) -> None:
    if missing := [c for c in columns if c not in table.columns]:
        raise DataError(f"The frame has no column {missing[0]!r}; it has {', '.join(table.columns)}.")
    if table.height < 2:
        raise DataError(f"The history has {table.height} customers; a plan needs how much they differ.")
    check_columns(table, columns, "of the history")


def _sizes(needed: int | None, at_once: int, pace: float) -> list[int]:
    """Return the sizes to show, with what those who are known show where that is the question."""
    sizes = {*SIZES, *([needed] if needed else [])}
    if at_once and (needed is None or _days(needed - at_once, pace, 0) is None):
        sizes.add(at_once)
    return sorted(sizes)


def _days(still_to_come: int, pace: float, window: int) -> int | None:
    """Return the days until the last customer is mature; None where it would take more than ten years."""
    if still_to_come <= 0:
        return window
    if not pace or still_to_come / pace > LONGEST:
        return None
    return math.ceil(still_to_come / pace) + window


def _past_window(shop: Shop, outcome_days: int, return_days: int) -> tuple[pl.DataFrame, float]:
    """Return the customers of the last window whose returns are in, and how many new ones came per day since."""
    table = shop.fetch("customer_history", outcome_days=outcome_days, return_days=return_days)
    days = outcome_days + return_days
    if table.height < 2:
        raise DataError(
            f"{table.height} customers bought before the last {outcome_days} + {return_days} days.",
            "Plan with a shorter window, or load more of the past.",
        )
    everybody = int(shop.fetch("data_span")["n_customers"][0])
    return table, (everybody - table.height) / days


@dataclass(frozen=True, kw_only=True)
class Assignment(Result):
    """Who gets which arm of a test: the same customers, name and share always give the same arms.

    Attributes
    ----------
    table
        `customer_id`, `unit` (what was assigned: the customer, or his household or area), `stratum`, `arm`.
    n_refused
        Customers left out because they refused experiments.
    """

    experiment: str
    treated_share: float
    n_refused: int

    @property
    def title(self) -> str:
        """How many customers are in which arm."""
        treated = self.table.filter(arm="treatment").height
        return f"{self.experiment}: {treated:,} treated, {self.table.height - treated:,} control"

    def rows(self, experiment_id: int, assigned_at: dt.datetime) -> pl.DataFrame:
        """Return the rows of the warehouse's table `assignments`, as in `shop.load(rows, table="assignments")`."""
        return self.table.select(
            assignment_id=pl.lit(f"{self.experiment}-") + pl.col("customer_id"),
            experiment_id=pl.lit(experiment_id),
            customer_id="customer_id",
            arm="arm",
            assigned_at=pl.lit(assigned_at),
            propensity=pl.lit(self.treated_share),
        )


@checked
def assign(
    customers: Frame,
    *,
    experiment: str,
    treated_share: float = 0.5,
    strata: Sequence[str] = (),
    unit: str = "customer_id",
) -> Assignment:
    """Assign customers to arms by a hash of experiment and unit, balanced within strata.

    Within a stratum the units stand in the order of their hashes; the first `treated_share` of them are treated.
    So arms differ by less than one unit per stratum from the planned share, nobody can foresee them, two
    experiments are independent, and the same call gives the same arms.

    Parameters
    ----------
    customers
        One row per customer with `customer_id`; those with `consent_experiment` false are left out.
    experiment
        Name of the experiment: another name, another draw.
    treated_share
        Share of units to be treated.
    strata
        Columns within whose values the arms are balanced, such as the segment.
    unit
        Column of what is assigned, so that a household or an area stays together.

    Raises
    ------
    DataError
        A column is missing or empty, a customer stands there twice, or the members of a unit differ in stratum.

    Examples
    --------
    >>> import polars as pl
    >>> assign(pl.DataFrame({"customer_id": ["a", "b", "c", "d"]}), experiment="gift").table["arm"].to_list()
    ['treatment', 'treatment', 'control', 'control']
    """
    check_names("strata", strata)
    table = to_polars(customers)
    if missing := [c for c in ("customer_id", unit, *strata) if c not in table.columns]:
        raise DataError(f"The frame has no column {missing[0]!r}; it has {', '.join(table.columns)}.")
    if not 0.0 < treated_share < 1.0:
        raise DataError(f"treated_share lies between 0 and 1; got {treated_share}.")
    if empty := [c for c in ("customer_id", unit, *strata) if table[c].null_count()]:
        raise DataError(f"Column {empty[0]!r} is empty in {table[empty[0]].null_count():,} rows.")
    if twice := table.height - table["customer_id"].n_unique():
        raise DataError(f"{twice:,} customers stand in the frame more than once.")
    willing = table
    if "consent_experiment" in table.columns:
        consent = to_boolean(table["consent_experiment"], "consent_experiment")
        willing = table.filter(consent.fill_null(value=True))
    stratum = pl.concat_str([pl.col(c).cast(pl.String) for c in strata], separator=" | ") if strata else pl.lit("all")
    keys, units_of = as_key(willing["customer_id"]), as_key(willing[unit])
    who = willing.select(keys, unit=units_of, stratum=stratum).sort("customer_id")
    units = who.select("unit", "stratum").unique().sort("unit")
    if units["unit"].n_unique() < units.height:
        raise DataError(
            f"Customers of one {unit} stand in different strata.", "Choose strata that hold for a whole unit."
        )
    drawn = units.with_columns(pl.Series("lot", [_lot(experiment, u) for u in units["unit"]])).sort("lot")
    place = pl.int_range(pl.len()).over("stratum")
    # a stratum's odd unit goes to either arm by the hash of the stratum itself, so small strata do not lean
    lean = pl.Series("lean", [_lot(experiment, s) for s in drawn["stratum"]])
    treated = place < (pl.len().over("stratum") * treated_share + lean).floor()
    arms = drawn.with_columns(lean).select(
        "unit", arm=pl.when(treated).then(pl.lit("treatment")).otherwise(pl.lit("control"))
    )
    return Assignment(
        table=who.join(arms, on="unit", how="left").select("customer_id", "unit", "stratum", "arm"),
        experiment=experiment, treated_share=treated_share, n_refused=table.height - willing.height,
    )  # fmt: skip


def _lot(experiment: str, unit: str) -> float:
    """Draw a number in [0, 1) from the names: SHA-256, the same on every machine."""
    digest = hashlib.sha256(f"{experiment}\x1f{unit}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
