"""The customers of a test in one form, from a warehouse or from any frame."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import polars as pl

from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.arms import CONTROL_WORDS, label_of, two_arms
from custvalue.experiments.columns import alike, to_boolean, to_segments
from custvalue.experiments.randomised import ALL
from custvalue.experiments.timing import with_weeks
from custvalue.frames import Frame, to_days, to_numbers, to_polars
from custvalue.validation import check_number, check_share

__all__ = [
    "AREA_WORDS", "BEFORE", "CONTROL_WORDS", "COST_INPUTS", "CUSTOMER_WORDS", "MONEY", "OUTCOMES_WITHOUT_COST",
    "RECOGNISED", "Shop", "Trial", "experiment_row", "mature_only", "trial_from_frame",
    "trial_from_shop",
]  # fmt: skip

AREA_WORDS = frozenset({"region", "area"})
CUSTOMER_WORDS = frozenset({"customer", "customers", "customer_id", "kunde", "kunden", "client", "clients"})
RECOGNISED = {
    "customer_id": ("customer_id",),
    "household": ("household", "household_id"),
    "is_new": ("is_new",),
    "n_customers": ("n_customers",),
    "entered": ("assigned_at", "entry_day"),
    "exposed_at": ("exposed_at",),
    "is_mature": ("is_mature",),
    "segment_is_late": ("segment_is_late",),
    "has_goods_cost": ("has_goods_cost",),
    "has_returns": ("has_returns",),
    "n_arms": ("n_arms",),
    "n_orders": ("n_orders", "orders"),
    "revenue": ("revenue",),
    "fee_paid": ("fee_paid", "delivery_fee_paid"),
    "carrier_cost": ("carrier_cost", "delivery_cost"),
    "carrier_cost_free": ("carrier_cost_free",),
    "measure_cost": ("measure_cost",),
    "pre_revenue": ("pre_revenue",),
    "pre_orders": ("pre_orders",),
    "pre_contribution": ("pre_contribution",),
    "order_weeks": ("order_weeks",),
    "n_orders_late": ("n_orders_late",),
    "n_orders_after": ("n_orders_after", "orders_after"),
    "days_after": ("days_after",),
}
MONEY = ("revenue", "fee_paid", "carrier_cost", "carrier_cost_free", "measure_cost")
TIMING = ("order_weeks", "n_orders_late", "n_orders_after", "days_after")
BEFORE = ("pre_revenue", "pre_orders", "pre_contribution")
NUMBERS = ("outcome", "before", "n_customers", "n_orders", "n_arms", *BEFORE, *TIMING, *MONEY)
FLAGS = ("is_mature", "is_new", "segment_is_late", "has_goods_cost")
COST_INPUTS = ("fee_paid", "carrier_cost", "measure_cost")
OUTCOMES_WITHOUT_COST = ("revenue", "n_orders")


@runtime_checkable
class Shop(Protocol):
    """Anything that gives relations as Polars frames: the warehouse."""

    def fetch(self, relation: str, **parameters: Any) -> pl.DataFrame:
        """Return a relation."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One row per customer of a test, and what was planned.

    Attributes
    ----------
    customers
        `treated` (boolean, null where the arm is empty), `outcome`, and where known `before`, `segment`,
        `entered`, and the columns of `RECOGNISED`.
    control, treatment
        How the two arms were called.
    planned_share
        Share of customers that was meant to be treated.
    outcome_days, return_days
        Length of the outcome window and of the time for returns after it.
    design
        `rct`, or how the measure was launched otherwise.
    unit
        What was assigned: the customer, or his household or area.
    is_by_unit, customers_per_unit
        Whether the rows are such units (see `units`), and how many known customers one stands for on average.
    as_of
        The day of the analysis.
    """

    customers: pl.DataFrame
    name: str
    outcome: str
    before: str | None
    control: str
    treatment: str
    planned_share: float = 0.5
    outcome_days: int = 28
    return_days: int = 0
    design: str = "rct"
    unit: str = "customer"
    is_by_unit: bool = False
    customers_per_unit: float = 1.0
    as_of: dt.date

    def has(self, column: str) -> bool:
        """Tell whether the customers have the column."""
        return column in self.customers.columns

    @property
    def noun(self) -> str:
        """What a row is, in the plural."""
        return f"units ({self.unit})" if self.is_by_unit else "customers"

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of the pre-declared segments, sorted."""
        if not self.has("segment"):
            return ()
        return tuple(sorted(self.customers["segment"].drop_nulls().unique().to_list()))

    def said(self, message: str) -> str:
        """Say a message about the columns `outcome` and `before` in the user's own names of them."""
        for role, name in (("outcome", self.outcome), ("before", self.before)):
            message = message.replace(f"'{role}'", f"'{name}'")
        return message.replace(f" of segment '{ALL}'", "").replace(f"Segment '{ALL}'", "The test")

    def entered_per_day(self, segment: str | None = None) -> float:
        """Return how many customers entered per day; spread over the window where no day is known."""
        rows = self.customers if segment is None else self.customers.filter(pl.col("segment") == segment)
        days = float(self.outcome_days)
        if self.has("entered") and self.customers["entered"].null_count() == 0:
            entered = self.customers["entered"]
            span: Any = entered.max() - entered.min()  # type: ignore[operator]
            span_days = float(span.days if isinstance(span, dt.timedelta) else span)
            days = span_days + 1.0 if span_days > 0.0 else days
        return rows.height / days


