"""Who was offered free delivery from which basket on, and what he ordered: from a warehouse or from frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl
from scipy.stats import f_oneway

from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.arms import is_control
from custvalue.experiments.randomised import ALL
from custvalue.experiments.trial import CUSTOMER_WORDS, design_of, experiment_row
from custvalue.frames import as_key, check_columns, check_finite, to_polars

if TYPE_CHECKING:
    from custvalue.experiments.trial import Shop
    from custvalue.frames import Frame

NEVER = math.inf


@dataclass(frozen=True, kw_only=True)
class ThresholdTest:
    """Customers and orders of a test of thresholds.

    Attributes
    ----------
    customers
        `customer_id`, `threshold` (infinite: never free), `segment`, and where known `contribution`.
    orders
        `customer_id`, `basket`, `returned` (null where unknown), `is_paying`, `threshold`, `segment`.
    control
        Threshold of the control arm; None where no arm is called so.
    treated_share
        Share of customers planned for the other of two arms than today's; None where none is stated.
    p_before
        Chance that the arms brought contributions that far apart before the start; None where they are not known.
    n_young, n_without_cost
        Customers left out because their window is not over; those who ordered and whose carrier cost is not known.
    """

    customers: pl.DataFrame
    orders: pl.DataFrame
    control: float | None
    currency: str
    treated_share: float | None = None
    p_before: float | None = None
    n_young: int = 0
    n_without_cost: int = 0


def of_shop(shop: Shop, experiment: str | None) -> ThresholdTest:
    """Read a test of the warehouse; customers whose time for returns is not over are left out."""
    if experiment is None:
        raise DataError("Name the experiment, as in free_delivery_threshold(shop, experiment='free_delivery').")
    row = experiment_row(shop, experiment)
    arms = shop.fetch("experiment_arm_thresholds", experiment=experiment)
    if arms.height == 0:
        raise MissingInputError(
            f"No arm of experiment {experiment!r} has a threshold.",
            "Load `experiment_arms`: experiment_id, arm, and free_over, the basket from which delivery is free.",
        )
    everybody = shop.fetch("experiment_customers", experiment=experiment)
    customers = everybody.filter(pl.col("is_mature"))
    if customers.height == 0:
        raise DataError(f"Of {everybody.height:,} customers of {experiment!r} nobody's window and returns are over.")
    if twice := customers.filter(pl.col("n_arms") > 1).height:
        raise DataError(f"{twice:,} customers of {experiment!r} were in two arms.")
    if strange := sorted(set(customers["arm"].to_list()) - set(arms["arm"].to_list())):
        raise DataError(f"Arm {strange[0]!r} of {experiment!r} has no row in `experiment_arms`.")
    _refuse_design(row, experiment)
    without = _without_cost(customers, experiment)
    people = customers.join(arms, on="arm", how="left").select(
        "customer_id", "arm", "segment", threshold="free_over", contribution=pl.col("contribution").cast(pl.Float64)
    )
    orders = shop.fetch("experiment_orders", experiment=experiment).join(people, on="customer_id", how="semi")
    segment = "segment" if people["segment"].count() else None
    control = row.get("control_arm")
    test = of_frames(people, orders, segment, str(getattr(shop, "currency", "")), control_arm=control)
    if control is not None and test.control is None:
        raise DataError(f"control_arm of {experiment!r} is {control!r}, but no customer is in an arm of that name.")
    share, n_young = row.get("planned_share"), everybody.height - customers.height
    return replace(
        test, treated_share=None if share is None else float(share), p_before=_before(customers), n_young=n_young,
        n_without_cost=without,
    )  # fmt: skip


def _refuse_design(row: dict[str, Any], experiment: str) -> None:
    """Refuse what was not drawn by lot, customer by customer: intervals would be wrong, and far too narrow."""
    if (design := design_of(row)) != "rct":
        raise DataError(
            f"The design of {experiment!r} is {design!r}: chance did not choose whose delivery was free from where on.",
            "Thresholds are compared by a randomised test (design rct or threshold); see launch_effect(...).",
        )
    if (unit := str(row.get("unit") or "customer").strip().lower()) not in CUSTOMER_WORDS:
        raise DataError(
            f"Assigned was the {unit}: thresholds are compared by customers who were assigned one by one.",
            f"A {unit}'s customers are alike; does_it_pay(shop, {experiment!r}) counts by {unit}, two arms at a time.",
        )


def _without_cost(customers: pl.DataFrame, experiment: str) -> int:
    """Count those whose carrier cost is not known; refuse a contribution that bears no cost at all."""
    if "has_goods_cost" in customers.columns and not customers["has_goods_cost"].all():
        raise DataError(
            f"The contribution of {experiment!r} bears no cost of goods: more orders would seem to pay anyway.",
            "Load `unit_cost` of the order lines or of the products.",
        )
    if "carrier_cost" not in customers.columns:
        return 0
    ordered = customers.filter(pl.col("n_orders") > 0) if "n_orders" in customers.columns else customers
    without = ordered["carrier_cost"].null_count()
    if ordered.height and without == ordered.height:
        raise DataError(
            f"The carrier cost of {experiment!r} is empty for every customer who ordered: free delivery would cost"
            " nothing.",
            "Load `deliveries` with carrier_cost.",
        )
    return without


def _before(customers: pl.DataFrame) -> float | None:
    """Compare the arms before the start, all together (analysis of variance)."""
    if "pre_contribution" not in customers.columns or customers["pre_contribution"].null_count():
        return None
    known = customers.select("arm", pl.col("pre_contribution").cast(pl.Float64))
    arms = [arm["pre_contribution"].to_numpy() for arm in known.partition_by("arm")]
    if len(arms) < 2 or known["pre_contribution"].n_unique() < 2 or min(map(len, arms)) < 2:
        return None
    return float(f_oneway(*arms).pvalue)


def of_frames(
    customers: Frame,
    orders: Frame | None,
    segment: str | None,
    currency: str = "",
    *,
    control_arm: str | None = None,
) -> ThresholdTest:
    """Bring frames to one form; `control_arm` names that arm where its name does not say so."""
    if orders is None:
        raise DataError("The orders of the test are missing.", "Give a frame with customer_id and basket.")
    people = _people(to_polars(customers), segment)
    control = None
    if "arm" in people.columns:
        labels = people["arm"].cast(pl.String).unique().to_list()
        controls = [a for a in labels if (a == control_arm if control_arm is not None else is_control(a))]
        named = people.filter(pl.col("arm").cast(pl.String).is_in(controls))
        found = named["threshold"].unique().to_list()
        control = found[0] if len(found) == 1 else None
    return ThresholdTest(
        customers=people, orders=_baskets(to_polars(orders), people), control=control, currency=currency
    )


def _people(frame: pl.DataFrame, segment: str | None) -> pl.DataFrame:
    needed = ["customer_id", "threshold", *([segment] if segment else [])]
    if missing := [c for c in needed if c not in frame.columns]:
        raise DataError(f"The customers have no column {missing[0]!r}; they have {', '.join(frame.columns)}.")
    if frame.height == 0:
        raise DataError("The frame of customers is empty.", "One row per customer of the test is needed.")
    if segment is not None and frame[segment].cast(pl.String).eq(ALL).any():
        raise DataError(f"A segment is called {ALL!r}, which stands for all customers.", "Give it another name.")
    for column in ("customer_id", *([segment] if segment else [])):
        if n := frame[column].null_count():
            raise DataError(f"Column {column!r} of the customers is empty in {n:,} rows.")
    check_columns(frame, [c for c in ("contribution",) if c in frame.columns], "of the customers")
    if not (frame.schema["threshold"].is_numeric() or frame.schema["threshold"] == pl.Null):
        raise DataError(f"Column 'threshold' of the customers holds {frame.schema['threshold']}, money was expected.")
    if n := int((frame["threshold"] < 0).sum()):
        raise DataError(f"Column 'threshold' of the customers is negative in {n:,} rows.", "0 is always free.")
    keys = as_key(frame["customer_id"])
    if twice := frame.height - keys.n_unique():
        raise DataError(f"{twice:,} customers stand in the test more than once.")
    return frame.select(
        keys,
        *[c for c in ("arm",) if c in frame.columns],
        *[pl.col(c).cast(pl.Float64) for c in ("contribution",) if c in frame.columns],
        threshold=pl.col("threshold").cast(pl.Float64).fill_nan(None).fill_null(NEVER),
        segment=pl.lit(ALL) if segment is None else pl.col(segment).cast(pl.String),
    )


def _baskets(frame: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    for column in ("customer_id", "basket"):
        if column not in frame.columns:
            raise DataError(f"The orders have no column {column!r}; they have {', '.join(frame.columns)}.")
        if n := frame[column].null_count():
            raise DataError(f"Column {column!r} of the orders is empty in {n:,} rows.")
    check_columns(frame, ["basket"], "of the orders")
    check_finite(frame, [c for c in ("returned", "fee_paid") if c in frame.columns], "of the orders")
    if frame.height == 0:
        raise DataError("The frame of orders is empty.", "One row per order in the window is needed.")
    returned, fee = pl.lit(None, pl.Float64), pl.lit(None, pl.Float64)
    if "returned" in frame.columns:
        returned = pl.col("returned").cast(pl.Float64).fill_null(0.0)
    if "fee_paid" in frame.columns:
        fee = pl.col("fee_paid").cast(pl.Float64)
    out = frame.select(
        as_key(frame["customer_id"]), basket=pl.col("basket").cast(pl.Float64), returned=returned, fee=fee
    )
    joined = out.join(people.select("customer_id", "threshold", "segment"), on="customer_id", how="left")
    if strange := joined["threshold"].null_count():
        raise DataError(f"{strange:,} orders belong to no customer of the test.")
    # what was charged tells who paid; where that is not known, the rule of his arm does
    pays = pl.coalesce(pl.col("fee") > 0.0, pl.col("basket") < pl.col("threshold"))
    return joined.with_columns(is_paying=pays).drop("fee")


def with_profit(test: ThresholdTest, costs: tuple[float, float, float] | None) -> pl.DataFrame:
    """Add orders, spending and profit of each customer; `costs` are margin rate, fee and carrier cost."""
    per = test.orders.group_by("customer_id").agg(
        pl.len().cast(pl.Float64).alias("n_orders"),
        pl.col("basket").sum().alias("spent"),
        pl.col("is_paying").sum().cast(pl.Float64).alias("n_paying"),
        *([] if costs is None else [_formula(*costs).alias("profit")]),
    )
    paid = test.customers.join(per, on="customer_id", how="left")
    if costs is None:
        paid = paid.with_columns(profit=pl.col("contribution"))
    return paid.with_columns(pl.col("profit", "n_orders", "spent", "n_paying").fill_null(0.0)).sort("customer_id")


def _formula(margin_rate: float, fee: float, carrier_cost: float) -> pl.Expr:
    kept = pl.col("basket") - pl.col("returned").fill_null(0.0)
    return (margin_rate * kept + fee * pl.col("is_paying") - carrier_cost).sum()
