"""Whether a model can be trusted: fitted to the first part of the history, held to the rest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import polars as pl

from custvalue.errors import DataError
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.cnbd_k import BgCnbd, MbgCnbd
from custvalue.models.fitting import ModelFit, fit
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.nbd import Nbd
from custvalue.models.pareto_nbd import ParetoNbd
from custvalue.results import DAYS_PER_UNIT, PurchaseSummary, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.models.base import CustomerModel, Model
    from custvalue.models.lifetime_value import LifetimeValue
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind


ALL_MODELS: tuple[type[Model], ...] = (MbgNbd, BgNbd, ParetoNbd, MbgCnbd, BgCnbd, Nbd)


@dataclass(frozen=True, kw_only=True)
class HoldoutSplit(PurchaseSummary):
    """Histories until `as_of`, and what the same customers did from then until `holdout_end`.

    Attributes
    ----------
    table
        A purchase summary at `as_of`, with `holdout_purchases` and `holdout_spend`.
    purchases
        `customer_id`, `day`, `amount`: one row a customer and day, over both parts.
    """

    holdout_end: dt.date
    purchases: pl.DataFrame = field(repr=False)

    kinds: ClassVar[Mapping[str, Kind]] = {"monetary_value": "money", "holdout_spend": "money"}

    @property
    def title(self) -> str:
        """How many customers, and how often they came back in the holdout."""
        bought = int(self.table["holdout_purchases"].sum())
        return (
            f"{self.table.height:,} customers until {self.as_of} bought {bought:,} times more until {self.holdout_end}"
        )

    @property
    def horizon(self) -> float:
        """Length of the holdout in time units."""
        return (self.holdout_end - self.as_of).days / self.days_per_unit


def split_at(
    orders: pl.DataFrame,
    calibration_end: str | dt.date | None = None,
    holdout_end: str | dt.date | None = None,
    time_unit: str = "week",
    currency: str = "EUR",
) -> HoldoutSplit:
    """Cut orders in time: the histories before, the purchases after.

    Parameters
    ----------
    orders
        `customer_id`, `ordered_at` (or `purchased_on`), `amount`; orders of one day are one purchase.
    calibration_end
        Last day of the histories, inclusive; default three quarters of the time from the first order to
        the last.
    holdout_end
        Last day of the holdout, inclusive; default the day of the last order.
    """
    if not isinstance(orders, pl.DataFrame):
        raise DataError(
            f"split_at wants the orders as a Polars frame, not a {type(orders).__name__}.",
            'Of a warehouse: shop.fetch("int_purchase_days").',
        )
    days = _purchase_days(orders)
    if days.is_empty():
        raise DataError("There is no order with a customer: nothing can be split.")
    first_day, last_day = cast("dt.date", days["day"].min()), cast("dt.date", days["day"].max())
    end = _day(holdout_end, last_day)
    calibration_end = _day(calibration_end, first_day + (end - first_day) * 3 // 4)
    unit = DAYS_PER_UNIT.get(time_unit)
    if unit is None:
        raise DataError(f"time_unit {time_unit!r} is not one of {', '.join(DAYS_PER_UNIT)}.")
    days = days.filter(pl.col("day") <= end)
    before, after = days.filter(pl.col("day") <= calibration_end), days.filter(pl.col("day") > calibration_end)
    if before.is_empty() or end <= calibration_end:
        span = " to ".join(days["day"].sort().cast(pl.String).gather([0, -1]) if days.height else ["no day"])
        raise DataError(f"calibration_end {calibration_end} leaves nothing on one side: the orders cover {span}.")
    day, first = pl.col("day"), pl.col("day").min()
    histories = before.group_by("customer_id", maintain_order=True).agg(
        (pl.len() - 1).cast(pl.Int64).alias("frequency"),
        ((day.max() - first).dt.total_days() / unit).alias("recency"),
        ((pl.lit(calibration_end) - first).dt.total_days() / unit).alias("T"),
        pl.col("amount").slice(1).mean().alias("monetary_value"),
        (day.diff().dt.total_days() / unit).log().sum().alias("sum_log_intervals"),
    )
    later = after.group_by("customer_id").agg(
        pl.len().cast(pl.Int64).alias("holdout_purchases"), pl.col("amount").sum().alias("holdout_spend")
    )
    table = histories.join(later, on="customer_id", how="left", maintain_order="left")
    table = table.with_columns(pl.col("holdout_purchases", "holdout_spend").fill_null(0))
    return HoldoutSplit(
        table=table, currency=currency, as_of=calibration_end, time_unit=time_unit, holdout_end=end, purchases=days
    )


def _day(day: str | dt.date | None, default: dt.date) -> dt.date:
    """Read a day; text is ISO 8601."""
    if not isinstance(day, str):
        return day or default
    try:
        return dt.date.fromisoformat(day) if day else default
    except ValueError:
        raise DataError(f"{day!r} is not a date.", "Write it as 2025-12-31.") from None


def _purchase_days(orders: pl.DataFrame) -> pl.DataFrame:
    when = next((c for c in ("ordered_at", "purchased_on", "day") if c in orders.columns), None)
    missing = [c for c in ("customer_id", "amount") if c not in orders.columns]
    if when is None or missing:
        raise DataError(f"The orders need customer_id, ordered_at and amount; they have {', '.join(orders.columns)}.")
    known = orders.filter(pl.col("customer_id").is_not_null())
    return (
        known.select("customer_id", pl.col(when).cast(pl.Date).alias("day"), pl.col("amount").cast(pl.Float64))
        .group_by("customer_id", "day")
        .agg(pl.col("amount").sum())
        .sort("customer_id", "day")
    )


@dataclass(frozen=True, kw_only=True)
class ModelComparison(Result):
    """Several models on the same histories.

    Attributes
    ----------
    table
        One row a model, the recommended one first: `log_likelihood`, `aic`, `bic`; in the holdout
        `purchases_actual`, `purchases_expected`, `total_error_rate`, and per customer
        `mean_absolute_error` and `root_mean_squared_error`.
    fits
        The fitted models, by label.
    not_fitted
        Models that these data cannot tell: `fit` says of each what is missing.
    """

    calibration_end: dt.date
    holdout_end: dt.date
    time_unit: str
    not_fitted: str = ""
    fits: Mapping[str, ModelFit] = field(repr=False)

    @property
    def recommended(self) -> str:
        """Label of the model to use: the least squared error of customers' forecasts in the holdout."""
        return str(self.table["model"][0])

    @property
    def title(self) -> str:
        """Which model to use, and why."""
        best = self.table.row(0, named=True)
        why = f"its holdout forecasts are nearest (root mean squared error {best['root_mean_squared_error']:.3f}"
        if self.table.height > 1:
            why += f", next best {self.table['root_mean_squared_error'][1]:.3f}"
        return f"Use {best['model']}: {why}); it misses the total by {best['total_error_rate']:+.1%}"


