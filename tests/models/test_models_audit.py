"""lifetimes beside custvalue on CDNOW."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.models.fitting import fit
from custvalue.models.nbd import Nbd
from custvalue.reports.audit import audit, to_lifetimes


@pytest.fixture(scope="module")
def second_opinion(cdnow):
    return audit(cdnow)


def test_bg_nbd_and_gamma_gamma_are_confirmed(second_opinion):
    table = second_opinion.table.filter(kind="parameter")
    for model in ("BG/NBD", "Gamma-Gamma"):
        assert table.filter(model=model)["difference_rate"].abs().max() < 0.01


def test_nobody_beats_our_likelihood(second_opinion):
    table = second_opinion.table.filter(pl.col("kind") == "log-likelihood", pl.col("lifetimes").is_not_null())
    assert table.height >= 3
    assert (table["custvalue"] >= table["lifetimes"] - 1e-6).all()


def test_audit_says_what_it_compared(second_opinion, cdnow):
    assert second_opinion.n_customers == cdnow.table.height
    assert "0.11.3" in second_opinion.title
    assert second_opinion.n_models == 4


def test_audit_of_one_time_buyers_is_one_clear_error(cdnow):
    from dataclasses import replace

    with pytest.raises(DataError, match="Nobody"):
        audit(replace(cdnow, table=cdnow.table.filter(frequency=0)))


def test_to_lifetimes_predicts_as_we_do(bg_fit):
    peer = to_lifetimes(bg_fit)
    mine = bg_fit.model.expected_purchases(39, [1.0, 4.0], [10.0, 20.0], [30.0, 30.0])
    with np.errstate(all="ignore"):
        theirs = peer.predict(39, np.array([1.0, 4.0]), np.array([10.0, 20.0]), np.array([30.0, 30.0]))
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)


def test_to_lifetimes_refuses_a_model_it_lacks(cdnow):
    with pytest.raises(DataError, match="lifetimes has no NBD"):
        to_lifetimes(fit(Nbd, cdnow))
