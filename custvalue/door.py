"""The door of every public function: its arguments are checked against its own annotations, with one wording."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from custvalue.errors import DataError
from custvalue.validation import MADE_BY, shown

P = ParamSpec("P")
R = TypeVar("R")

FRAMES = ("DataFrame", "LazyFrame", "DuckDBPyRelation", "Table")
ANYTHING = ("Any", "object", "ArrayLike", "Progress", "Frame")
"""Frames have a door of their own, which says what is no frame."""
TEXTS = (str, bytes, bytearray)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check arguments by the function's annotations before it runs.

    A text is no list of texts, true is no number, and not-a-number is none; what an annotation can't tell (a share
    between 0 and 1) the function checks itself.

    Raises
    ------
    DataError
        By the function: the argument, what came and what was expected.

    Examples
    --------
    >>> @checked
    ... def double(x: "float", names: "Sequence[str]" = ()): ...
    >>> double(float("nan"))
    Traceback (most recent call last):
    custvalue.errors.DataError: x=nan: a number was expected.
    >>> double(1.0, "ann")
    Traceback (most recent call last):
    custvalue.errors.DataError: names='ann': a list of columns was expected.
    """
    signature = inspect.signature(function)
    kinds = {
        name: "Any" if parameter.annotation is parameter.empty else str(parameter.annotation)
        for name, parameter in signature.parameters.items()
    }

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:  # Python's own words for an argument that is missing or unknown
            return function(*args, **kwargs)
        for name, value in given.items():
            if not _fits(value, kinds[name]):
                raise DataError(_said(function.__name__, name, value, kinds[name]))
        return function(*args, **kwargs)

    return call


def _said(function: str, name: str, value: object, annotation: str) -> str:
    annotation = "Warehouse" if annotation == "Shop" else annotation
    if annotation in MADE_BY:  # the object is not worth showing, its kind is
        return f"{function} takes a {annotation}, as made by {MADE_BY[annotation]}; it got {type(value).__name__}."
    return f"{name}={shown(value)}: {_in_words(annotation)} was expected."


def _fits(value: object, annotation: str) -> bool:
    return any(_is(value, kind) for kind in _alternatives(annotation))


@functools.cache
def _alternatives(annotation: str) -> tuple[str, ...]:
    """Split an annotation at the bars that stand in no bracket."""
    parts, depth, current = [], 0, ""
    for mark in annotation.strip("'\""):
        depth += (mark == "[") - (mark == "]")
        if mark == "|" and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += mark
    return (*parts, current.strip())


def _is(value: object, kind: str) -> bool:
    simple = SIMPLE.get(kind)
    if simple is not None:
        return simple[0](value)
    outer, bracket, inner = kind.partition("[")
    if not bracket:
        return kind in {c.__name__ for c in type(value).__mro__}
    inner = inner.removesuffix("]")
    if outer in ("Sequence", "Iterable"):
        if isinstance(value, (*TEXTS, Mapping)) or _is_frame(value) or not isinstance(value, Iterable):
            return False
        return not isinstance(value, Sized) or all(_fits(each, inner) for each in value)
    if outer == "Mapping":
        keys, values = _pair(inner)
        return isinstance(value, Mapping) and all(_fits(k, keys) and _fits(v, values) for k, v in value.items())
    if outer == "Literal":
        return isinstance(value, str)
    return outer != "type" or isinstance(value, type)


def _pair(inner: str) -> tuple[str, str]:
    keys, _, values = inner.partition(", ")
    return keys, values


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def _is_frame(value: object) -> bool:
    return any(c.__name__ in FRAMES for c in type(value).__mro__)


SIMPLE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "None": (lambda value: value is None, ""),
    "str": (lambda value: isinstance(value, str), "a text"),
    "Per": (lambda value: isinstance(value, str), "a text"),
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "int": (lambda value: isinstance(value, Integral) and not isinstance(value, bool), "a whole number"),
    "float": (_is_number, "a number"),
    "dt.date": (lambda value: isinstance(value, dt.date), "a day"),
    "Path": (lambda value: isinstance(value, os.PathLike), "a path"),
    "Shop": (lambda value: hasattr(value, "fetch"), "a warehouse, as made by open(...)"),
    **dict.fromkeys(("pl.DataFrame", "pd.DataFrame"), (_is_frame, "a frame")),
    **dict.fromkeys(ANYTHING, (lambda _: True, "")),
}
PLURALS = {"str": "columns", "float": "numbers", "int": "whole numbers"}


def _in_words(annotation: str) -> str:
    """Say what was expected: `a text or a day`, `a list of texts`, `a ModelFit, as made by fit(...)`."""
    words = dict.fromkeys(word for kind in _alternatives(annotation) if (word := _word(kind)))
    return " or ".join(words) or "something else"


def _word(kind: str) -> str:
    if kind in SIMPLE:
        return SIMPLE[kind][1]
    outer, _, inner = kind.partition("[")
    if outer in ("Sequence", "Iterable"):
        plural = PLURALS.get(inner.removesuffix("]").partition(" ")[0])
        return f"a list of {plural}" if plural else "a list"
    if outer == "Mapping":
        return "a dict"
    if outer == "Literal":
        return " or ".join(re.findall(r"'\w+'", inner)) or "a text"
    if outer == "type":
        return "a class of models"
    return f"a {kind}, as made by {MADE_BY[kind]}" if kind in MADE_BY else f"a {kind}"
