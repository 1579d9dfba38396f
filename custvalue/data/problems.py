"""What is wrong with a row: SQL that says when, what such rows have in common, and what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.data.quoting import literal, quote
from custvalue.data.reading import NUMERAL, is_number
from custvalue.data.texts import Reading, as_text, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source
    from custvalue.data.values import Step

CUT_ID = "^[0-9]([.,][0-9]+)?[eE][+-]?[0-9]{1,3}$"
"""An id that a spreadsheet turned into a number and cut: several become one."""
OPEN_ENDED = ("valid_to", "ends", "due_on", "extended_on")
"""Days that may lie ahead without end."""

DATE_FORMS = {
    r"^[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}$": 'date_format = "%d.%m.%Y"',
    "^(1[3-9]|2[0-9]|3[01])/[0-9]{1,2}/[0-9]{4}$": 'date_format = "%d/%m/%Y"',
    "^[0-9]{1,2}/(1[3-9]|2[0-9]|3[01])/[0-9]{4}$": 'date_format = "%m/%d/%Y"',
    "^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}$": 'date_format = "%d/%m/%Y" or date_format = "%m/%d/%Y"',
    "^(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]$": 'date_format = "%Y%m%d"',
    "^[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{2}$": 'date_format = "%d.%m.%y"',
}
"""Dates as they are often written, and the entry that reads them."""

NOUNS = {"DECIMAL": "a number", "DOUBLE": "a number", "INTEGER": "a whole number", "SMALLINT": "a whole number",
         "BIGINT": "a whole number", "DATE": "a date", "TIMESTAMP": "a date", "BOOLEAN": "true or false",
         "TIME": "a time of day"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Problem:
    """SQL: when a row has it, what such rows have in common, the same with the value that came, and that value."""

    condition: str
    cause: str
    reason: str
    value: str | None = None


def fixed(condition: str, reason: str) -> Problem:
    """Return a problem that is told in the same words for every row."""
    return Problem(condition=condition, cause=literal(reason), reason=literal(reason))


def unread(relation: Relation, source: Source, reading: Reading, doubts: dict[str, str]) -> Iterator[Problem]:
    """Yield for each column the problem that its text is nothing of the column's type."""
    for key in reading.texts:  # in the order of the columns: a set has another order in each process
        if key in reading.asks_only:
            continue
        base = reading.kinds[key].split("(")[0]
        if base not in NOUNS:
            continue
        name, what = reading.labels.get(key, key), literal(f"is not {NOUNS[base]}")
        if is_number(reading.kinds[key]) and source.mapping.states_marks:
            decimal, thousands = source.mapping.marks
            marks = f'decimal = "{decimal}"' + (f', thousands = "{thousands}"' if thousands else "")
            what = literal(f"is not {NOUNS[base]} with {marks}")
        elif key in doubts:
            unclear = literal(f"is not clear: {doubts[key]} under [tables.{relation.name}]")
            what = f"case when regexp_matches({readable(key)}, {literal(NUMERAL)}) then {unclear} else {what} end"
        elif base in ("DATE", "TIMESTAMP") and source.mapping.date_format is None:
            what = _date_hint(relation, as_text(key), what)
        value = f"'''' || {as_text(key)} || ''''"
        yield Problem(
            condition=f"{as_text(key)} is not null and {quote(key)} is null",
            cause=f"{literal(name + ' ')} || {what}",
            reason=f"{literal(name + ': ')} || {value} || ' ' || {what}",
            value=value,
        )


def _date_hint(relation: Relation, text: str, what: str) -> str:
    hints = " ".join(
        f"when regexp_matches({text}, {literal(form)}) then"
        f" {literal(f'is not a date in ISO 8601: the mapping needs {entry} under [tables.{relation.name}]')}"
        for form, entry in DATE_FORMS.items()
    )
    return f"case {hints} else {what} end"


def empty(relation: Relation, reading: Reading, spoiled: list[str]) -> Iterator[Problem]:
    """Yield for each needed column the problem that it has no value; what spoils it is told already."""
    unspoiled = " and ".join(f"not coalesce({condition}, false)" for condition in spoiled) or "true"
    for name in relation.required:
        if name in reading.computed:
            reason = f"{name} is empty: {reading.computed[name][1]} has no value"
            yield fixed(f"{quote(name)} is null and {unspoiled}", reason)
        else:
            came = as_text(name) if name in reading.texts else "null"
            yield fixed(f"coalesce({quote(name)}::varchar, {came}) is null", f"{name} is empty")


def broken_rules(relation: Relation, source: Source) -> Iterator[Problem]:
    """Yield the table's own rules, each with its reason."""
    yield from (fixed(_rule(predicate, source), reason) for predicate, reason in relation.rejects)


def unsettled(source: Source, worked_out: list[Step]) -> Iterator[Problem]:
    """Yield what the mapping leaves open: a currency without a rate, a text without a rate of tax."""
    helpers = {name for step in worked_out for name in step}
    if "_rate" in helpers:
        yield Problem(
            condition="_rate is null",
            cause="'the mapping has no rate for ' || _currency || ' on this day'",
            reason="'the mapping has no rate for ' || _currency || ' on this day'",
        )
    tax = source.mapping.tax
    if tax is not None and "_tax_rate" in helpers:
        of = f" for this {tax.by}" if tax.by else ""
        yield fixed("_tax_rate is null", f"the mapping's tax gives no rate{of}")


def implausible(source: Source, reading: Reading) -> Iterator[Problem]:
    """Yield what can be read but not meant: a day out of range, an id that was cut."""
    first, last = f"date '{source.mapping.earliest}'", _rule("tomorrow + interval 1 year", source)
    until = "a year from today"
    if source.mapping.latest:
        last, until = f"(date '{source.mapping.latest}' + 1)", str(source.mapping.latest)
    for name in reading.texts:
        if name in reading.labels:
            continue
        value = f"'''' || {as_text(name)} || ''''"
        if reading.kinds[name] in ("TIMESTAMP", "DATE"):
            what = literal(f" does not lie between {source.mapping.earliest} and {until}")
            ahead = "false" if name in OPEN_ENDED else f"{quote(name)} >= {last}"
            outside = f"({quote(name)} < {first} or {ahead})"
        elif name.endswith("_id") and reading.kinds[name] == "VARCHAR":
            outside = f"regexp_matches({as_text(name)}, {literal(CUT_ID)})"
            what = literal(" is a number that a spreadsheet cut: several ids become one")
        else:
            continue
        yield Problem(
            condition=outside,
            cause=f"{literal(name)} || {what}",
            reason=f"{literal(name + ': ')} || {value} || {what}",
            value=value,
        )


def _rule(predicate: str, source: Source) -> str:
    today = f"cast(timezone({literal(source.mapping.time_zone)}, now()) as date)"
    return predicate.replace("tomorrow", f"({today} + 1)")


def told(problems: list[Problem]) -> str:
    """Return the columns `_cause`, `_reasons` and `_values` of what is wrong with a row."""
    causes, reasons, came = (
        ", ".join(f"case when {p.condition} then {part} end" for p in problems if (part := getattr(p, name))) or "null"
        for name in ("cause", "reason", "value")
    )
    return (
        f"nullif(concat_ws('; ', {causes}), '') as _cause, concat_ws('; ', {reasons}) as _reasons,"
        f" nullif(concat_ws(', ', {came}), '') as _values"
    )
