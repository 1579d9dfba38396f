"""What the management allows a plan to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from custvalue.errors import PlanError
from custvalue.service.programme import OPEN_NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custvalue.service.cases import Case

DECIDED = ("pays off", "does not pay", "practically neutral", "not worth testing further")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a plan may do, beside its limits on money and time.

    Attributes
    ----------
    accept_priors
        Whether a stated effect that nobody measured may carry a step.
    withdraw
        Whether customers may lose what they have.
    notice_quarters
        Quarters from the decision to a withdrawal.
    holdout
        Share of those who would get a measure that is held back to see what it earns.
    promised
        Measure → segments that must get it.
    gates
        Measure → what keeps it shut.
    """

    accept_priors: bool = False
    withdraw: bool = False
    notice_quarters: int = 1
    holdout: float = 0.05
    promised: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)

    def is_promised(self, case: Case) -> bool:
        """Tell whether a measure was promised to a segment."""
        return case.segment in self.promised.get(case.measure, ())

    def gate(self, case: Case) -> int:
        """Return the first quarter in which a measure may be given."""
        return OPEN_NEVER if case.measure in self.gates else 0

    def may_test(self, case: Case) -> bool:
        """Tell whether a verdict leaves something to test."""
        return case.decision not in DECIDED


def check_limits(budget: float | None, staff_hours: object, reserve: float) -> None:
    """Refuse limits that make no sense, before any work is done on them."""
    hours = dict(staff_hours) if isinstance(staff_hours, Mapping) else {"staff_hours": staff_hours}
    for name, limit in ({"budget": budget, "reserve": reserve} | hours).items():
        is_number = isinstance(limit, (int, float)) and math.isfinite(limit) and limit >= 0
        if limit is not None and not is_number:
            raise PlanError(f"{name} must be a number of 0 or more, not {limit!r}.", "None sets no limit.")
    if budget is None and reserve > 0:
        raise PlanError(f"A reserve of {reserve:,.2f} needs a budget to be kept out of.", "State budget=...")
    if budget is not None and reserve > budget:
        raise PlanError(
            f"A reserve of {reserve:,.2f} is more than the budget of {budget:,.2f} that it is kept out of.",
            f"Lower the reserve by {reserve - budget:,.2f}, or raise the budget by as much.",
        )
