"""From which basket on delivery should be free: profit by tested threshold and segment, top-ups, no guessing beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from scipy.stats import norm

from custvalue.errors import DataError
from custvalue.experiments.randomised import ALL, settled
from custvalue.experiments.trial import to_polars
from custvalue.experiments.wording import money
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.experiments.trial import Frame

NEVER = math.inf
MIN_CUSTOMERS = 30


@dataclass(frozen=True, kw_only=True)
class ThresholdCurve(Result):
    """Profit per customer by threshold "free over X" and segment.

    Attributes
    ----------
    table
        `segment`, `threshold` (infinite: never free), `basis` (tested, between tested, not tested),
        `n_customers`, `orders_per_customer`, `basket`, `paying_share` of orders, `profit` per customer and window
        with its interval (null where not tested and not between), `gain` over the threshold of today with its
        interval, adjusted for the number of comparisons, `is_best` among those tested.
    top_ups
        For each tested threshold: share of orders within a small window above it, the share that the other arms
        have there, their difference `top_up_share` with its interval, and `returned_share`, those of them that
        returns bring below the threshold (null where returns are not given).
    current
        The threshold of today, with which others are compared.
    """

    top_ups: pl.DataFrame
    current: float
    fee: float
    carrier_cost: float
    margin_rate: float
    window: float
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = dict.fromkeys(
        ("threshold", "basket", "profit", "profit_low", "profit_high", "gain", "gain_low", "gain_high"), "money"
    )

    @property
    def title(self) -> str:
        """The best of the tested thresholds, and whether it is surely better than today's."""
        rows = self.table.filter(segment=ALL, is_best=True)
        best = rows.row(0, named=True)
        name = name_of(best["threshold"])
        if best["threshold"] == self.current:
            return f"No tested threshold is better than today's ({name})"
        gain = f"{money(best['gain'], sign=True)} {self.currency} per customer"
        sure = "surely better" if best["gain_low"] > 0.0 else "not surely better"
        interval = f"({money(best['gain_low'])} to {money(best['gain_high'])})"
        return f"{name.capitalize()} is {sure} than today's {name_of(self.current)}: {gain} {interval}"


def name_of(threshold: float) -> str:
    """Say a threshold in words."""
    if math.isinf(threshold):
        return "never free"
    return "always free" if threshold <= 0.0 else f"free over {threshold:g}"


def free_delivery_threshold(
    customers: Frame,
    orders: Frame,
    *,
    margin_rate: float,
    fee: float,
    carrier_cost: float,
    current: float | None,
    thresholds: Sequence[float | None] = (),
    segment: str | None = None,
    window: float = 5.0,
    level: float = 0.95,
    currency: str = "EUR",
) -> ThresholdCurve:
    """Compare thresholds that were tested: profit(X) = λ(X)·E[g·b(X) + f·1{b < X} − s] per segment.

    Without a tested change in the number of orders the curve would always say "never free", so two tested
    thresholds are needed at least. Between two tested ones the profit is interpolated and called so; beyond
    them nothing is said. A warehouse knows who was in which arm, not which threshold an arm had, so this takes frames.

    Parameters
    ----------
    customers
        One row per customer of the test: `customer_id`, `threshold` in force for him (null: never free), and the
        segment's column.
    orders
        One row per order in the window: `customer_id`, `basket`; where known `returned`, the value sent back.
    margin_rate
        Gross margin, share of the basket.
    fee, carrier_cost
        Of one delivery, money.
    current
        The threshold of today; None is never free. It must have been tested.
    thresholds
        Further thresholds to look at.
    segment
        Column of `customers`.
    window
        Width above a threshold in which top-ups are counted, money.
    level
        Of the intervals.
    currency
        Of the baskets.

    Raises
    ------
    DataError
        A column is missing or empty, an order has no customer of the test, fewer than two thresholds were
        tested, or today's is not among them.
    """
    people = _people(customers, segment)
    baskets = _baskets(orders, people)
    paid = people.join(_per_customer(baskets, margin_rate, fee, carrier_cost), on="customer_id", how="left")
    paid = paid.with_columns(pl.col("profit", "n_orders", "spent", "n_paying").fill_null(0.0))
    tested = sorted(people["threshold"].unique().to_list())
    today = NEVER if current is None else float(current)
    if len(tested) < 2 or today not in tested:
        shown = ", ".join(name_of(t) for t in tested)
        raise DataError(
            f"Tested: {shown}; today: {name_of(today)}. Two tested thresholds are needed, today's among them.",
            "With one alone the change in orders is unknown, and the curve would always say 'never free'.",
        )
    asked = sorted({*tested, *(NEVER if t is None else float(t) for t in thresholds)})
    rows: list[dict[str, Any]] = []
    for name in (ALL, *sorted(s for s in people["segment"].unique().to_list() if s != ALL)):
        part = paid if name == ALL else paid.filter(segment=name)
        rows += _curve(name, part, tested, asked, today, level)
    return ThresholdCurve(
        table=pl.DataFrame(rows, infer_schema_length=None), currency=currency,
        top_ups=_top_ups(baskets, tested, window, level), current=today, fee=fee, carrier_cost=carrier_cost,
        margin_rate=margin_rate, window=window, level=level,
    )  # fmt: skip


def _people(customers: Frame, segment: str | None) -> pl.DataFrame:
    frame = to_polars(customers)
    needed = ["customer_id", "threshold", *([segment] if segment else [])]
    if missing := [c for c in needed if c not in frame.columns]:
        raise DataError(f"The customers have no column {missing[0]!r}; they have {', '.join(frame.columns)}.")
    if twice := frame.height - frame["customer_id"].n_unique():
        raise DataError(f"{twice:,} customers stand in the test more than once.")
    threshold = pl.col("threshold").cast(pl.Float64).fill_nan(None).fill_null(NEVER)
    name = pl.lit(ALL) if segment is None else pl.col(segment).cast(pl.String)
    return frame.select(pl.col("customer_id").cast(pl.String), threshold=threshold, segment=name)


