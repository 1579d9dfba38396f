"""What a verdict is asked with: arguments within their range, and none that a warehouse states itself."""

from __future__ import annotations

import datetime as dt
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

from custvalue.config import DecisionSettings, Settings
from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

STATED: Final[Mapping[str, tuple[object, str]]] = {
    "arm": ("arm", "`arm` of `assignments`"),
    "control": (None, "`control_arm` of `experiments`"),
    "outcome": ("contribution", "the contribution, net of the measure"),
    "segment": (None, "the declared segment"),
    "before": (None, "the contribution before the start"),
    "unit": (None, "`unit` of `experiments`"),
    "planned_share": (0.5, "`planned_share` of `experiments`"),
    "outcome_days": (28, "`outcome_days` of `experiments`"),
}


def refuse_stated(experiment: str | None, **given: object) -> None:
    """Refuse arguments about the columns of a frame where a warehouse is given: they would be ignored.

    Raises
    ------
    DataError
        One is given, or the experiment is not named.
    """
    if experiment is None:
        raise DataError("Name the experiment, as in does_it_pay(shop, experiment='free_delivery').")
    for name, value in given.items():
        default, stated = STATED[name]
        if value != default:
            raise DataError(
                f"{name}={value!r} is for a frame; of a test of the warehouse it is {stated}.",
                f"To judge otherwise give the frame shop.fetch('experiment_customers', experiment={experiment!r}).",
            )


def check_looks(looks: object) -> None:
    """Refuse a number of looks that is none."""
    if looks is not None and (not isinstance(looks, Integral) or looks < 1):
        raise DataError(f"looks counts this look too, so it is a whole number from 1 on; got {looks!r}.")


def checked_looks(stated: int | None, logged: int, experiment: str) -> int:
    """Return which look this is by the warehouse's log, or a later one where more looks are stated.

    Raises
    ------
    DataError
        Fewer are stated than were logged: that would hide looks.
    """
    if stated is not None and stated < logged:
        raise DataError(
            f"looks={stated}: by the log of looks at {experiment!r} this is look {logged}.",
            "Leave out looks: the warehouse counts them.",
        )
    return stated or logged


def check_days(name: str, days: object) -> None:
    """Refuse a length in days that is none."""
    if not isinstance(days, Integral) or days < 1:
        raise DataError(f"{name}={days!r}: a whole number of days, at least 1, was expected.")


def checked_settings(settings: object) -> DecisionSettings:
    """Return the settings, or the defaults.

    Raises
    ------
    DataError
        They are no `DecisionSettings`.
    """
    if settings is None:
        return DecisionSettings()
    if isinstance(settings, DecisionSettings):
        return settings
    say = "settings.decision" if isinstance(settings, Settings) else "DecisionSettings(level=0.95, ...)"
    raise DataError(f"DecisionSettings were expected, got {type(settings).__name__}.", f"Say settings={say}.")


def checked_day(day: object) -> dt.date | None:
    """Return the day of the analysis.

    Raises
    ------
    DataError
        It is neither a date nor text such as 2026-01-31.
    """
    if day is None or type(day) is dt.date:
        return day
    if isinstance(day, dt.datetime):
        return day.date()
    try:
        return dt.date.fromisoformat(str(day))
    except ValueError:
        raise DataError(f"as_of={day!r}: a day such as 2026-01-31 was expected.") from None


def with_plan(settings: DecisionSettings, row: Mapping[str, Any]) -> DecisionSettings:
    """Take from the experiment's row what the settings do not state.

    Raises
    ------
    DataError
        The row states a number below 1.
    """
    planned = {
        name: row[name]
        for name in ("eligible_customers", "planned_looks")
        if name not in settings.model_fields_set and row.get(name) is not None
    }
    for name, value in planned.items():
        if value < 1:
            raise DataError(f"`{name}` of experiment {row['name']!r} is {value}: 1 or more was expected.")
    return settings.model_copy(update=planned)
