"""Numbers as bookkeepers write them: `(12.50)`, `12.50-`, `€ 12.50`, `12.50 CHF`; and the currency they name."""

from __future__ import annotations

import re

from custvalue.data.quoting import literal

CODES = (
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD",
    "HRK", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP",
    "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TND", "TRY", "TWD", "UAH", "USD", "VND",
    "ZAR",
)  # fmt: skip
SIGNS = {"€": "EUR", "£": "GBP", "US$": "USD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD",
         "HK$": "HKD", "S$": "SGD", "R$": "BRL", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB", "₪": "ILS", "฿": "THB",
         "₫": "VND", "₴": "UAH", "zł": "PLN", "Kč": "CZK", "SFr.": "CHF", "Fr.": "CHF", "Ft": "HUF"}  # fmt: skip
SEVERAL = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"),
    "¥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
"""Signs of several currencies: the mapping or the database says which one is meant."""

_KNOWN = ", ".join(map(literal, ("", *CODES, *SIGNS, *SEVERAL)))
# what a currency may look like: the list of those that there are would make a pattern that takes long to build
_MARK = "(?:[A-Z]{0,3}[$]|[A-Z]{3}|[€£¥₹₩₺₽₪฿₫₴]|zł|Kč|S?Fr[.]|Ft|kr)"
_MINUS = "[-\u2212\u2013]"
_DIGITS = "(?:[0-9](?:[0-9.,'\u2019 \u00a0\u202f]*[0-9])?|[.,][0-9]+)"
_BLANK = "[ \u00a0\u202f]*"
_MONEY = f"{_BLANK}(?:{_MARK}{_BLANK}{_DIGITS}|{_DIGITS}{_BLANK}{_MARK}?){_BLANK}"
_BRACKETS = f"\\({_BLANK}{_DIGITS}{_BLANK}\\)"
WRITTEN = (
    f"^(?:(?:{_MINUS}|\\+)?{_MONEY}|{_MARK}{_BLANK}(?:{_MINUS}|\\+){_BLANK}{_DIGITS}|{_MONEY}{_MINUS}|\\({_MONEY}\\)"
    f"|{_MARK}{_BLANK}{_BRACKETS}|{_BRACKETS}{_BLANK}{_MARK}|{_DIGITS}{_MINUS}{_BLANK}{_MARK})$"
)
"""A number with at most one sign, bracket pair or minus at its end, and a currency before or after it."""
_PLAIN = "^[+-]?[0-9.,]*$"
_SIGNS = f"{_MARK}|[()+]|{_MINUS}"
_NEGATIVE = f"[(]|{_MINUS}"


def bare(text: str) -> str:
    """Return the SQL of such a number as its digits with a minus before them; null where a text is no such number.

    It is long: it should stand once in a query, as a column of its own.
    """
    digits = f"trim(regexp_replace({text}, {literal(_SIGNS)}, '', 'g'), chr(32) || chr(160) || chr(8239))"
    minus = f"case when regexp_matches({text}, {literal(_NEGATIVE)}) then '-' else '' end"
    return f"case when {_is_plain(text)} then null when {_is_written(text)} then {minus} || {digits} end"


def as_bare(text: str) -> tuple[str, str | None]:
    """Do the same in Python: such a number as its digits, and the currency or sign beside it.

    Examples
    --------
    >>> as_bare("(12,50) €"), as_bare("12.50-"), as_bare("n/a")
    (('-12,50', 'EUR'), ('-12.50', None), ('n/a', None))
    """
    found = re.search(_MARK, text)
    mark = found[0] if found else ""
    if not re.fullmatch(WRITTEN, text) or mark not in ("", *CODES, *SIGNS, *SEVERAL):
        return text, None
    digits = re.sub(_SIGNS, "", text).strip()
    return f"-{digits}" if re.search(_NEGATIVE, text) else digits, SIGNS.get(mark, mark) or None


def _is_plain(text: str) -> str:
    return f"{text} is null or regexp_matches({text}, {literal(_PLAIN)})"  # nearly always, and soon told


def _is_written(text: str) -> str:
    known = f"regexp_extract({text}, {literal(_MARK)}) in ({_KNOWN})"
    return f"regexp_matches({text}, {literal(WRITTEN)}) and {known}"


def currency_named(text: str) -> str:
    """Return the SQL of the currency that stands beside a number: its code, or a sign of several; null without one."""
    mark = f"regexp_extract({text}, {literal(_MARK)})"
    whens = " ".join(f"when {literal(sign)} then {literal(code)}" for sign, code in SIGNS.items())
    named = f"case {mark} {whens} when '' then null else {mark} end"
    return f"case when {_is_plain(text)} then null when {_is_written(text)} then {named} end"
