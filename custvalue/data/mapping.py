"""A mapping file says in TOML how the user's files become the tables of sql/schema."""

from __future__ import annotations

import datetime as dt
import fnmatch
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from custvalue.errors import SourceError
from custvalue.paths import shipped_map


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Frozen):
    r"""Where a column of ours comes from.

    Attributes
    ----------
    column
        Name of the user's column; a number counts columns from 1 where there is no header.
    chars
        First and last character, counted from 1, in a file of fixed widths.
    constant
        The same text for every row.
    remove
        Regular expression of what is cut out of the text (`\\.0$`).
    multiply
        Factor into our unit (0.01 where the file counts cents).
    """

    column: str | int | None = None
    chars: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    constant: str | None = None
    remove: str | None = None
    multiply: float | None = None

    @property
    def keeps_name(self) -> bool:
        """True where it says how to read the user's column of our name, not another one."""
        return self.column is None and self.chars is None and self.constant is None


class KindRule(_Frozen):
    """What a line of a flat export is; the first rule that holds decides.

    Attributes
    ----------
    kind
        `sale`, `return`, `delivery` or `adjustment`.
    column
        One of our columns of `transactions`; without it the rule always holds.
    values, starts_with, below
        Any of these texts; begins with this text; is a number under this one.
    """

    kind: Literal["sale", "return", "delivery", "adjustment"]
    column: str | None = None
    values: tuple[str, ...] | None = None
    starts_with: str | None = None
    below: float | None = None


class TableMap(_Frozen):
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
        As in strptime: `%d.%m.%Y`; without it ISO 8601.
    earliest, latest
        Days outside are set aside: what is before 1970 or more than a year ahead, unless said here.
    time_zone
        The zone that the shop's days are counted in (`Europe/Zurich`). A time that comes with an offset or a zone,
        in text as in a frame or a Parquet file, is converted to it; one that comes without is taken as it stands.
    kinds
        Rules for `transactions`.
    """

    file: str = "*"
    columns: dict[str, Column] = {}
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: str = "utf-8"
    header: bool = True
    skip: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    header_row: Annotated[int, Field(ge=1)] | None = None
    sheet: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    date_format: str | None = None
    earliest: dt.date = dt.date(1970, 1, 1)
    latest: dt.date | None = None
    time_zone: str = "UTC"
    kinds: tuple[KindRule, ...] = ()

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
    def fixed_width(self) -> bool:
        """True where columns are character positions."""
        return any(column.chars for column in self.columns.values())


class Mapping(_Frozen):
    """A whole mapping file: the currency, and one entry per table.

    Attributes
    ----------
    currency
        ISO code of all money in these files.
    tables
        Our table -> how it is read.
    """

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    tables: dict[str, TableMap] = {}

    def for_file(self, name: str) -> tuple[tuple[str, TableMap], ...]:
        """Return the tables that a file of this name feeds; capitals or not."""
        return tuple((t, m) for t, m in self.tables.items() if fnmatch.fnmatch(name.lower(), m.file.lower()))


def read_mapping(source: str | Path | Mapping | None) -> Mapping:
    """Read a mapping from a TOML file, or the one that ships under a name (`online_retail`, `cdnow`).

    Raises
    ------
    SourceError
        There is no such file, it is not TOML, or an entry does not exist or does not fit.
    """
    if source is None:
        return Mapping()
    if isinstance(source, Mapping):
        return source
    file = shipped_map(str(source)) or Path(source)
    try:
        return Mapping.model_validate(_plain_names(tomllib.loads(file.read_text(encoding="utf-8"))))
    except OSError:
        raise SourceError(f"There is no mapping file {file.name}.", "Shipped ones: online_retail, cdnow.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SourceError(f"{file.name} is not valid TOML: {problem}.") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SourceError(f"{file.name}: entry {where}: {first['msg']}.") from None


def _plain_names(raw: dict[str, Any]) -> dict[str, Any]:
    """Turn `customer_id = "CustomerID"` into `customer_id = {column = "CustomerID"}`."""
    for table in raw.get("tables", {}).values():
        if isinstance(table, dict) and isinstance(table.get("columns"), dict):
            columns = table["columns"].items()
            table["columns"] = {k: {"column": v} if isinstance(v, str | int) else v for k, v in columns}
    return raw
