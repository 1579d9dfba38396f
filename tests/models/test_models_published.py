"""Published and peer-measured values, each with its source in ../shared/golden/btyd_published.json."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cdnow import CALIBRATION_END, read_cdnow, summarise

from custvalue.models.bg_bb import BgBb
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.ggom_nbd import GgomNbd
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd
from custvalue.models.sbg import ShiftedBetaGeometric


def assert_printed(value: float, printed: float) -> None:
    """The value rounds to what the paper printed."""
    digits = len(str(printed).partition(".")[2])
    assert round(value, digits) == pytest.approx(printed, abs=1e-12)


@pytest.mark.parametrize("name", ["r", "alpha", "a", "b"])
def test_bg_nbd_on_cdnow_as_in_table_2_of_fader_hardie_lee_2005(bg_fit, golden, name):
    assert_printed(getattr(bg_fit.model, name), golden["published"]["bgnbd_cdnow"][name])


@pytest.mark.parametrize("name", ["r", "alpha", "a", "b"])
def test_mbg_nbd_on_cdnow_as_in_batislam_denizel_filiztekin_2007(mbg_fit, golden, name):
    assert_printed(getattr(mbg_fit.model, name), golden["published"]["mbgnbd_cdnow"][name])


def test_log_likelihoods_on_cdnow_as_printed(bg_fit, mbg_fit, golden):
    assert_printed(bg_fit.log_likelihood, golden["published"]["bgnbd_cdnow"]["LL"])
    assert round(mbg_fit.log_likelihood, 1) == -9582.1  # issue 2, real input
    assert bg_fit.n_customers == golden["published"]["bgnbd_cdnow"]["n"]


def test_gamma_gamma_on_cdnow_as_in_fader_hardie_note_025(spend_fit, cdnow, golden):
    published = golden["published"]["gg_cdnow"]
    assert_printed(spend_fit.model.p, published["p"])
    assert_printed(spend_fit.model.q, published["q"])
    assert_printed(spend_fit.model.v, published["gamma"])
    assert_printed(spend_fit.log_likelihood, published["LL"])
    assert spend_fit.n_customers == published["n_repeat_buyers"]
    spend = cdnow.table.filter(frequency=0).height
    assert cdnow.table.height - spend == published["n_repeat_buyers"]


def test_conditional_mean_spend_of_the_first_ten_customers(spend_fit, cdnow, golden):
    table = cdnow.table.sort("customer_id").head(10)
    x = table["frequency"].to_numpy()
    m = table["monetary_value"].fill_null(0.0).to_numpy()
    printed = golden["published"]["gg_cdnow_conditional_mean_first10"]
    np.testing.assert_allclose(spend_fit.model.expected_value(x, m), printed, atol=0.006)


@pytest.mark.parametrize(("fit_name", "key"), [("bg_fit", "cdnow_bgnbd"), ("spend_fit", "cdnow_gg_repeat_only")])
def test_clvtools_0_12_1_parameters_and_standard_errors(request, golden, fit_name, key):
    peer, mine = golden["clvtools_0_12_1_cdnow_split_1997-09-30"][key], request.getfixturevalue(fit_name)
    np.testing.assert_allclose(list(mine.model.parameters.values()), list(peer["coef"].values()), rtol=1e-3)
    np.testing.assert_allclose(list(mine.standard_errors.values()), list(peer["se"].values()), rtol=2e-3)
    assert mine.log_likelihood == pytest.approx(peer["LL"], abs=1e-3)


def test_clvtools_bg_nbd_customers(bg_fit, golden):
    for c in golden["clvtools_0_12_1_cdnow_split_1997-09-30"]["cdnow_bgnbd"]["customers"]:
        history = (c["x"], c["t.x"], c["T.cal"])
        assert bg_fit.model.probability_alive(*history) == pytest.approx(c["PAlive"], rel=1e-4)
        assert bg_fit.model.expected_purchases(39, *history) == pytest.approx(c["CET"], rel=1e-4)


@pytest.mark.parametrize(("fit_name", "key"), [("bg_fit", "bgnbd_map_flat"), ("mbg_fit", "mbgnbd_map_flat")])
def test_flat_prior_optimum_of_pymc_marketing_0_19_2(request, golden, fit_name, key):
    peer, model = golden["pymc_marketing_0_19_2"][key], request.getfixturevalue(fit_name).model
    for name, value in model.parameters.items():
        assert value == pytest.approx(peer["params"][name]["mean"], rel=1e-3)
    _, x, t_x, T = np.array(peer["customers"]).T
    np.testing.assert_allclose(model.probability_alive(x, t_x, T), peer["palive_mean"], rtol=2e-3)
    np.testing.assert_allclose(model.expected_purchases(39, x, t_x, T), peer["cet39_mean"], rtol=2e-3)


def test_pareto_nbd_on_cdnow_as_in_table_2_of_fader_hardie_lee_2005(pareto_fit, golden):
    published = golden["published"]["pnbd_cdnow"]
    assert pareto_fit.model.r == pytest.approx(published["r"], rel=1e-3)
    assert pareto_fit.model.alpha == pytest.approx(published["alpha"], rel=1e-3)
    assert pareto_fit.model.s == pytest.approx(published["s"], rel=1e-3)
    assert pareto_fit.model.beta == pytest.approx(published["beta"], rel=1e-3)
    assert_printed(pareto_fit.log_likelihood, published["LL"])


def test_clvtools_pareto_nbd(pareto_fit, golden):
    folder = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]
    peer, model = folder["cdnow_pnbd"], pareto_fit.model
    np.testing.assert_allclose(list(model.parameters.values()), list(peer["coef"].values()), rtol=1e-3)
    se = golden["published"]["pnbd_cdnow_se_clvtools"]  # at CLVTools' optimiser's tighter settings
    for name in model.parameters:
        assert pareto_fit.standard_errors[name] == pytest.approx(se[name], rel=2e-3)
        assert pareto_fit.standard_errors[name] == pytest.approx(peer["se"][name], rel=2e-3)
    assert pareto_fit.log_likelihood == pytest.approx(peer["LL"], abs=1e-3)
    assert pareto_fit.aic == pytest.approx(peer["AIC"], abs=2e-3)
    assert pareto_fit.bic == pytest.approx(peer["BIC"], abs=2e-3)


def test_clvtools_pareto_nbd_customers_at_its_parameters(golden):
    folder = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]
    model, delta = ParetoNbd(**folder["cdnow_pnbd"]["coef"]), folder["meta"]["delta_weekly"]
    for c in folder["cdnow_pnbd"]["customers"]:
        history = (c["x"], c["t.x"], c["T.cal"])
        assert model.probability_alive(*history) == pytest.approx(c["PAlive"], rel=1e-6)
        assert model.expected_purchases(39, *history) == pytest.approx(c["CET"], rel=1e-6)
        assert model.discounted_expected_purchases(delta, *history) == pytest.approx(c["DERT"], rel=1e-6)
        weekly = np.log(1.1)  # the peer's default takes the annual rate for a week's
        assert model.discounted_expected_purchases(weekly, *history) == pytest.approx(c["DERT_default"], rel=1e-6)


@pytest.mark.parametrize(("model", "key"), [(ParetoNbd, "cdnow_pnbd"), (BgNbd, "cdnow_bgnbd")])
def test_clvtools_distribution_of_purchases(golden, model, key):
    peer = golden["clvtools_0_12_1_cdnow_split_1997-09-30"][key]
    m, ages = model(**peer["coef"]), {c["Id"]: c["T.cal"] for c in peer["customers"]}
    for row in peer["pmf"]:
        printed = [row[f"pmf.x.{n}"] for n in range(11)]
        np.testing.assert_allclose(m.purchase_pmf(np.arange(11), ages[row["Id"]]), printed, rtol=1e-6)


def test_clvtools_newcomers(golden):
    folder = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]
    for model, key in ((ParetoNbd, "cdnow_pnbd"), (BgNbd, "cdnow_bgnbd")):
        orders = 1.0 + model(**folder[key]["coef"]).expected_purchases_new([1, 10, 52, 104])
        np.testing.assert_allclose(orders, folder["newcustomer_orders_incl_first_at_1_10_52_104"][key], rtol=1e-6)


def test_clvtools_totals_over_all_customers(cdnow, golden):
    folder = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]
    model, history = ParetoNbd(**folder["cdnow_pnbd"]["coef"]), cdnow.arrays()
    totals = folder["cdnow_pnbd_clv_totals"]
    assert model.probability_alive(*history).sum() == pytest.approx(totals["PAlive"], rel=1e-6)
    assert model.expected_purchases(39, *history).sum() == pytest.approx(totals["CET"], rel=1e-6)
    dert = model.discounted_expected_purchases(folder["meta"]["delta_weekly"], *history).sum()
    assert dert == pytest.approx(totals["DERT"], rel=1e-6)


def test_clvtools_spend_of_customers(golden):
    peer = golden["clvtools_0_12_1_cdnow_split_1997-09-30"]["cdnow_gg_repeat_only"]
    model = GammaGamma(p=peer["coef"]["p"], q=peer["coef"]["q"], v=peer["coef"]["gamma"])
    x, m, wanted = np.array([(c["x"], c["Spending"], c["predicted.mean.spending"]) for c in peer["customers"]]).T
    np.testing.assert_allclose(model.expected_value(x, m), wanted, rtol=1e-8)


def test_flat_prior_optimum_of_pymc_marketing_for_pareto_nbd(pareto_fit, golden):
    peer = golden["pymc_marketing_0_19_2"]["pnbd_map_flat"]
    for name, value in pareto_fit.model.parameters.items():
        assert value == pytest.approx(peer["params"][name]["mean"], rel=1e-3)


def test_ggom_nbd_reaches_the_printed_likelihood_within_the_rounding_of_its_parameters(cdnow, golden):
    """Bemmaor & Glady print b = 0.0002 and beta = 0.0026: one and two digits. Only b/beta matters there."""
    printed = golden["published"]["ggomnbd_cdnow"]
    values = [GgomNbd(printed["r"], printed["alpha"], b, printed["s"], printed["beta"]).log_likelihood(*cdnow.arrays()).sum()
              for b in np.linspace(0.00015, 0.00025, 41)]  # fmt: skip
    assert max(values) == pytest.approx(printed["LL"], abs=0.01)


def donations():
    """The donations of lifetimes' own data set, from Fader, Hardie & Shang (2010)."""
    folder = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
    return pl.read_csv(folder / "donations.csv").rename({"periods": "n_opportunities"})


