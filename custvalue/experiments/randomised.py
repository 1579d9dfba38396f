"""Effects of a randomised test: the one adapter to tea-tasting, guarded against what it gets wrong.

With empty values tea-tasting divides the variance by all rows, its relative interval explodes near a base
of 0 and turns its sign on a negative one: empty values are refused, and a relative change is given only
where the base is clearly positive. Where the explosion is more than a float holds, the figures without it
are taken from the same aggregates (Welch).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import narwhals as nw
from scipy.stats import binomtest, chisquare, norm
from scipy.stats import t as student
from tea_tasting.aggr import Aggregates, read_aggregates
from tea_tasting.experiment import ExperimentResult
from tea_tasting.metrics import RatioOfMeans
from tea_tasting.metrics.mean import MeanResult
from tea_tasting.multiplicity import adjust_fwer

from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALL = "all"
EXACT_BELOW = 1_000
ROUNDING = 1e-12
CLEARLY_POSITIVE = 3.0  # standard errors of the base above 0


class Metric(NamedTuple):
    """What is compared: the mean of `outcome` per customer, or per unit of another column.

    Attributes
    ----------
    outcome
        Column of the numerator.
    before
        Covariate known before the assignment (CUPED, Deng, Xu, Kohavi & Walker 2013); None for none.
    per
        Column of the denominator of a ratio (delta method, Deng, Knoblich & Lu 2018); None for customers.
    """

    outcome: str
    before: str | None = None
    per: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the metric needs."""
        return tuple(c for c in self if c is not None)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Treated less control, per customer.

    Attributes
    ----------
    n_control, n_treated
        Customers.
    control, treated
        Means, adjusted for the covariate.
    effect, low, high
        Difference with its interval at `level`, in the outcome's unit.
    standard_error
        Of the difference.
    p_value
        Two-sided, Welch.
    relative, relative_low, relative_high
        As a share of the control mean; None unless that is clearly positive and the interval is finite.
    """

    n_control: int
    n_treated: int
    control: float
    treated: float
    effect: float
    low: float
    high: float
    level: float
    standard_error: float
    p_value: float
    relative: float | None
    relative_low: float | None
    relative_high: float | None

    @property
    def n(self) -> int:
        """Customers of both arms."""
        return self.n_control + self.n_treated

    @property
    def sd_per_customer(self) -> float:
        """Standard deviation of one customer's outcome that gives this error with these arms."""
        return self.standard_error / math.sqrt(1.0 / self.n_control + 1.0 / self.n_treated)


Cells = dict[tuple[str, bool], Aggregates]


def cells(data: Any, metrics: Iterable[Metric], *, arm: str, segment: str | None = None) -> Cells:
    """Aggregate every segment and arm in one pass: counts, means, variances, covariances.

    Parameters
    ----------
    data
        A Polars frame or a DuckDB relation, one row per customer; `arm` is a boolean column.
    metrics
        What will be compared.
    arm, segment
        Columns.

    Raises
    ------
    DataError
        An outcome or a covariate is empty in some rows; "no order" must be stated as 0.
    """
    columns = sorted({c for m in metrics for c in m.columns})
    frame = nw.from_native(data).lazy()
    _refuse_nulls(frame, columns)
    key = nw.col(arm).cast(nw.Int64).cast(nw.String)
    if segment is not None:
        key = nw.concat_str([key, nw.col(segment).cast(nw.String)], separator="|")
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    found = read_aggregates(
        frame.with_columns(cell=key).to_native(),
        "cell",
        has_count=True,
        mean_cols=columns,
        var_cols=columns,
        cov_cols=pairs,
    )
    out: Cells = {}
    for cell, aggregates in sorted(found.items(), key=lambda item: str(item[0])):
        treated, _, name = str(cell).partition("|")
        out[(name if segment is not None else ALL, treated == "1")] = aggregates
    if segment is not None:
        for side in (False, True):
            parts = [a for (_, t), a in out.items() if t is side]
            if parts:
                out[(ALL, side)] = sum(parts[1:], start=parts[0])
    return out


