"""What a user gives: each limit from both sides, and ids that read the same however they were stored."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.frames import as_key, check_columns, check_finite, check_once
from custvalue.validation import check_level, check_number, check_share, is_number


def test_numbers():
    assert all(map(is_number, (0, -1.5, np.float32(2.0), np.int64(3))))
    assert not any(map(is_number, (math.nan, math.inf, True, "1", None, Decimal(1), [1])))


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, math.nan, "0.95", None, True])
def test_no_level(level):
    with pytest.raises(DataError, match=r"a level between 0 and 1, such as 0\.95, was expected"):
        check_level(level)


def test_within_the_limits_nothing_is_said():
    check_level(0.95)
    check_share("share", 0.5)
    check_share("share", 1, with_limits=True)
    check_number("cost", 0.0, least=0.0)
    check_number("pace", 1e-9, above=0.0)
    check_columns(pl.DataFrame({"a": [1.0, -2.0], "b": [True, False]}), ["a", "b"])
    check_once(pl.DataFrame({"customer_id": [1, None, None, 2]}))
    check_once(pl.DataFrame({"name": ["a", "a"]}))


def test_beyond_the_limits():
    for call in (
        lambda: check_share("share", 1.0), lambda: check_share("share", 1.01, with_limits=True),
        lambda: check_number("cost", -1e-9, least=0.0), lambda: check_number("pace", 0.0, above=0.0),
        lambda: check_columns(pl.DataFrame({"a": ["1"]}), ["a"]), lambda: check_columns(pl.DataFrame({"a": [None, 1]}), ["a"]),
        lambda: check_once(pl.DataFrame({"customer_id": [1, 1]})),
    ):  # fmt: skip
        with pytest.raises(DataError):
            call()
    with pytest.raises(DataError, match="'a' of the orders is infinite or not a number in 2 rows"):
        check_finite(pl.DataFrame({"a": [math.inf, math.nan, 1.0, None]}), ["a"], "of the orders")


def test_ids_read_the_same():
    whole = pl.Series("id", [12, 7])
    for ids in (whole, whole.cast(pl.Float64), whole.cast(pl.String), whole.cast(pl.Int32)):
        assert as_key(ids).to_list() == ["12", "7"]
    assert as_key(pl.Series([12.0, math.nan, None])).to_list() == ["12", None, None]
    assert as_key(pl.Series([1.5, 2.0])).to_list() == ["1.5", "2.0"]
