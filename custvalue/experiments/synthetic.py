"""Synthetic control: a few areas with the measure against a weighted mean of areas without it, judged by placebos.

The weights are diff-diff's (Abadie, Diamond & Hainmueller 2010); the placebos and the interval from them are ours.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.optimize import nnls

from custvalue.experiments.checks import Check, Status
from custvalue.experiments.wording import money, percent

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

MIN_BEFORE = 3  # two periods to fit a launch that never was, one to look at it
POOR_FIT = 0.5  # of the outcome's standard deviation
WORSE_THAN_TYPICAL, FAR_WORSE = 2.0, 3.0  # times the median gap before the launch
PERFECT = 1e-6
DONORS = {
    "unit": pl.String, "weight": pl.Float64, "rmspe_before": pl.Float64, "gap_after": pl.Float64,
    "rmspe_ratio": pl.Float64,
}  # fmt: skip
PATH = {"periods_since_launch": pl.Int64, "treated": pl.Float64, "synthetic": pl.Float64}


@dataclass(frozen=True, kw_only=True)
class SyntheticControl:
    """Effect of a launch on the areas that got it together, per period.

    Attributes
    ----------
    effect
        Mean gap after the launch between the launched area and its synthetic control, money per period.
    low, high
        Interval at `level`; None where there are too few donors, or none that ever parts from its synthetic control.
    p_value
        Share of areas, the launched one included, whose gap after the launch is as large for their fit before it.
    p_value_rmspe
        The same of Abadie, Diamond & Hainmueller's (2010, §3.4) statistic, the root mean squared gap after the launch
        over the one before.
    donors
        `unit`, `weight` in the synthetic control, and as placebo `rmspe_before`, `gap_after`, `rmspe_ratio`.
    path
        `periods_since_launch`, `treated`, `synthetic`.
    rmspe_before, rmspe_typical, spread
        Root mean squared gap before the launch, the median of it over all areas, and the standard deviation of the
        outcome before the launch over areas and periods.
    without_one
        Donor with weight and the effect without it.
    level
        Of the interval.
    """

    effect: float
    low: float | None
    high: float | None
    p_value: float
    p_value_rmspe: float
    donors: pl.DataFrame
    path: pl.DataFrame
    rmspe_before: float
    rmspe_typical: float
    spread: float
    without_one: dict[str, float]
    level: float


def donors_needed(level: float) -> int:
    """Donors from which on the smallest p-value, 1/(donors + 1), reaches 1 − level."""
    return math.ceil(1.0 / (1.0 - level) - 1e-9) - 1


def synthetic_control(dd: ModuleType, table: pl.DataFrame, start: int, level: float) -> SyntheticControl:
    """Estimate the effect of one launch day by synthetic control.

    Units with the same launch day are averaged to one launched area. Every donor in turn then stands in for it, with
    the other donors as its donors (Abadie, Diamond & Hainmueller 2010, §2.4). An area's statistic is
    |mean gap after| / max(RMSPE before, median RMSPE before over all areas). Inverted (Firpo & Possebom 2018, eq. 14
    with a statistic of the kind of their §5), it gives an interval for the mean effect, whatever its path over time:
    the estimate more or less the launched area's denominator times the k-th largest statistic among the placebos,
    k = ⌊(1 − level)·(donors + 1)⌋.

    The plain ratio of RMSPE is shown beside and not inverted: of an effect that grows it rejects every constant; over
    few periods chance fits some areas without error, whatever comes after; and a mean of several areas is fitted so
    closely that a launch without effect seems to have one. The median in the denominator guards against the last two,
    so that with several areas the interval errs on the wide side.

    Chance must have chosen the launched area for the p-value to be exact, and even then it has one donor more than its
    placebos. In simulated panels of two common factors, 300 each with 19 to 59 donors and 5 to 30 periods before, 95 %
    intervals held the truth in 93 to 97 % for one area, in 98 to 100 % for the mean of several. A trend of the
    launched area alone is taken for effect wherever the launch that never was does not show it.

    Parameters
    ----------
    dd
        diff-diff.
    table
        `unit`, `period`, `outcome`, `start` (0: never), every unit in every period, sorted by unit and period.
    start
        First period with the measure.
    level
        Of the interval.
    """
    wide = table.pivot(on="period", index=["unit", "start"], values="outcome").sort("unit")
    before = table.filter(pl.col("period") < start)["period"].n_unique()
    launched = wide.filter(pl.col("start") == start).drop("unit", "start").to_numpy()
    pool = wide.filter(pl.col("start") == 0)
    outcomes = np.vstack([launched.mean(axis=0), pool.drop("unit", "start").to_numpy()])
    fit = _fit(dd, outcomes, before)
    gaps = np.vstack([[fit.gap_path[t] for t in range(outcomes.shape[1])], _placebo_gaps(outcomes[1:], before)])
    rmspe = np.sqrt((gaps[:, :before] ** 2).mean(axis=1))
    spread, typical = float(outcomes[:, :before].std()), float(np.median(rmspe))
    # where most areas are fitted without error the fit says nothing: then the gaps are compared as they are
    scale = np.maximum(rmspe, typical) if typical > PERFECT * spread else np.ones(rmspe.size)
    after = gaps[:, before:].mean(axis=1)
    statistic = np.abs(after) / scale
    ratio = np.sqrt((gaps[:, before:] ** 2).mean(axis=1)) / np.maximum(rmspe, PERFECT * spread or 1.0)
    low, high = _interval(float(after[0]), float(scale[0]), statistic[1:], level)
    donors = pl.DataFrame({
        "unit": pool["unit"],
        "weight": [float(fit.donor_weights.get(i, 0.0)) for i in range(1, len(outcomes))],
        "rmspe_before": rmspe[1:], "gap_after": after[1:], "rmspe_ratio": ratio[1:],
    }, schema=DONORS).sort("weight", "unit", descending=[True, False])  # fmt: skip
    return SyntheticControl(
        effect=float(after[0]), low=low, high=high, p_value=float((statistic >= statistic[0]).mean()),
        p_value_rmspe=float((ratio >= ratio[0]).mean()), donors=donors, path=_path(outcomes[0], gaps[0], before),
        rmspe_before=float(rmspe[0]), rmspe_typical=typical, spread=spread,
        without_one=_without_one(fit, pool["unit"].to_list()), level=level,
    )  # fmt: skip


def _fit(dd: ModuleType, outcomes: NDArray[np.float64], before: int) -> Any:
    """Fit the launched area (row 0) by the donors."""
    unit, period = (a.ravel() for a in np.indices(outcomes.shape))
    treated = ((unit == 0) & (period >= before)).astype(int)
    frame = pl.DataFrame({"unit": unit, "period": period, "outcome": outcomes.ravel(), "treated": treated})
    # With the outcomes before the launch as predictors, equal weights on them as they are minimise the gap before the
    # launch itself: what the nested search looks for, found at once and always the same.
    model = dd.SyntheticControl(v_method="custom", custom_v=np.ones(before), standardize="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a poor fit, which a check tells
        return model.fit(frame.to_pandas(), outcome="outcome", treatment="treated", unit="unit", time="period")


def _placebo_gaps(donors: NDArray[np.float64], before: int) -> NDArray[np.float64]:
    """Fit each donor by the other donors: the same least squares without diff-diff's tables, for hundreds of shops.

    The launched area is none of them: it would bring its effect into the comparison.
    """
    gaps = np.empty_like(donors)
    for j, target in enumerate(donors):
        others = np.delete(donors, j, axis=0)
        gaps[j] = target - simplex_weights(target[:before], others[:, :before]) @ others
    return gaps


def simplex_weights(target: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights, none negative and 1 in sum, whose mean of `others` (a row each) is closest to the target.

    They are u/Σu of the non-negative least squares of (others − target)ᵀu to 0 and of Σu to 1.
    """
    apart = (others - target).T
    size = float(np.sqrt((apart**2).mean())) or 1.0
    sides = np.vstack([apart / size, np.ones(len(others))])
    u, _ = nnls(sides, np.append(np.zeros(target.size), 1.0), maxiter=50 * len(others))
    return np.asarray(u / u.sum(), dtype=np.float64)


