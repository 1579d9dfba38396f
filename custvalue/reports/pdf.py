"""The report on paper: the page as a browser on this machine prints it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from custvalue.errors import SourceError
from custvalue.reports.writing import whole_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 120
DRAWING_MS = 10_000
"""Time that the page may take to draw its charts, in the browser's own clock: it is not waited for."""


def browser() -> str | None:
    """Return the browser that prints, if there is one: Chromium, Chrome or Edge."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def write_pdf(page: Path, file: Path) -> None:
    """Print a report to a PDF.

    Parameters
    ----------
    page
        The report's HTML.
    file
        Where to write.

    Raises
    ------
    SourceError
        There is no browser that prints, or it failed.
    """
    program = browser()
    if program is None:
        raise SourceError(
            "There is no browser here that prints: none of chromium, google-chrome and msedge was found.",
            "Open the report in any browser and print it: it is made for A4.",
        )
    with tempfile.TemporaryDirectory(prefix="custvalue-") as scratch:
        made = Path(scratch) / "report.pdf"
        command = [
            program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-pdf-header-footer",
            f"--user-data-dir={scratch}/profile", f"--virtual-time-budget={DRAWING_MS}",
            f"--print-to-pdf={made}", page.resolve().as_uri(),
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container: Chromium runs as root in no other way
            command.insert(1, "--no-sandbox")
        try:
            # the browser is one of those named above
            subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603
        except (subprocess.SubprocessError, OSError) as problem:
            raise SourceError(f"{Path(program).name} could not print the report: {type(problem).__name__}.") from None
        if not made.is_file() or not made.read_bytes().startswith(b"%PDF"):
            raise SourceError(f"{Path(program).name} printed nothing.", "Open the report in a browser and print it.")
        with whole_file(file) as written:
            written.write_bytes(made.read_bytes())
