"""What public functions take: numbers, shares, levels, days, names, results; each checked with one wording."""

from __future__ import annotations

import datetime as dt
import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_DAYS: Final = 36_500
"""A hundred years: a time beyond it is a slip of the pen, and no model reaches so far."""
SHOWN: Final = 60

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
    "DecisionSettings": "DecisionSettings(...); of a run's settings it is settings.decision",
}


def shown(value: object) -> str:
    """Write what came for a message: its repr, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def is_number(value: object) -> bool:
    """Tell whether it is a finite number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_level(level: object) -> None:
    """Refuse the level of an interval that is none, such as 95."""
    if not is_number(level) or not 0.0 < level < 1.0:  # type: ignore[operator]
        raise DataError(f"level={shown(level)}: a level between 0 and 1, such as 0.95, was expected.")


def check_share(name: str, value: object, *, with_limits: bool = False) -> None:
    """Refuse what is no share between 0 and 1; `with_limits`: 0 and 1 are shares too."""
    inside = is_number(value) and (0.0 < value < 1.0 or (with_limits and value in (0.0, 1.0)))  # type: ignore[operator]
    if not inside:
        limits = ", 0 and 1 included" if with_limits else ""
        raise DataError(f"{name}={shown(value)}: a share between 0 and 1{limits} was expected, such as 0.5.")


def check_number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    such_as: str = "",
) -> None:
    """Refuse what is no finite number, or a number under `least`, not over `above`, or over `most`."""
    right = is_number(value)
    right = right and (least is None or value >= least) and (above is None or value > above)  # type: ignore[operator]
    right = right and (most is None or value <= most)  # type: ignore[operator]
    if not right:
        limit = "" if least is None else f" of {least:g} or more"
        limit = limit if above is None else f" above {above:g}"
        limit += "" if most is None else f"{' and' if limit else ''} at most {most:,.15g}"
        raise DataError(f"{name}={shown(value)}: a number{limit} was expected{such_as and ', such as '}{such_as}.")


def check_whole(name: str, value: object, *, least: int = 1, most: int | None = None) -> None:
    """Refuse what is no whole number within its limits."""
    right = isinstance(value, Integral) and not isinstance(value, bool) and value >= least  # type: ignore[operator]
    if not right or (most is not None and value > most):  # type: ignore[operator]
        limit = f", {least:,} or more" if most is None else f" from {least:,} to {most:,}"
        raise DataError(f"{name}={shown(value)}: a whole number{limit} was expected.")


def check_days(name: str, days: object, *, whole: bool = True) -> None:
    """Refuse a length in days that is none: above 0 and at most a hundred years."""
    if whole:
        check_whole(name, days, most=LONGEST_DAYS)
    else:
        check_number(name, days, above=0.0, most=LONGEST_DAYS)


def check_names(name: str, value: object) -> None:
    """Refuse what is no list of columns, such as a single name: its letters would be taken for columns."""
    if isinstance(value, str):
        raise DataError(f"{name}={value!r}: a list of columns was expected, such as {name}=[{value!r}].")
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise DataError(f"{name}={shown(value)}: a list of columns was expected.")


def check_text(name: str, value: object) -> None:
    """Refuse what is no text, or an empty one."""
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{name}={shown(value)}: a text was expected.")


def check_currency(value: object) -> None:
    """Refuse a currency that is no text; an empty one means that nobody said it."""
    if not isinstance(value, str):
        raise DataError(f"currency={shown(value)}: a text such as 'CHF' was expected.")


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Refuse what is none of the words that may stand there."""
    words = list(choices)
    if not isinstance(value, str) or value not in words:
        raise DataError(f"{name}={shown(value)}: one of {', '.join(words)} was expected.")


def to_day(name: str, day: object) -> dt.date:
    """Read a day: a date, a time of that day, or ISO text.

    Raises
    ------
    DataError
        It is none of these.
    """
    if isinstance(day, dt.datetime):
        return day.date()
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise DataError(f"{name}={shown(day)}: a day such as 2026-01-31 was expected.") from None
