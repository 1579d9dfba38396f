"""The shape of every answer: a frozen result that carries its table and the assumptions that made it."""

from __future__ import annotations

import datetime as dt
import functools
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import polars as pl

from custvalue.errors import DataError
from custvalue.frames import check_column, to_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import great_tables as gt
    import numpy as np
    import plotly.graph_objects as go
    import xlsxwriter
    from numpy.typing import NDArray

Kind = Literal["text", "count", "number", "money", "percent", "date"]
SHOWN_ROWS = 20
EXCEL_ROWS = 200_000
OPEN_END = 2999
"""A window that ends in this year, or begins in 1900, has no limit."""
TABLE_STYLE: dict[str, Any] = {
    "heading_align": "left", "heading_title_font_size": "15px", "heading_title_font_weight": "bold",
    "heading_border_bottom_style": "hidden", "table_border_top_style": "hidden", "table_border_bottom_style": "hidden",
    "column_labels_font_weight": "bold", "column_labels_font_size": "12px", "column_labels_border_top_style": "hidden",
    "column_labels_border_bottom_color": "#333333", "column_labels_border_bottom_width": "1px",
    "table_body_border_bottom_color": "#333333", "table_body_border_bottom_width": "1px",
    "table_body_hlines_color": "#E3E7EB", "data_row_padding": "5px", "data_row_padding_horizontal": "9px",
    "column_labels_padding_horizontal": "9px", "table_font_size": "13px",
    "source_notes_font_size": "11px", "table_margin_left": "0px", "table_font_color": "#1F2933",
}  # fmt: skip
DAYS_PER_UNIT = {"day": 1.0, "week": 7.0, "month": 365.0 / 12.0, "year": 365.0}

_PERCENT_ENDINGS = ("_rate", "_share", "_probability", "_ratio")
_PERCENT_STARTS = ("p_", "churn_probability")


def column_kind(name: str, dtype: pl.DataType) -> Kind:
    """Tell from name and type how a column is shown; `DECIMAL` is money, a `_share` a percentage."""
    if dtype.is_temporal():
        return "date"
    if dtype.is_integer():
        return "count"
    if dtype.is_numeric():
        base = name.removesuffix("_low").removesuffix("_high")
        if base.endswith(_PERCENT_ENDINGS) or base.startswith(_PERCENT_STARTS):
            return "percent"
        return "money" if dtype.is_decimal() else "number"
    return "text"


