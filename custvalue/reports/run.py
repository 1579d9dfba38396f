"""One run from a loaded database to everything that people open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.errors import SourceError
from custvalue.reports.analysis import Analysis, analyse
from custvalue.reports.html import write_report
from custvalue.reports.workbook import write_workbook
from custvalue.reports.writing import whole_file

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from custvalue.config import Settings
    from custvalue.data.loading import Progress
    from custvalue.data.warehouse import Warehouse

REPORT, WORKBOOK, CUSTOMERS = "report.html", "custvalue.xlsx", "customers.parquet"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run: its answers, the files it wrote, and why results do not stand in the database, if so."""

    analysis: Analysis
    files: tuple[Path, ...]
    not_stored: str = ""


def run(
    shop: Warehouse, settings: Settings, out: Path, *, as_of: str | dt.date | None = None,
    progress: Progress = lambda _: None,
) -> Run:  # fmt: skip
    """Answer all questions, write report, workbook and customers, and store the results in the database.

    Parameters
    ----------
    shop
        The warehouse; its schema `results` gets one table per answer and `customers`.
    settings
        Of the run.
    out
        Folder of the files; made where it does not exist.
    as_of
        Last day observed; default the day of the last order.
    progress
        Called with a line of text before each step.
    """
    out.mkdir(parents=True, exist_ok=True)
    analysis = analyse(shop, settings, as_of=as_of, progress=progress)
    files = [out / REPORT, out / WORKBOOK, out / CUSTOMERS]
    for name, result in analysis.results.items():
        shop.store(name.replace(" ", "_"), result.table)
    customers = analysis.customers()
    shop.store("customers", customers)
    with whole_file(out / CUSTOMERS) as written:
        customers.write_parquet(written)
    progress("writing report.html")
    write_report(analysis, out / REPORT)
    progress("writing custvalue.xlsx")
    write_workbook(analysis, out / WORKBOOK)
    progress("writing results to the database")
    return Run(analysis=analysis, files=tuple(files), not_stored=_save(shop))


def _save(shop: Warehouse) -> str:
    """Write the results to the database; where another process has it open, the files are still of use."""
    try:
        shop.save_results()
    except SourceError as problem:
        return f"Results are not in the database. {problem.message}"
    return ""
