"""From which basket on delivery should be free: profit by tested threshold and segment, top-ups, no guessing beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import polars as pl
from scipy.stats import norm

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.experiments.checks import checks_table
from custvalue.experiments.randomised import ALL, settled
from custvalue.experiments.threshold_checks import MIN_CUSTOMERS, name_of, small_segments, threshold_checks
from custvalue.experiments.threshold_inputs import NEVER, of_frames, of_shop, with_profit
from custvalue.experiments.trial import Shop
from custvalue.experiments.wording import money
from custvalue.results import Kind, Result
from custvalue.validation import check_level, check_number, check_share, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.experiments.threshold_inputs import ThresholdTest
    from custvalue.frames import Frame

BASIS_BOOKS = "contribution of each customer"
BASIS_FORMULA = "margin_rate × basket kept + fee − carrier_cost"


@dataclass(frozen=True, kw_only=True)
class ThresholdCurve(Result):
    """Profit per customer by threshold "free over X" and segment.

    Attributes
    ----------
    table
        `segment`, `delivery` ("free over 50"), `threshold` (null: never free), `basis` (tested, between tested,
        not tested), `n_customers`, `orders_per_customer`, `basket`, `paying_share` of orders, `profit` per customer
        and window with its interval (null where not tested and not between), `gain` over the threshold of today with
        its interval, adjusted for the number of thresholds and segments compared, `orders_split`: orders per customer
        beyond those that his spending would need in baskets of today's size, with its interval; `is_best` among
        those tested. Where a check blocks, gains are null and nothing is best.
    checks
        `check`, `status` (ok, warn, block), `detail`; a block means that the thresholds cannot be judged.
    top_ups
        For each tested threshold: share of orders within a small window above it, the share that the other arms
        have there, their difference `top_up_share` with its interval, and `returned_share`, those of them that
        returns bring below the threshold (null where returns are not given).
    current
        The threshold of today, with which others are compared; None is never free.
    profit_basis
        What the profit was made of.
    """

    checks: pl.DataFrame
    top_ups: pl.DataFrame
    current: float | None
    fee: float | None
    carrier_cost: float | None
    margin_rate: float | None
    profit_basis: str
    window: float
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(
            ("threshold", "basket", "profit", "profit_low", "profit_high", "gain", "gain_low", "gain_high"), "money"
        ),
        "paying_share": "percent",
    }

    @property
    def title(self) -> str:
        """The best of the tested thresholds, and whether it is surely better than today's."""
        if blocked := self.checks.filter(status="block")["detail"].to_list():
            return f"Cannot be judged: {' '.join(blocked)}"
        best = self.table.filter(segment=ALL, is_best=True).row(0, named=True)
        now = name_of(self.current)
        if best["threshold"] == self.current:
            found = f"No tested threshold is better than today's ({now})"
        else:
            sure = "surely better" if best["gain_low"] > 0.0 else "not surely better"
            found = f"{name_of(best['threshold']).capitalize()} is {sure} than today's {now}: {self._gain(best)}"
        parts = self.table.filter((pl.col("segment") != ALL) & (pl.col("gain_low") > 0.0) & pl.col("is_best"))
        better = [f"{name_of(r['threshold'])} is better for {r['segment']}, {self._gain(r)}" for r in parts.to_dicts()]
        return "; ".join([found, *better])

    def _gain(self, row: Mapping[str, Any]) -> str:
        interval = f"({money(row['gain_low'])} to {money(row['gain_high'])})"
        return f"{money(row['gain'], sign=True)} {self.currency} per customer {interval}"