@dataclass(frozen=True, kw_only=True)
class Result:
    """Base of all answers.

    Attributes
    ----------
    table
        The figures, one row per subject; units are in the column names.
    currency
        ISO code of every money column; empty where nobody said it.
    """

    table: pl.DataFrame
    currency: str = ""

    kinds: ClassVar[Mapping[str, Kind]] = {}
    """How columns are shown whose name and type do not tell it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__repr__ = Result.__repr__  # type: ignore[method-assign]  # a dataclass would write all its fields
        written = cls.__dict__.get("title")
        if isinstance(written, property) and written.fget is not None:
            cls.title = property(_closing_gaps(written.fget), doc=written.__doc__)  # type: ignore[assignment, method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.title}"

    @property
    def title(self) -> str:
        """The finding, in one sentence."""
        return type(self).__name__

    @property
    def assumptions(self) -> dict[str, Any]:
        """Everything that made the figures, by name; tables and nested results left out."""
        kept = (str, int, float, bool, tuple)
        pairs = ((f.name, getattr(self, f.name)) for f in fields(self) if f.name != "table")
        return {k: v for k, v in pairs if isinstance(v, kept) or hasattr(v, "isoformat")}

    def column_kinds(self) -> dict[str, Kind]:
        """Map every column of the table to how it is shown."""
        schema = self.table.schema
        return {name: self.kinds.get(name, column_kind(name, dtype)) for name, dtype in schema.items()}

    def plot(self) -> go.Figure:
        """Draw the result; returns the figure and never shows it."""
        from custvalue.plots import figure_for  # the one declared lazy import of plots

        return figure_for(self)

    def to_gt(self, table: pl.DataFrame | None = None, *, rows: int = SHOWN_ROWS, columns: Sequence[str] = ()) -> gt.GT:
        """Format the first rows as a table with title, units and assumptions.

        Parameters
        ----------
        table
            Another table of this result, such as a plan's roadmap, or its own in another order.
        rows
            How many rows are shown.
        columns
            Columns to show; default all.

        Raises
        ------
        DataError
            The table has no such column.
        """
        whole = self.table if table is None else table
        if unknown := [name for name in columns if name not in whole.columns]:
            raise DataError(f"The table has no column {unknown[0]!r}; it has {', '.join(whole.columns)}.")
        shown = whole.head(rows).select(columns or whole.columns)
        kinds = {name: self.kinds.get(name) or column_kind(name, dtype) for name, dtype in shown.schema.items()}
        notes = [] if shown.height == whole.height else [f"{rows} of {whole.height:,} rows"]
        if table is None:
            notes += self.notes()
        title = self.title if table is None else ""
        return format_table(shown, kinds, title=title, notes=notes, currency=self.currency)

    def notes(self) -> list[str]:
        """Write every assumption as `name: value`, rounded for reading; what was not set is left out."""
        told = ((name, describe(value)) for name, value in self.assumptions.items())
        return [f"{name.replace('_', ' ')}: {text}" for name, text in told if text]

    def _repr_html_(self) -> str:
        return str(self.to_gt().as_raw_html())

    def to_excel(self, workbook: xlsxwriter.Workbook, sheet: str, totals: Sequence[str] = ()) -> None:
        """Write the table to a new sheet of an open workbook, with units, number formats and a frozen header.

        Parameters
        ----------
        workbook
            Opened with `strings_to_formulas` off, so that nothing typed by a customer is executed.
        sheet
            Name of the sheet.
        totals
            Columns that are summed in a last row, as values.
        """
        write_sheet(
            workbook, sheet, self.table, self.column_kinds(), title=self.title, currency=self.currency, totals=totals
        )


def describe(value: Any) -> str:
    """Write an assumption for people: floats to four figures, also inside a model's text; '' for not set."""
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return ", ".join(describe(each) for each in value)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
    if isinstance(value, dt.date) and not 1900 < value.year < OPEN_END:
        return "not limited"
    return re.sub(r"\d+\.\d{4,}", lambda found: f"{float(found[0]):.4g}", str(value))


def write_sheet(
    workbook: xlsxwriter.Workbook,
    sheet: str,
    table: pl.DataFrame,
    kinds: Mapping[str, Kind],
    *,
    title: str,
    currency: str = "",
    totals: Sequence[str] = (),
) -> None:
    """Write a frame to a new sheet: title, units in the header, number formats, totals as values.

    What does not fit on a sheet (Excel ends at 1,048,576 rows) is left out, and the sheet says so.
    """
    shown = table.head(EXCEL_ROWS)
    labels = {name: label(name, kind, currency) for name, kind in kinds.items()}
    names = {name: text if list(labels.values()).count(text) == 1 else name for name, text in labels.items()}
    shown.rename(names).write_excel(
        workbook, sheet, position=(2, 0), freeze_panes=(3, 1), autofit=True, table_style="Table Style Light 1",
        column_formats={names[name]: excel_format(kind, currency) for name, kind in kinds.items()},
        header_format={"bold": True, "text_wrap": True, "valign": "top"},
    )  # fmt: skip
    page = workbook.get_worksheet_by_name(sheet)
    page.write_string(0, 0, title, workbook.add_format({"bold": True, "font_size": 13}))
    if shown.height < table.height:
        page.write_string(1, 0, f"The first {shown.height:,} of {table.height:,} rows; totals are of all rows.")
    for place, name in enumerate(kinds):
        width = {"text": max([14, *table[name].head(200).cast(pl.String).str.len_chars().drop_nulls()])}
        page.set_column(place, place, min(width.get(kinds[name], 15), 60))
        if name in totals:
            line = {"bold": True, "top": 1, "num_format": excel_format(kinds[name], currency)}
            page.write_number(shown.height + 3, place, float(table[name].sum()), workbook.add_format(line))
    if totals:
        page.write_string(shown.height + 3, 0, "total", workbook.add_format({"bold": True, "top": 1}))


