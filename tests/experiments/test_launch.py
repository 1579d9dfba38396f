"""Launches without randomisation: difference-in-differences against peers, a known truth, and what must be refused."""

from __future__ import annotations

import json
import sys

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError, MissingInputError
from custvalue.experiments.launch import launch_effect

COLUMNS = {"unit": "region", "period": "week", "exposed": "d"}


@pytest.fixture(scope="module")
def found(shared):
    return launch_effect(pl.read_csv(shared / "data" / "did_panel.csv"), **COLUMNS)


def made(starts: dict[int, int], n_units=60, n_periods=14, effect=2.0, drift=0.0, seed=1):
    """Make a panel with a common season; `starts` says from which unit on which period the launch came."""
    rng = np.random.default_rng(seed)
    unit, period = (a.ravel() for a in np.meshgrid(np.arange(n_units), np.arange(1, n_periods + 1), indexing="ij"))
    start = np.full(n_units, 10_000)
    for first_unit, when in starts.items():
        start[first_unit:] = when
    exposed = period >= start[unit]
    level = rng.normal(20.0, 4.0, n_units)[unit] + 3.0 * np.sin(period) + drift * period * (start[unit] < 10_000)
    return pl.DataFrame({
        "region": unit, "week": period, "d": exposed,
        "contribution": level + effect * exposed + rng.normal(0.0, 1.0, unit.size),
    })  # fmt: skip


def test_it_matches_pyfixest_linearmodels_and_causalpy(found, shared):
    cases = json.loads((shared / "golden" / "experiments.json").read_text())["cases"]
    case = next(c for c in cases if c["id"] == "did.common.twfe")
    row = found.table.row(0, named=True)
    assert row["effect"] == pytest.approx(case["expected"]["est"], rel=1e-9)
    # small-sample conventions differ by 5 %
    assert row["standard_error"] == pytest.approx(case["expected"]["se_CRV1"], rel=0.05)
    half = (case["expected"]["ci"][1] - case["expected"]["ci"][0]) / 2
    assert (row["effect_high"] - row["effect_low"]) / 2 == pytest.approx(half, rel=0.05)
    for peer in ("linearmodels", "causalpy_skl"):
        value = case["cross_check"][peer]
        assert row["effect"] == pytest.approx(value["est"] if isinstance(value, dict) else value, rel=1e-9)
    assert row["effect_low"] < case["truth"]["ATT"] < row["effect_high"]
    assert (found.n_units, found.n_treated) == (case["truth"]["regions"], case["truth"]["treated_regions"])


def test_by_hand(shared, found):
    """Two roads: on a balanced panel the estimate is a difference of four means."""
    panel = pl.read_csv(shared / "data" / "did_panel.csv")
    m = {k: float(v["contribution"].mean()) for k, v in panel.partition_by("treated", "post", as_dict=True).items()}
    by_hand = (m[1, 1] - m[1, 0]) - (m[0, 1] - m[0, 0])
    assert found.table["effect"][0] == pytest.approx(by_hand, rel=1e-9)


def test_the_naive_comparisons_stand_beside_marked_as_wrong(found):
    assert found.decision == "pays off"
    assert all(v > found.table["effect_high"][0] for v in found.naive["naive_difference"])
    assert all(why.startswith("Wrong") for why in found.naive["why_it_is_wrong"])
    said = "Pays off: +1.65 (1.28 to 2.03) per period"
    assert found.title == f"{said}; its robustness is doubtful, see checks"
    assert 0.0 < found.breakdown < 1.0
    assert "parting trends" in found.checks.filter(status="warn")["check"]


def test_the_effect_is_dated_from_the_launch(found):
    at_launch = found.events.filter(periods_since_launch=-1).row(0, named=True)
    assert (at_launch["effect"], at_launch["effect_low"]) == (0.0, None)
    assert found.events.filter(pl.col("periods_since_launch") >= 0)["effect"].min() > 1.0
    assert found.plot().layout.title.text == found.title
    assert found.plot().layout.yaxis.title.text == "effect, per customer and period"


def test_staggered_launches():
    found = launch_effect(made({20: 6, 40: 10}), **COLUMNS)
    row = found.table.row(0, named=True)
    assert found.n_cohorts == 2
    assert "staggered" in row["estimator"]
    assert row["effect_low"] < 2.0 < row["effect_high"]
    assert found.decision == "pays off"
    assert found.donors.is_empty()
    assert found.path.is_empty()


def test_intervals_cover_a_known_effect():
    inside = 0
    for seed in range(40):
        row = launch_effect(made({30: 8}, n_units=50, n_periods=10, seed=seed), **COLUMNS).table.row(0, named=True)
        inside += row["effect_low"] < 2.0 < row["effect_high"]
    assert inside >= 34


def test_parting_trends_before_the_launch_block():
    found = launch_effect(made({30: 8}, drift=0.6), **COLUMNS)
    assert found.decision == "cannot be judged"
    assert "trends before" in found.checks.filter(status="block")["check"]


def blocked_by(found):
    return found.checks.filter(status="block")["check"].to_list()


