"""No euro of any shop vanishes, whatever is loaded; tests/benchmarks/conservation.py runs 500 shops."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.conservation import faults


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**9))
def test_no_euro_of_a_random_shop_vanishes(seed):
    assert faults(seed) == []