def test_bg_bb_on_the_donations_of_fader_hardie_shang_2010(golden):
    printed, data = golden["published"]["bgbb_donations"], donations()
    f = fit(BgBb, data, weights="weights")
    for name, value in f.model.parameters.items():
        assert_printed(value, printed[name])
    assert f.n_customers == printed["n"]
    assert_printed(f.log_likelihood, printed["LL"])
    for name, (x, t_x) in {"x0": (0, 0), "x2_tx4": (2, 4), "x6_tx6": (6, 6)}.items():
        assert_printed(float(f.model.probability_alive(x, t_x, 6)), printed["palive_2002"][name])
    history = (data[c].to_numpy() for c in BgBb.data_columns)
    total = f.model.expected_purchases(5, *history) @ data["weights"].to_numpy()
    assert_printed(float(total), printed["expected_total_5yr"])
    for x, expected in printed["in_sample_expected"].items():
        assert_printed(float(printed["n"] * f.model.purchase_pmf(int(x), 6)), expected)


@pytest.mark.parametrize("cohort", ["regular", "highend"])
def test_contracts_of_fader_hardie_2007(golden, cohort):
    published = golden["published"]["sbg"]
    active = np.array(published["survival_pct"][cohort][:8]) * 10  # the paper fits the first seven renewals
    f = fit(ShiftedBetaGeometric, pl.DataFrame({"period": range(8), "n_active": active}))
    assert_printed(f.model.alpha, published[cohort]["alpha"])
    assert_printed(f.model.beta, published[cohort]["beta"])


