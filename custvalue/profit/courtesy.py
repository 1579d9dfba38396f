"""What each courtesy measure costs: by measure, segment, customer and department, in every view."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError, MissingInputError
from custvalue.profit.waterfall import _window, customer_profit
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.data.warehouse import Warehouse

By = Literal["measure", "segment", "customer", "department", "grant", "view"]
KEYS: dict[str, list[str]] = {
    "measure": ["measure_id", "measure"],
    "segment": ["segment"],
    "customer": ["customer_id"],
    "department": ["granted_by_dept", "borne_by_dept"],
    "grant": ["measure_id", "measure", "granted"],
    "view": ["accounting_view"],
}


@dataclass(frozen=True, kw_only=True)
class CourtesyCost(Result):
    """Cost of courtesy measures in a window.

    Attributes
    ----------
    table
        By measure: `n_events`, `minutes`, and in money `full` (with its share of paid capacity),
        `avoidable` (what would be saved without it), `accounting` (ties to the sub-ledger), `economic`
        (what decides: a fee forgone counts whole, as long as no test shows that the order came because
        of it), `forgone_fee` (a memo, in no sum).
    events
        The same per measure, customer and departments.
    gross_margin
        Of the company in the window; None where goods have no cost.
    acquisition
        What was spent to win customers in the window, positive.
    induced_shares
        Measure and the share of its courtesies on orders that came because of them, as a test found it.
    """

    events: pl.DataFrame
    gross_margin: float | None
    acquisition: Decimal = Decimal(0)
    start: dt.date
    end: dt.date
    induced_shares: tuple[tuple[str, float], ...] = ()

    kinds: ClassVar[Mapping[str, Kind]] = {"minutes": "count"}

    def by(self, what: By) -> pl.DataFrame:
        """Sum the cost by measure, declared segment, customer, departments that grant and bear it, or grant.

        By `grant` tells what today's rules give away (`by rule`: delivery free from a threshold on) from what was
        granted beyond them; by `view` tells the measures that the catalogue counts as marketing from the cost of
        service.

        Raises
        ------
        DataError
            `what` is none of these.
        """
        if what not in KEYS:
            raise DataError(f"Cost of courtesy has no view by {what!r}.", f"Take one of {', '.join(KEYS)}.")
        return _sum(self.events, KEYS[what])

    @property
    def marketing(self) -> pl.DataFrame:
        """What welcoming customers costs: acquisition, and the courtesies that the catalogue counts as marketing.

        Returns
        -------
        pl.DataFrame
            `view` (`marketing`, `cost_to_serve`), `what`, `amount` (money, positive). The amounts of both views add up
            to acquisition and all courtesy, so nothing is in both.
        """
        measures = _sum(self.events, ["accounting_view", "measure"]).select(
            pl.col("accounting_view").alias("view"), pl.col("measure").alias("what"), amount=pl.col("full")
        )
        won = pl.DataFrame(
            {"view": ["marketing"], "what": ["acquisition"], "amount": [self.acquisition]},
            schema_overrides={"amount": measures.schema["amount"]},
        )
        order = ["view", "amount", "what"]
        return pl.concat([won, measures]).sort(order, descending=[True, True, False])

    @property
    def missing(self) -> pl.DataFrame:
        """Measures with minutes that no row of resources gives a rate for: their cost is understated by them."""
        lacking = self.table.filter(pl.col("n_without_rate") > 0)
        return lacking.select("measure_id", "measure", pl.col("n_without_rate").alias("n_events_without_rate"))

    @property
    def courtesy_ratio(self) -> float | None:
        """Cost of courtesy as a share of gross margin; None where goods have no cost."""
        return float(self.table["full"].sum()) / self.gross_margin if self.gross_margin else None

    @property
    def title(self) -> str:
        """The cost of all courtesy, its share of the margin, and the dearest measure."""
        if self.table.height == 0:
            return "No courtesy was granted in this window"
        full, dearest = self.table["full"].sum(), self.table.row(0, named=True)
        share = f", {self.courtesy_ratio:.1%} of gross margin" if self.courtesy_ratio else ""
        part = dearest["full"] / full if full else 0
        by_rule = Decimal(self.events.filter(granted="by rule")["full"].sum() or 0)
        ruled = f" ({by_rule:,.0f} by rule, {Decimal(full) - by_rule:,.0f} beyond it)" if by_rule else ""
        said = f"Courtesy cost {full:,.0f} {self.currency}{ruled}{share}; {dearest['measure']} alone {part:.0%} of it"
        lacking = f"; the minutes of {self.missing.height} measures have no rate and are not in it"
        return said + (lacking if self.missing.height else "")


@checked
def courtesy_cost(
    shop: Warehouse, start: str | dt.date | None = None, end: str | dt.date | None = None, *,
    induced_shares: Mapping[str, float] | None = None,
) -> CourtesyCost:  # fmt: skip
    """Compute what each courtesy measure cost.

    Parameters
    ----------
    shop
        The warehouse; events are logged by the company or derived from its transactions.
    start, end
        First and last day of the events, inclusive; default everything loaded. A loss that was known later belongs to
        its event here, and in the sub-ledger to the day it was known.
    induced_shares
        By measure, the share of its courtesies on orders that came only because of it, as a test found it: on these
        no fee is lost, but the carrier is paid. Not given: none, every order would have come anyway.

    Raises
    ------
    MissingInputError
        No catalogue of measures is loaded, and the transactions show no courtesy.
    DataError
        A share is not between 0 and 1.
    """
    window = _window(shop, start, end)
    events = shop.fetch("courtesy_costs", **window)
    if events.height == 0 and not shop.has("courtesy_catalogue"):
        raise MissingInputError(
            "Table courtesy_catalogue is not loaded, and no courtesy shows in the transactions.",
            "It would give the cost of every courtesy measure.",
        )
    segments = shop.fetch("customer_segments")
    events = events.join(segments, on="customer_id", how="left").with_columns(
        pl.col("segment").fill_null("not declared"),
        pl.col("granted_by_dept", "borne_by_dept").fill_null("not named"),
        pl.col("accounting_view").fill_null("cost_to_serve"),
    )
    events = events.rename({"full_cost": "full", "avoidable_cost": "avoidable", "economic_cost": "economic"})
    induced = dict(induced_shares or {})
    if wrong := sorted(measure for measure, share in induced.items() if not 0.0 <= share <= 1.0):
        raise DataError(f"The induced share of {wrong[0]!r} is {induced[wrong[0]]}; it lies between 0 and 1.")
    share = pl.col("measure_id").replace_strict(induced, default=0.0, return_dtype=pl.Float64)
    blend = pl.col("economic").cast(pl.Float64) * (1 - share) + pl.col("induced_cost").cast(pl.Float64) * share
    events = events.with_columns(
        accounting=pl.col("full"),
        economic=pl.when(share > 0).then(blend.round(2).cast(pl.Decimal(18, 2))).otherwise("economic"),
    ).drop("induced_cost")
    margin, acquisition = _company(shop, window)
    return CourtesyCost(
        table=_sum(events, KEYS["measure"]), events=events, gross_margin=margin, acquisition=acquisition,
        start=window["start_date"], end=window["end_date"], currency=shop.currency,
        induced_shares=tuple(sorted(induced.items())),
    )  # fmt: skip


def _sum(events: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    money = ["full", "avoidable", "accounting", "economic", "forgone_fee"]
    table = events.group_by(keys).agg(
        pl.col("n_events").sum(), pl.col("customer_id").n_unique().alias("n_customers"),
        pl.col("minutes").sum().round(0), pl.col(money).sum(), pl.col("n_without_rate").sum(),
    )  # fmt: skip
    return table.sort(["full", *keys], descending=[True] + [False] * len(keys))


def _company(shop: Warehouse, window: dict[str, dt.date]) -> tuple[float | None, Decimal]:
    """Return gross margin (None where goods have no cost) and what was spent on acquisition, in the window."""
    company = customer_profit(shop, window["start_date"], window["end_date"]).company
    margin = float(company["gross_margin"].item()) if "gross_margin" in company.columns else None
    won = -Decimal(company["acquisition"].item()) if "acquisition" in company.columns else Decimal(0)
    return margin, won
