"""One run from a loaded database to everything that people open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.reports.analysis import Analysis, analyse
from custvalue.reports.html import write_report
from custvalue.reports.workbook import write_workbook

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from custvalue.config import Settings
    from custvalue.data.loading import Progress
    from custvalue.data.warehouse import Warehouse

REPORT, WORKBOOK, CUSTOMERS = "report.html", "custvalue.xlsx", "customers.parquet"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run: its answers and the files it wrote."""

    analysis: Analysis
    files: tuple[Path, ...]


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
    progress("writing results to the database")
    for name, result in analysis.results.items():
        shop.store(name.replace(" ", "_"), result.table)
    customers = analysis.customers()
    shop.store("customers", customers)
    customers.write_parquet(out / CUSTOMERS)
    progress("writing report.html")
    write_report(analysis, out / REPORT)
    progress("writing custvalue.xlsx")
    write_workbook(analysis, out / WORKBOOK)
    return Run(analysis=analysis, files=tuple(files))
