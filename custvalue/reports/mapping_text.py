"""A mapping as TOML with remarks, as a person would write it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of the mapping: rows to leave out (`drop`), or what a line is."""

    kind: str
    column: str
    values: tuple[str, ...] = ()
    below: float | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a proposed mapping says."""

    extends: str | None = None
    currency: str | None = None
    table: str = "transactions"
    files: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    encoding: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    tax: str | None = None
    group_by: str | None = None
    rules: tuple[Rule, ...] = ()
    doubts: tuple[str, ...] = ()


def quoted(text: str) -> str:
    """Write a text as TOML's basic string, whatever is in it."""
    return re.sub(
        r"[\x7f-\x9f\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def remark(text: str) -> str:
    """Write a text as remarks: no line end or control character in it ends them."""
    return "# " + re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)


def mapping_text(entry: Entry) -> str:
    """Return the TOML of a mapping."""
    lines = [remark("Proposed by `custvalue init`: correct what is wrong, then load with --map and this file.")]
    lines += [remark(f"Doubt: {doubt}") for doubt in entry.doubts]
    if entry.extends:
        lines += [f"extends = {quoted(entry.extends)}"]
    lines += [f"currency = {quoted(entry.currency or 'EUR')}"]
    if not entry.extends:
        lines += ["", *_table(entry)]
    return "\n".join(lines) + "\n"


def _table(entry: Entry) -> list[str]:
    lines = [f"[tables.{entry.table}]"]
    # the marks of a pattern in a file's own name stand for themselves
    name = re.sub(r"([*?[])", r"[\1]", entry.files[0]) if len(entry.files) == 1 else "*"
    lines.append(f"file = {quoted(name)}")
    said = {"encoding": entry.encoding, "decimal": entry.decimal, "thousands": entry.thousands,
            "date_format": entry.date_format, "group_by": entry.group_by, "tax": entry.tax}  # fmt: skip
    lines += [f"{key} = {quoted(value)}" for key, value in said.items() if value]
    drops = [_rule(rule) for rule in entry.rules if rule.kind == "drop"]
    if drops:
        lines.append(f"drop = [{', '.join(drops)}]")
    lines += ["", f"[tables.{entry.table}.columns]"]
    for ours, theirs in entry.columns.items():
        lines.append(f"{ours} = {quoted(theirs)}")
    if entry.table == "orders":
        lines.append('discount = { constant = "0" }')
    for rule in entry.rules:
        if rule.kind != "drop":
            lines += ["", f"[[tables.{entry.table}.kinds]]", f"kind = {quoted(rule.kind)}", *_asks(rule)]
    return lines


def _asks(rule: Rule) -> list[str]:
    said = [f"column = {quoted(rule.column)}"]
    if rule.values:
        said.append(f"values = [{', '.join(map(quoted, rule.values))}]")
    if rule.below is not None:
        said.append(f"below = {rule.below:g}")
    return said


def _rule(rule: Rule) -> str:
    return "{ " + ", ".join(_asks(rule)) + " }"