def test_contracts_recomputed(golden):
    wanted = golden["sbg_recomputed"]["regular"]
    m = ShiftedBetaGeometric(wanted["alpha"], wanted["beta"])
    np.testing.assert_allclose(100 * m.survival(np.arange(13)), wanted["sbg_survival_pct_0_12"], atol=1e-4)
    np.testing.assert_allclose(m.retention_rate(np.arange(1, 13)), wanted["retention_1_12"], rtol=1e-10)
    assert m.discounted_expected_lifetime(0.1) == pytest.approx(wanted["DEL_new_d10pct"], rel=1e-10)
    later = [m.discounted_expected_lifetime(0.1, n) for n in range(1, 5)]
    np.testing.assert_allclose(later, wanted["DERL_after_n1_4_d10pct"], rtol=1e-10)


@pytest.mark.parametrize(
    ("model", "key"), [(BgNbd, "bgnbd_weeks"), (MbgNbd, "mbgnbd_weeks"), (ParetoNbd, "pnbd_weeks")]
)
def test_the_whole_cdnow_file_of_23570_customers(golden, model, key):
    wanted = golden["cdnow_master_23570_customers_T_to_1997-09-30"]
    f = fit(model, summarise(read_cdnow("CDNOW_master.txt"), CALIBRATION_END), time_unit="week")
    assert (f.n_customers, f.n_distinct) == (wanted["n"], wanted["distinct_triples"])
    for name, value in f.model.parameters.items():
        assert value == pytest.approx(wanted[key][name], rel=1e-3)
