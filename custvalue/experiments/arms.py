"""Which of two arms is control: by its name, by a convention, or as it was said; never by the alphabet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from custvalue.errors import DataError

if TYPE_CHECKING:
    import polars as pl

# alone, or with what only says that it is an arm: "control group", "Kontrolle 1"; "standard free" may be the measure
CONTROL_FIRST: Final = frozenset({
    "control", "ctrl", "ctl", "controlgroup", "holdout", "placebo", "baseline", "untreated", "standard", "default",
    "kontrolle", "kontrollgruppe", "kontrollarm", "vergleich", "vergleichsgruppe", "unbehandelt", "bisher",
    "contrôle", "controle", "témoin", "temoin", "controllo",
})  # fmt: skip
# the whole label only: "no fee" and "ohne Versandkosten" may well be the measure
CONTROL_WORDS: Final = CONTROL_FIRST | {
    "0", "false", "off", "no", "without", "none", "nothing", "not treated", "old", "status quo", "hold out",
    "ohne", "nein", "aus", "nichts", "keine", "sans", "aucun", "non",
}  # fmt: skip
# control first; alone these words say nothing: alt is old in German and short for alternative
CONVENTIONS: Final = frozenset({
    ("a", "b"), ("1", "2"), ("f", "t"), ("n", "y"), ("n", "j"), ("c", "t"), ("alt", "neu"),
})  # fmt: skip
FILLER: Final = frozenset({
    "group", "gruppe", "groupe", "grupo", "gruppo", "arm", "the", "variant", "variante", "cell", "zelle",
})  # fmt: skip
NO_ONE: Final = "(no one)"
PLAIN_CONTROL: Final = frozenset({"control", "0", "false", "no", "off", "f", "n", "nein"})
PLAIN_TREATED: Final = frozenset({"treatment", "treated", "test", "1", "true", "yes", "on", "t", "y", "ja", "j"})


def two_arms(arm: pl.Series, column: str, control: object = None, *, of_shop: bool = False) -> tuple[str, str]:
    """Return the labels of control and treatment.

    Parameters
    ----------
    control
        The label of the control arm, where it was said.
    of_shop
        Whether a warehouse says it, so that messages name its table.

    Raises
    ------
    DataError
        There are not two arms, `control` is none of them, or it is not said and their names do not tell.
    """
    labels = sorted({label_of(v) for v in arm.drop_nulls().unique().to_list()})
    if not labels or len(labels) > 2:
        shown = ", ".join(labels[:6]) or "none"
        hint = "Several thresholds of free delivery are compared by free_delivery_threshold." if labels else ""
        raise DataError(f"Column {column!r} must name two arms; it has {len(labels)}: {shown}.", hint)
    if control is not None:
        return _as_said(labels, label_of(control), "`control_arm` of `experiments`" if of_shop else "control")
    known = [is_control(label) for label in labels]
    if len(labels) == 1:
        return (labels[0], NO_ONE) if known[0] else (NO_ONE, labels[0])
    first, second = labels
    if known[0] != known[1]:
        return (first, second) if known[0] else (second, first)
    plain = _plain(first), _plain(second)
    if plain in CONVENTIONS:
        return first, second
    if plain[::-1] in CONVENTIONS:
        return second, first
    say = "Fill `control_arm` of `experiments`." if of_shop else "Say control=..."
    raise DataError(f"Which arm is control: {first!r} or {second!r}? {say}")


def _as_said(labels: list[str], control: str, source: str) -> tuple[str, str]:
    same = [x for x in labels if x == control] or [x for x in labels if x.casefold() == control.casefold()]
    others = [x for x in labels if x not in same]
    if len(same) == 1:
        return same[0], others[0] if others else NO_ONE
    if len(labels) == 1:  # nobody is in the control arm
        return control, labels[0]
    raise DataError(f"{source} is {control!r}, but the arms are {labels[0]!r} and {labels[1]!r}.")


def label_of(value: Any) -> str:
    """Write an arm as it reads: 1.0 is 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def are_plain(control: str, treatment: str) -> bool:
    """Tell whether the labels say themselves which arm got the measure."""
    return _plain(control) in PLAIN_CONTROL and _plain(treatment) in PLAIN_TREATED


def _plain(label: str) -> str:
    """Take a label's words in small letters, without what only says that it is an arm."""
    words = re.findall(r"[^\W_]+", label.lower())
    return " ".join([w for w in words if w not in FILLER] or words)


def is_control(label: str) -> bool:
    """Tell whether a label says that its arm is control."""
    plain = _plain(label)
    first, *rest = plain.split(" ")
    return plain in CONTROL_WORDS or (first in CONTROL_FIRST and all(word.isdigit() for word in rest))
