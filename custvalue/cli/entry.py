"""Where the command line starts and ends: what a user can cause is one message, what is our fault says so."""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

import custvalue.cli.desk  # noqa: F401, its commands, and those of start
from custvalue.cli.commands import app
from custvalue.cli.output import err_console, print_json
from custvalue.errors import CustvalueError

FAILED, FAULT, STOPPED = 1, 70, 130


def main() -> None:
    """Run the command line; no error ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a file name may hold bytes that are no text
    try:
        app(prog_name="custvalue")
    except SystemExit as end:
        if end.code == STOPPED:
            _stopped()
        raise
    except KeyboardInterrupt:
        _stopped()
    except CustvalueError as problem:
        _fail(type(problem).__name__, problem.message, problem.hint)
    except OSError as problem:
        _file_problem(problem)
    except Exception as problem:  # noqa: BLE001, the last place where it can be told
        _unexpected(problem)


def _stopped() -> NoReturn:
    _fail("Stopped", "Nothing was changed by what was not finished.", code=STOPPED)


def _file_problem(problem: OSError) -> NoReturn:
    where = Path(str(problem.filename or "")).name
    _fail("OSError", f"Can't write or read {where!r}: {problem.strerror or problem}.")


def _unexpected(problem: Exception) -> NoReturn:
    from custvalue.data.database import explained

    said = explained(problem, "this command")
    if said is not None:
        _fail(type(said).__name__, said.message, said.hint)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", errors="replace", prefix="custvalue-fault-", suffix=".txt", delete=False
    ) as file:
        file.write(f"custvalue {' '.join(sys.argv[1:])}\n\n{''.join(traceback.format_exception(problem))}")
    _fail(
        "Fault of custvalue",
        f"This should not happen, and is not your fault: {type(problem).__name__}.",
        f"Please report it with the file {file.name}; it holds the command and no row of your data but what the"
        " error itself names.",
        code=FAULT,
    )


def _fail(kind: str, message: str, hint: str = "", *, code: int = FAILED) -> NoReturn:
    """Say what went wrong: to people on the error stream, to machines that asked for JSON as JSON."""
    if "--json" in sys.argv:
        print_json({"error": kind, "message": message, "hint": hint})
    else:
        err_console.print(f"[bold red]{kind}[/]: ", end="")
        for line in (message, hint):
            if line:
                err_console.print(line, markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)
