"""Too little, enough, too much: what a measure brings by how often a customer gets it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from scipy import optimize, stats

from custvalue.door import checked
from custvalue.errors import DataError, MissingInputError
from custvalue.results import Kind, Result
from custvalue.validation import check_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from custvalue.data.warehouse import Warehouse

    Floats = NDArray[np.float64]

AFTER_DAYS = 365
MIN_YEARS = 0.25
"""A customer who was there for less before the split has no yearly dose worth the name."""
MIN_CUSTOMERS = 25
MOST_DOSES = 8
DRAWS = 2000
SEED = 20240229
DAYS_PER_YEAR = 365
CHANCE = 0.05
NO_EFFECT = "no effect beyond chance"
COMPARED = "comparison of customers"

SCHEMA = {
    "dose": pl.Float64, "n_customers": pl.Int64, "margin": pl.Float64, "margin_low": pl.Float64,
    "margin_high": pl.Float64, "fitted": pl.Float64, "cost": pl.Float64, "net": pl.Float64,
    "gain_to_best": pl.Float64, "gain_low": pl.Float64, "gain_high": pl.Float64, "p_best": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DoseResponse(Result):
    """What customers bring by how often they get a measure.

    Attributes
    ----------
    table
        By dose (courtesies per customer and year): `n_customers`; `margin`, contribution a year before the measure's
        cost, with its interval; `fitted`, the same where it first rises and then falls, or does only one; `cost` of the
        dose a year; `net`, fitted less cost; `gain_to_best`, what a customer would bring more a year at the best dose,
        with its interval; `p_best`, the chance that this dose is the best.
    measure, name
        Its id and its name.
    basis
        The test whose arms are compared, or `comparison of customers`: those who got it more often before the split
        day against those who got it less often, on what they brought in the year after, equal in segment, type of
        business, time as a customer and first basket. Such customers may differ in more than that; a test by dose
        decides.
    shape
        Of the margin: `no effect beyond chance`, `rising`, `falling`, or `rising, then falling`.
    saturates_at
        The dose from which on the fitted margin rises no more; None where it never rises, or to the last.
    best_dose
        The dose of the largest net.
    gain, gain_low, gain_high
        Money a year if every customer above the best dose got the best one.
    level
        Of the intervals.
    """

    measure: str
    name: str
    basis: str
    shape: str
    saturates_at: float | None
    best_dose: float
    gain: float
    gain_low: float
    gain_high: float
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = {
        "dose": "number", "p_best": "percent", "margin": "money", "margin_low": "money", "margin_high": "money",
        "fitted": "money", "cost": "money", "net": "money", "gain_to_best": "money", "gain_low": "money",
        "gain_high": "money",
    }  # fmt: skip

    @property
    def title(self) -> str:
        """The best dose, and what more than it takes away."""
        last = self.table.row(-1, named=True)
        sure = last["gain_low"] > 0
        name = self.name[:1].upper() + self.name[1:]
        loss = f"{last['gain_to_best']:,.0f} {self.currency}"
        between = f"({last['gain_low']:,.0f} to {last['gain_high']:,.0f})"
        if self.shape == NO_EFFECT and not sure:
            return f"{name}: how often a customer gets it shows no effect on his margin beyond chance"
        if self.best_dose == last["dose"]:
            return f"{name} earns most at the most frequent dose seen, {self.best_dose:,.1f} a year"
        if self.best_dose == 0.0:
            return f"{name} does not pay: at {last['dose']:,.1f} a year a customer brings {loss} less {between}"
        if not sure:
            return f"{name}: {self.best_dose:,.1f} a year look best, but {last['dose']:,.1f} are no worse beyond chance"
        return (
            f"{name} earns most at {self.best_dose:,.1f} a year; at {last['dose']:,.1f} a customer brings {loss} less"
            f" {between}{'; customers compared, no test' if self.basis == COMPARED else ''}"
        )


@checked
def dose_response(shop: Warehouse, measure: str, *, level: float = 0.95) -> DoseResponse:
    """Estimate margin and cost by how often a customer gets a measure a year.

    A randomised test of the measure whose arms got it with different frequency is used where there is one; the arms are
    compared then. Otherwise customers are: see `DoseResponse.basis`.

    Parameters
    ----------
    shop
        The warehouse, with courtesies of the measure, logged or found in the transactions.
    measure
        Its id.
    level
        Of the intervals.

    Returns
    -------
    DoseResponse
        Money per customer and year.

    Raises
    ------
    DataError
        The measure has no courtesy, or too few customers got it with different frequency.
    MissingInputError
        No orders are loaded.

    Notes
    -----
    The means of the doses are fitted by the rising-then-falling sequence that is nearest to them, each weighed by its
    precision: isotonic regression up to a peak and down from it, the peak tried at every dose (Barlow, Bartholomew,
    Bremner & Brunk 1972, Statistical Inference under Order Restrictions, ch. 1; Turner & Wollan 1997, Computational
    Statistics & Data Analysis 25, 305-320). Intervals are from draws of the means. How often a customer got a measure
    says how often he was meant to get it only within chance, so that differences are rather too small than too large.
    """
    check_level(level)
    last_day = shop.fetch("data_span")["last_day"].item()
    if last_day is None:
        raise MissingInputError("No orders are loaded.", "Load a table with customer_id, ordered_at and amount first.")
    events = shop.fetch("int_courtesy_events").filter(pl.col("measure_id") == measure)
    if events.is_empty():
        held = shop.fetch("int_courtesy_events")["measure_id"].unique().sort().to_list()
        raise DataError(f"Measure {measure!r} has no courtesy.", f"Measures that have: {', '.join(held) or 'none'}.")
    found = _from_tests(shop, measure, events) or _from_customers(shop, measure, last_day)
    return _judged(found, measure, str(events["measure"][0] or measure), shop.currency, level)


@dataclass(frozen=True)
class _Doses:
    """Mean margin a year by dose, its covariance, customers, and what one courtesy costs."""

    basis: str
    doses: Floats
    n: NDArray[np.int64]
    means: Floats
    covariance: Floats
    unit_cost: float


# ------------------------------------------------------------------------------------------- where the doses come from


def _from_tests(shop: Warehouse, measure: str, events: pl.DataFrame) -> _Doses | None:
    """Take the arms of the newest randomised test in which they differ in dose; None where there is none."""
    tests = shop.fetch("stg_experiments").filter(pl.col("measure_id") == measure, pl.col("design") == "rct")
    for name in tests.sort("starts", "experiment_id", descending=True)["name"]:
        customers = shop.fetch("experiment_customers", experiment=name).filter("is_mature")
        days = tests.filter(pl.col("name") == name)["outcome_days"].item()
        if customers.is_empty() or not days or customers["arm"].n_unique() < 2:
            continue
        within = pl.col("occurred_on").is_between("first_day", pl.col("first_day") + pl.duration(days=days - 1))
        given = (
            events.select("customer_id", "occurred_on")
            .join(customers.select("customer_id", "first_day"), on="customer_id")
            .filter(within)
            .group_by("customer_id")
            .agg(pl.len().alias("n_given"))
        )
        year = DAYS_PER_YEAR / days
        margin = (pl.col("contribution") + pl.col("measure_cost")).cast(pl.Float64) * year
        arms = (
            customers.join(given, on="customer_id", how="left")
            .with_columns(pl.col("n_given").fill_null(0), margin=margin)
            .group_by("arm")
            .agg(
                pl.len().alias("n"), pl.col("margin").mean().alias("mean"), pl.col("margin").var().alias("variance"),
                (pl.col("n_given").mean() * year).alias("dose"), pl.col("n_given").sum().cast(pl.Float64),
                pl.col("measure_cost").cast(pl.Float64).sum(),
            )
            .filter(pl.col("n") >= MIN_CUSTOMERS)
            .sort("dose", "arm")
        )  # fmt: skip
        if arms.height > 1 and arms["dose"].n_unique() == arms.height and arms["n_given"].sum():
            return _Doses(
                f"test {name}", arms["dose"].to_numpy(), arms["n"].to_numpy(), arms["mean"].to_numpy(),
                np.diag((arms["variance"] / arms["n"]).to_numpy()),
                float(arms["measure_cost"].sum()) / float(arms["n_given"].sum()),
            )  # fmt: skip
    return None


def _from_customers(shop: Warehouse, measure: str, last_day: dt.date) -> _Doses:
    """Compare customers by the dose they had before the last year, on what they brought in it."""
    split = last_day - dt.timedelta(days=AFTER_DAYS - 1)
    customers = shop.fetch("customer_doses", measure=measure, split_day=split, end_day=last_day)
    known = _who_may_get_it(shop, measure, customers.filter(pl.col("years_before") >= MIN_YEARS))
    given = float(known["n_before"].sum())
    if not given:
        raise DataError(
            f"Nobody who was there for a quarter before {split} had got {measure!r} by then.",
            "The dose before that day is set against what customers brought after it: load a longer history.",
        )
    rate = (known["n_before"] / known["years_before"]).to_numpy()
    place = _bins(rate)
    if place.max() == 0:
        raise DataError(
            f"Too few customers got {measure!r} with different frequency: at least {MIN_CUSTOMERS} are needed of each."
        )
    y = ((known["contribution_after"] + known["cost_after"]) / known["years_after"]).to_numpy()
    means, covariance = _adjusted_means(y, place, _covariates(known))
    counts = np.bincount(place)
    return _Doses(
        COMPARED, np.bincount(place, weights=rate) / counts, counts, means, covariance,
        float(known["cost_before"].sum()) / given,
    )  # fmt: skip


def _who_may_get_it(shop: Warehouse, measure: str, customers: pl.DataFrame) -> pl.DataFrame:
    """Keep the type of business that the catalogue names for the measure, and segments in which anybody got it."""
    kept = customers
    if shop.has("courtesy_catalogue"):
        meant = shop.fetch("courtesy_catalogue").filter(measure_id=measure)["business_type"].drop_nulls().to_list()
        if meant and meant != ["all"] and meant[0] in set(customers["business_type"]):
            kept = customers.filter(pl.col("business_type") == meant[0])
    return kept.filter((pl.col("n_before").sum() > 0).over("segment"))


def _bins(rate: Floats) -> NDArray[np.intp]:
    """Group yearly doses: none, then whole numbers, or equal groups where there are many; small ones join the next."""
    whole = np.round(rate)
    whole[(rate > 0) & (whole == 0)] = 1
    if len(np.unique(whole)) > MOST_DOSES:
        positive = rate[rate > 0]
        edges = np.unique(np.quantile(positive, np.linspace(0, 1, MOST_DOSES)[1:-1]))
        if positive.max() / max(float(np.median(positive)), 1e-9) > MOST_DOSES or np.median(positive) > MOST_DOSES:
            whole = np.where(rate > 0, 1 + np.searchsorted(edges, rate, side="left"), 0)
        else:
            whole = np.minimum(whole, MOST_DOSES - 1)
    levels, place = np.unique(whole, return_inverse=True)
    counts = np.bincount(place, minlength=len(levels))
    groups, current, size = np.zeros(len(levels), dtype=np.intp), 0, 0
    for k in range(len(levels)):
        groups[k] = current
        size += counts[k]
        if size >= MIN_CUSTOMERS and counts[k + 1 :].sum() >= MIN_CUSTOMERS:
            current, size = current + 1, 0
    return groups[place]


def _covariates(customers: pl.DataFrame) -> Floats:
    """Return what was settled before the first courtesy, centred: segment, business, years, first basket."""
    named = [name for name in ("segment", "business_type") if customers[name].n_unique() > 1]
    columns = customers.select("years_before", pl.col("first_basket").clip(lower_bound=0.0).log1p()).to_numpy()
    if named:
        dummies = customers.select(named).to_dummies(drop_first=True).to_numpy().astype(np.float64)
        columns = np.column_stack([dummies, columns])
    varying = columns[:, columns.std(axis=0) > 0]
    return np.asarray(varying - varying.mean(axis=0))


def _adjusted_means(y: Floats, place: NDArray[np.intp], covariates: Floats) -> tuple[Floats, Floats]:
    """Return the mean of y by group at average covariates, by least squares, and its robust covariance (HC1)."""
    k = int(place.max()) + 1
    x = np.column_stack([np.eye(k)[place], covariates])
    inverse = np.linalg.pinv(x.T @ x)
    beta = inverse @ x.T @ y
    scores = x * (y - x @ beta)[:, None]
    n, p = x.shape
    covariance = inverse @ (scores.T @ scores) @ inverse * (n / max(n - p, 1))
    return beta[:k], covariance[:k, :k]


# ------------------------------------------------------------------------------------------------- what they say


def _judged(found: _Doses, measure: str, name: str, currency: str, level: float) -> DoseResponse:
    weights = 1.0 / np.maximum(np.diag(found.covariance), 1e-12)
    cost = found.doses * found.unit_cost
    fitted = unimodal(found.means, weights)
    net = fitted - cost
    best = int(np.argmax(net))
    rng = np.random.default_rng(SEED)
    draws = rng.multivariate_normal(found.means, found.covariance, size=DRAWS, method="eigh")
    nets = np.array([unimodal(draw, weights) for draw in draws]) - cost
    p_best = np.bincount(nets.argmax(axis=1), minlength=len(cost)) / DRAWS
    ends = [(1 - level) / 2, (1 + level) / 2]
    gains = nets[:, [best]] - nets
    low, high = np.quantile(gains, ends, axis=0)
    above = np.arange(len(cost)) > best
    # customers who would change their dose, as many as are here
    total = gains[:, above] @ found.n[above]
    total_low, total_high = np.quantile(total, ends) if above.any() else (0.0, 0.0)
    half = stats.norm.ppf(ends[1]) * np.sqrt(np.diag(found.covariance))
    table = pl.DataFrame(
        {"dose": found.doses, "n_customers": found.n, "margin": found.means, "margin_low": found.means - half,
         "margin_high": found.means + half, "fitted": fitted, "cost": cost, "net": net,
         "gain_to_best": net[best] - net, "gain_low": low, "gain_high": high, "p_best": p_best},
        schema=SCHEMA,
    )  # fmt: skip
    shape, saturates = _shape(found, fitted)
    return DoseResponse(
        table=table, measure=measure, name=name, basis=found.basis, shape=shape, saturates_at=saturates,
        best_dose=float(found.doses[best]), gain=float((net[best] - net)[above] @ found.n[above]),
        gain_low=float(total_low), gain_high=float(total_high), level=level, currency=currency,
    )  # fmt: skip


def unimodal(means: Floats, weights: Floats) -> Floats:
    """Return the sequence nearest to the means, in weighted squares, that rises to a peak and falls from it."""
    best: tuple[float, Floats] | None = None
    for peak in range(1, len(means) + 1):
        parts: list[Any] = [optimize.isotonic_regression(means[:peak], weights=weights[:peak]).x]
        if peak < len(means):
            parts.append(optimize.isotonic_regression(means[peak:], weights=weights[peak:], increasing=False).x)
        sequence = np.concatenate(parts)
        loss = float((weights * (sequence - means) ** 2).sum())
        if best is None or loss < best[0] - 1e-12:
            best = (loss, sequence)
    assert best is not None  # noqa: S101, there is at least one dose
    return best[1]


def _shape(found: _Doses, fitted: Floats) -> tuple[str, float | None]:
    """Name the shape; none where line and parabola through the means are flat within chance (Wald test)."""
    degree = min(2, len(fitted) - 1)
    x = np.vander(found.doses / found.doses.max(), degree + 1, increasing=True)
    precision = np.linalg.pinv(found.covariance)
    spread = np.linalg.pinv(x.T @ precision @ x)
    slopes = (spread @ x.T @ precision @ found.means)[1:]
    chi2 = float(slopes @ np.linalg.pinv(spread[1:, 1:]) @ slopes)
    if stats.chi2.sf(chi2, degree) > CHANCE:
        return NO_EFFECT, None
    top = int(np.argmax(fitted))
    rises, falls = fitted[top] > fitted[0], fitted[-1] < fitted[top]
    saturates = float(found.doses[top]) if rises and top < len(fitted) - 1 else None
    if rises and falls:
        return "rising, then falling", saturates
    return ("rising" if rises else "falling"), saturates
