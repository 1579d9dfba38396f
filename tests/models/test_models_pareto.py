"""Pareto/NBD where customers do not differ in how soon they leave: refused, and soon."""

from __future__ import annotations

import numpy as np
import pytest
from counting import counting

from custvalue.errors import FitError
from custvalue.models.fitting import fit
from custvalue.models.ggom_nbd import GgomNbd
from custvalue.models.pareto_nbd import ParetoNbd
from tests.benchmarks.models import simulate_fit_table


def test_customers_who_differ_less_than_chance_in_dropout_are_refused_after_a_bounded_effort():
    """The dropout risk grows with age: dropout times vary less than any mixture of exponentials."""
    table = simulate_fit_table(GgomNbd(0.6, 8.0, 0.06, 0.8, 4.0), 1000, np.random.default_rng(1))
    watched = counting(ParetoNbd)
    with pytest.raises(FitError, match="Pareto/NBD is not identified on these data: the search runs to its limit"):
        fit(watched, table, time_unit="week")
    assert watched.evaluations < 200


def test_a_homogeneous_shop_is_fitted_as_long_as_it_is_not_at_the_limit():
    """s = 4: dropout rates of customers differ by half; the interval holds the truth."""
    truth = ParetoNbd(0.8, 6.0, 4.0, 120.0)
    f = fit(ParetoNbd, simulate_fit_table(truth, 12_000, np.random.default_rng(2)), time_unit="week")
    for name, value in truth.parameters.items():
        error = f.standard_errors[name] / f.model.parameters[name]
        assert abs(np.log(f.model.parameters[name] / value)) < 3.5 * error
