"""A mapping file says in TOML how the user's files become the tables of sql/schema."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from custvalue.data.columns import Column, Frozen, KindRule, Rule, Tax, Texts, refused_by_engine
from custvalue.data.headers import plain
from custvalue.data.mapping_file import read_rates, read_toml, what_is_wrong
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX = re.compile(r"\.(csv|tsv|txt|parquet|xlsx)(\.gz)?$", re.IGNORECASE)


def _tax(value: Any) -> Any:
    """Read `tax = "Taxes"` as the column with the tax, and `tax = 0.19` as its rate."""
    if isinstance(value, str):
        return {"column": value}
    return {"rate": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _column(value: Any) -> Any:
    """Read `customer_id = "CustomerID"` as `customer_id = { column = "CustomerID" }`."""
    return {"column": value} if isinstance(value, str | int | list) and not isinstance(value, bool) else value


def _since_ever(value: Any) -> Any:
    """Read `USD = 0.92` as the rate of every day."""
    return {dt.date.min: value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class TableMap(Frozen):
    """How one file becomes one table.

    Attributes
    ----------
    file
        Name or pattern (`orders-*.csv`) of the files; `*` is every file.
    columns
        Our column -> the user's; a plain text is its name. Columns not listed keep their names.
    delimiter, encoding
        Of text files. Delimiter is found from the first rows, encoding is UTF-8, unless said here.
    header, skip, header_row
        Whether the columns have names, and how many lines or rows stand before them; `header_row = 4` says the same
        as `skip = 3`. Titles above a header are found without it.
    sheet
        Of a workbook: the only sheet to read.
    decimal, thousands
        Marks in numbers that come as text. Without them a point marks decimals and nothing marks thousands; with a
        decimal comma, points mark thousands. Thousands are groups of three digits, so `12.50` is then no number.
    date_format
        As in strptime: `%d.%m.%Y`; without it ISO 8601. Of several, the first that fits.
    title_date
        Line and field, counted from 1, of a day in the title above the header (`20240101`): dates without a year lie
        in the twelve months from it.
    earliest, latest
        Days outside are set aside: what is before 1970 or more than a year ahead, unless said here.
    time_zone
        The zone that the shop's days are counted in (`Europe/Zurich`). A time that comes with an offset or a zone,
        in text as in a frame or a Parquet file, is converted to it; one that comes without is taken as it stands.
    kinds
        Rules for `transactions`; the first that holds decides, and without one a row is a sale.
    drop, keep
        Rows that are left out, and counted: those of which any of the `drop` rules holds, and those of which not all of
        the `keep` rules do.
    fill_down, per
        Columns of the file that stand on the first line of an order alone, and the column that tells its lines: the
        other lines take the value.
    group_by
        Our columns that one row is made for: an order from its lines, a customer from his orders.
    tax
        The amount of a row is less this tax; a rate is taken out of all income of the row. A plain text is the column
        with the tax, a number the rate.
    currency
        Column of the file with the currency of a row's money, where our table has none.
    """

    file: str = "*"
    columns: dict[str, Annotated[Column, BeforeValidator(_column)]] = Field(default_factory=dict)
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: str = "utf-8"
    header: bool = True
    skip: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    header_row: Annotated[int, Field(ge=1)] | None = None
    sheet: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    earliest: dt.date = dt.date(1970, 1, 1)
    latest: dt.date | None = None
    date_format: str | tuple[str, ...] | None = None
    title_date: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    time_zone: str = "UTC"
    kinds: tuple[KindRule, ...] = ()
    drop: tuple[Rule, ...] = ()
    keep: tuple[Rule, ...] = ()
    fill_down: Texts | None = None
    per: str | None = None
    group_by: Texts | None = None
    tax: Annotated[Tax, BeforeValidator(_tax)] | None = None
    currency: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _skip_to_header(cls, raw: Any) -> Any:
        row = raw.get("header_row") if isinstance(raw, dict) else None
        if not isinstance(row, int) or row < 1:  # its own type says what is wrong with it
            return raw
        if raw.get("skip", row - 1) != row - 1 or raw.get("header") is False:
            raise ValueError("header_row says where the header is; skip or header = false says otherwise")
        return raw | {"skip": row - 1}

    @model_validator(mode="after")
    def _two_marks(self) -> Self:
        if self.marks[0] == self.marks[1]:
            raise ValueError(f"decimal and thousands are both {self.marks[0]!r}")
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.latest is not None and self.latest < self.earliest:
            raise ValueError(f"latest {self.latest} lies before earliest {self.earliest}")
        return self

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.fill_down is None) != (self.per is None):
            raise ValueError(
                "fill_down and per stand together: which columns, and the column that tells an order's lines"
            )
        if self.title_date is not None and not isinstance(self.date_format, str):
            raise ValueError("title_date gives the year of dates without one: date_format says how those are written")
        return self

    @field_validator("date_format")
    @classmethod
    def _known_format(cls, given: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for text in (given,) if isinstance(given, str) else given or ():
            if problem := refused_by_engine("select strftime(timestamp '2024-01-01', ?)", text):
                raise ValueError(f"{text!r} is no format of dates: {problem}")
        return given

    @property
    def marks(self) -> tuple[str, str | None]:
        """The mark of decimals and that of thousands, if any."""
        decimal = self.decimal or ("," if self.thousands == "." else ".")
        return decimal, self.thousands or ("." if decimal == "," else None)

    @property
    def states_marks(self) -> bool:
        """True where the mapping says how numbers are written."""
        return self.decimal is not None or self.thousands is not None

    @property
    def reads_zones(self) -> bool:
        """True where a date may come with an offset or a zone."""
        forms = (self.date_format,) if isinstance(self.date_format, str) else self.date_format
        return forms is None or any("%z" in form.lower() for form in forms)

    @property
    def fixed_width(self) -> bool:
        """True where columns are character positions."""
        return any(column.chars for column in self.columns.values())


class Mapping(Frozen):
    """A whole mapping file: the currency, rates of others, and one entry per table.

    Attributes
    ----------
    currency
        ISO code of all money in these files, or of what other currencies are converted to.
    rates
        What one unit of another currency is worth in this one, and since which day: `USD = 0.92`,
        `USD = { "2024-01-01" = 0.91, "2024-02-01" = 0.93 }`, or a CSV file with `currency`, `date` and `rate`.
    tables
        Our table -> how it is read.
    """

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    rates: dict[
        Annotated[str, Field(pattern="^[A-Z]{3}$")],
        Annotated[dict[dt.date, Annotated[float, Field(gt=0.0, allow_inf_nan=False)]], BeforeValidator(_since_ever)],
    ] = Field(default_factory=dict)
    tables: dict[str, TableMap] = Field(default_factory=dict)

    def for_file(self, name: str) -> tuple[tuple[str, TableMap], ...]:
        """Return the tables that a file of this name feeds; capitals, blanks, hyphens, underscores or not."""
        return tuple((table, entry) for table, entry in self.tables.items() if _matches(name, entry.file))


def _matches(name: str, pattern: str) -> bool:
    """Say whether a name is meant by a pattern, whole or without `.csv.gz` and the like."""
    stem = _SUFFIX.sub("", name)
    return any(
        fnmatch.fnmatchcase(written(each), written(pattern))
        for each in (name, stem)
        for written in (str.casefold, plain)
    )


def read_mapping(source: str | Path | Mapping | None) -> Mapping:
    """Read a mapping from a TOML file, or one that ships under a name (`shopify`, `superstore`).

    A file that `extends` another, or a shipped one, says only what differs.

    Raises
    ------
    SourceError
        There is no such file, it is not TOML, or an entry does not exist or does not fit.
    """
    if source is None:
        return Mapping()
    if isinstance(source, Mapping):
        return source
    raw, file = read_toml(source)
    if isinstance(raw.get("rates"), str):
        raw["rates"] = read_rates(file.parent / raw["rates"])
    try:
        return Mapping.model_validate(raw)
    except ValidationError as problem:
        message, hint = what_is_wrong(problem, Mapping)
        raise SourceError(f"{file.name}: {message}.", hint) from None
