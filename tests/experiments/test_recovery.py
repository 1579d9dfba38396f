"""What a tested measure brought back, by hand."""

from __future__ import annotations

import polars as pl
import pytest

import custvalue as cv


def trial(gain):
    """Return 200 customers: the control earns 9 or 11, the treated `gain` more after the measure's cost of 2."""
    rows = [("control", 9.0 + 2.0 * (i % 2), 0.0) for i in range(100)]
    rows += [("treatment", 9.0 + 2.0 * (i % 2) + gain, 2.0) for i in range(100)]
    return pl.DataFrame(rows, schema=["arm", "contribution", "measure_cost"], orient="row")


@pytest.mark.parametrize(("gain", "ratio"), [(3.0, 2.5), (0.0, 1.0), (-1.0, 0.5), (-3.0, -0.5)])
def test_what_came_back_is_the_effect_before_the_cost_over_the_cost(gain, ratio):
    verdict = cv.does_it_pay(trial(gain), control="control", before=None)
    row = cv.recovery(verdict).table.row(0, named=True)
    assert (row["n_treated"], row["cost"]) == (100, pytest.approx(200.0))
    assert row["incremental_margin"] == pytest.approx(100 * (gain + 2.0))
    assert row["recovery_ratio"] == pytest.approx(ratio)
    # the interval is the verdict's, moved by the cost
    ends = [(verdict.table[0, name] + 2.0) / 2.0 for name in ("effect_low", "effect_high")]
    assert [row["ratio_low"], row["ratio_high"]] == pytest.approx(ends)


def test_without_the_cost_nothing_can_be_said():
    verdict = cv.does_it_pay(trial(1.0).drop("measure_cost"), control="control")
    with pytest.raises(cv.DataError, match=r"What the measure of .* cost is not known"):
        cv.recovery(verdict)
    with pytest.raises(cv.DataError, match="recovery takes a Verdict"):
        cv.recovery({"P5b": 1.0})
