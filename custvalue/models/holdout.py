"""Whether a model can be trusted: fitted to the first part of the history, held to the rest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError, FitError
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.cnbd_k import BgCnbd, MbgCnbd
from custvalue.models.fitting import ModelFit, fit
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.nbd import Nbd
from custvalue.models.pareto_nbd import ParetoNbd
from custvalue.models.split import HoldoutSplit, split_at
from custvalue.results import Result
from custvalue.validation import check_whole, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.models.base import CustomerModel, Model
    from custvalue.models.lifetime_value import LifetimeValue
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind, PurchaseSummary


__all__ = [
    "FrequencyCalibration", "HoldoutSplit", "ModelComparison", "Tracking", "ValueByDecile", "compare_models",
    "frequency_calibration", "randomised_transform", "split_at", "tracking", "value_by_decile",
]  # fmt: skip

LARGE_MISS = 0.15
"""Of the holdout's total: from there on a comparison says what may be behind it."""
ALL_MODELS: tuple[type[Model], ...] = (MbgNbd, BgNbd, ParetoNbd, MbgCnbd, BgCnbd, Nbd)


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
    caution
        Why the recommended model may miss the total by more than 15 %; empty where it does not.
    """

    calibration_end: dt.date
    holdout_end: dt.date
    time_unit: str
    not_fitted: str = ""
    caution: str = ""
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
        told = f"Use {best['model']}: {why}); it misses the total by {best['total_error_rate']:+.1%}"
        if abs(best["total_error_rate"]) <= LARGE_MISS:
            return told
        nearest = _nearest_total(self.table)
        if abs(nearest["total_error_rate"]) > LARGE_MISS:
            return f"{told}, and no model comes within {LARGE_MISS:.0%}: a season may be why"
        return f"{told}; for totals {nearest['model']} is nearer ({nearest['total_error_rate']:+.1%})"


def _nearest_total(table: pl.DataFrame) -> dict[str, Any]:
    """Return the row of the model that misses the holdout's total by least."""
    return table.sort(pl.col("total_error_rate").abs(), maintain_order=True).row(0, named=True)


@checked
def compare_models(split: HoldoutSplit, models: Sequence[type[Model]] = ALL_MODELS) -> ModelComparison:
    """Fit models to the histories of a split and hold them to what came after.

    A model that cannot be fitted to these data is left out and named in `not_fitted`. The order is that of
    customers' forecasts, not of the total: a total can be right by errors that cancel, and one that all
    models miss alike (a season) says nothing of which of them knows the customers best.
    """
    if not isinstance(models, list | tuple) or not models:
        raise DataError(f"models={shown(models)}: a list of models was expected, such as [cv.MbgNbd, cv.ParetoNbd].")
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
    table = pl.DataFrame(rows).sort("root_mean_squared_error", "bic")
    return ModelComparison(
        table=table, caution=_caution(table, split), currency=split.currency,
        calibration_end=split.as_of, holdout_end=split.holdout_end, time_unit=split.time_unit,
        not_fitted=f"{', '.join(failed)}: not identified on these data" if failed else "", fits=fits,
    )  # fmt: skip


def _caution(table: pl.DataFrame, split: HoldoutSplit) -> str:
    """Say in one sentence what may be behind a total that the recommended model misses by far."""
    error, nearest = table["total_error_rate"][0], _nearest_total(table)
    if abs(error) <= LARGE_MISS:
        return ""
    if abs(nearest["total_error_rate"]) <= LARGE_MISS:
        return f"{table['model'][0]} forecasts customers best, but {nearest['model']} their total."
    first, bought = cast("dt.date", split.purchases["day"].min()), "more" if error < 0 else "less"
    told = f"Between {split.as_of} and {split.holdout_end} customers bought {bought} than any model expects"
    if first > split.as_of - dt.timedelta(days=364):
        return f"{told}: this may be a season, and the orders, from {first} on, do not hold the one before."
    return f"{told}: none of them knows a season or a campaign; look at the same months a year before."


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


@checked
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


@checked
def frequency_calibration(fitted: ModelFit, summary: PurchaseSummary, highest: int = 7) -> FrequencyCalibration:
    """Set the distribution of repeat purchases that a model implies beside the actual one."""
    check_whole("highest", highest, most=10_000)
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


@checked
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

    Czado, Gneiting & Held (2009), "Predictive Model Assessment for Count Data", Biometrics 65(4), 1254-1261.

    Parameters
    ----------
    cumulative, probability
        Of each outcome under its own forecast: P(N ≤ n) and P(N = n).
    """
    return cumulative - np.random.default_rng(seed).random(cumulative.size) * probability
