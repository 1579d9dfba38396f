"""Numbers and spans of time as people say them: rounded, with the month named; tables keep the exact figure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

GROUPED = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?![\w.]*\d)")
"""A number with thousands, as our sentences write it."""
PERCENT = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s?%")
MILLION = 1e6
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
NO_BREAK = "\u00a0"


def about(value: float) -> str:
    """Write an amount as one says it: 26,000 and 1.4 million, but 665 and 3.21.

    From 10,000 on two or three figures are kept; below 100, the cents.
    """
    size, sign = abs(value), "−" if value < 0 else ""
    if size >= MILLION:
        return f"{sign}{_figures(size / MILLION, 3):,.4g}{NO_BREAK}million"
    if size >= 1_000:
        kept = _figures(size, 3 if size >= 100_000 else 2)
        return f"{sign}{kept / MILLION:,.4g}{NO_BREAK}million" if kept >= MILLION else f"{sign}{kept:,.0f}"
    return f"{sign}{size:,.0f}" if size >= 100 or size == int(size) else f"{sign}{size:,.2f}"


def _figures(value: float, n: int) -> float:
    """Keep so many figures, halves away from zero."""
    unit = 10.0 ** (math.floor(math.log10(value)) + 1 - n)
    return math.floor(value / unit + 0.5) * unit


def share(value: float) -> str:
    """Write a share in whole percents; a small one with a digit more, and what is nearly all or nothing as such."""
    if 0 < value < 0.0005:
        return "under 0.1%"
    if 0.995 <= value < 1:
        return "over 99%"
    return f"{value:.1%}" if 0 < value < 0.01 else f"{value:.0%}"


def for_people(text: str) -> str:
    """Round the numbers of a sentence that our own titles write; tables hold them exactly."""
    text = GROUPED.sub(lambda found: about(float(found[0].replace(",", ""))), text)
    return PERCENT.sub(lambda found: share(float(found[1]) / 100), text)


def money(value: float, currency: str) -> str:
    """Write an amount rounded, with its currency where it is known."""
    return f"{about(value)}{NO_BREAK}{currency}".rstrip() if currency else about(value)


def within(days: float) -> str:
    """Write a time to come: `in the next 12 months` rather than 365 days."""
    if days % 365 == 0:
        years = int(days // 365)
        return "in the next 12 months" if years == 1 else f"in the next {years} years"
    return f"in the next {days:,.0f} days"


def day(date: dt.date) -> str:
    """Write a day: 31 December 2025."""
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def month(date: dt.date) -> str:
    """Write a month: December 2025."""
    return f"{MONTHS[date.month - 1]} {date.year}"


def listed(words: Sequence[str]) -> str:
    """Join words as one says them: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def counted(n: float, one: str, many: str = "") -> str:
    """Write a count with its noun."""
    return f"{n:,.0f} {one if n == 1 else many or one + 's'}"


def capital(text: str) -> str:
    """Begin with a capital letter, and leave the rest as it is."""
    return text[:1].upper() + text[1:]
