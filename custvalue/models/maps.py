"""What a model says of any history: maps over frequency and recency, and one customer over time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.models.base import LONGEST_TIME
from custvalue.results import Result
from custvalue.validation import LONGEST_DAYS, check_days, check_number, check_whole, shown, to_day

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custvalue.models.base import CustomerModel
    from custvalue.models.fitting import ModelFit

MAP_STEPS = 40


@dataclass(frozen=True, kw_only=True)
class HistoryMap(Result):
    """P(alive) and expected purchases over all histories of one age.

    Attributes
    ----------
    table
        `frequency`, `recency` (age at the last purchase), `p_alive`, `expected_purchases`.
    """

    model: str
    time_unit: str
    T: float
    horizon_days: float

    @property
    def title(self) -> str:
        """What the best corner and a long silence look like."""
        best = self.table.sort("recency", "frequency").row(-1, named=True)
        silent = self.table.filter(pl.col("frequency") == best["frequency"]).sort("recency").row(0, named=True)
        return (
            f"{self.model}: after {best['frequency']:.0f} repeat purchases a customer is alive with "
            f"{best['p_alive']:.0%} right after the last one, with {silent['p_alive']:.0%} after a long silence"
        )


@checked
def history_map(fitted: ModelFit, T: float, *, highest: int = 20, horizon_days: float = 365) -> HistoryMap:
    """Compute P(alive) and expected purchases for every frequency up to `highest` and every recency.

    Parameters
    ----------
    T
        Age of the customers, in the time unit of the fit.
    """
    _check_model(fitted)
    check_number("T", T, above=0.0, most=LONGEST_TIME)
    check_whole("highest", highest, most=10_000)
    check_days("horizon_days", horizon_days, whole=False)
    x, share = np.meshgrid(np.arange(1.0, highest + 1), np.linspace(0.0, 1.0, MAP_STEPS + 1)[1:])
    t_x = share * T
    model = cast("CustomerModel", fitted.model)
    expected = model.expected_purchases(horizon_days / fitted.days_per_unit, x, t_x, T)
    table = pl.DataFrame({
        "frequency": x.ravel(), "recency": t_x.ravel(),
        "p_alive": model.probability_alive(x, t_x, T).ravel(), "expected_purchases": expected.ravel(),
    })  # fmt: skip
    return HistoryMap(
        table=table, model=fitted.model.label, time_unit=fitted.time_unit, T=T, horizon_days=float(horizon_days)
    )


@dataclass(frozen=True, kw_only=True)
class CustomerHistory(Result):
    """One customer's P(alive), day by day.

    Attributes
    ----------
    table
        `day`, `p_alive`, `is_purchase`.
    """

    model: str
    customer_id: str
    as_of: dt.date

    @property
    def title(self) -> str:
        """Where the customer stands now."""
        last = self.table.filter("is_purchase")["day"].to_list()[-1]
        return (
            f"Customer {self.customer_id}: alive with {float(self.table['p_alive'][-1]):.0%} on {self.as_of}, "
            f"last purchase {last}"
        )


@checked
def customer_history(
    fitted: ModelFit, purchase_days: Iterable[str | dt.date], *, as_of: str | dt.date, customer_id: object = ""
) -> CustomerHistory:
    """Compute P(alive) of one customer for every day from the first purchase to `as_of`.

    Parameters
    ----------
    purchase_days
        The days on which the customer bought, in any order: dates, or text such as 2026-01-31.
    """
    _check_model(fitted)
    end = to_day("as_of", as_of)
    days = sorted({day for day in _days(purchase_days) if day <= end})
    if not days:
        raise DataError(f"Customer {customer_id!s} bought nothing until {end}.")
    if (end - days[0]).days > LONGEST_DAYS:
        raise DataError(f"The first purchase, {days[0]}, lies more than a hundred years before {end}.")
    ordinals = np.array([d.toordinal() for d in days])
    every = np.arange(days[0].toordinal(), end.toordinal() + 1)
    seen = np.searchsorted(ordinals, every, side="right")
    x, T = (seen - 1).astype(np.float64), (every - every[0]) / fitted.days_per_unit
    t_x = (ordinals[seen - 1] - every[0]) / fitted.days_per_unit
    table = pl.DataFrame({
        "day": [dt.date.fromordinal(int(d)) for d in every],
        "p_alive": cast("CustomerModel", fitted.model).probability_alive(x, t_x, T),
        "is_purchase": np.isin(every, ordinals),
    })  # fmt: skip
    return CustomerHistory(table=table, model=fitted.model.label, customer_id=str(customer_id), as_of=end)


def _check_model(fitted: ModelFit) -> None:
    if not hasattr(fitted.model, "probability_alive"):
        raise DataError(f"{fitted.model.label} does not say who is still a customer.", "Fit MbgNbd or another such.")


def _days(given: Iterable[str | dt.date]) -> list[dt.date]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise DataError(f"purchase_days={shown(given)}: a list of days was expected.")
    return [to_day("purchase_days", day) for day in given]