def _interval(
    effect: float, scale: float, placebos: NDArray[np.float64], level: float
) -> tuple[float | None, float | None]:
    """Collect the effects that more than 1 − level of the areas, the launched one included, speak for."""
    # the launched area less an effect must have a statistic no larger than that of k placebos
    k = math.floor((1.0 - level) * (placebos.size + 1) + 1e-9)
    half = scale * float(np.sort(placebos)[-k]) if k else 0.0
    return (effect - half, effect + half) if half > 0.0 else (None, None)


def _path(treated: NDArray[np.float64], gaps: NDArray[np.float64], before: int) -> pl.DataFrame:
    since = np.arange(treated.size) - before
    return pl.DataFrame({"periods_since_launch": since, "treated": treated, "synthetic": treated - gaps}, schema=PATH)


def _without_one(found: Any, names: list[str]) -> dict[str, float]:
    """Effect without each donor that has weight (Abadie, Diamond & Hainmueller 2015, §4)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left_out = found.leave_one_out()
    rows = left_out[left_out["status"] == "loo"].sort_values("dropped_unit")
    return {names[int(i) - 1]: float(e) for i, e in zip(rows["dropped_unit"], rows["att"], strict=True)}


def synthetic_checks(found: SyntheticControl, early: SyntheticControl | None) -> list[Check]:
    """Check a synthetic control that a decision rests on; `early` is the launch that never was."""
    return [_donors(found), _fit_before(found), _placebo_areas(found), _one_donor(found), _in_time(early)]


def _donors(found: SyntheticControl) -> Check:
    n, needed = found.donors.height, donors_needed(found.level)
    if n < needed:
        text = f"{n} donors can't show anything at {percent(found.level)}: {needed} are needed at least."
        return Check("donors", "block", text)
    if found.low is None:
        text = "No donor ever parts from its synthetic control: nothing shows how far chance goes."
        return Check("donors", "block", text)
    used = found.donors.filter(pl.col("weight") > 0.0)
    most = ", ".join(f"{u} ({percent(w)})" for u, w in used.head(4).select("unit", "weight").iter_rows())
    return Check("donors", "ok", f"{used.height} of {n} donors have weight: {most}{' …' if used.height > 4 else ''}.")


def _fit_before(found: SyntheticControl) -> Check:
    """Measure the gap before the launch against the outcome's spread and against what placebos are fitted with."""
    if found.rmspe_typical <= PERFECT * found.spread:
        text = "Most areas are fitted without error: with so few periods before the launch a good fit says nothing."
        return Check("fit before", "block", text)
    gap, typical = found.rmspe_before, found.rmspe_typical
    status: Status = "ok"
    if gap > max(found.donors["rmspe_before"]) and gap > min(found.spread, FAR_WORSE * typical):
        status = "block"
    elif gap > min(POOR_FIT * found.spread, WORSE_THAN_TYPICAL * typical):
        status = "warn"
    text = (
        f"Gap before the launch (RMSPE) {money(gap)}, of a typical area {money(typical)};"
        f" the outcome's standard deviation is {money(found.spread)}."
    )
    if status == "block":
        text += " No mean of the others is like the launched area: choose donors like it, or an outcome per customer."
    return Check("fit before", status, text)