@checked
def free_delivery_threshold(
    customers: Shop | Frame,
    orders: Frame | None = None,
    *,
    experiment: str | None = None,
    margin_rate: float | None = None,
    fee: float | None = None,
    carrier_cost: float | None = None,
    current: float | Literal["control"] | None = "control",
    thresholds: Sequence[float | None] = (),
    planned_shares: Mapping[float | None, float] | None = None,
    segment: str | None = None,
    window: float = 5.0,
    level: float = 0.95,
    currency: str | None = None,
) -> ThresholdCurve:
    """Compare thresholds that were tested: profit(X) = λ(X)·E[g·b(X) + f·1{b < X} − s] per segment.

    Of a warehouse the profit is what its books say: each customer's contribution within his window. Without a
    tested change in the number of orders the curve would always say "never free", so two tested thresholds are
    needed at least. Between two tested ones the profit is interpolated and called so; beyond them nothing is said.

    Parameters
    ----------
    customers
        A warehouse, whose table `experiment_arms` says from which basket on each arm's delivery is free; or one row
        per customer of the test: `customer_id`, `threshold` in force for him (null: never free), where known `arm`
        and `contribution`, and the segment's column.
    orders
        With such rows, one row per order in the window: `customer_id`, `basket`; where known `returned`, the value
        sent back, and `fee_paid`.
    experiment
        Name of a test of the warehouse.
    margin_rate
        Gross margin, share of the basket; with `fee` and `carrier_cost` needed where no contribution is known.
    fee, carrier_cost
        Of one delivery, money.
    current
        The threshold of today; None is never free, "control" that of the control arm. It must have been tested.
    thresholds
        Further thresholds to look at.
    planned_shares
        Share of customers that was meant to get each threshold, as in {50: 0.8, None: 0.2}; default that of the
        warehouse, else the same for all.
    segment
        Column of `customers`; of a warehouse its segments are taken. A segment with fewer than 30 customers in an
        arm is left out, `checks` says so.
    window
        Width above a threshold in which top-ups are counted, money.
    level
        Of the intervals.
    currency
        Of the baskets; default that of the warehouse. Frames say none, so none is printed.

    Raises
    ------
    DataError
        A column is missing, empty or infinite, an order has no customer of the test, a customer was in two arms, an
        arm has no threshold, fewer than two thresholds were tested, or today's is not among them. The test of the
        warehouse was not randomised by customer, or its contribution bears no cost of goods or of delivery.
    MissingInputError
        The warehouse holds no experiments, or no thresholds of their arms.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({"customer_id": range(800), "threshold": [30.0, 50.0] * 400})
    >>> orders = pl.DataFrame({"customer_id": range(800), "basket": [31.0, 45.0, 52.0, 24.0] * 200})
    >>> costs = {"margin_rate": 0.4, "fee": 4.9, "carrier_cost": 5.9}
    >>> free_delivery_threshold(people, orders, current=50.0, **costs).table["profit"].round(2).to_list()
    [10.7, 12.8]
    """
    check_level(level)
    check_number("window", window, above=0.0)
    costs = _costs(margin_rate, fee, carrier_cost)
    further = _further(thresholds)
    test = of_shop(customers, experiment) if isinstance(customers, Shop) else of_frames(customers, orders, segment)
    if "contribution" in test.customers.columns:
        costs = None
    elif costs is None:
        raise DataError(
            "Without a column `contribution` the profit follows from margin_rate, fee and carrier_cost.",
            "State all three.",
        )
    paid = with_profit(test, costs)
    if paid["profit"].n_unique() < 2:
        raise DataError("The profit is the same for every customer: no threshold can be told from another.")
    tested = sorted(paid["threshold"].unique().to_list())
    today = _today(test, tested, current)
    asked = sorted({*tested, *further})
    left_out = small_segments(paid, tested)
    shares = {_as_number(t): share for t, share in planned_shares.items()} if planned_shares else None
    checks = threshold_checks(test, today, shares, left_out)
    names = [s for s in sorted(paid["segment"].unique().to_list()) if s != ALL and s not in left_out]
    rows = _curve(ALL, paid, tested, asked, today, level, n_segments=1)
    for name in names:
        rows += _curve(name, paid.filter(segment=name), tested, asked, today, level, n_segments=len(names))
    table = pl.DataFrame(rows, infer_schema_length=None)
    if any(c.status == "block" for c in checks):
        nothing = [pl.lit(None, pl.Float64).alias(c) for c in ("gain", "gain_low", "gain_high")]
        table = table.with_columns(*nothing, is_best=False)
    return ThresholdCurve(
        table=table, currency=currency or test.currency, checks=checks_table(checks),
        top_ups=_top_ups(test.orders, tested, window, level),
        current=None if today == NEVER else today, fee=fee, carrier_cost=carrier_cost,
        margin_rate=margin_rate, profit_basis=BASIS_FORMULA if costs else BASIS_BOOKS, window=window, level=level,
    )  # fmt: skip


def _costs(
    margin_rate: float | None, fee: float | None, carrier_cost: float | None
) -> tuple[float, float, float] | None:
    """Check what is stated of the costs; None unless all three are."""
    if margin_rate is not None:
        check_share("margin_rate", margin_rate, with_limits=True)
    for name, value in (("fee", fee), ("carrier_cost", carrier_cost)):
        if value is not None:
            check_number(name, value, least=0.0)
    if margin_rate is None or fee is None or carrier_cost is None:
        return None
    return margin_rate, fee, carrier_cost


def _as_number(threshold: float | None) -> float:
    return NEVER if threshold is None else float(threshold)


def _further(thresholds: object) -> list[float]:
    if not isinstance(thresholds, list | tuple) or not all(t is None or is_number(t) for t in thresholds):
        raise DataError(f"thresholds={thresholds!r}: a list of baskets was expected, such as [40, 60]; None: never.")
    return [_as_number(t) for t in thresholds]


