"""An empty file for each table that switches a question on: its columns, their units, one row to show how."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
from dataclasses import dataclass

from custvalue.errors import SourceError
from custvalue.paths import sample_data, shared_folder

COLUMN = re.compile(r"^\s{4}(\w+) ([a-z]+(?:\([\d, ]+\))?),?(?: -- (.*))?$")
FIELD = re.compile(r"^-- (grain|required|note): +(.*)$")
KINDS = {"varchar": "text", "timestamp": "day and time", "date": "day", "boolean": "true or false", "double": "number"}
EXAMPLES = {"text": "A1", "day and time": "2025-01-31 14:30", "day": "2025-01-31", "true or false": "true",
            "number": "1.5", "whole number": "1", "money or number": "9.90"}  # fmt: skip
FLAT_ROW = {
    "order_id": "B-1001", "customer_id": "K-17", "ordered_at": "2025-01-31 14:30", "kind": "sale", "product_id": "4711",
    "description": "tea", "quantity": "2", "unit_price": "4.95", "amount": "9.90", "region": "Basel", "channel": "web",
}  # fmt: skip
"""An example of a flat export; the sample shop has none."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of a table: its name, what it holds, whether it must be there, and an example."""

    name: str
    holds: str
    is_needed: bool
    example: str


@dataclass(frozen=True, kw_only=True)
class Template:
    """A table of ours as a user may fill it."""

    table: str
    grain: str
    fields: list[Field]

    def text(self) -> str:
        """Return a CSV file: the columns, and one row that shows how they are filled."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([field.name for field in self.fields])
        writer.writerow([field.example for field in self.fields])
        return out.getvalue()


def tables() -> list[str]:
    """Return the names of the tables that can be loaded."""
    return sorted(file.stem for file in (shared_folder("sql") / "schema").glob("*.sql"))


def template(table: str) -> Template:
    """Return the columns of a table with their units and an example.

    Raises
    ------
    SourceError
        There is no such table; says the closest.
    """
    if table not in tables():
        close = difflib.get_close_matches(table, tables(), n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(tables())}."
        raise SourceError(f"There is no table {table!r}.", hint)
    lines = (shared_folder("sql") / "schema" / f"{table}.sql").read_text(encoding="utf-8").splitlines()
    said = {found[1]: found[2] for line in lines if (found := FIELD.match(line))}
    needed = {name.strip() for name in said.get("required", "").split(",")}
    shown = FLAT_ROW if table == "transactions" else _first_row(table)
    fields = []
    for line in lines:
        if found := COLUMN.match(line):
            name, kind, remark = found.groups()
            holds = _holds(kind)
            about = f"{holds}: {remark}" if remark else holds
            example = shown.get(name) or ("" if shown and name not in needed else EXAMPLES[holds])
            fields.append(Field(name=name, holds=about, is_needed=name in needed, example=example))
    return Template(table=table, grain=said.get("grain", ""), fields=fields)


def _holds(kind: str) -> str:
    if kind.startswith("decimal"):
        return "money or number"
    return KINDS.get(kind, "whole number")


def _first_row(table: str) -> dict[str, str]:
    """Return the sample shop's row that fills most columns, of the first few; nothing where it has no such table."""
    for name in (f"{table}.csv", f"{table}.csv.gz"):
        file = sample_data() / name
        if file.is_file():
            opener = gzip.open if name.endswith(".gz") else open
            with opener(file, "rt", encoding="utf-8", newline="") as stream:
                rows = [row for row, _ in zip(csv.DictReader(stream), range(200), strict=False)]
            return max(rows, key=lambda row: sum(bool(value) for value in row.values()), default={})
    return {}