def _baskets(orders: Frame, people: pl.DataFrame) -> pl.DataFrame:
    frame = to_polars(orders)
    for column in ("customer_id", "basket"):
        if column not in frame.columns:
            raise DataError(f"The orders have no column {column!r}; they have {', '.join(frame.columns)}.")
        if n := frame[column].null_count():
            raise DataError(f"Column {column!r} of the orders is empty in {n:,} rows.")
    back = (
        pl.col("returned").cast(pl.Float64).fill_null(0.0) if "returned" in frame.columns else pl.lit(None, pl.Float64)
    )
    out = frame.select(pl.col("customer_id").cast(pl.String), basket=pl.col("basket").cast(pl.Float64), returned=back)
    joined = out.join(people, on="customer_id", how="left")
    if strange := joined["threshold"].null_count():
        raise DataError(f"{strange:,} orders belong to no customer of the test.")
    return joined


def _per_customer(baskets: pl.DataFrame, margin_rate: float, fee: float, carrier_cost: float) -> pl.DataFrame:
    pays = pl.col("basket") < pl.col("threshold")
    kept = pl.col("basket") - pl.col("returned").fill_null(0.0)
    return baskets.group_by("customer_id").agg(
        (margin_rate * kept + fee * pays - carrier_cost).sum().alias("profit"),
        pl.len().cast(pl.Float64).alias("n_orders"),
        pl.col("basket").sum().alias("spent"),
        pays.sum().cast(pl.Float64).alias("n_paying"),
    )


def _curve(
    segment: str, paid: pl.DataFrame, tested: list[float], asked: list[float], today: float, level: float
) -> list[dict[str, Any]]:
    arms = {t: _arm(paid.filter(threshold=t), segment, t) for t in tested}
    z = float(norm.ppf(0.5 + level / 2.0))
    strict = float(norm.ppf(1.0 - (1.0 - level) / 2.0 / (len(tested) - 1)))  # Bonferroni over the comparisons
    best = max(tested, key=lambda t: arms[t]["profit"])
    rows = []
    for threshold in asked:
        row: dict[str, Any] = {"segment": segment, "threshold": threshold}
        if threshold in arms:
            arm = arms[threshold]
            gain, error = arm["profit"] - arms[today]["profit"], math.hypot(arm["error"], arms[today]["error"])
            half = 0.0 if threshold == today else strict * error
            row |= {"basis": "tested"} | {k: v for k, v in arm.items() if k != "error"}
            row |= {
                "profit_low": arm["profit"] - z * arm["error"], "profit_high": arm["profit"] + z * arm["error"],
                "gain": gain, "gain_low": gain - half, "gain_high": gain + half,
            }  # fmt: skip
        else:
            row |= _untested(arms, threshold)
        rows.append(row | {"is_best": threshold == best})
    return rows


def _arm(customers: pl.DataFrame, segment: str, threshold: float) -> dict[str, Any]:
    if customers.height < MIN_CUSTOMERS:
        raise DataError(f"Segment {segment!r}, {name_of(threshold)}: {customers.height} customers; 30 are needed.")
    n_orders = float(customers["n_orders"].sum())
    mean, spread = float(customers["profit"].mean()), float(customers["profit"].std())  # type: ignore[arg-type]
    return {
        "n_customers": customers.height, "orders_per_customer": n_orders / customers.height,
        "basket": float(customers["spent"].sum()) / n_orders if n_orders else None,
        "paying_share": float(customers["n_paying"].sum()) / n_orders if n_orders else None,
        "profit": settled(mean), "error": settled(spread / math.sqrt(customers.height)),
    }  # fmt: skip


def _untested(arms: Mapping[float, Mapping[str, Any]], threshold: float) -> dict[str, Any]:
    """Interpolate between the neighbours; beyond the tested range, and towards "never", say nothing."""
    finite = sorted(t for t in arms if math.isfinite(t))
    below, above = [t for t in finite if t < threshold], [t for t in finite if t > threshold]
    if not below or not above:
        return {"basis": "not tested"}
    a, b = below[-1], above[0]
    share = (threshold - a) / (b - a)
    return {"basis": "between tested", "profit": arms[a]["profit"] + share * (arms[b]["profit"] - arms[a]["profit"])}


def _top_ups(baskets: pl.DataFrame, tested: list[float], window: float, level: float) -> pl.DataFrame:
    """Excess of orders just above each threshold over the share that the other arms have there."""
    z = float(norm.ppf(0.5 + level / 2.0))
    rows = []
    for threshold in (t for t in tested if 0.0 < t < NEVER):
        near = (pl.col("basket") >= threshold) & (pl.col("basket") < threshold + window)
        here, others = baskets.filter(threshold=threshold), baskets.filter(pl.col("threshold") != threshold)
        if not here.height or not others.height:
            continue
        p, q = (float(arm.select(near.mean()).item()) for arm in (here, others))
        half = z * math.sqrt(p * (1.0 - p) / here.height + q * (1.0 - q) / others.height)
        inside = here.filter(near).drop_nulls("returned")
        back = None
        if inside.height:
            back = float(inside.select(((pl.col("basket") - pl.col("returned")) < threshold).mean()).item())
        rows.append((threshold, p, q, p - q, p - q - half, p - q + half, back))
    names = ("threshold", "share_above", "share_other_arms", "top_up_share", "top_up_share_low", "top_up_share_high",
             "returned_share")  # fmt: skip
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64), orient="row")
