"""Churn over a stated horizon, and when the next purchase can be expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

import numpy as np
import polars as pl
from scipy import special

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.models.base import checked_history, distinct
from custvalue.models.histories import history_table
from custvalue.models.uncertainty import delta_sd, log_gradient
from custvalue.results import PurchaseSummary, Result, arrays
from custvalue.validation import check_days, check_level

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.frames import Frame
    from custvalue.models.fitting import ModelFit
    from custvalue.models.special import FloatArray
    from custvalue.results import Kind


class _Churning(Protocol):
    def churn_probability(self, horizon: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray: ...

    def expected_time_to_next_purchase(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray: ...


@dataclass(frozen=True, kw_only=True)
class Churn(Result):
    """How likely each customer has left by a day to come.

    Attributes
    ----------
    table
        `customer_id`, `p_alive` at `as_of`, `churn_probability_90d` (dead by `as_of` + 90 days; the
        number is the horizon) with an interval of the parameters' uncertainty, and
        `days_to_next_purchase`: expected for one who is alive and will buy, null where no such
        expectation exists.
    """

    horizon_days: float
    level: float
    model: str
    time_unit: str
    as_of: dt.date | None = None

    kinds: ClassVar[Mapping[str, Kind]] = {}

    @property
    def column(self) -> str:
        """Name of the churn column."""
        return f"churn_probability_{self.horizon_days:.0f}d"

    @property
    def title(self) -> str:
        """How many are expected to have left."""
        lost = float(self.table[self.column].sum())
        return (
            f"{lost:,.0f} of {self.table.height:,} customers are expected to have left within "
            f"{self.horizon_days:,.0f} days ({lost / max(self.table.height, 1):.0%})"
        )


@checked
def churn_within(fitted: ModelFit, summary: PurchaseSummary | Frame, days: float = 90, level: float = 0.95) -> Churn:
    """Compute the probability that each customer is no longer one in `days` days.

    Parameters
    ----------
    days
        The horizon from `as_of` on.
    level
        Of the interval, which holds the uncertainty of the parameters.
    """
    table = history_table(summary, ("customer_id",), fitted)
    check_days("days", days, whole=False)
    check_level(level)
    if not hasattr(fitted.model, "churn_probability"):
        raise DataError(f"{fitted.model.label} gives no churn over a horizon.", "Use MbgNbd, BgNbd or ParetoNbd.")
    history, which = distinct(*checked_history(*arrays(table, ("frequency", "recency", "T"))))
    horizon = days / fitted.days_per_unit

    def logit(model: object) -> FloatArray:
        left = np.clip(cast("_Churning", model).churn_probability(horizon, *history), 1e-16, 1 - 1e-16)
        return np.asarray(special.logit(left))

    centre = logit(fitted.model)
    reach = special.ndtri((1 + level) / 2) * delta_sd(log_gradient(fitted, logit), fitted.log_covariance)
    model = cast("_Churning", fitted.model)
    wait = np.full(centre.shape, np.inf)
    if hasattr(model, "expected_time_to_next_purchase"):
        wait = model.expected_time_to_next_purchase(*history) * fitted.days_per_unit
    name = f"churn_probability_{days:.0f}d"
    alive = fitted.model.probability_alive(*history)  # type: ignore[attr-defined]
    columns = {
        "p_alive": alive, name: special.expit(centre), f"{name}_low": special.expit(centre - reach),
        f"{name}_high": special.expit(centre + reach), "days_to_next_purchase": wait,
    }  # fmt: skip
    out = pl.DataFrame({"customer_id": table["customer_id"], **{c: v[which] for c, v in columns.items()}})
    exists = pl.col("days_to_next_purchase").is_finite()
    return Churn(
        table=out.with_columns(pl.when(exists).then(pl.col("days_to_next_purchase"))), horizon_days=float(days),
        level=level, model=fitted.model.label, time_unit=fitted.time_unit,
        as_of=summary.as_of if isinstance(summary, PurchaseSummary) else None,
    )  # fmt: skip
