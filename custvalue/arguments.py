"""What public functions take: a wrong kind of object ends in one clear message instead of a traceback."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

MADE_BY: Final = {
    "Warehouse": "open(...)",
    "CustomerProfit": "customer_profit(shop)",
    "CourtesyCost": "courtesy_cost(shop)",
    "PurchaseSummary": "purchase_summary(shop)",
    "ModelFit": "fit(...)",
    "LifetimeValue": "lifetime_value(...)",
    "HoldoutSplit": "split_at(...)",
    "Verdict": "does_it_pay(...)",
    "Settings": "load_settings(...)",
}


def takes(*kinds: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check the kinds of a function's first arguments, by the names of their classes.

    Names, so that a module need not import, at run time, classes of a layer that it only receives results of.

    Raises
    ------
    DataError
        By the function: it was given another kind of object.

    Examples
    --------
    >>> @takes("Warehouse")
    ... def count(shop): ...
    >>> count(5)
    Traceback (most recent call last):
    custvalue.errors.DataError: count takes a Warehouse, as made by open(...); it got int.
    """

    def checked(function: Callable[P, R]) -> Callable[P, R]:
        names = function.__code__.co_varnames[: len(kinds)]

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given = dict(zip(names, args, strict=False)) | kwargs
            for name, kind in zip(names, kinds, strict=True):
                value = given.get(name)
                if name in given and kind not in {c.__name__ for c in type(value).__mro__}:
                    what = f"{function.__name__} takes a {kind}, as made by {MADE_BY[kind]}"
                    raise DataError(f"{what}; it got {type(value).__name__}.")
            return function(*args, **kwargs)

        return call

    return checked