def _refuse_nulls(frame: Any, columns: Sequence[str]) -> None:
    missing = frame.select(*[nw.col(c).is_null().sum().alias(c) for c in columns]).collect().to_dict(as_series=False)
    for column, (n,) in missing.items():
        if n:
            raise DataError(
                f"Column {column!r} is empty in {int(n):,} rows.",
                "State 'no order' as 0, or leave those customers out of both arms and say why.",
            )


def effect_of(metric: Metric, cells_: Cells, *, segment: str = ALL, level: float = 0.95) -> Effect:
    """Compare the arms of a segment in one metric (Welch; CUPED where the metric has a covariate).

    Raises
    ------
    DataError
        An arm has fewer than two customers.
    """
    control, treated = (cells_.get((segment, t)) for t in (False, True))
    sizes = [0 if a is None else int(a.count()) for a in (control, treated)]
    if control is None or treated is None or min(sizes) < 2:
        raise DataError(
            f"Segment {segment!r} has {sizes[0]} customers in control and {sizes[1]} treated; 2 are needed."
        )
    test = RatioOfMeans(metric.outcome, metric.per, metric.before, confidence_level=level)
    if not (_varies(metric, control) or _varies(metric, treated)):
        raise DataError(f"{metric.outcome!r} is the same for every customer of segment {segment!r}.")
    found, error = _compare(test, metric, control, treated)
    base_error = math.sqrt(control.var(metric.outcome) / sizes[0])
    positive = metric.per is not None or found.control > CLEARLY_POSITIVE * base_error
    positive = positive and math.isfinite(found.rel_effect_size_ci_upper)
    return Effect(
        n_control=sizes[0], n_treated=sizes[1], control=settled(found.control), treated=settled(found.treatment),
        effect=settled(found.effect_size), low=settled(found.effect_size_ci_lower),
        high=settled(found.effect_size_ci_upper), level=level,
        standard_error=settled(error), p_value=settled(found.pvalue),
        relative=settled(found.rel_effect_size) if positive else None,
        relative_low=settled(found.rel_effect_size_ci_lower) if positive else None,
        relative_high=settled(found.rel_effect_size_ci_upper) if positive else None,
    )  # fmt: skip


def _compare(test: RatioOfMeans, metric: Metric, control: Aggregates, treated: Aggregates) -> tuple[MeanResult, float]:
    """Return tea-tasting's comparison and the standard error; its relative figures are infinite where they overflow."""
    try:
        return test.analyze_aggregates(control, treated), _standard_error(test, control, treated)
    except OverflowError:  # exp() of the relative interval, where a mean is near 0; nothing else is amiss
        return _welch(metric, control, treated, test.confidence_level)


def _welch(metric: Metric, control: Aggregates, treated: Aggregates, level: float) -> tuple[MeanResult, float]:
    """Compare the arms from their aggregates without a relative change, as `RatioOfMeans` defines mean and variance."""
    total = control + treated
    theta = 0.0
    if metric.before is not None and total.var(metric.before) > 0.0:
        theta = total.ratio_cov(metric.outcome, metric.per, metric.before, None) / total.var(metric.before)
    means, variances = [], []  # the variances are those of the means
    for arm in (control, treated):
        apart = arm.mean(metric.before) - total.mean(metric.before)
        means.append(arm.mean(metric.outcome) / arm.mean(metric.per) - theta * apart)
        shared = arm.ratio_cov(metric.outcome, metric.per, metric.before, None)
        one = arm.ratio_var(metric.outcome, metric.per) + theta**2 * arm.var(metric.before) - 2.0 * theta * shared
        variances.append(one / arm.count())
    effect, error = means[1] - means[0], math.sqrt(sum(variances))
    sizes = control.count(), treated.count()
    df = error**4 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    half = float(student.ppf(0.5 + level / 2.0, df)) * error
    found = MeanResult(
        control=means[0], treatment=means[1], effect_size=effect, effect_size_ci_lower=effect - half,
        effect_size_ci_upper=effect + half, rel_effect_size=math.inf, rel_effect_size_ci_lower=-math.inf,
        rel_effect_size_ci_upper=math.inf, pvalue=2.0 * float(student.sf(abs(effect) / error, df)),
        statistic=effect / error,
    )  # fmt: skip
    return found, error