def excel_format(kind: Kind, currency: str) -> str:
    """Return the Excel number format of a kind: negatives in parentheses, a dash for zero."""
    unit = f' "{currency}"' if currency else ""
    return {
        "money": f'#,##0.00{unit};(#,##0.00{unit});"–"',
        "percent": "0.0%;(0.0%)",
        "count": '#,##0;(#,##0);"–"',
        "number": "#,##0.00;(#,##0.00)",
        "date": "yyyy-mm-dd",
        "text": "@",
    }[kind]


def format_table(
    table: pl.DataFrame,
    kinds: Mapping[str, Kind],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    currency: str = "",
    name: str = "custvalue",
) -> gt.GT:
    """Format a frame with great-tables, which escapes cells, title and notes.

    `name` is the element's id: its own for each table of a page, the same in every run.
    """
    import great_tables as gt

    yes_no = pl.col(pl.Boolean).replace_strict({True: "yes", False: "no"}, default=None, return_dtype=pl.String)
    table = table.with_columns(yes_no)
    by_kind = {kind: [column for column, k in kinds.items() if k == kind] for kind in set(kinds.values())}
    out = gt.GT(table, id=name).tab_options(**TABLE_STYLE)
    if title:
        out = out.tab_header(title)
    out = out.fmt_number(columns=by_kind.get("money", []), decimals=2, sep_mark=",")
    out = out.fmt_number(columns=by_kind.get("number", []), decimals=2)
    out = out.fmt_integer(columns=by_kind.get("count", []))
    out = out.fmt_percent(columns=by_kind.get("percent", []), decimals=1)
    out = out.sub_missing(missing_text="–")
    out = out.cols_label(cases={column: label(column, kind, currency) for column, kind in kinds.items()})
    out = out.cols_align("right", columns=[column for column, kind in kinds.items() if kind not in ("text", "date")])
    return out.tab_source_note(" · ".join(notes)) if notes else out


def label(name: str, kind: Kind, currency: str) -> str:
    """Turn a column name into a heading with its unit: `clv_low` in money becomes `clv low, EUR`."""
    words = name.replace("_", " ").removeprefix("n ")
    return f"{words}, {currency}" if kind == "money" and currency else words


def close_gaps(text: str) -> str:
    """Close the gaps that an unknown currency leaves: a space before a mark or another space, a comma at the end."""
    return re.sub(r"^, |[ ]+(?=[ ,;:.)])|,?[ ]*$", "", text)


def _closing_gaps(title: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return a title that reads well where a result has no currency."""

    @functools.wraps(title)
    def read(self: Any) -> str:
        return title(self) if self.currency else close_gaps(title(self))

    return read


@dataclass(frozen=True, kw_only=True)
class PurchaseSummary(Result):
    """One row per customer: what the buy-till-you-die models need to know of a history.

    Attributes
    ----------
    table
        `customer_id`, `frequency` (repeat purchases), `recency` (age at the last one), `T` (age at
        `as_of`), `monetary_value` (mean of the repeat purchases, null when there is none); further
        columns can serve as covariates. Times in `time_unit`.
    as_of
        Last day observed, inclusive.
    time_unit
        `day`, `week`, `month` or `year`; a year has 365 days.
    """

    as_of: dt.date
    time_unit: str = "week"

    kinds: ClassVar[Mapping[str, Kind]] = {"monetary_value": "money"}

    @property
    def title(self) -> str:
        """How many customers, and how many of them came back."""
        repeat = self.table.filter(pl.col("frequency") > 0).height
        return f"{self.table.height:,} customers until {self.as_of}, {repeat:,} bought again"

    @property
    def days_per_unit(self) -> float:
        """Days in one time unit."""
        return DAYS_PER_UNIT[self.time_unit]

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return x, t_x, T: the only place where columns become symbols."""
        return arrays(self.table, ("frequency", "recency", "T"))  # type: ignore[return-value]

    def __len__(self) -> int:
        return self.table.height

    def __getitem__(self, column: str) -> pl.Series:
        return self.table[column]


def arrays(table: pl.DataFrame, columns: Sequence[str]) -> tuple[NDArray[np.float64], ...]:
    """Return columns as float arrays; a missing column, a gap, a NaN or a text is an error that names it."""
    out = []
    for column in columns:
        check_column(table, column)
        values = to_numbers(table[column], column)
        if (n := values.null_count()) > 0:
            raise DataError(f"Column {column!r} is empty or not a number in {n:,} of {table.height:,} rows.")
        out.append(values.to_numpy())
    return tuple(out)
