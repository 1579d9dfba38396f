"""One plain sentence for each row of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.service.options import HAS_IT
from custvalue.service.reasons import hours as in_hours
from custvalue.service.reasons import money

if TYPE_CHECKING:
    from custvalue.service.cases import Case
    from custvalue.service.options import Option
    from custvalue.service.rules import Rules


def why(case: Case, taken: Option | None, closed_by: str, rules: Rules, currency: str) -> str:
    """Say why a measure is given to a segment, withdrawn from it, tested on it, or left as it is.

    Parameters
    ----------
    taken
        What the plan does.
    closed_by
        Why what would have been possible is left out; empty where nothing was.
    """
    if taken is not None:
        says = {"give": _gives, "withdraw": _withdraws, "test": _tests}[taken.action]
        return says(case, taken, currency)
    return _keeps(case, closed_by, rules, currency)


def _found(case: Case, currency: str) -> str:
    """Tell what the test found, per customer and year."""
    mean = f"{case.belief.mean:+,.2f}"
    if case.low is None or case.high is None:
        return f"{mean} {currency} a customer and year"
    tests = f"{case.n_tests} tests, the last {case.experiment}" if case.n_tests > 1 else f"test {case.experiment}"
    return f"{mean} {currency} a customer and year ({case.low:+,.2f} to {case.high:+,.2f}; {tests})"


def _gives(case: Case, taken: Option, currency: str) -> str:
    if case.basis == "measured":
        return f"Pays off: {_found(case, currency)}."
    if case.basis == "prior":
        return (
            f"Believed to bring {_found(case, currency)}; nobody measured it, and it may bring nothing for its "
            f"{money(taken.cost)} {currency}."
        )
    return f"Promised; it costs {money(taken.cost)} {currency} a year, and nothing says what it brings."


def _withdraws(case: Case, taken: Option, currency: str) -> str:
    return (
        f"Does not pay: {_found(case, currency)}. {case.given_today:.0%} have it today; after a quarter's notice, "
        f"newcomers first, this frees {money(taken.gain)} {currency} a year."
    )


def _tests(case: Case, taken: Option, currency: str) -> str:
    known = {
        "measured": f"Undecided so far: {_found(case, currency)}",
        "prior": "Stated, never measured",
        "none": "Nothing says what it brings",
    }[case.basis]
    n = 2 * case.test.n_per_arm
    return (
        f"{known}: a test of {n:,} customers is worth {money(taken.worth)} {currency} and costs "
        f"{money(taken.upfront)} {currency}."
    )


def _keeps(case: Case, closed_by: str, rules: Rules, currency: str) -> str:
    if case.basis != "measured":
        return _unmeasured(case, closed_by, currency)
    if case.decision == "does not pay":
        if case.given_today > 1.0 - HAS_IT:
            chosen = "the plan withdraws nothing" if not rules.withdraw else closed_by
            return f"Does not pay: {_found(case, currency)}. {case.given_today:.0%} have it, but {chosen}."
        ends = f" The {case.ends_with_test:,} treated customers lose it with the test." if case.ends_with_test else ""
        return f"Does not pay: {_found(case, currency)}.{ends}"
    if case.decision == "pays off":
        if case.given_today >= HAS_IT:
            return f"Pays off: {_found(case, currency)}; all have it today."
        if case.given_today >= 1.0 - rules.holdout - 1e-9:
            return f"Pays off: {_found(case, currency)}; all but those held back have it today."
        return f"Pays off: {_found(case, currency)}, but {closed_by}."
    if case.decision == "practically neutral":
        return f"Makes no difference that matters: {_found(case, currency)}."
    return f"Undecided: {_found(case, currency)}; {_no_test(case, closed_by)}."


def _unmeasured(case: Case, closed_by: str, currency: str) -> str:
    stands = f"{case.given_today:.0%} have it today" if case.given_today > 1.0 - HAS_IT else "nobody has it today"
    burden = f"{money(case.burden)} {currency} a customer and year"
    hours = sum(case.hours.values())
    time = f" and {in_hours(hours)} hours" if hours >= 0.05 else ""
    told = "stated, never measured" if case.basis == "prior" else "nothing says what it brings"
    return f"It costs {burden}{time}, {stands}, and {told}; {_no_test(case, closed_by)}."


def _no_test(case: Case, closed_by: str) -> str:
    if case.test.n_per_arm == 0:
        return "no test is worth its cost"
    return f"a test would be worth its cost, but {closed_by or 'other tests come first'}"


def stop_rule(option: Option, currency: str) -> str:
    """Say when a step is taken back."""
    if option.action == "test":
        days = "its last customer is mature"
        return f"ends when {days}; one look at the end"
    if option.action == "withdraw":
        return "ends if complaints of the segment double"
    return f"ends if the hold-out earns more by a sure interval (below 0 {currency} a customer)"


def in_words(constraint: str, unit: str, one_more: float, currency: str) -> str:
    """Say what one more unit of a limit is worth."""
    what = f"One more {unit} of {constraint}" if unit != currency else f"One more {currency} of {constraint}"
    return f"{what} is worth {money(one_more)} {currency}" if one_more > 0.005 else f"{what} brings nothing"
