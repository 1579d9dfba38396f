"""Mapping files as people write them: TOML, one on top of another, and what is wrong with an entry."""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from custvalue.errors import SourceError
from custvalue.paths import shipped_map, shipped_maps

if TYPE_CHECKING:
    from pydantic import ValidationError

RATES = ("currency", "date", "rate")
MOST_LAYERS = 5  # a mapping that extends one that extends ...: more is a circle


def read_toml(source: str | Path, *, depth: int = 1) -> tuple[dict[str, Any], Path]:
    """Read a mapping file with what it extends below it; return the entries, and the file.

    Raises
    ------
    SourceError
        There is no such file, or it is not TOML.
    """
    if not isinstance(source, str | Path):
        raise SourceError(f"A mapping is a TOML file or the name of a shipped one, not a {type(source).__name__}.")
    file = shipped_map(str(source)) or Path(source)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        if isinstance(problem, tomllib.TOMLDecodeError | UnicodeDecodeError):
            raise SourceError(f"{file.name} is not valid TOML: {problem}.") from None
        raise SourceError(
            f"There is no mapping file {file.name!r}.", f"Shipped ones: {', '.join(shipped_maps())}."
        ) from None
    below = raw.pop("extends", None)
    if below is None:
        return raw, file
    if not isinstance(below, str) or depth == MOST_LAYERS:
        raise SourceError(f"{file.name}: entry extends: it names one mapping, a file or a shipped one, and no circle.")
    there = shipped_map(below) or file.parent / below
    return _laid_over(read_toml(str(there), depth=depth + 1)[0], raw), file


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Take the entries of both; where both have one, that above, and tables entry by entry."""
    merged = below | above
    for name in below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict) and not _is_origin(above[name]):
            merged[name] = _laid_over(below[name], above[name])
    return merged


def _is_origin(entry: dict[str, Any]) -> bool:
    """Say whether an entry tells where a column comes from: it stands for itself."""
    return bool(entry.keys() & {"column", "expression", "constant", "chars", "rate", "by"})


def read_rates(file: Path) -> dict[str, dict[str, str]]:
    """Read a table of exchange rates: columns `currency`, `date` (the first day it holds) and `rate`.

    Raises
    ------
    SourceError
        There is no such file, or it lacks a column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in RATES if name not in (rows.fieldnames or ())]
            if missing:
                raise SourceError(f"{file.name} has no column {missing[0]!r}.", f"Rates have {', '.join(RATES)}.")
            found: dict[str, dict[str, str]] = defaultdict(dict)
            for row in rows:
                found[str(row["currency"]).strip().upper()][str(row["date"]).strip()] = str(row["rate"]).strip()
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise SourceError(f"Can't read the rates in {file.name!r}: {problem}.") from None
    return dict(found)


def what_is_wrong(problem: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Say which entry of a mapping does not fit, and name the known ones where it does not exist."""
    first = problem.errors()[0]
    path = [str(part) for part in first["loc"] if not str(part).startswith(("[key]", "datetime."))]
    where = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"there is no entry {where}", f"Known here: {', '.join(_entries_at(model, path[:-1]))}."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("model_type", "dict_type"):
        message = "it should hold entries of its own"
    if first["type"] == "missing":
        return f"entry {where}: it is missing", ""
    if first["type"] == "value_error":
        return f"entry {where}: {message}" if where else message, ""
    return f"entry {where}: {message[0].lower()}{message[1:]}, got {first['input']!r}", ""


def _entries_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """Name the entries of the model that stands at a path."""
    for part in path:
        field = model.model_fields.get(part)
        inner = None if field is None else _model_in(field.annotation)
        model = inner or model  # a table's or column's name, or a number in a list, stays in the same model
    top = [] if path else ["extends"]
    return sorted([*top, *(field.alias or name for name, field in model.model_fields.items())])


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation holds, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
