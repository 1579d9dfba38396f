"""GGom/NBD: its fit finds what is there, and says soon where nothing is."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from counting import counting

from custvalue.errors import FitError
from custvalue.models.base import count_rows
from custvalue.models.fitting import fit
from custvalue.models.ggom_nbd import GgomNbd
from tests.benchmarks.models import simulate_fit_table

TRUTH = GgomNbd(0.6, 8.0, 0.06, 0.8, 4.0)


class Endless(GgomNbd):
    """The same model, but a search never stops at the limit."""

    @classmethod
    def at_limit(cls, theta, data):
        return False


def test_on_cdnow_it_is_refused_after_a_bounded_effort(cdnow):
    watched = counting(GgomNbd)
    with pytest.raises(FitError, match=r"(?s)GGom/NBD is not identified .* runs to its limit.* fit ParetoNbd instead"):
        fit(watched, cdnow)
    assert watched.evaluations < 150


def test_on_cdnow_nothing_is_lost_by_the_refusal(cdnow, pareto_fit):
    """However small b is, the best likelihood there is that of the Pareto/NBD, from below."""
    r, alpha, s, beta = pareto_fit.model.parameters.values()
    values = [GgomNbd(r, alpha, b, s, b * beta).log_likelihood(*cdnow.arrays()).sum() for b in (1e-3, 1e-4, 1e-5)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(pareto_fit.log_likelihood, abs=1e-3)


def test_a_growing_risk_is_found_where_there_is_one():
    table = simulate_fit_table(TRUTH, 3000, np.random.default_rng(1))
    f = fit(GgomNbd, table, time_unit="week")
    for name, value in TRUTH.parameters.items():
        assert abs(np.log(f.model.parameters[name] / value)) < 3.5 * f.standard_errors[name] / f.model.parameters[name]
    history = [table[c].to_numpy() for c in GgomNbd.data_columns]
    assert f.log_likelihood > TRUTH.log_likelihood(*history).sum()


@pytest.mark.parametrize("seed", range(4))
def test_stopping_at_the_limit_refuses_nothing_that_a_longer_search_would_fit(seed):
    truth = [
        TRUTH,
        GgomNbd(0.6, 8.0, 0.02, 0.8, 1.0),
        GgomNbd(0.3, 5.0, 0.2, 0.2, 0.3),
        GgomNbd(1.5, 10.0, 0.03, 2.0, 5.0),
    ]
    table = simulate_fit_table(truth[seed], 600, np.random.default_rng(seed))
    found = []
    for model in (GgomNbd, Endless):
        try:
            found.append(fit(model, table, time_unit="week").log_likelihood)
        except FitError:
            found.append(None)
    assert found[0] == (found[1] if found[1] is None else pytest.approx(found[1], abs=1e-4))


def test_the_panels_of_the_fit_are_as_exact_as_those_of_the_likelihood():
    values, rng, draws = [1e-3, 0.05, 0.5, 1.0, 1.3, 7.0, 100.0, 1000.0], random.Random(1), np.random.default_rng(2)
    for _ in range(60):
        r, alpha, s, beta = (rng.choice(values) for _ in range(4))
        b, oldest = rng.choice([1e-6, 1e-3, 0.05, 0.5]), rng.choice([1.0, 38.9, 500.0, 5000.0])
        T, x = draws.uniform(0.1, oldest, 20), draws.choice([0, 1, 3, 30, 300], 20)
        frame = pl.DataFrame({"frequency": x, "recency": np.where(x > 0, T * draws.random(20), 0.0), "T": T})
        data, m = count_rows(frame, GgomNbd.data_columns), GgomNbd(r, alpha, b, s, beta)
        value, gradient = GgomNbd.objective(data)(m.log_parameters)
        assert value == pytest.approx(data.count @ m.log_likelihood(*data.history()), rel=1e-9, abs=1e-9)
        assert np.isfinite(gradient).all()