def compare_models(split: HoldoutSplit, models: Sequence[type[Model]] = ALL_MODELS) -> ModelComparison:
    """Fit models to the histories of a split and hold them to what came after.

    A model that cannot be fitted to these data is left out and named in `not_fitted`.
    """
    from custvalue.errors import FitError

    actual = split.table["holdout_purchases"].to_numpy().astype(np.float64)
    rows, fits = [], {}
    failed: dict[str, str] = {}
    for model_class in models:
        try:
            fitted = fit(model_class, split)
        except FitError as error:
            failed[model_class.label] = error.message
            continue
        expected = cast("CustomerModel", fitted.model).expected_purchases(split.horizon, *split.arrays())
        miss = expected - actual
        fits[fitted.model.label] = fitted
        rows.append({
            "model": fitted.model.label, "log_likelihood": fitted.log_likelihood, "aic": fitted.aic, "bic": fitted.bic,
            "purchases_actual": float(actual.sum()), "purchases_expected": float(expected.sum()),
            "total_error_rate": float(miss.sum() / max(actual.sum(), 1.0)),
            "mean_absolute_error": float(np.abs(miss).mean()),
            "root_mean_squared_error": float(np.sqrt((miss**2).mean())),
        })  # fmt: skip
    if not rows:
        raise FitError("None of the models can be fitted to these data.", " ".join(failed.values()))
    return ModelComparison(
        table=pl.DataFrame(rows).sort("root_mean_squared_error", "bic"), currency=split.currency,
        calibration_end=split.as_of, holdout_end=split.holdout_end, time_unit=split.time_unit,
        not_fitted=f"{', '.join(failed)}: not identified on these data" if failed else "", fits=fits,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tracking(Result):
    """Repeat purchases of all customers over time, actual and expected.

    Attributes
    ----------
    table
        One row a time unit since the first purchase: `period`, `actual`, `expected`,
        `cumulative_actual`, `cumulative_expected`, `is_holdout`.
    """

    model: str
    time_unit: str
    calibration_end: dt.date
    holdout_end: dt.date

    @property
    def title(self) -> str:
        """How far the expected holdout purchases are from the actual ones."""
        after = self.table.filter("is_holdout")
        actual, expected = float(after["actual"].sum()), float(after["expected"].sum())
        return (
            f"{self.model} expects {expected:,.0f} repeat purchases after {self.calibration_end}; "
            f"{actual:,.0f} came ({expected / max(actual, 1.0) - 1:+.1%})"
        )


def tracking(fitted: ModelFit, split: HoldoutSplit) -> Tracking:
    """Add up expected repeat purchases of all customers by period and set them beside the actual ones.

    Each customer starts on the day of the first purchase; nobody's history but its start is used:
    what is tested is the model, not its memory of each customer.
    """
    if fitted.time_unit != split.time_unit:
        raise DataError(f"The model is in {fitted.time_unit}s, the split in {split.time_unit}s.")
    unit, start = split.days_per_unit, cast("dt.date", split.purchases["day"].min())
    firsts = split.purchases.group_by("customer_id").agg(pl.col("day").min()).filter(pl.col("day") <= split.as_of)
    offsets = ((firsts["day"] - start).dt.total_days()).to_numpy() / unit
    periods = int(np.ceil(((split.holdout_end - start).days + 1) / unit))
    ends = np.arange(1, periods + 1, dtype=np.float64)
    at, count = np.unique(offsets, return_counts=True)
    ages = np.maximum(ends[:, None] - at[None, :], 0.0)
    model = cast("CustomerModel", fitted.model)
    cumulative = model.expected_purchases_new(ages.ravel()).reshape(ages.shape) @ count
    repeats = split.purchases.join(firsts.rename({"day": "first"}), on="customer_id").filter(
        pl.col("day") > pl.col("first")
    )
    when = ((repeats["day"] - start).dt.total_days()).to_numpy() / unit
    actual = np.bincount(np.minimum(when.astype(np.intp), periods - 1), minlength=periods).astype(np.float64)
    table = pl.DataFrame({
        "period": np.arange(1, periods + 1), "actual": actual, "expected": np.diff(cumulative, prepend=0.0),
        "cumulative_actual": np.cumsum(actual), "cumulative_expected": cumulative,
        "is_holdout": (ends - 1) * unit >= (split.as_of - start).days + 1 - 1e-9,
    })  # fmt: skip
    return Tracking(
        table=table, model=fitted.model.label, time_unit=split.time_unit, calibration_end=split.as_of,
        holdout_end=split.holdout_end,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FrequencyCalibration(Result):
    """How many customers made 0, 1, 2, … repeat purchases, actual and expected by the model.

    Attributes
    ----------
    table
        `purchases` (the last row: that many or more), `customers_actual`, `customers_expected`.
    """

    model: str

    @property
    def title(self) -> str:
        """The largest gap."""
        gap = self.table.with_columns((pl.col("customers_expected") - pl.col("customers_actual")).alias("gap"))
        worst = gap.sort(pl.col("gap").abs(), descending=True).row(0, named=True)
        share = worst["gap"] / float(self.table["customers_actual"].sum())
        return (
            f"{self.model} reproduces who bought how often: the largest gap, at {worst['purchases']} repeat "
            f"purchases, is {share:+.1%} of customers"
        )


def frequency_calibration(fitted: ModelFit, summary: PurchaseSummary, highest: int = 7) -> FrequencyCalibration:
    """Set the distribution of repeat purchases that a model implies beside the actual one."""
    x, _, T = summary.arrays()
    ages, count = np.unique(T, return_counts=True)
    n = np.arange(highest, dtype=np.float64)
    pmf = cast("CustomerModel", fitted.model).purchase_pmf(n[:, None], ages[None, :])
    expected = pmf @ count
    actual = np.bincount(np.minimum(x.astype(np.intp), highest), minlength=highest + 1)
    table = pl.DataFrame({
        "purchases": [*(str(i) for i in range(highest)), f"{highest}+"], "customers_actual": actual,
        "customers_expected": np.append(expected, x.size - expected.sum()),
    })  # fmt: skip
    return FrequencyCalibration(table=table, model=fitted.model.label)


@dataclass(frozen=True, kw_only=True)
class ValueByDecile(Result):
    """Customers ranked by forecast value, and what each tenth really spent in the holdout.

    Attributes
    ----------
    table
        `decile` (1 = forecast best), `n_customers`, `forecast`, `actual`, both as revenue in the holdout.
    """

    model: str
    horizon_days: float

    kinds: ClassVar[Mapping[str, Kind]] = {"forecast": "money", "actual": "money"}

    @property
    def title(self) -> str:
        """What the tenth forecast best really brought."""
        actual = self.table["actual"]
        share = float(actual[0]) / max(float(actual.sum()), 1e-9)
        return f"The tenth of customers forecast best brought {share:.0%} of the revenue of the holdout"


def value_by_decile(value: LifetimeValue, split: HoldoutSplit) -> ValueByDecile:
    """Rank customers by a forecast made at the split and add up what they spent after it.

    `value` must be revenue (no margin rate) over the holdout: `horizon_days = (holdout_end − as_of)`.
    """
    days = (split.holdout_end - split.as_of).days
    if value.value_column != "revenue_value" or abs(value.horizon_days - days) > 0.5:
        raise DataError(f"value_by_decile wants revenue over the {days} days of the holdout.", "Leave margin_rate out.")
    forecast = value.table.select("customer_id", pl.col("revenue_value").alias("forecast"))
    both = forecast.join(split.table.select("customer_id", "holdout_spend"), on="customer_id", how="inner")
    ranked = both.sort("forecast", "customer_id", descending=[True, False]).with_row_index("rank")
    table = (
        ranked.with_columns((pl.col("rank") * 10 // ranked.height + 1).cast(pl.Int64).alias("decile"))
        .group_by("decile")
        .agg(pl.len().alias("n_customers"), pl.col("forecast").sum(), pl.col("holdout_spend").sum().alias("actual"))
        .sort("decile")
    )
    return ValueByDecile(
        table=table,
        model=value.purchase_model.partition("(")[0],
        horizon_days=value.horizon_days,
        currency=split.currency,
    )


def randomised_transform(cumulative: FloatArray, probability: FloatArray, seed: int = 1) -> FloatArray:
    """Return the randomised probability integral transform: uniform where forecasts are calibrated.

    Parameters
    ----------
    cumulative, probability
        Of each outcome under its own forecast: P(N ≤ n) and P(N = n).
    """
    return cumulative - np.random.default_rng(seed).random(cumulative.size) * probability
