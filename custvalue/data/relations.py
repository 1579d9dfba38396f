"""The files of sql/ as a graph: each holds one relation, and its header says what it is and needs."""

from __future__ import annotations

import graphlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custvalue.errors import SqlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

LAYERS = {"meta": "meta", "schema": "raw", "staging": "staging", "intermediate": "intermediate",
          "marts": "marts", "checks": "checks"}  # fmt: skip
_HEADER = re.compile(r"^-- ([a-z]+):\s+(.*)$")
_IN_HEADER = re.compile(r"^-- ([a-z]+:| {5})")  # a field, or the rest of a long one
_REPEATED = ("reject", "references", "instead")


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One file of sql/.

    Attributes
    ----------
    name, schema
        `schema.name` is how it stands in the database.
    key
        Columns that identify a row; empty where identical rows are meant.
    inputs
        Qualified names of the relations it reads.
    params
        Parameters bound when it is fetched; a relation with parameters is not stored.
    stored
        True: a table, built anew after each load. False: a view.
    outputs
        Columns and what they hold.
    required, references, rejects, instead
        Of raw tables only: columns that must be there and filled, `column -> table` pairs,
        `predicate : reason` pairs for rows to be set aside, and `column <- table` pairs: the column is not needed
        where that table is loaded.
    sql
        The statement, without the header.
    """

    name: str
    schema: str
    grain: str
    key: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    stored: bool = False
    outputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    instead: tuple[tuple[str, str], ...] = ()
    rejects: tuple[tuple[str, str], ...] = ()
    sql: str

    @property
    def days(self) -> tuple[str, ...]:
        """Columns of a raw table that hold days or times."""
        return tuple(re.findall(r"^    (\w+) (?:date|timestamp)\b", self.sql, re.MULTILINE))

    @property
    def qualified(self) -> str:
        """Name with schema, as SQL writes it."""
        return f"{self.schema}.{self.name}"


def parse_relation(file: Path) -> Relation:
    """Read one file of sql/.

    Raises
    ------
    SqlError
        The header lacks its name or grain, or names another relation than the file.
    """
    single: dict[str, str] = {}
    repeated: dict[str, list[str]] = {name: [] for name in _REPEATED}
    lines = file.read_text(encoding="utf-8").splitlines()
    last = ""
    body_starts = next((i for i, line in enumerate(lines) if not _IN_HEADER.match(line)), len(lines))
    for line in lines[:body_starts]:
        if match := _HEADER.match(line):
            last, value = match.groups()
            if last in repeated:
                repeated[last].append(value)
            else:
                single[last] = value
        elif last in single:
            single[last] += " " + line.removeprefix("--").strip()
    if single.get("relation") != file.stem or "grain" not in single:
        raise SqlError(f"{file.parent.name}/{file.name}: the header needs `relation: {file.stem}` and `grain:`.")
    key = single.get("key", "none")
    return Relation(
        name=file.stem,
        schema=LAYERS[file.parent.name],
        grain=single["grain"],
        key=() if key.startswith("none") else _split(key),
        inputs=_split(single.get("inputs", "")),
        params=_split(single.get("params", "")),
        stored=single.get("stored", "view") == "table",
        outputs=_split(single.get("outputs", "")),
        required=_split(single.get("required", "")),
        references=tuple(_pair(value, " -> ") for value in repeated["references"]),
        instead=tuple(_pair(value, " <- ") for value in repeated["instead"]),
        rejects=tuple(_pair(value, " : ") for value in repeated["reject"]),
        sql="\n".join(lines[body_starts:]).strip(),
    )


def read_relations(folder: Path) -> dict[str, Relation]:
    """Read all files of sql/, keyed by qualified name, each after its inputs.

    Raises
    ------
    SqlError
        An input does not exist, or relations need each other in a circle.
    """
    files = (file for layer in LAYERS for file in sorted((folder / layer).glob("*.sql")))
    found = {relation.qualified: relation for relation in map(parse_relation, files)}
    for relation in found.values():
        if unknown := set(relation.inputs) - set(found):
            raise SqlError(f"{relation.qualified} declares inputs that do not exist: {', '.join(sorted(unknown))}.")
    graph = {name: set(relation.inputs) for name, relation in found.items()}
    try:
        order = tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as cycle:
        raise SqlError(f"Relations need each other in a circle: {' -> '.join(cycle.args[1])}.") from None
    return {name: found[name] for name in order}


def check_inputs(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Compare the relations that a statement reads with those its header declares.

    Raises
    ------
    SqlError
        It reads one that is not declared, or declares one that it does not read.
    """
    parsed = json.loads(con.execute("select json_serialize_sql($sql)", {"sql": relation.sql}).fetchall()[0][0])
    if parsed["error"]:
        raise SqlError(f"{relation.qualified} can't be parsed: {parsed['error_message']}.")
    read = {f"{schema}.{table}" for schema, table in _tables(parsed) if schema}
    if read != set(relation.inputs):
        raise SqlError(
            f"{relation.qualified} reads {', '.join(sorted(read))},"
            f" but its header declares {', '.join(sorted(relation.inputs))}."
        )


def _tables(node: Any) -> Iterator[tuple[str, str]]:
    """Yield (schema, table) of all base tables in a serialised statement."""
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["schema_name"], node["table_name"]
        for child in node.values():
            yield from _tables(child)
    elif isinstance(node, list):
        for child in node:
            yield from _tables(child)


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _pair(value: str, separator: str) -> tuple[str, str]:
    left, _, right = value.partition(separator)
    return left.strip(), right.strip()
