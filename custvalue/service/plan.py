"""From a shop to a service plan: who is served how today, what each level brings, which to choose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import polars as pl

from custvalue.data.purchases import purchase_summary
from custvalue.errors import DataError, MissingInputError, PlanError
from custvalue.models.fitting import ModelFit, fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.lifetime_value import LifetimeValue, lifetime_value
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.profit.waterfall import customer_profit
from custvalue.results import DAYS_PER_UNIT
from custvalue.service.choice import ServicePlan, check_limits, choose_levels
from custvalue.service.costs import measure_costs, resource_rates
from custvalue.service.effects import Effects
from custvalue.service.gates import shut_levels
from custvalue.service.levels import LevelCatalogue, level_options
from custvalue.service.response import value_response
from custvalue.service.segments import Segments, segment_customers
from custvalue.service.today import with_level_today

if TYPE_CHECKING:
    import datetime as dt

    from custvalue.data.warehouse import Warehouse
    from custvalue.models.base import CustomerModel
    from custvalue.results import PurchaseSummary

__all__ = ["ServicePlan", "Shop", "choose_levels", "plan_service"]

GIVES = {
    "service_levels": "the levels of service to choose from",
    "bundle_items": "the measures that each level is made of",
    "courtesy_catalogue": "what each measure costs",
    "effect_draws": "what each measure does to purchases, dropout, spend and referrals, without which no level pays",
}


@runtime_checkable
class Shop(Protocol):
    """Anything that gives a table or a relation by name as a frame."""

    def fetch(self, relation: str, **params: Any) -> pl.DataFrame:
        """Return it."""


def plan_service(
    shop: Shop,
    *,
    budget: float | None = None,
    staff_hours: float | None = None,
    reserve: float = 0.0,
    accept_priors: bool = True,
    highest_level: int = 2,
    overlap_weight: float = 0.5,
    value: LifetimeValue | None = None,
    segments: Segments | pl.DataFrame | None = None,
    summary: PurchaseSummary | None = None,
    purchases: ModelFit | None = None,
) -> ServicePlan:
    """Recommend a level of service for each segment.

    Parameters
    ----------
    shop
        A warehouse with service_levels, bundle_items, courtesy_catalogue and effect_draws.
    budget
        Money for additional service and set-up over the value's horizon; None sets no limit.
    staff_hours
        Spare hours that can be given over the horizon. With them minutes cost what is avoidable; None sets
        no limit, and minutes cost in full, as nobody said that there is time to spare.
    reserve
        Part of the budget that stays in cash.
    accept_priors
        True plans on stated priors and says so; False takes measured effects only.
    highest_level
        Levels above it are left closed: the service centre has to be built from scratch.
    overlap_weight
        A bundle's effect is not the sum of its measures' effects: channel by channel the strongest counts
        whole, every further one by this weight.
    value, segments, summary, purchases
        Lifetime values, segments (or a frame of customer_id and segment), the purchase summary and the
        purchase model's fit to it, where a run has them already.

    Returns
    -------
    ServicePlan
        Money over the horizon of the values, against today's level.

    Raises
    ------
    MissingInputError
        A table is not loaded, or no margin is known; says what it would give.
    PlanError
        No effect is stated (or, without priors, measured) for any step, or a limit can't be met.
    """
    if not isinstance(shop, Shop):
        raise DataError(f"plan_service takes a Warehouse, as made by open(...); it got {type(shop).__name__}.")
    check_limits(budget, staff_hours, reserve)
    tables = _needed(shop)
    summary = _summary(shop, value) if summary is None else summary
    purchases = fit(MbgNbd, summary) if purchases is None else purchases
    value = _value(shop, summary, purchases) if value is None else value
    if value.value_column != "clv":
        raise MissingInputError(
            "Without a margin there is no value to set against the cost of service.",
            "Load order_lines or products with unit_cost, or state margin_rate in the settings.",
        )
    catalogue, uncosted = _catalogue(shop, tables, summary.as_of, overlap_weight)
    customers = _customers(shop, value, segments, tables["service_levels"], summary.as_of)
    response = value_response(purchases, summary, horizon_days=value.horizon_days)
    clv_new = _clv_new(value, purchases)
    options = level_options(
        customers.join(response, on="customer_id"),
        catalogue,
        clv_new=clv_new,
        horizon_days=value.horizon_days,
        within_spare_hours=staff_hours is not None,
        interval=value.level or 0.95,
    )
    _refuse_without_effect(options, accept_priors=accept_priors)
    plan = choose_levels(
        options,
        current=dict(options.select("segment", "level_today").iter_rows()),
        budget=budget,
        staff_hours=staff_hours,
        reserve=reserve,
        highest_level=highest_level,
        accept_priors=accept_priors,
        horizon_days=round(value.horizon_days),
        currency=value.currency,
    )
    unknown = f"Nothing says what an event of {', '.join(uncosted)} costs; counted as free." if uncosted else ""
    return replace(
        plan, as_of=summary.as_of, costing="full" if staff_hours is None else "avoidable", clv_new=clv_new,
        overlap_weight=overlap_weight, note=unknown,
    )  # fmt: skip


def _needed(shop: Shop) -> dict[str, pl.DataFrame]:
    """Fetch the tables that a plan rests on; all that are missing are named at once."""
    tables = {name: shop.fetch(name) for name in GIVES}
    missing = [name for name, table in tables.items() if table.is_empty()]
    if missing:
        are = "Table {} is" if len(missing) == 1 else "Tables {} are"
        gives = "; ".join(GIVES[name] for name in missing)
        raise MissingInputError(f"{are.format(', '.join(missing))} not loaded.", f"It would give {gives}.")
    return tables


def _summary(shop: Shop, value: LifetimeValue | None) -> PurchaseSummary:
    if value is None:
        return purchase_summary(cast("Warehouse", shop))
    return purchase_summary(cast("Warehouse", shop), as_of=value.as_of, time_unit=value.time_unit)


def _value(shop: Shop, summary: PurchaseSummary, purchases: ModelFit) -> LifetimeValue:
    """Value customers at the company's margin and its cost of serving an order."""
    profit = customer_profit(cast("Warehouse", shop), end=summary.as_of)
    margin = profit.margin_rate()
    n_orders = shop.fetch("data_span")["n_orders"].item()
    return lifetime_value(
        purchases, fit(GammaGamma, summary), summary, margin_rate=margin, currency=summary.currency,
        service_cost_per_order=0.0 if margin is None else profit.service_cost_per_order(n_orders),
    )  # fmt: skip


