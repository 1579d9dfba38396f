"""Small arithmetic over the columns of a file: parsed, every part known, and written anew as SQL."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Protocol

from custvalue.data.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

NUMBER = "decimal(38, 10)"  # of every step; the amount that it ends in is rounded once more, to the cent
SCALE = "10000000000"  # ten places, as NUMBER has
LONGEST = 1000  # characters: what is longer is no small expression
MOST_DIGITS = 28
SHOWN = 80  # characters of it in a message


class Names(Protocol):
    """Where an expression's columns are found; each raises `KeyError` where the file has no such column."""

    def number(self, column: str) -> str:
        """Return the SQL of a column as a number."""

    def text(self, column: str) -> str:
        """Return the SQL of a column as a text."""

    def carried(self, amount: str, by: str) -> str:
        """Return the SQL of an amount in cents, its parts of a cent carried to the next row in the order of `by`."""


class Asked:
    """Names that note which columns an expression asks for, in order, and as what."""

    def __init__(self) -> None:
        self.numbers: dict[str, None] = {}
        self.texts: dict[str, None] = {}

    def number(self, column: str) -> str:
        """Note a number."""
        self.numbers[column] = None
        return "0"

    def text(self, column: str) -> str:
        """Note a text."""
        self.texts[column] = None
        return "''"

    def carried(self, amount: str, by: str) -> str:  # noqa: ARG002, as all names have it
        """Note nothing: its parts are noted already."""
        return "0"


