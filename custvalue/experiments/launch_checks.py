"""Checks of a launch that was not randomised, judged by difference-in-differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import f as f_distribution

from custvalue.experiments.checks import Check, Status

if TYPE_CHECKING:
    from types import ModuleType

MIN_TREATED, FEW_UNITS = 5, 10
BREAKDOWN_GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
PARTING, TRENDS, OPINIONS = "parting trends", "trends before", "second opinions"


def few_units(n_units: int, n_treated: int) -> Check:
    """Say what a decision on so few units rests on."""
    text = f"{n_treated} of {n_units} units got the measure, so the decision rests on synthetic control."
    return Check("units", "warn", f"{text} What else happened there since the launch counts as effect.")


def enough_units(n_units: int, n_treated: int) -> Check:
    """Check that there are units enough on either side for standard errors clustered by unit."""
    text = f"{n_treated} of {n_units} units got the measure."
    if min(n_treated, n_units - n_treated) < MIN_TREATED:
        return Check(
            "units", "block", f"{text} With fewer than {MIN_TREATED} on a side chance can't be told from effect."
        )
    few = min(n_treated, n_units - n_treated) < FEW_UNITS
    return Check("units", "warn" if few else "ok", text)


def trends_before(events: Any, n_units: int) -> Check:
    """Test all effects before the launch together (Hotelling's T² over units)."""
    index = [int(i) for i in events.vcov_index]
    before = [i for i, t in enumerate(index) if t < 0][-max(n_units // 4, 1) :]
    if not before:
        return Check(TRENDS, "block", "There is no period before the launch to compare trends in.")
    effect = {int(t): float(a) for t, a in zip(events.event_time, events.att, strict=True)}
    b = np.array([effect[index[i]] for i in before])
    statistic = float(b @ np.linalg.pinv(np.asarray(events.vcov)[np.ix_(before, before)]) @ b)
    k = len(before)
    p = float(f_distribution.sf(statistic * (n_units - k) / (k * (n_units - 1)), k, n_units - k))
    status: Status = "block" if p < 0.01 else "warn" if p < 0.10 else "ok"
    return Check(TRENDS, status, f"Effects in the {k} periods before the launch together: p = {p:.2g}.")


def parting_trends(dd: ModuleType, study: Any, level: float) -> tuple[float | None, Check]:
    """Return how far trends may part until the sign is lost (Rambachan & Roth 2023), and what that says."""
    try:
        sensitivity = dd.HonestDiD(alpha=1.0 - level).sensitivity_analysis(study, M_grid=list(BREAKDOWN_GRID))
    except ValueError:  # the effects by period have no invertible covariance where units are fewer than periods
        text = "How far trends may part can't be told: there are too few units for so many periods."
        return None, Check(PARTING, "warn", text)
    if sensitivity.breakdown_M is None:
        text = "The sign holds if trends part twice as far after as before the launch."
        return None, Check(PARTING, "ok", text)
    breakdown = float(sensitivity.breakdown_M)
    text = f"The sign holds until trends part {breakdown:.2f} times as far after as ever before the launch."
    return breakdown, Check(PARTING, "warn" if breakdown < 1.0 else "ok", text)


def second_opinions(rows: list[dict[str, Any]]) -> list[Check]:
    """Check that the other estimates lie within the first interval."""
    first, *others = rows
    if first["effect_low"] is None:
        return []
    outside = [r["estimator"] for r in others if not first["effect_low"] <= r["effect"] <= first["effect_high"]]
    if outside:
        return [Check(OPINIONS, "warn", f"Outside the first interval: {', '.join(outside)}.")]
    return [Check(OPINIONS, "ok", "All estimators agree within the first one's interval.")]


def without_support(checks: list[Check]) -> list[Check]:
    """Block an effect that a parting as large as before would undo, where something speaks for such a parting.

    That trends may part as far after the launch as they did before it is the natural benchmark (Rambachan & Roth
    2023). Alone it asks much of a short panel and warns; with effects before the launch, or an estimator that
    finds another effect, it is what the data show.
    """
    found = {c.check: c.status for c in checks}
    doubts = [name for name in (TRENDS, OPINIONS) if found.get(name) == "warn"]
    if found.get(PARTING) != "warn" or not doubts:
        return checks
    text = f" As {' and '.join(doubts)} warn too, what parted before may be all there is."
    return [c._replace(status="block", detail=c.detail + text) if c.check == PARTING else c for c in checks]