def mature_only(trial: Trial) -> Trial:
    """Leave out customers whose window or time for returns is not over."""
    if not trial.has("is_mature"):
        return trial
    return replace(trial, customers=trial.customers.filter(pl.col("is_mature").fill_null(value=False)))


def trial_from_frame(
    frame: Frame,
    *,
    arm: str,
    outcome: str,
    segment: str | None,
    before: str | None,
    planned_share: float,
    outcome_days: int,
    as_of: dt.date | None,
    name: str = "test",
    unit: str | None = None,
    control: object = None,
    of_shop: bool = False,
) -> Trial:
    """Bring a frame of customers to one form.

    Parameters
    ----------
    unit
        Column of what was assigned where that is not the customer.
    control
        Label of the control arm; None lets the arms' names tell.
    of_shop
        Whether the frame is a warehouse's, so that messages name its tables.

    Raises
    ------
    DataError
        The frame is empty, lacks a named column, a column does not hold what is needed, there are not two arms, or
        their names do not tell which is control.
    """
    table = to_polars(frame)
    if table.height == 0:
        raise DataError("The frame of customers is empty.", "One row per customer of the test is needed.")
    named = {"arm": arm, "outcome": outcome, "segment": segment, "before": before, "unit_id": unit}
    chosen = {role: column for role, column in named.items() if column is not None}
    for role, column in chosen.items():
        if column not in table.columns:
            raise DataError(f"The frame has no column {column!r} ({role}); it has {', '.join(table.columns)}.")
    table = with_weeks(table)
    for role, aliases in RECOGNISED.items():
        found = next((a for a in aliases if a in table.columns), None)
        if found is not None:
            chosen[role] = found
    out = table.select(**{role: pl.col(column) for role, column in chosen.items()})
    labels = two_arms(out["arm"], arm, control, of_shop=of_shop)
    out = out.with_columns(treated=_is(out["arm"], labels[1])).drop("arm")
    out = _times(_read(out, chosen), chosen)
    if as_of is not None and "is_mature" not in out.columns and out.schema.get("entered") == pl.Date:
        out = out.with_columns(is_mature=(pl.lit(as_of) - pl.col("entered")).dt.total_days() >= outcome_days - 1)
    return Trial(
        customers=out,
        name=name,
        outcome=outcome,
        before=before,
        control=labels[0],
        treatment=labels[1],
        planned_share=planned_share,
        outcome_days=outcome_days,
        unit=unit or "customer",
        as_of=as_of or _last_day(out),
    )


def experiment_row(shop: Shop, experiment: str) -> dict[str, Any]:
    """Return an experiment's row, what was planned for it.

    Raises
    ------
    DataError
        There is no experiment of that name; the names there are stand in the message.
    MissingInputError
        No experiments were loaded.
    """
    known = shop.fetch("experiments")
    if known.height == 0:
        raise MissingInputError(
            "No experiments are loaded.",
            "Load `experiments` and `assignments` to learn whether a measure pays off.",
        )
    rows = known.filter(pl.col("name") == experiment).to_dicts()
    if not rows:
        names = ", ".join(sorted(str(n) for n in known["name"].to_list()))
        raise DataError(f"There is no experiment {experiment!r}.", f"The experiments are: {names}.")
    return rows[0]