def _placebo_areas(found: SyntheticControl) -> Check:
    alpha = 1.0 - found.level + 1e-9
    text = (
        f"Share of areas, the launched one included, with as large a gap for their fit: p = {found.p_value:.2g};"
        f" by the ratio of RMSPE after to before: p = {found.p_value_rmspe:.2g}."
    )
    return Check("placebo areas", "warn" if found.p_value <= alpha < found.p_value_rmspe else "ok", text)


def _one_donor(found: SyntheticControl) -> Check:
    unit, effect = max(found.without_one.items(), key=lambda item: abs(item[1] - found.effect))
    turned = [u for u, e in found.without_one.items() if e * found.effect < 0.0]
    text = f"Left out one at a time, {unit} moves the effect most: to {money(effect, sign=True)}."
    if turned:
        text += f" Its sign turns without {', '.join(turned)}."
    return Check("one donor", "warn" if turned else "ok", text)


def _in_time(early: SyntheticControl | None) -> Check:
    """Look for an effect where there was none: what set the area apart before goes on after the launch."""
    if early is None:
        return Check("placebo", "warn", f"A launch that never was needs {MIN_BEFORE} periods before the launch.")
    text = f"A launch that never was: {money(early.effect, sign=True)}"
    if early.low is None or early.high is None:
        return Check("placebo", "warn", f"{text}, without an interval.")
    inside = early.low <= 0.0 <= early.high
    return Check("placebo", "ok" if inside else "block", f"{text} ({money(early.low)} to {money(early.high)}).")
