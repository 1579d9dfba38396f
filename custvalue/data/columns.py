"""What a mapping says of one column, and of rows by their columns."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from custvalue.data.expressions import parse


class Frozen(BaseModel):
    """Entries of a mapping: those that are known, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _as_tuple(value: Any) -> Any:
    """Take one text or number for a list of one; numbers are told from texts by nobody in a CSV file."""
    listed = value if isinstance(value, list | tuple) else [value]
    return tuple(str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for v in listed)


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


@functools.cache
def refused_by_engine(sql: str, text: str) -> str | None:
    """Return what the engine says against a pattern or format that it is to use, if anything."""
    with duckdb.connect(":memory:") as con:
        try:
            con.execute(sql, [text]).fetchall()
        except duckdb.Error as problem:
            return str(problem).splitlines()[0].split(": ", 1)[-1]
    return None


class Column(Frozen):
    r"""Where a column of ours comes from.

    Attributes
    ----------
    column
        Name of the user's column; a number counts columns from 1 where there is no header. Of several, each row takes
        the first that has a value.
    expression
        Arithmetic over the user's columns: `"(Sales - Profit) / Quantity"`. Known are + - * /, round, abs, coalesce,
        nullif, least, greatest, and case with conditions; for a column of text lower, upper and || too.
        `cents(Sales, "Customer ID")` rounds to the cent and carries parts of a cent to the next row of the customer, so
        that sums are right to the cent as well.
    chars
        First and last character, counted from 1, in a file of fixed widths.
    constant
        The same text for every row.
    remove
        Regular expression of what is cut out of the text (`\\.0$`).
    lower
        Capitals become small letters: one e-mail address is one customer.
    multiply
        Factor into our unit (0.01 where the file counts cents).
    optional
        Nothing is missed where the file has no such column.
    take
        Where rows are grouped: the value of the first row that has one, or the sum, smallest or largest.
    """

    column: str | int | tuple[str, ...] | None = None
    expression: str | None = None
    chars: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    constant: str | None = None
    remove: str | None = None
    lower: bool = False
    multiply: Finite | None = None
    optional: bool = False
    take: Literal["first", "sum", "min", "max"] = "first"

    @property
    def keeps_name(self) -> bool:
        """True where it says how to read the user's column of our name, not another one."""
        return self.column is None and self.chars is None and self.constant is None and self.expression is None

    @property
    def origins(self) -> tuple[str, ...]:
        """Names of the user's columns, the first wanted most."""
        return self.column if isinstance(self.column, tuple) else (str(self.column),)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ("column", "expression", "chars", "constant") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: a column has one origin")
        if self.expression is not None and (self.remove is not None or self.multiply is not None or self.lower):
            raise ValueError("an expression says all itself: remove, multiply and lower don't go with it")
        return self

    @field_validator("expression")
    @classmethod
    def _parsed(cls, text: str | None) -> str | None:
        if text is not None:
            parse(text)
        return text

    @field_validator("multiply")
    @classmethod
    def _not_nought(cls, factor: float | None) -> float | None:
        if factor == 0.0:
            raise ValueError("multiply = 0 would lose every amount")
        return factor

    @field_validator("remove")
    @classmethod
    def _pattern(cls, text: str | None) -> str | None:
        if text is not None and (problem := refused_by_engine("select regexp_replace('', ?, '')", text)):
            raise ValueError(f"{text!r} is no regular expression: {problem}")
        return text


class Condition(Frozen):
    """What holds of a row; all that is given has to hold.

    Attributes
    ----------
    column
        A column of ours that the file gives, or one of the file; of several, the first that there is.
    values, starts_with
        Is one of these texts; begins with one of these.
    not_
        Is none of these texts (`not` in the file).
    below, above
        Is a number under, or over, this one.
    empty
        Has no value (`true`), or has one (`false`).
    """

    column: Texts | None = None
    values: Texts | None = None
    not_: Annotated[Texts | None, Field(alias="not")] = None
    starts_with: Texts | None = None
    below: Finite | None = None
    above: Finite | None = None
    empty: bool | None = None

    @property
    def asks_number(self) -> bool:
        """True where the column is compared as a number."""
        return self.below is not None or self.above is not None

    @property
    def asks(self) -> bool:
        """True where anything is asked of the row."""
        return any(getattr(self, name) is not None for name in Condition.model_fields if name != "column")

    def in_words(self) -> str:
        """Say the condition in words."""
        parts = [
            f"is {' or '.join(self.values)}" if self.values else "",
            f"is not {' or '.join(self.not_)}" if self.not_ else "",
            f"begins with {' or '.join(self.starts_with)}" if self.starts_with else "",
            f"is below {self.below:g}" if self.below is not None else "",
            f"is above {self.above:g}" if self.above is not None else "",
            "" if self.empty is None else "is empty" if self.empty else "is not empty",
        ]
        return f"{' or '.join(self.column or ())} {' and '.join(filter(None, parts))}"


class Rule(Condition):
    """Which rows are left out (`drop`), or stay (`keep`): capitals make no difference.

    Attributes
    ----------
    optional
        The rule is passed over where there is no such column.
    """

    column: Texts
    optional: bool = False

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.asks:
            known = ", ".join(name.rstrip("_") for name in Condition.model_fields if name != "column")
            raise ValueError(f"the rule on {self.column[0]!r} asks nothing; it takes {known}")
        return self


class KindRule(Condition):
    """What a line of a flat export is; the first rule that holds decides, and one without a column always holds.

    Attributes
    ----------
    kind
        `sale`, `return`, `delivery` or `adjustment`.
    """

    kind: Literal["sale", "return", "delivery", "adjustment"]


class Tax(Frozen):
    """How the tax is taken out of money that comes with it; one of three.

    Attributes
    ----------
    column
        Column with the row's tax, in money: taken off the row's amount.
    rate
        One rate for all rows, 0.19, or an expression that gives the rate of a row; where it gives none, the row is set
        aside.
    by, rates
        Column whose texts tell the rate, and the rate of each: `{ by = "Account", rates = { "8400" = 0.19 } }`.
        A row with another text is set aside, unless the rates have an entry `"*"`.
    """

    column: str | None = None
    rate: Annotated[float, Field(ge=0.0, lt=10.0)] | str | None = None
    by: str | None = None
    rates: dict[str, Annotated[float, Field(ge=0.0, lt=10.0)]] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum((self.column is not None, self.rate is not None, self.by is not None)) != 1:
            raise ValueError("a tax is a column, a rate, or rates by a column: one of them")
        if (self.by is None) != (not self.rates):
            raise ValueError("rates stand with the column that tells them: by")
        if isinstance(self.rate, str):
            parse(self.rate)
        return self
