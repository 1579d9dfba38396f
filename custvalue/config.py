"""custvalue.toml -> validated, frozen settings. Every default here is shown with the answers that it shaped."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from custvalue.door import checked
from custvalue.errors import SourceError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Money = Annotated[float, Field(ge=0.0)]
FiniteMoney = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DecisionSettings(_Frozen):
    """What turns an effect into a verdict (domain: does a measure pay?).

    Attributes
    ----------
    level
        Confidence of the intervals.
    loss_cap
        Largest expected loss per customer and test window, in money, that a final verdict may risk.
    neutral_margin
        Effects smaller than this per customer and test window, in money, do not matter either way.
    eligible_customers
        Customers who would get the measure after a launch; None takes the customers in the test.
    cost_per_test_day
        Money that a day of further testing costs beside its effect on the customers in it.
    planned_looks
        How often the running test was meant to be looked at; 1 is one look at the end.
    planned_customers
        Customers at which the always-valid interval is narrowest; fixed before the test. It matters only
        where the test is looked at more than once.
    horizon_days
        How long a decision holds: the worth of a further test is counted over so many days, those less that it
        takes. Three years, as the long-run effect.
    prior_sd
        Spread of the true effects of past measures, per customer and test window, in money; it shrinks a
        lucky estimate. None is the flat prior.
    margin_rate
        Gross margin as a share of net revenue, for a test of the warehouse whose goods have no cost; a run takes that
        of its settings. Not used where costs of goods are loaded.
    """

    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    loss_cap: Money = 0.5
    neutral_margin: FiniteMoney = 0.1
    eligible_customers: Annotated[int, Field(gt=0)] | None = None
    cost_per_test_day: FiniteMoney = 0.0
    planned_looks: Annotated[int, Field(ge=1)] = 1
    planned_customers: Annotated[int, Field(gt=0)] = 5_000
    horizon_days: Annotated[int, Field(gt=0)] = 1095
    prior_sd: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    margin_rate: Share | None = None


class ServiceSettings(_Frozen):
    """Limits of a service plan over one year; None sets no limit.

    Attributes
    ----------
    budget, staff_hours, reserve
        Money, hours of all staff, and the part of the budget that stays in cash.
    accept_priors
        Whether a stated effect that nobody measured may carry a step.
    withdraw
        Whether customers may lose, after notice, what does not pay.
    tail_limit
        Most that may be lost on average in the worst twentieth of what may come.
    holdout
        Share of those who would get a measure that is held back, so that what it earns can be seen.
    """

    budget: Money | None = None
    staff_hours: Money | None = None
    reserve: Money = 0.0
    accept_priors: bool = False
    withdraw: bool = False
    tail_limit: FiniteMoney | None = None
    holdout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05


class Settings(_Frozen):
    """All settings of a run.

    Attributes
    ----------
    company
        Name on the report and the workbook.
    time_unit
        Unit of the models' time.
    horizon_days
        How far lifetime value looks ahead.
    annual_discount_rate
        Per year, never per time unit.
    margin_rate, service_cost_per_order
        Taken as given where costs are not loaded; None takes them from the profit and loss.
    set_aside_limit
        Share of a table's money that may be set aside at loading before a run says so first of all.
    """

    company: str = ""
    time_unit: Literal["day", "week", "month"] = "week"
    horizon_days: Annotated[int, Field(gt=0)] = 365
    annual_discount_rate: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.10
    margin_rate: Share | None = None
    service_cost_per_order: Money | None = None
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    set_aside_limit: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.01
    decision: DecisionSettings = DecisionSettings()
    service: ServiceSettings = ServiceSettings()


@checked
def load_settings(path: str | Path | None = None) -> Settings:
    """Read settings from a TOML file; without one, the defaults.

    Raises
    ------
    SourceError
        The file is missing, is not TOML, or holds a setting that does not exist or does not fit.
    """
    if path is None:
        return Settings()
    file = Path(path)
    if "\0" in str(path):
        raise SourceError(f"There is no settings file {file.name!r}.", "Check the path given with --config.")
    try:
        return Settings.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SourceError(f"There is no settings file {file.name}.", "Check the path given with --config.") from None
    except OSError as problem:
        raise SourceError(f"Can't read the settings file {file.name!r}: {problem.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SourceError(f"{file.name} is not valid TOML: {problem}.") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(_settings_at(first["loc"][:-1])))
            raise SourceError(f"{file.name}: there is no setting {where}.", f"Known here: {known}.") from None
        raise SourceError(f"{file.name}: setting {where}: {first['msg']}, got {first['input']!r}.") from None


def _settings_at(path: tuple[int | str, ...]) -> list[str]:
    """Name the settings of a section."""
    model: type[BaseModel] = Settings
    for part in path:
        kind = model.model_fields[str(part)].annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
