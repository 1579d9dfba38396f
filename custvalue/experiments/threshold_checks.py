"""What must hold before thresholds may be compared: as for a verdict, with any number of arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.stats import chisquare

from custvalue.errors import DataError
from custvalue.experiments.checks import BLOCK_BELOW, WARN_BELOW, Check, Status
from custvalue.experiments.randomised import ALL, sample_ratio_p_value
from custvalue.validation import check_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from custvalue.experiments.threshold_inputs import ThresholdTest

MIN_CUSTOMERS = 30


def name_of(threshold: float | None) -> str:
    """Say a threshold in words; None is never free."""
    if threshold is None or threshold == float("inf"):
        return "never free"
    return "always free" if threshold <= 0.0 else f"free over {threshold:g}"


def threshold_checks(
    test: ThresholdTest, today: float, planned_shares: Mapping[float, float] | None, left_out: Mapping[str, int]
) -> list[Check]:
    """Check arms and costs; what stops every figure was refused while reading.

    Parameters
    ----------
    today
        The threshold of today; where no arm is called control the plan's share is that of the other one.
    planned_shares
        Share of customers planned for each threshold; None takes the plan of the warehouse, else equal arms.
    left_out
        Segments that are too small, and the customers of their smallest arm.

    Raises
    ------
    DataError
        The shares planned are not those of the thresholds tested, or do not add up to 1.
    """
    sizes = dict(test.customers.group_by("threshold").len().sort("threshold").iter_rows())
    named = ", ".join(f"{name_of(t)}: {n:,} customers" for t, n in sizes.items())
    checks = [Check("both arms" if len(sizes) == 2 else "all arms", "ok", f"{named}.")]
    control = today if test.control is None else test.control
    checks += [
        _split(sizes, planned_shares or _planned(sizes, control, test.treated_share)),
        _before(test.p_before),
        _missing_cost(test),
        _mature(test),
    ]
    checks += [Check("nulls", "ok", "No threshold, contribution or basket is empty or infinite.")]
    if left_out:
        names = ", ".join(f"{s} ({n:,})" for s, n in left_out.items())
        text = f"Left out, with fewer than {MIN_CUSTOMERS} customers in an arm: {names}."
        checks.append(Check("small segments", "warn", f"{text} They are counted in {ALL!r}."))
    return checks


def _planned(sizes: Mapping[float, int], control: float, treated_share: float | None) -> dict[float, float]:
    if len(sizes) == 2 and treated_share is not None:
        return {t: 1.0 - treated_share if t == control else treated_share for t in sizes}
    return dict.fromkeys(sizes, 1.0 / len(sizes))


def _split(sizes: Mapping[float, int], shares: Mapping[float, float]) -> Check:
    if set(shares) != set(sizes):
        tested = ", ".join(map(name_of, sizes))
        raise DataError(f"planned_shares names other thresholds than those tested: {tested}.")
    for threshold, share in shares.items():
        check_number(f"planned_shares[{threshold}]", share, above=0.0)
    if abs(sum(shares.values()) - 1.0) > 0.01:
        raise DataError(f"planned_shares add up to {sum(shares.values()):g}; shares that add up to 1 were expected.")
    p = split_p_value(sizes, shares)
    total = sum(sizes.values())
    found = ", ".join(f"{name_of(t)}: {n / total:.1%} ({shares[t]:.1%} planned)" for t, n in sizes.items())
    status = _status(p)
    text = f"Shares of the customers: {found}; p = {p:.2g}."
    if status == "block":
        text += " The arms are not those drawn, or planned_shares is to be stated."
    return Check("sample ratio", status, text)


def split_p_value(sizes: Mapping[float, int], shares: Mapping[float, float]) -> float:
    """Chance of arms at least this far from their planned shares: χ², of two arms as in a verdict."""
    counts, total = [sizes[t] for t in sizes], sum(sizes.values())
    if len(counts) == 2:
        first, second = sizes
        return sample_ratio_p_value(sizes[first], sizes[second], shares[second] / (shares[first] + shares[second]))
    whole = sum(shares.values())
    return float(chisquare(counts, [total * shares[t] / whole for t in sizes]).pvalue)


def _before(p: float | None) -> Check:
    if p is None:
        return Check("before the start", "warn", "Nothing is known of the time before; an imbalance stays unseen.")
    return Check("before the start", _status(p), f"Contribution of the arms before the start: p = {p:.2g}.")


def _status(p: float) -> Status:
    return "block" if p < BLOCK_BELOW else "warn" if p < WARN_BELOW else "ok"


def _missing_cost(test: ThresholdTest) -> Check:
    if test.n_without_cost:
        text = f"A cost is missing: carrier_cost of {test.n_without_cost:,} customers who ordered."
        return Check("missing cost", "block", f"{text} Load it in `deliveries`.")
    return Check("missing cost", "ok", "Every cost that was asked for is there.")


def _mature(test: ThresholdTest) -> Check:
    if test.n_young:
        text = f"{test.n_young:,} customers were left out: their window and time for returns are not over."
        return Check("mature customers", "warn", text)
    return Check("mature customers", "ok", "No customer was left out for a window that is not over.")


def small_segments(customers: pl.DataFrame, tested: list[float]) -> dict[str, int]:
    """Return the segments with too few customers in an arm, and how many the smallest arm has."""
    sizes = customers.group_by("segment", "threshold").len()
    cells = {(s, t): n for s, t, n in sizes.iter_rows()}
    names = sorted(set(customers["segment"].to_list()) - {ALL})
    smallest = {name: min(cells.get((name, t), 0) for t in tested) for name in names}
    return {name: n for name, n in smallest.items() if n < MIN_CUSTOMERS}
