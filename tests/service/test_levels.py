"""What a level costs and brings: against sums done by hand, and against the model itself."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from custvalue.errors import DataError
from custvalue.models.fitting import ModelFit
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.results import PurchaseSummary
from custvalue.service.choice import choose_levels
from custvalue.service.costs import measure_costs, resource_rates
from custvalue.service.effects import CHANNELS, Effects
from custvalue.service.levels import LevelCatalogue, level_options
from custvalue.service.response import value_response

RATES = pl.DataFrame({"resource_id": ["desk"], "rate": [0.8], "avoidable_rate": [0.2]})
CATALOGUE_COLUMNS = {
    "measure_id": pl.String, "name": pl.String, "direct_cost": pl.Float64, "driver_rate": pl.Float64,
    "base_minutes": pl.Float64, "minutes_per_unit": pl.Float64, "resource_id": pl.String,
    "forgone_fee": pl.Float64, "expected_loss_rate": pl.Float64, "loss_base": pl.Float64,
}  # fmt: skip


def catalogue_row(measure: str, **values) -> pl.DataFrame:
    row = dict.fromkeys(CATALOGUE_COLUMNS) | {"measure_id": measure, "name": measure} | values
    return pl.DataFrame([row], schema=CATALOGUE_COLUMNS)


def draws(measure: str, segment: str = "all", provenance: str = "measured", **channels) -> pl.DataFrame:
    """One row per draw; channels not given are 0."""
    n = max((len(v) for v in channels.values()), default=1)
    filled = {c: channels.get(c, [0.0] * n) for c in CHANNELS}
    frame = pl.DataFrame({"draw": range(1, n + 1), **filled})
    return frame.with_columns(measure_id=pl.lit(measure), segment=pl.lit(segment), provenance=pl.lit(provenance))


# ------------------------------------------------------------------------------------------------- costs


def test_a_minute_costs_its_share_of_practical_capacity():
    # Kaplan & Anderson, Harvard Business Review 82(11), 2004: 560,000 over 700,000 practical minutes
    resources = pl.DataFrame({
        "resource_id": ["desk"], "period": [dt.date(2025, 1, 1)], "theoretical_min": [875_000.0],
        "practical_share": [0.8], "cost": [560_000.0], "avoidable_share": [0.25],
    })  # fmt: skip
    assert resource_rates(resources).row(0) == ("desk", pytest.approx(0.8), pytest.approx(0.2))
    unstated = resources.with_columns(
        practical_share=pl.lit(None, pl.Float64), avoidable_share=pl.lit(None, pl.Float64)
    )
    assert resource_rates(unstated).row(0) == ("desk", pytest.approx(0.8), pytest.approx(0.8))


def test_the_rate_is_that_of_the_last_twelve_months_before_the_day():
    months = pl.date_range(dt.date(2024, 1, 1), dt.date(2025, 12, 1), "1mo", eager=True)
    resources = pl.DataFrame({"period": months, "cost": [100.0] * 12 + [200.0] * 12}).with_columns(
        resource_id=pl.lit("desk"),
        theoretical_min=pl.lit(100.0),
        practical_share=pl.lit(1.0),
        avoidable_share=pl.lit(1.0),
    )
    assert resource_rates(resources)["rate"].item() == pytest.approx(2.0)
    assert resource_rates(resources, as_of=dt.date(2024, 12, 31))["rate"].item() == pytest.approx(1.0)


def test_an_event_costs_direct_driver_minutes_and_expected_loss():
    row = catalogue_row(
        "P1", direct_cost=3.0, driver_rate=1.2, base_minutes=10.0, minutes_per_unit=2.0, resource_id="desk",
        expected_loss_rate=0.05, loss_base=40.0, forgone_fee=4.9,
    )  # fmt: skip
    (one,) = measure_costs(row, RATES).to_dicts()
    assert one["minutes"] == 12.0
    assert one["cost_full"] == pytest.approx(3.0 + 1.2 + 2.0 + 12 * 0.8)
    assert one["cost_avoidable"] == pytest.approx(3.0 + 1.2 + 2.0 + 12 * 0.2)
    assert one["forgone_fee"] == 4.9  # a memo: in neither cost


def test_past_events_fill_what_the_catalogue_leaves_open():
    both = pl.concat(
        [catalogue_row("P2"), catalogue_row("P1", direct_cost=3.0, minutes_per_unit=2.0, resource_id="desk")]
    )
    seen = pl.DataFrame({
        "measure_id": ["P1", "P2"], "units": [4.0, 1.0], "direct_cost": [99.0, 31.5], "minutes": [99.0, None],
        "loss": [None, 2.5], "forgone_fee": [None, None],
    })  # fmt: skip
    p1, p2 = measure_costs(both, RATES, observed=seen).to_dicts()
    assert p1["minutes"] == 8.0
    assert p1["cost_full"] == pytest.approx(3.0 + 8 * 0.8)
    assert p2["cost_full"] == pytest.approx(34.0)
    assert measure_costs(both, RATES).filter(measure_id="P2")["is_costed"].item() is False


def test_minutes_without_a_rate_are_an_error():
    with pytest.raises(DataError, match=r"'P1'.*'workshop'"):
        measure_costs(catalogue_row("P1", base_minutes=3.0, resource_id="workshop"), RATES)


# ----------------------------------------------------------------------------------------------- effects


def test_the_strongest_measure_of_a_channel_counts_whole_the_others_half():
    effects = Effects(pl.concat([
        draws("A", d_log_rate=[0.10, 0.30], d_log_spend=[0.01, 0.01]),
        draws("B", d_log_rate=[-0.4, -0.4]),
        draws("C", d_log_rate=[0.04], d_log_spend=[0.05]),
    ]))  # fmt: skip
    bundle = effects.bundle(["C", "A", "B"], "anyone").draws
    # rate: B is strongest (0.4); A and C half, C's one draw repeated
    assert bundle["d_log_rate"] == pytest.approx([-0.4 + 0.05 + 0.02, -0.4 + 0.15 + 0.02])
    assert bundle["d_log_spend"] == pytest.approx([0.05 + 0.005] * 2)
    assert bundle["d_referral"] == pytest.approx([0.0, 0.0])


def test_a_segments_own_effect_comes_before_everybodys():
    effects = Effects(pl.concat([draws("A", d_log_rate=[0.1]), draws("A", "remote", "assumed", d_log_rate=[0.5])]))
    assert effects.bundle(["A"], "remote").draws["d_log_rate"] == pytest.approx([0.5])
    assert effects.bundle(["A"], "remote").stated == {"A": False}
    assert effects.bundle(["A"], "near").stated == {"A": True}
    assert effects.bundle(["B"], "near").stated == {}


# ------------------------------------------------------------------------------------------------ levels


def catalogue(effects: pl.DataFrame, **changes) -> LevelCatalogue:
    bundles = pl.DataFrame(
        [(1, "all", "A", 2.0), (2, "all", "A", 2.0), (2, "all", "B", 1.0), (2, "shop", "F", 3.0)],
        schema=["level", "business_type", "measure_id", "dose"], orient="row",
    )  # fmt: skip
    costs = measure_costs(
        pl.concat([
            catalogue_row("A", direct_cost=1.5, base_minutes=6.0, resource_id="desk"),
            catalogue_row("B", direct_cost=4.0), catalogue_row("F", forgone_fee=5.0),
        ]), RATES,
    )  # fmt: skip
    levels = pl.DataFrame({
        "level": [0, 1, 2], "name": ["base", "quality", "professional"], "setup_cost": [None, 100.0, 500.0],
    })  # fmt: skip
    parts = {"levels": levels, "bundles": bundles, "costs": costs, "effects": Effects(effects)} | changes
    return LevelCatalogue(**parts)


def customers(n: int = 10, **columns) -> pl.DataFrame:
    return pl.DataFrame({
        "customer_id": [f"c{k}" for k in range(n)], "segment": "S", "level_today": 0, "clv": 100.0, "p_alive": 0.5,
        "rate_elasticity": 0.8, "dropout_elasticity": -0.4,
    }).with_columns(**columns)  # fmt: skip


def test_one_option_by_hand():
    effects = draws(
        "A", d_log_rate=[0.1, 0.2], d_log_dropout=[-0.05, 0.0], d_log_spend=[0.02, 0.0], d_referral=[0.01, 0.03]
    )
    table = level_options(customers(), catalogue(effects), clv_new=50.0, horizon_days=365 * 2)
    base, quality = table.filter(pl.col("level") <= 1).to_dicts()
    assert (base["basis"], base["gain"], base["cost"], base["staff_hours"]) == ("today", 0.0, 0.0, 0.0)
    first = 1000 * math.expm1(0.8 * 0.1 + 0.4 * 0.05 + 0.02) + 5 * 0.01 * 50 * 2
    second = 1000 * math.expm1(0.8 * 0.2) + 5 * 0.03 * 50 * 2
    assert quality["gain"] == pytest.approx((first + second) / 2, abs=0.005)
    assert quality["gain_low"] == pytest.approx(first + 0.025 * (second - first), abs=0.005)
    assert quality["gain_high"] == pytest.approx(second - 0.025 * (second - first), abs=0.005)
    # 5 alive × 2 events × 2 years = 20 events of 1.50 and 6 minutes at 0.80, of which 0.20 avoidable
    assert quality["cost_full"] == pytest.approx(20 * (1.5 + 4.8))
    assert quality["cost"] == pytest.approx(20 * (1.5 + 1.2))
    assert quality["staff_hours"] == pytest.approx(20 * 6 / 60)
    assert (quality["basis"], quality["n_customers"], quality["value"]) == ("measured", 10, 1000.0)
    assert (base["setup_cost"], quality["setup_cost"]) == (0.0, 100.0)


def test_minutes_cost_in_full_where_no_spare_hours_were_stated():
    table = level_options(customers(), catalogue(draws("A", d_log_rate=[0.1])), within_spare_hours=False)
    assert table.filter(level=1)["cost"].item() == table.filter(level=1)["cost_full"].item()


def test_a_fee_given_up_lowers_the_gain_and_is_no_cost():
    shop = customers(business_type=pl.lit("shop"), level_today=pl.lit(1))
    effects = pl.concat([draws("F", d_log_rate=[0.1]), draws("B", d_log_spend=[0.0])])
    with_fee = level_options(shop, catalogue(effects)).filter(level=2).row(0, named=True)
    assert with_fee["forgone_fee"] == pytest.approx(5 * 3 * 5.0)
    assert with_fee["gain"] == pytest.approx(1000 * math.expm1(0.08) - 75.0, abs=0.005)
    assert with_fee["cost"] == pytest.approx(5 * 4.0)  # B alone: A is served today already


def test_the_level_today_is_the_measure_of_gain_and_cost():
    effects = pl.concat([draws("A", d_log_rate=[0.1]), draws("B", d_log_rate=[0.3])])
    table = level_options(customers(level_today=pl.lit(1)), catalogue(effects))
    assert table.filter(level=1).select("gain", "cost", "basis").row(0) == (0.0, 0.0, "today")
    # level 2: B strongest, A half: 0.35 against 0.1 today
    assert table.filter(level=2)["gain"].item() == pytest.approx(1000 * math.expm1(0.8 * 0.25), abs=0.005)


@pytest.mark.parametrize(
    ("effects", "basis"),
    [
        (draws("A", d_log_rate=[0.1]), "measured"),
        (draws("A", provenance="assumed", d_log_rate=[0.1]), "prior"),
        (pl.concat([draws("A", d_log_rate=[0.1]), draws("A", provenance="standard", d_log_rate=[0.1])
                    .with_columns(draw=pl.lit(2, pl.Int64))]), "prior"),
        (draws("B", d_log_rate=[0.1]), "none"),
    ],
)  # fmt: skip
def test_the_weakest_evidence_names_the_basis(effects, basis):
    row = level_options(customers(), catalogue(effects)).filter(level=1).row(0, named=True)
    assert row["basis"] == basis
    assert (row["gain"] is None) == (basis == "none")


def test_customers_of_several_kinds_add_up_draw_by_draw():
    mixed = customers(effect_segment=pl.Series(["remote"] * 4 + ["near"] * 6))
    effects = pl.concat([
        draws("A", "remote", d_log_rate=[0.0, 0.4]), draws("A", "near", "assumed", d_log_rate=[0.3, -0.1]),
    ])  # fmt: skip
    row = level_options(mixed, catalogue(effects)).filter(level=1).row(0, named=True)
    per_draw = [600 * math.expm1(0.24), 400 * math.expm1(0.32) + 600 * math.expm1(-0.08)]
    assert row["gain"] == pytest.approx(sum(per_draw) / 2, abs=0.005)
    assert row["gain_high"] <= max(per_draw) + 0.005
    assert (row["basis"], row["n_customers"]) == ("prior", 10)


def test_values_of_both_signs_do_not_blow_an_elasticity_up():
    worth = pl.Series([100.0] * 5 + [-99.999] * 5)
    row = (
        level_options(customers(clv=worth), catalogue(draws("A", d_log_rate=[0.1]))).filter(level=1).row(0, named=True)
    )
    assert row["gain"] == pytest.approx((500 - 499.995) * math.expm1(0.08), abs=0.005)


def test_customers_at_different_levels_today_are_no_one_segment():
    with pytest.raises(DataError, match="different levels"):
        level_options(customers(level_today=pl.Series([0] * 5 + [1] * 5)), catalogue(draws("A")))


def test_a_bundle_must_hold_measures_of_the_catalogue():
    short = catalogue(draws("A")).costs.filter(pl.col("measure_id") != "F")
    with pytest.raises(DataError, match="'F'"):
        level_options(customers(), catalogue(draws("A"), costs=short))


def test_options_go_straight_into_the_plan_and_a_shut_gate_holds():
    effects = pl.concat([draws("A", d_log_rate=[0.1]), draws("B", d_log_rate=[0.2])])
    levels = catalogue(effects).levels
    table = level_options(customers(clv=pl.lit(1000.0)), catalogue(effects))
    assert choose_levels(table, current=0).table["level"].item() == 1
    gated = levels.with_columns(gate=pl.when(pl.col("level") == 1).then(pl.lit("returns above 5 %")))
    shut = choose_levels(level_options(customers(clv=pl.lit(1000.0)), catalogue(effects, levels=gated)), current=0)
    assert shut.table["level"].item() == 0
    assert shut.table["why"].item().endswith("but quality is shut: returns above 5 %.")


# ---------------------------------------------------------------------------------------------- response

MODEL = MbgNbd(r=0.525, alpha=6.183, a=0.891, b=1.614)  # MBG/NBD on CDNOW (issue 2)


def fitted(model) -> ModelFit:
    """A fit with these parameters; nothing else of it is read."""
    return ModelFit(
        table=pl.DataFrame(), model=model, covariance=np.eye(4), log_likelihood=0.0, n_customers=1.0, n_distinct=1,
        time_unit="week", level=0.95, gradient_norm=0.0, data=None,
    )  # fmt: skip


SUMMARY = PurchaseSummary(
    table=pl.DataFrame({
        "customer_id": ["a", "b", "c"], "frequency": [0, 2, 12], "recency": [0.0, 30.0, 35.0], "T": [30.0, 38.0, 38.0],
    }),
    as_of=dt.date(1997, 9, 30), time_unit="week",
)  # fmt: skip


def test_the_rate_elasticity_is_the_models_own_to_first_order():
    table = value_response(fitted(MODEL), SUMMARY, horizon_days=364)
    x, t_x, T = SUMMARY.arrays()
    now, faster = (MODEL.expected_purchases(52 * math.exp(b), x, t_x, T) for b in (0.0, 0.2))
    by_elasticity = np.exp(0.2 * table["rate_elasticity"].to_numpy())
    assert by_elasticity == pytest.approx(faster / now, rel=0.005)
    assert table["rate_elasticity"].is_between(0, 1).all()  # leaving after a purchase takes a part back


def test_a_rate_e_to_the_b_is_a_horizon_e_to_the_b():
    """Simulated: purchases of customers who buy faster, against the formula with a longer horizon."""
    rng = np.random.default_rng(5)
    n, b, horizon = 200_000, 0.3, 20.0
    rate = rng.gamma(MODEL.r, 1 / MODEL.alpha, n) * math.exp(b)
    p = rng.beta(MODEL.a, MODEL.b, n)
    wanted = rng.poisson(rate * horizon)
    stays = rng.random(n) >= p  # the first purchase can be the last one
    made = np.where(stays, np.minimum(wanted, rng.geometric(np.maximum(p, 1e-12))), 0)
    expected = float(MODEL.expected_purchases_new(horizon * math.exp(b)))
    assert made.mean() == pytest.approx(expected, abs=4 * made.std() / math.sqrt(n))


def test_the_dropout_elasticity_agrees_with_simulation():
    table = value_response(fitted(MODEL), SUMMARY, horizon_days=364)
    rng = np.random.default_rng(6)
    n, horizon = 40_000, 52.0
    u = rng.permutation((np.arange(n) + 0.5) / n)  # the same customers under both dropouts
    for k, (x, T) in enumerate(((0, 30.0), (2, 38.0), (12, 38.0))):
        wanted = rng.poisson(rng.gamma(MODEL.r + x, 1 / (MODEL.alpha + T), n) * horizon)
        means = []
        for scale in (math.exp(0.1), math.exp(-0.1)):
            p = np.maximum(stats.beta.ppf(u, MODEL.a * scale, MODEL.b + x + 1 - MODEL.a * (scale - 1)), 1e-9)
            means.append(((1 - (1 - p) ** wanted) / p).mean())  # E[min(wanted, geometric)]
        assert math.log(means[0] / means[1]) / 0.2 == pytest.approx(table["dropout_elasticity"][k], abs=0.01)
    assert (table["dropout_elasticity"] < 0).all()


def test_who_certainly_left_answers_to_nothing():
    gone = PurchaseSummary(
        table=pl.DataFrame({"customer_id": ["z"], "frequency": [400], "recency": [1.0], "T": [2000.0]}),
        as_of=dt.date(2025, 1, 1), time_unit="week",
    )  # fmt: skip
    assert value_response(fitted(MODEL), gone, horizon_days=365).row(0) == ("z", 0.0, 0.0)