def _customers(
    shop: Shop, value: LifetimeValue, segments: Segments | pl.DataFrame | None, levels: pl.DataFrame, as_of: dt.date
) -> pl.DataFrame:
    """Put value, segment, level today, declared segment and type of business of each customer together."""
    if segments is None:
        profit = customer_profit(cast("Warehouse", shop), end=as_of)
        served = value.table.join(profit.cost_to_serve(), on="customer_id", how="left")
        segments = segment_customers(served, currency=value.currency)
    membership = segments.customers if isinstance(segments, Segments) else segments
    known = value.table.join(membership.select("customer_id", "segment"), on="customer_id")
    declared = shop.fetch("customer_segments").select("customer_id", effect_segment="segment")
    types = shop.fetch("customers").select("customer_id", "business_type")
    placed = known.join(declared, on="customer_id", how="left").join(types, on="customer_id", how="left")
    return with_level_today(placed, shop.fetch("policy_history"), levels, as_of=as_of)


def _catalogue(
    shop: Shop, tables: dict[str, pl.DataFrame], as_of: dt.date, overlap_weight: float
) -> tuple[LevelCatalogue, list[str]]:
    """Return what the levels are made of, and the measures whose cost nothing tells."""
    seen = shop.fetch("int_courtesy_events")
    means = pl.col("units", "direct_cost", "minutes", "loss", "forgone_fee").cast(pl.Float64).mean()
    costs = measure_costs(
        tables["courtesy_catalogue"],
        resource_rates(shop.fetch("resources"), as_of=as_of),
        observed=seen.group_by("measure_id").agg(means),
    )
    used = costs.filter(pl.col("measure_id").is_in(tables["bundle_items"]["measure_id"].unique().to_list()))
    catalogue = LevelCatalogue(
        levels=shut_levels(tables["service_levels"], shop.fetch("stage_gates"), as_of=as_of),
        bundles=tables["bundle_items"],
        costs=costs,
        effects=Effects(tables["effect_draws"], overlap_weight=overlap_weight),
    )
    return catalogue, used.filter(~pl.col("is_costed"))["measure_id"].to_list()


def _clv_new(value: LifetimeValue, purchases: ModelFit) -> float:
    """Value a newcomer: his first purchase and those expected within the horizon, at the mean per purchase."""
    expected = float(value.table["expected_purchases"].sum())
    per_purchase = float(value.table["clv"].sum()) / expected if expected > 0 else 0.0
    horizon = value.horizon_days / DAYS_PER_UNIT[purchases.time_unit]
    model = cast("CustomerModel", purchases.model)
    return round(per_purchase * (1.0 + float(model.expected_purchases_new(horizon))), 2)


def _refuse_without_effect(options: pl.DataFrame, *, accept_priors: bool) -> None:
    wanted = ("measured", "prior") if accept_priors else ("measured",)
    if options.filter(pl.col("basis").is_in(wanted)).is_empty():
        raise PlanError(
            f"No effect of any step up is {'stated' if accept_priors else 'measured'}: no level can be recommended.",
            "Measure one (does_it_pay), or state it in effect_draws with provenance assumed.",
        )
