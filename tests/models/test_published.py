"""Published and peer-measured values, each with its source in ../shared/golden/btyd_published.json."""

from __future__ import annotations

import numpy as np
import pytest


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
