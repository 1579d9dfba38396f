"""Writes a sheet line by line and table by table: texts as texts, numbers with their unit, totals as live sums."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from custvalue.reports.headings import headings
from custvalue.results import excel_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xlsxwriter

    from custvalue.reports.sheets import Block, Graph
    from custvalue.results import Kind

BLUE, PALE, GREY, RED = "#0000C8", "#E3EDFB", "#52606D", "#B00020"
WIDEST, MIXED, NARROWEST, NUMBER = 52, 24, 9, 13
CHART_ROWS = 15
FROZEN = 3
HEAD: dict[str, Any] = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#EEF2F5"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an input or a table stands, and an input's value."""

    sheet: str
    row: int
    column: int
    value: float = 0.0

    @property
    def cell(self) -> str:
        """The cell as a formula of any sheet names it."""
        return f"'{self.sheet}'!{xl_rowcol_to_cell(self.row, self.column, row_abs=True, col_abs=True)}"


class Page:
    """One sheet, written from top to bottom."""

    def __init__(self, workbook: xlsxwriter.Workbook, name: str, currency: str) -> None:
        self._workbook, self._page, self._name, self._currency = workbook, workbook.add_worksheet(name), name, currency
        self._row = self._columns = 0
        self._widths: dict[int, float] = {}
        self._mixed: set[int] = set()  # columns that hold numbers in one table, texts perhaps in another
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._head = FROZEN

    def _format(self, kind: Kind = "text", **more: Any) -> Any:
        """Return a format of a kind, each made once: the same workbook has the same bytes."""
        style = {"num_format": excel_format(kind, self._currency), "valign": "top", **more}
        key = tuple(sorted(style.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(style)
        return self._formats[key]

    def _text(self, column: int, text: str, **style: Any) -> None:
        self._page.write_string(self._row, column, text, self._format(**style))
        self._columns = max(self._columns, column)

    def title(self, question: str, finding: str, link: bool = True) -> None:
        """Write the question, what was found, and the way back."""
        self._text(0, question, bold=True, font_size=15)
        self._row = 1
        self._text(0, finding, font_color=GREY)
        if link:
            self._page.write_url(2, 0, "internal:'Index'!A1", self._format(font_color=BLUE, underline=1), "Index")
        self._row = FROZEN

    def heading(self, *texts: str) -> None:
        """Begin a block, with an empty row before it."""
        self._row += 1
        for column, text in enumerate(texts):
            self._text(column, text, **HEAD)
        self._row += 1

    def line(self, *cells: str) -> None:
        """Write a line of texts."""
        for column, text in enumerate(cells):
            self._text(column, text, text_wrap=True)
        self._row += 1

    def warning(self, what: str, text: str) -> None:
        """Write what has to be read before any figure."""
        self._text(0, what, bold=True, font_color=RED)
        self._text(1, text, bold=True, font_color=RED, text_wrap=True)
        self._row += 1

    def note(self, text: str) -> None:
        """Write a remark beneath a block."""
        self._text(0, text, italic=True, font_color=GREY)
        self._row += 1

    def linked(self, sheet: str, question: str, finding: str) -> None:
        """Write a line that leads to a sheet."""
        style = self._format(font_color=BLUE, underline=1)
        self._page.write_url(self._row, 0, f"internal:'{sheet}'!A1", style, sheet)
        self._text(1, question, text_wrap=True)
        self._text(2, finding, text_wrap=True)
        self._row += 1

    def assumption(self, what: str, value: float | str, kind: Kind, *more: str) -> Place:
        """Write an assumption with its value in a blue cell; return where that stands."""
        style = {"font_color": BLUE, "bg_color": PALE, "border": 1, "border_color": "#B7C9E6", "align": "right"}
        number = float(value) if isinstance(value, int | float) else 0.0
        place = Place(sheet=self._name, row=self._row, column=1, value=number)
        self._text(0, what)
        self._value(1, value, self._format(kind, **style))
        for column, text in enumerate(more, start=2):
            self._text(column, text, text_wrap=True)
        self._row += 1
        return place

    def formula_line(self, what: str, formula: str, value: float, kind: Kind, does: str) -> None:
        """Write a figure that follows the inputs."""
        self._text(0, what, bold=True)
        self._page.write_formula(self._row, 1, formula, self._format(kind, bold=True, align="right"), value)
        self._text(2, does, text_wrap=True)
        self._row += 1

    def control(self, what: str, source: float, result: float, kind: Kind) -> None:
        """Write a control total; the difference is a formula, to the cent."""
        self._text(0, what, text_wrap=True)
        self._value(1, source, self._format(kind))
        self._value(2, result, self._format(kind))
        cells = [xl_rowcol_to_cell(self._row, column) for column in (1, 2)]
        value = round(source - result, 2) + 0.0
        self._page.write_formula(self._row, 3, f"=ROUND({cells[0]}-{cells[1]},2)", self._format(kind), value)
        self._widths[0] = max(self._widths.get(0, 0), WIDEST)
        for column in (1, 2, 3):
            self._widths[column] = max(self._widths.get(column, 0), NUMBER + 5)
        self._columns = max(self._columns, 3)
        self._row += 1

    def _value(self, column: int, value: Any, style: Any) -> None:
        if value is None:
            self._page.write_blank(self._row, column, None, style)
        elif isinstance(value, bool):
            self._page.write_string(self._row, column, "yes" if value else "no", style)
        elif isinstance(value, int | float | Decimal):
            self._page.write_number(self._row, column, float(value), style)
        elif isinstance(value, dt.datetime | dt.date):
            self._page.write_datetime(self._row, column, value, style)
        else:
            self._page.write_string(self._row, column, str(value), style)
        self._columns = max(self._columns, column)

    def block(self, block: Block) -> Place:
        """Write a table with filters, and its totals; return where its header stands."""
        if block.heading:
            self._row += 1
            self._text(0, block.heading, bold=True, font_size=12)
            self._row += 1
        place, n = Place(sheet=self._name, row=self._row, column=0), block.frame.height
        if not block.heading:
            self._head = self._row + 1
        names = list(headings(block.kinds, self._currency).values())
        if n:
            self._page.add_table(
                self._row, 0, self._row + n, len(names) - 1,
                {"columns": [{"header": name, "header_format": self._format(**HEAD)} for name in names],
                 "style": "Table Style Light 1", "banded_rows": False},
            )  # fmt: skip
        else:
            for column, name in enumerate(names):
                self._text(column, name, **HEAD)
        self._row += 1
        styles = [
            self._format(kind, **({"text_wrap": True} if kind == "text" else {})) for kind in block.kinds.values()
        ]
        for row in block.frame.select(list(block.kinds)).iter_rows():
            for column, (value, style) in enumerate(zip(row, styles, strict=True)):
                self._value(column, value, style)
            self._row += 1
        self._fit(block, names)
        if n:
            self._totals(block, place)
        if block.graph is not None and n:
            self._chart(block.graph, block, place)
        return place

    def _totals(self, block: Block, place: Place) -> None:
        """Write the sums of what may be summed: live, of the rows that the filter shows."""
        for column, (name, kind) in enumerate(block.kinds.items()):
            if name in block.totals:
                first, last = (xl_rowcol_to_cell(place.row + r, column) for r in (1, block.frame.height))
                total = float(block.frame[name].sum() or 0)
                style = self._format(kind, bold=True, top=1)
                self._page.write_formula(self._row, column, f"=SUBTOTAL(109,{first}:{last})", style, total)
        if block.totals:
            self._text(0, "total of the rows shown", bold=True, top=1)
            self._row += 1

    def ratio_column(self, block: Block, place: Place, name: str, by: Place, heading: str) -> None:
        """Write a column beside a table: one of its columns by an input, live."""
        column, of = len(block.kinds), list(block.kinds).index(name)
        keep = self._row
        self._row = place.row
        self._text(column, heading, **HEAD)
        for i, value in enumerate(block.frame[name], start=1):
            self._row = place.row + i
            formula = f"={xl_rowcol_to_cell(self._row, of)}/{by.cell}"
            self._page.write_formula(self._row, column, formula, self._format("count"), float(value) / by.value)
        self._widths[column], self._row = NUMBER, keep

    def remainder(self, block: Block, place: Place, name: str, of: Place, what: str) -> None:
        """Write beneath a table what its sum leaves of an input, live."""
        column = list(block.kinds).index(name)
        total = xl_rowcol_to_cell(place.row + block.frame.height + 1, column)
        value = of.value - float(block.frame[name].sum() or 0)
        self._text(0, what, bold=True)
        self._page.write_formula(self._row, column, f"={of.cell}-{total}", self._format("money", bold=True), value)
        self._row += 1

    def _fit(self, block: Block, names: Sequence[str]) -> None:
        """Widen columns to what they hold, up to a limit; longer texts are wrapped."""
        for column, (name, kind) in enumerate(block.kinds.items()):
            longest = max((len(word) for word in names[column].split()), default=0) + 4  # the filter's button
            if kind == "text":
                texts = [len(str(value)) for value in block.frame[name].head(300) if value is not None]
                longest = max(longest, *(texts or [0]))
            else:
                longest = max(longest, NUMBER if kind != "count" else 0)
                self._mixed.add(column)
            self._widths[column] = min(max(self._widths.get(column, NARROWEST), longest + 1), WIDEST)
            self._columns = max(self._columns, column)

    def _chart(self, graph: Graph, block: Block, place: Place) -> None:
        """Draw a native chart beneath the table, of its first rows."""
        columns = list(block.kinds)
        last = place.row + min(block.frame.height, graph.rows)
        chart = self._workbook.add_chart({"type": graph.kind})
        for value, colour in zip(graph.values, ("#0072B2", "#E69F00"), strict=False):
            chart.add_series({
                "name": [self._name, place.row, columns.index(value)],
                "categories": [self._name, place.row + 1, columns.index(graph.names), last, columns.index(graph.names)],
                "values": [self._name, place.row + 1, columns.index(value), last, columns.index(value)],
                "fill": {"color": colour}, "line": {"color": colour},
            })  # fmt: skip
        chart.set_title({"name": graph.title, "name_font": {"size": 12}, "overlay": False})
        chart.set_size({"width": 760, "height": 20 * (CHART_ROWS - 1)})
        if graph.kind == "bar":
            chart.set_y_axis({"reverse": True})
        chart.set_legend({"position": "bottom", "none": len(graph.values) == 1})
        self._row += 1
        self._page.insert_chart(self._row, 0, chart)
        self._row += CHART_ROWS

    def finish(self, widths: Sequence[float] = (), last_column: int | None = None, is_list: bool = False) -> None:
        """Set widths, frozen panes, and how the sheet prints: A4 across, all columns on a page's width."""
        for column in range(self._columns + 1):
            told = widths[column] if column < len(widths) else self._widths.get(column, NUMBER)
            if column in self._mixed and column:
                told = min(told, MIXED if told < WIDEST else MIXED + NUMBER)
            self._page.set_column(column, column, told)
        self._page.freeze_panes(self._head, 1 if is_list else 0)
        self._page.hide_gridlines(2)
        self._page.set_landscape()
        self._page.set_paper(9)
        self._page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        self._page.fit_to_pages(1, 0)
        self._page.repeat_rows(0, self._head - 1)
        self._page.print_area(0, 0, max(self._row, 1), self._columns if last_column is None else last_column)
        self._page.set_footer("&L&A&RPage &P of &N")

    def activate(self) -> None:
        """Show this sheet first."""
        self._page.activate()
        self._page.set_first_sheet()