def _varies(metric: Metric, arm: Aggregates) -> bool:
    """Tell whether the metric differs between the customers of an arm; rounding alone is no difference."""
    if metric.per is None:
        return bool(arm.var(metric.outcome) > 0.0)
    if not arm.mean(metric.per):
        raise DataError(f"{metric.per!r} is 0 for every customer of an arm: nothing can be divided by it.")
    ratio = arm.mean(metric.outcome) / arm.mean(metric.per)
    parts = arm.var(metric.outcome), ratio**2 * arm.var(metric.per)
    left = sum(parts) - 2.0 * ratio * arm.cov(metric.outcome, metric.per)
    return bool(left > ROUNDING * sum(parts))


def settled(value: float) -> float:
    """Keep twelve digits: sums over threads differ in the last ones from run to run, decisions must not."""
    return float(f"{value:.12g}")


def _standard_error(test: RatioOfMeans, control: Aggregates, treated: Aggregates) -> float:
    """Take it from the normal interval: the statistic does not give it where the effect is exactly 0."""
    normal = RatioOfMeans(test.numer, test.denom, test.numer_covariate, use_t=False, confidence_level=0.95)
    found = normal.analyze_aggregates(control, treated)
    half = (found.effect_size_ci_upper - found.effect_size_ci_lower) / 2.0
    return float(half / norm.ppf(0.975))


def holm(p_values: Mapping[str, float], level: float = 0.95) -> dict[str, tuple[float, float]]:
    """Adjust the p-values of pre-declared segments (Holm 1979).

    Returns
    -------
    dict
        For each segment its adjusted p-value and the level of the interval that agrees with the procedure:
        it leaves out 0 exactly where Holm rejects.
    """
    named = {name: ExperimentResult({"effect": {"pvalue": p}}) for name, p in p_values.items()}
    if not named:
        return {}
    adjusted = adjust_fwer(named, alpha=1.0 - level, method="bonferroni", arbitrary_dependence=True)
    rows = {name: result["effect"] for name, result in adjusted.items()}
    return {str(name): (float(r["pvalue_adj"]), 1.0 - float(r["alpha_adj"])) for name, r in rows.items()}


def sample_ratio_p_value(n_control: int, n_treated: int, planned_share: float) -> float:
    """Chance of a split at least this far from the planned one: binomial for small tests, otherwise χ²."""
    n = n_control + n_treated
    if n < EXACT_BELOW:
        return float(binomtest(n_treated, n, planned_share).pvalue)
    return float(chisquare([n_control, n_treated], [n * (1.0 - planned_share), n * planned_share]).pvalue)


def detectable(
    history: Any,
    metric: Metric,
    *,
    level: float,
    power: float,
    treated_share: float = 0.5,
    n: int | None = None,
    effect: float | None = None,
) -> float:
    """Solve the power of a test on past customers, by tea-tasting: the effect that `n` customers show, or the reverse.

    Parameters
    ----------
    history
        One row per customer of the past, with the metric's columns.
    n, effect
        Customers of both arms, or the effect in the outcome's unit; one of the two.

    Returns
    -------
    float
        The smallest effect found with the given power, or the customers of both arms.
    """
    columns = sorted(metric.columns)
    frame = nw.from_native(history).lazy()
    _refuse_nulls(frame, columns)
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    found = read_aggregates(
        frame.to_native(), None, has_count=True, mean_cols=columns, var_cols=columns, cov_cols=pairs
    )
    if not found.var(metric.outcome) > 0.0:
        raise DataError(f"{metric.outcome!r} is the same for every customer of the past: no size can be planned.")
    asked: Literal["effect_size", "n_obs"] = "effect_size" if effect is None else "n_obs"

    def solve(*, use_t: bool) -> float:
        test = RatioOfMeans(
            metric.outcome, metric.per, metric.before, use_t=use_t,
            alpha=1.0 - level, power=power, ratio=treated_share / (1.0 - treated_share), n_obs=n, effect_size=effect,
        )  # fmt: skip
        return float(getattr(test.solve_power_from_aggregates(found, asked)[0], asked))

    try:
        return solve(use_t=True)
    except ValueError:  # the noncentral t is not defined somewhere on the way; at such sizes the normal agrees
        return solve(use_t=False)