def parse(text: str) -> exp.Expression:
    """Parse an expression, and refuse all that is no arithmetic over columns.

    Raises
    ------
    ValueError
        It can't be read, or has a part that is not allowed.

    Examples
    --------
    >>> to_sql(parse("Total - Taxes"), Asked())
    'try(cast(0 - 0 as decimal(38, 10)))'
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    hint = "a column whose name has blanks or signs stands in double quotes"
    if len(text) > LONGEST:
        raise ValueError(f"the expression has more than {LONGEST:,} characters")
    try:
        statements = sqlglot.parse(f"select {text}", dialect="duckdb")
    except (SqlglotError, RecursionError):
        raise ValueError(f"the expression {text[:SHOWN]!r} can't be read; {hint}") from None
    one = statements[0] if len(statements) == 1 else None
    if one is None or {name for name, part in one.args.items() if part} != {"expressions"} or len(one.expressions) != 1:
        raise ValueError(f"{text[:SHOWN]!r} is not one expression; {hint}")
    tree: exp.Expression = one.expressions[0]
    try:
        to_sql(tree, Asked())
    except ValueError as problem:
        try:
            to_sql(tree, Asked(), as_text=True)
        except ValueError:
            raise problem from None
    return tree


def asked_by(tree: exp.Expression, *, as_text: bool) -> Asked:
    """Return the columns that an expression asks for."""
    asked = Asked()
    to_sql(tree, asked, as_text=as_text)
    return asked


def to_sql(tree: exp.Expression, names: Names, *, as_text: bool = False) -> str:
    """Write an expression as SQL; what has no value (division by 0, a number too large) is null.

    Raises
    ------
    ValueError
        A part is not allowed.
    KeyError
        A column is not in the file.
    """
    writer = _Writer(names)
    return writer.text(tree) if as_text else f"try({writer.number(tree)})"


def quotient(above: str, below: str) -> str:
    """Divide two decimals exactly, rounded half up at the tenth place: the engine itself divides as floats.

    Works on their digits as whole numbers.
    """
    n, d = (f"cast({each} * {SCALE} as hugeint)" for each in (above, below))
    digits = f"(2 * abs({n}) * {SCALE} + abs({d})) // nullif(2 * abs({d}), 0)"
    signed = f"cast(sign({n}) * sign({d}) as decimal(1, 0))"
    return f"cast(cast({digits} as decimal(38, 0)) * cast(0.0000000001 as decimal(10, 10)) * {signed} as {NUMBER})"


class _Writer:
    """Writes a tree as SQL: numbers, texts and conditions, each of its own few kinds of node."""

    def __init__(self, names: Names) -> None:
        from sqlglot import exp

        self._names = names
        self._numbers: dict[type, Callable[..., str]] = {
            exp.Column: lambda node: names.number(_name(node)),
            exp.Literal: _number_literal,
            exp.Paren: lambda node: self.number(node.this),
            exp.Neg: lambda node: f"(-{self.number(node.this)})",
            exp.Add: lambda node: self._step(node, "+"),
            exp.Sub: lambda node: self._step(node, "-"),
            exp.Mul: lambda node: self._step(node, "*"),
            exp.Div: lambda node: quotient(self.number(node.this), self.number(node.expression)),
            exp.Abs: lambda node: f"abs({self.number(node.this)})",
            exp.Round: self._round,
            exp.Nullif: lambda node: f"nullif({self.number(node.this)}, {self.number(node.expression)})",
            exp.Least: lambda node: f"least({', '.join(self._parts(node, self.number))})",
            exp.Greatest: lambda node: f"greatest({', '.join(self._parts(node, self.number))})",
            exp.Coalesce: lambda node: self._coalesce(node, self.number),
            exp.Case: lambda node: self._case(node, self.number),
            exp.Anonymous: self._cents,
        }
        self._texts: dict[type, Callable[..., str]] = {
            exp.Column: lambda node: names.text(_name(node)),
            exp.Literal: lambda node: literal(node.this),
            exp.Paren: lambda node: self.text(node.this),
            exp.DPipe: lambda node: f"({self.text(node.this)} || {self.text(node.expression)})",
            exp.Lower: lambda node: f"lower({self.text(node.this)})",
            exp.Upper: lambda node: f"upper({self.text(node.this)})",
            exp.Nullif: lambda node: f"nullif({self.text(node.this)}, {self.text(node.expression)})",
            exp.Coalesce: lambda node: self._coalesce(node, self.text),
            exp.Case: lambda node: self._case(node, self.text),
        }
        self._conditions: dict[type, Callable[..., str]] = {
            exp.Paren: lambda node: f"({self._condition(node.this)})",
            exp.And: lambda node: f"({self._condition(node.this)} and {self._condition(node.expression)})",
            exp.Or: lambda node: f"({self._condition(node.this)} or {self._condition(node.expression)})",
            exp.Not: lambda node: f"(not {self._condition(node.this)})",
            exp.Is: self._is_null,
            exp.Between: self._between,
            exp.In: lambda node: f"({self.text(node.this)} in ({', '.join(map(self.text, node.expressions))}))",
        }
        self._comparisons = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
        self._null, self._literal = exp.Null, exp.Literal

    def number(self, node: exp.Expression) -> str:
        """Write a number."""
        return self._write(node, self._numbers, "a number")

    def text(self, node: exp.Expression) -> str:
        """Write a text."""
        return self._write(node, self._texts, "a text")

    def _condition(self, node: exp.Expression) -> str:
        sign = self._comparisons.get(node.key)
        if sign is None:
            return self._write(node, self._conditions, "a condition")
        sides = (node.this, node.expression)
        write = self.text if any(getattr(side, "is_string", False) for side in sides) else self.number
        return f"({write(sides[0])} {sign} {write(sides[1])})"

    def _write(self, node: exp.Expression, known: dict[type, Callable[..., str]], what: str) -> str:
        write = known.get(type(node))
        if write is None:
            raise ValueError(f"{node.sql(dialect='duckdb')!r} is not allowed where {what} is expected")
        return write(node)

    def _is_null(self, node: exp.Expression) -> str:
        if not isinstance(node.expression, self._null):
            raise ValueError(f"{node.sql(dialect='duckdb')!r}: `is` stands with null alone")
        return f"({self.text(node.this)} is null)"

    def _between(self, node: exp.Expression) -> str:
        low, high = self.number(node.args["low"]), self.number(node.args["high"])
        return f"({self.number(node.this)} between {low} and {high})"

    def _step(self, node: exp.Expression, sign: str) -> str:
        return f"cast({self.number(node.this)} {sign} {self.number(node.expression)} as {NUMBER})"

    def _round(self, node: exp.Expression) -> str:
        places = node.args.get("decimals")
        shown = places.this if isinstance(places, self._literal) else "0" if places is None else ""
        if shown not in map(str, range(11)):
            raise ValueError("round takes a number of places from 0 to 10")
        return f"cast(round({self.number(node.this)}, {shown}) as {NUMBER})"

    def _cents(self, node: exp.Expression) -> str:
        if str(node.this).lower() != "cents" or len(node.expressions) != 2:
            raise ValueError(f"{node.sql(dialect='duckdb')!r} is not known; cents takes an amount and a column")
        return self._names.carried(self.number(node.expressions[0]), self.text(node.expressions[1]))

    def _parts(self, node: exp.Expression, write: Callable[[exp.Expression], str]) -> list[str]:
        return [write(part) for part in (node.this, *node.expressions)]

    def _coalesce(self, node: exp.Expression, write: Callable[[exp.Expression], str]) -> str:
        """Write the first part that has a value; a column that this file does not have never has one."""
        found, missing = [], None
        for part in (node.this, *node.expressions):
            try:
                found.append(write(part))
            except KeyError as column:
                missing = missing or column
        if missing is not None and not found:
            raise missing
        return f"coalesce({', '.join(found)})"

    def _case(self, node: exp.Expression, write: Callable[[exp.Expression], str]) -> str:
        if node.this is not None:
            raise ValueError("case stands with conditions: case when ... then ... else ... end")
        whens = [f"when {self._condition(one.this)} then {write(one.args['true'])}" for one in node.args["ifs"]]
        default = node.args.get("default")
        return f"case {' '.join(whens)} else {write(default) if default is not None else 'null'} end"


def _name(node: exp.Expression) -> str:
    if node.args.get("table") is not None:
        raise ValueError(f"{node.sql(dialect='duckdb')!r}: a column whose name has a point stands in double quotes")
    return str(node.name)


def _number_literal(node: exp.Expression) -> str:
    try:
        value = Decimal(node.this)
    except InvalidOperation:
        raise ValueError(f"{node.this!r} is no number") from None
    if node.args["is_string"] or not value.is_finite() or len(f"{value:f}") > MOST_DIGITS:
        raise ValueError(f"{node.this!r} is no number")
    return f"cast({value:f} as {NUMBER})"