def _today(test: ThresholdTest, tested: list[float], current: object) -> float:
    """Return the threshold of today, which must be one of two or more that were tested."""
    shown = ", ".join(map(name_of, tested))
    if len(tested) < 2:
        raise DataError(
            f"Tested: {shown}. Two tested thresholds are needed, today's among them.",
            "With one alone the change in orders is unknown, and the curve would always say 'never free'.",
        )
    if current == "control":
        if test.control is None:
            raise DataError(
                f"Today's threshold is unknown: no arm is called control. Tested: {shown}.",
                "Name the arm in `control_arm` of the experiment's row, or state the threshold, as in current=50.",
            )
        return test.control
    if not (current is None or is_number(current)):
        raise DataError(f"current={current!r}: a basket such as 50, None (never free) or 'control' was expected.")
    today = _as_number(current)  # type: ignore[arg-type]
    if today not in tested:
        raise DataError(f"Tested: {shown}; today: {name_of(today)}. Today's threshold must be one of those tested.")
    return today


def _curve(
    segment: str,
    paid: pl.DataFrame,
    tested: list[float],
    asked: list[float],
    today: float,
    level: float,
    *,
    n_segments: int,
) -> list[dict[str, Any]]:
    arms = {t: _arm(paid.filter(threshold=t), segment, t) for t in tested}
    z = float(norm.ppf(0.5 + level / 2.0))
    n_comparisons = (len(tested) - 1) * n_segments  # Bonferroni
    strict = float(norm.ppf(1.0 - (1.0 - level) / 2.0 / n_comparisons))
    best = max(tested, key=lambda t: arms[t]["profit"])
    rows = []
    for threshold in asked:
        row: dict[str, Any] = {
            "segment": segment, "delivery": name_of(threshold), "threshold": None if threshold == NEVER else threshold,
        }  # fmt: skip
        if threshold in arms:
            arm = arms[threshold]
            gain, error = arm["profit"] - arms[today]["profit"], math.hypot(arm["error"], arms[today]["error"])
            half = 0.0 if threshold == today else strict * error
            row |= {"basis": "tested"} | {k: v for k, v in arm.items() if k != "error"}
            row |= _split(paid, threshold, today, z)
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
        raise DataError(
            f"Segment {segment!r}, {name_of(threshold)}: {customers.height} customers; {MIN_CUSTOMERS} are needed."
        )
    n_orders = float(customers["n_orders"].sum())
    mean, spread = float(customers["profit"].mean()), float(customers["profit"].std())  # type: ignore[arg-type]
    return {
        "n_customers": customers.height, "orders_per_customer": n_orders / customers.height,
        "basket": float(customers["spent"].sum()) / n_orders if n_orders else None,
        "paying_share": float(customers["n_paying"].sum()) / n_orders if n_orders else None,
        "profit": settled(mean), "error": settled(spread / math.sqrt(customers.height)),
    }  # fmt: skip


def _split(paid: pl.DataFrame, threshold: float, today: float, z: float) -> dict[str, float | None]:
    """Orders that more spending does not explain, N̄ − S̄·N̄₀/S̄₀, with its interval by the delta method."""
    names = ("orders_split", "orders_split_low", "orders_split_high")
    here, now = (paid.filter(threshold=t) for t in (threshold, today))
    spent, spent_now = (float(arm["spent"].sum()) / arm.height for arm in (here, now))
    if threshold == today or spent_now <= 0.0:
        return dict.fromkeys(names, 0.0 if threshold == today else None)
    basket = spent_now / (float(now["n_orders"].sum()) / now.height)
    apart = [(arm["n_orders"] - arm["spent"] / basket) for arm in (here, now)]
    errors = [float(d.std()) / math.sqrt(d.len()) for d in apart]  # type: ignore[arg-type]
    found, half = float(apart[0].mean()), z * math.hypot(errors[0], errors[1] * spent / spent_now)  # type: ignore[arg-type]
    return dict(zip(names, map(settled, (found, found - half, found + half)), strict=True))


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
        (p, error), (q, error_others) = _share(here, near), _share(others, near)
        half = z * math.hypot(error, error_others)
        inside = here.filter(near).drop_nulls("returned")
        back = None
        if inside.height:
            back = float(inside.select(((pl.col("basket") - pl.col("returned")) < threshold).mean()).item())
        rows.append((threshold, p, q, p - q, p - q - half, p - q + half, back))
    names = ("threshold", "share_above", "share_other_arms", "top_up_share", "top_up_share_low", "top_up_share_high",
             "returned_share")  # fmt: skip
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64), orient="row")


def _share(baskets: pl.DataFrame, near: pl.Expr) -> tuple[float, float]:
    """Share of orders and its standard error; a customer's orders are alike, so he is the unit."""
    per = baskets.group_by("customer_id").agg(near.sum().alias("near"), pl.len().alias("n"))
    share = float(per["near"].sum()) / baskets.height
    apart = float((per["near"] - share * per["n"]).pow(2).sum())
    return share, settled(math.sqrt(apart) / baskets.height)
