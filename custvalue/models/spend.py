"""Before the Gamma-Gamma model: which purchases it sees, and whether it may be used at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl
from scipy import stats

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.frames import check_columns, table_of
from custvalue.models.base import MOST_PURCHASES
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.histories import history_table
from custvalue.results import PurchaseSummary, Result
from custvalue.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custvalue.frames import Frame
    from custvalue.results import Kind

WEAK = 0.1
"""A rank correlation below this is taken as none, however small its p-value in big data."""


@checked
def spend_per_customer(purchases: Frame, *, include_first: bool = True) -> pl.DataFrame:
    """Summarise amounts for `fit(GammaGamma, ...)`, with or without each customer's first purchase.

    Parameters
    ----------
    purchases
        `customer_id`, `day`, `amount`: one row a customer and day, as in `HoldoutSplit.purchases`.
    include_first
        A purchase summary leaves the first purchase out; with it one-time buyers tell of their spend too.

    Returns
    -------
    polars.DataFrame
        `customer_id`, `frequency` (purchases counted here), `monetary_value` (their mean).
    """
    table = table_of(purchases, ("customer_id", "day", "amount"), "table of purchases")
    check_columns(table, ["amount"], "of the purchases")
    skip = 0 if include_first else 1
    ordered = table.drop_nulls("customer_id").sort("customer_id", "day")
    return ordered.group_by("customer_id", maintain_order=True).agg(
        (pl.len().cast(pl.Int64) - skip).alias("frequency"), pl.col("amount").slice(skip).mean().alias("monetary_value")
    )


@dataclass(frozen=True, kw_only=True)
class SpendIndependence(Result):
    """Whether those who buy often spend more or less per purchase: Gamma-Gamma assumes neither.

    Attributes
    ----------
    table
        One row a class of frequency: `purchases`, `n_customers`, `mean_spend`, with a 95 % interval.
    rank_correlation, p_value
        Spearman's, of frequency and mean spend over repeat buyers.
    """

    rank_correlation: float
    p_value: float
    n_customers: int

    kinds: ClassVar[Mapping[str, Kind]] = {"mean_spend": "money", "mean_spend_low": "money", "mean_spend_high": "money"}

    @property
    def holds(self) -> bool:
        """Whether the assumption can stand: no correlation, or one too weak to matter."""
        return abs(self.rank_correlation) < WEAK or self.p_value > 0.01

    @property
    def title(self) -> str:
        """What the data say of the assumption."""
        found = f"rank correlation of frequency and spend {self.rank_correlation:+.2f}"
        if self.holds:
            return f"Spend does not depend on how often customers buy ({found}): Gamma-Gamma may be used"
        more = "more" if self.rank_correlation > 0 else "less"
        return f"Frequent buyers spend {more} per purchase ({found}): value by Gamma-Gamma is biased, fit classes apart"


@checked
def spend_independence(summary: PurchaseSummary | Frame, highest: int = 7) -> SpendIndependence:
    """Test the independence of frequency and spend that the Gamma-Gamma model rests on."""
    check_whole("highest", highest, most=MOST_PURCHASES)
    used, _ = GammaGamma.usable(history_table(summary, GammaGamma.data_columns))
    used = used.with_columns(pl.col("frequency").cast(pl.Int64))
    if used.height < 10 or used["frequency"].n_unique() < 2:
        raise DataError(f"Only {used.height} repeat buyers with spend, or all equally often: nothing can be tested.")
    correlation, p_value = stats.spearmanr(used["frequency"].to_numpy(), used["monetary_value"].to_numpy())
    spend, n = pl.col("monetary_value"), pl.len()
    reach = 1.96 * spend.std() / n.sqrt()
    classes = used.with_columns(pl.col("frequency").clip(upper_bound=highest)).group_by("frequency").agg(
        n.alias("n_customers"), spend.mean().alias("mean_spend"),
        (spend.mean() - reach).alias("mean_spend_low"), (spend.mean() + reach).alias("mean_spend_high"),
    )  # fmt: skip
    label = (
        pl.when(pl.col("frequency") == highest)
        .then(pl.lit(f"{highest}+"))
        .otherwise(pl.col("frequency").cast(pl.String))
    )
    out = classes.sort("frequency").select(label.alias("purchases"), pl.exclude("frequency"))
    return SpendIndependence(
        table=out, rank_correlation=float(correlation), p_value=float(np.clip(p_value, 0, 1)), n_customers=used.height,
        currency=summary.currency if isinstance(summary, PurchaseSummary) else "",
    )  # fmt: skip