def trial_from_shop(
    shop: Shop, experiment: str, *, as_of: dt.date | None = None, margin_rate: float | None = None
) -> tuple[Trial, dict[str, Any]]:
    """Read a test of the warehouse; returns it with its row of the experiments table.

    Without costs of goods a margin rate stands in for them: what is left of net revenue.

    Raises
    ------
    DataError
        There is no experiment of that name; the names there are stand in the message.
    MissingInputError
        No experiments were loaded.
    """
    row = experiment_row(shop, experiment)
    customers = shop.fetch("experiment_customers", experiment=experiment)
    if customers.height == 0:
        raise DataError(f"Experiment {experiment!r} has no assigned customer.", "Load its rows of `assignments`.")
    if margin_rate is not None and not customers["has_goods_cost"].any():
        customers = _at_margin(customers, margin_rate)
    unit = str(row.get("unit") or "customer").strip()
    if unit.lower() in CUSTOMER_WORDS:
        unit = "customer"
    trial = trial_from_frame(
        customers,
        arm="arm",
        outcome="contribution",
        segment="segment" if customers["segment"].count() else None,  # no segments were loaded
        before="pre_contribution",
        planned_share=_planned_share(row),
        outcome_days=_outcome_days(row),
        as_of=as_of or _last_day_of_data(customers) or row.get("ends"),
        name=experiment,
        unit="unit_id" if "unit_id" in customers.columns and unit.lower() in AREA_WORDS else None,
        control=row.get("control_arm") or None,
        of_shop=True,
    )
    return replace(trial, return_days=_return_days(row), design=design_of(row), unit=unit), row


def _at_margin(customers: pl.DataFrame, margin_rate: float) -> pl.DataFrame:
    """Take from contribution what the goods sold would have cost at this margin."""
    cost = 1.0 - margin_rate
    return customers.with_columns(
        contribution=pl.col("contribution").cast(pl.Float64) - cost * pl.col("revenue").cast(pl.Float64),
        pre_contribution=pl.col("pre_contribution").cast(pl.Float64) - cost * pl.col("pre_revenue").cast(pl.Float64),
        has_goods_cost=pl.lit(True),
    )


def design_of(row: dict[str, Any]) -> str:
    """Return how customers came into their arms; thresholds that were drawn by lot are a randomised test."""
    design = str(row.get("design") or "rct").lower()
    return "rct" if design == "threshold" else design


def _planned_share(row: dict[str, Any]) -> float:
    if row.get("planned_share") is None:
        return 0.5
    share = float(row["planned_share"])
    check_share(_named(row, "planned_share"), share)
    return share


def _named(row: dict[str, Any], column: str) -> str:
    return f"`{column}` of experiment {row['name']!r}"


def _return_days(row: dict[str, Any]) -> int:
    days = int(row.get("return_days") or 0)
    check_number(_named(row, "return_days"), days, least=0.0)
    return days


def _outcome_days(row: dict[str, Any]) -> int:
    """Return the length of the window; as in the SQL, the whole experiment where none is stated."""
    if row.get("outcome_days") is not None:
        days = int(row["outcome_days"])
        check_number(_named(row, "outcome_days"), days, least=1.0)
        return days
    starts, ends = row.get("starts"), row.get("ends")
    return 28 if starts is None or ends is None else (ends - starts).days + 1


def _last_day_of_data(customers: pl.DataFrame) -> dt.date | None:
    return customers["last_day"].max() if "last_day" in customers.columns else None  # type: ignore[return-value]


def _is(arm: pl.Series, treatment: str) -> pl.Series:
    labels = {value: label_of(value) == treatment for value in arm.drop_nulls().unique().to_list()}
    return arm.replace_strict(labels, default=None, return_dtype=pl.Boolean)


def _read(table: pl.DataFrame, chosen: dict[str, str]) -> pl.DataFrame:
    """Bring every column that is used to its kind."""
    kinds = dict.fromkeys(NUMBERS, to_numbers) | dict.fromkeys(FLAGS, to_boolean) | {"segment": to_segments}
    return table.with_columns(
        read(table[role], chosen[role]).alias(role) for role, read in kinds.items() if role in table.columns
    )


def _times(table: pl.DataFrame, chosen: dict[str, str]) -> pl.DataFrame:
    """Bring the day of entry and the time of exposure to times that can be compared."""
    read = {c: to_days(table[c], chosen[c]) for c in ("entered", "exposed_at") if c in table.columns}
    if "entered" not in read:
        return table.with_columns(**read)
    assigned = read["entered"]
    day = assigned.cast(pl.Date) if assigned.dtype.is_temporal() else assigned
    if "exposed_at" in read:
        assigned, read["exposed_at"] = alike(assigned, read["exposed_at"])
    return table.with_columns(**(read | {"entered": day, "assigned_at": assigned}))


def _last_day(table: pl.DataFrame) -> dt.date:
    if "entered" in table.columns and table.schema["entered"] == pl.Date and table["entered"].max() is not None:
        return table["entered"].max()  # type: ignore[return-value]
    return dt.date.today()  # noqa: DTZ011
