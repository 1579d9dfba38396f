"""The package's own errors: each says what came, what was wanted and what to do."""

from __future__ import annotations


class CustvalueError(Exception):
    """Base of all errors a user can cause.

    Parameters
    ----------
    message
        What came and what was wanted, in one sentence.
    hint
        What to do about it, in one sentence; shown on a line of its own.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\n{hint}" if hint else message)

    def _render_traceback_(self) -> list[str]:
        """Show two lines in a notebook instead of a traceback; the cell still fails."""
        first = f"{type(self).__name__}: {self.message}"
        return [first, self.hint] if self.hint else [first]


class SourceError(CustvalueError):
    """A file or frame can't be read as a table: missing, empty, undecodable, without a needed column."""


class DataError(CustvalueError):
    """Data were read but can't be used: names the table, the column and the rows."""


class MissingInputError(CustvalueError):
    """A question needs a table that was not loaded; names the table and what it would give."""


class FitError(CustvalueError):
    """A model did not converge or is not identified on these data; says which and what to try."""


class PlanError(CustvalueError):
    """No service plan satisfies the constraints, or nothing measured supports one."""


class SqlError(CustvalueError):
    """A relation of sql/ breaks the rules of the folder: an undeclared input, a cycle, a missing header."""
