"""Dates without a year, as accounting programs write them: the year stands in the title above the header."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from custvalue.data.quoting import literal
from custvalue.data.sources import content_kind
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from custvalue.data.mapping import TableMap
    from custvalue.data.sources import Source


def title_date(source: Source) -> dt.date | None:
    """Return the day in the cell of the title that the mapping names, if it names one.

    Raises
    ------
    SourceError
        There is no day in that cell.
    """
    cell = source.mapping.title_date
    if cell is None or not isinstance(source.content, Path):
        return None
    line, place = cell
    delimiter = source.mapping.delimiter or ";"
    opener = gzip.open if content_kind(source.content) == "gzip" else open
    with opener(source.content, "rt", encoding="latin-1", newline="") as stream:  # digits are the same in all
        lines = [row for row, _ in zip(csv.reader(stream, delimiter=delimiter), range(line), strict=False)]
    text = lines[line - 1][place - 1].strip() if len(lines) >= line and len(lines[line - 1]) >= place else ""
    try:
        return dt.datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007, a day has no zone
    except ValueError:
        raise SourceError(
            f"{source.name}: field {place} of line {line} is {text!r}, and no day as 20240101.",
            "The mapping's title_date says where the day stands from which dates without a year count.",
        ) from None


def in_the_year_from(since: dt.date, text: str, kind: str, mapping: TableMap) -> str:
    """Read a date without a year: the first such day on or after one."""
    form = f"{mapping.date_format}%Y"
    # a leading zero is lost wherever a spreadsheet has touched the file
    whole = f"lpad({text}, 4, '0')" if mapping.date_format == "%d%m" else text
    days = [f"try_strptime({whole} || '{year:04}', {literal(form)})" for year in (since.year, since.year + 1)]
    first = f"case when {days[0]} >= date '{since.isoformat()}' then {days[0]} end"
    return f"cast(coalesce({first}, {days[1]}) as {kind})"