def drifting(seed, n_units=30, n_periods=16, effect=0.0, drift=0.0):
    """Make a panel whose noise carries on (AR(1), 0.6) and whose ten launched units part from the others."""
    rng = np.random.default_rng(seed)
    noise = np.zeros((n_units, n_periods))
    for t in range(1, n_periods):
        noise[:, t] = 0.6 * noise[:, t - 1] + rng.normal(0.0, 1.0, n_units)
    unit, period = (a.ravel() for a in np.indices(noise.shape))
    exposed = (period >= 8) & (unit < 10)
    outcome = rng.normal(20.0, 4.0, n_units)[unit] + noise.ravel() + drift * period * (unit < 10) + effect * exposed
    return pl.DataFrame({"region": unit, "week": period, "d": exposed, "contribution": outcome})


def test_parting_trends_are_rarely_called_an_effect():
    """Each seed's drift of 0.3 a period adds up to 2.4 by itself: an interval would leave out 0 every time."""
    found = [launch_effect(drifting(seed, drift=0.3), **COLUMNS) for seed in range(25)]
    assert sum(f.table["effect_low"][0] > 0.0 for f in found) == 25
    assert sum(f.decision in {"pays off", "does not pay"} for f in found) <= 2
    placebo = [f for f in found if "placebo" in blocked_by(f)]
    fragile = [f for f in found if "parting trends" in blocked_by(f)]
    assert len(placebo) > 10
    assert fragile
    assert all(f.breakdown < 1.0 for f in fragile)
    assert all({"trends before", "second opinions"} & set(f.checks.filter(status="warn")["check"]) for f in fragile)


def test_effects_without_drift_keep_their_verdict():
    found = [launch_effect(drifting(seed, effect=2.0), **COLUMNS).decision for seed in range(25)]
    assert found.count("pays off") >= 15
    assert set(found) <= {"pays off", "cannot be judged"}
    nothing = [launch_effect(drifting(seed), **COLUMNS).decision for seed in range(25)]
    assert nothing.count("keep testing") >= 20
    assert nothing.count("pays off") + nothing.count("does not pay") <= 2


def test_a_launch_without_effect_is_not_called_one():
    assert launch_effect(made({30: 8}, effect=0.0), **COLUMNS).decision not in {"pays off", "does not pay"}


def test_few_areas_are_for_synthetic_control():
    found = launch_effect(made({57: 8}), **COLUMNS)
    assert found.table["estimator"][0] == "synthetic control"
    assert found.decision == "pays off"
    assert found.table["effect_low"][0] < 2.0 < found.table["effect_high"][0]
    many = launch_effect(made({55: 8}), **COLUMNS)
    assert many.table["estimator"][0] == "difference-in-differences (two-way fixed effects)"


@pytest.mark.parametrize("starts", [{58: 6, 59: 9}, {3: 8}])
def test_too_few_areas(starts):
    """Two areas on two launch days are no mean of areas; 57 with the measure leave three without it."""
    found = launch_effect(made(starts), **COLUMNS)
    assert found.decision == "cannot be judged"
    assert found.checks.filter(check="units")["status"].item() == "block"
    assert not found.rests_on_synthetic_control


def test_fewer_areas_than_periods():
    """Then the effects by period have no covariance that can be inverted: no trend test, but no crash."""
    found = launch_effect(made({6: 20}, n_units=12, n_periods=26), **COLUMNS)
    assert "can't be told" in found.checks.filter(check="parting trends")["detail"].item()
    assert found.breakdown is None
    assert found.table["effect_low"][0] < 2.0 < found.table["effect_high"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.drop("d"), "no column 'd'"),
        (lambda p: p.head(-1), "840 rows, got 839"),
        (lambda p: pl.concat([p.head(-1), p.head(1)]), "840 rows, got 840"),
        (
            lambda p: p.with_columns(contribution=pl.when(pl.col("week") > 1).then(pl.col("contribution"))),
            "empty in 60 rows",
        ),
        (lambda p: p.with_columns(d=pl.col("d") & (pl.col("week") < 10)), "withdrawn from 30 units"),
        (lambda p: p.with_columns(d=pl.lit(value=False)), "0 units got the measure"),
        (lambda p: p.with_columns(d=pl.col("week") > 5), "60 units got the measure and 0 never did"),
        (lambda p: p.with_columns(d=pl.col("region") >= 30), "Fewer than two periods"),
        (lambda p: p.with_columns(week=pl.col("week").cast(pl.String)), "whole numbers"),
        (
            lambda p: p.with_columns(contribution=pl.when(pl.col("week") > 1).then(1.0).otherwise(float("inf"))),
            "'contribution' of the panel is infinite or not a number in 60 rows",
        ),
        (lambda p: p.with_columns(contribution=pl.lit("12,50")), "'contribution' of the panel holds String"),
        (lambda p: p.with_columns(d=pl.lit("vielleicht")), "Column 'd' holds 'vielleicht': yes or no was expected"),
    ],
)
def test_panels_that_cannot_be_used(change, message):
    with pytest.raises(DataError, match=message):
        launch_effect(change(made({30: 8})), **COLUMNS)


def test_yes_and_no_are_read_as_files_write_them():
    panel = made({30: 8})
    text = panel.with_columns(d=pl.when("d").then(pl.lit("ja")).otherwise(pl.lit("nein")))
    assert launch_effect(text, **COLUMNS).table.equals(launch_effect(panel, **COLUMNS).table)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "diff_diff", None)
    with pytest.raises(MissingInputError, match=r"custvalue\[launch\]"):
        launch_effect(made({30: 8}), **COLUMNS)
