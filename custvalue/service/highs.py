"""Rows and columns of a mixed-integer programme, and HiGHS called on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

INFEASIBLE, _SOLVE_ERROR = 2, 4
FREE = np.inf


class Model:
    """Rows and columns as they are added; `soft` names the rows that a slack may relax."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.whole: list[int] = []
        self.rows: list[tuple[Ints, Floats, float, float, str]] = []

    def columns(self, n: int, *, upper: float = 1.0, whole: bool = True) -> Ints:
        """Add columns from 0 to `upper`; returns their numbers."""
        first = len(self.cost)
        self.cost += [0.0] * n
        self.upper += [upper] * n
        self.whole += [int(whole)] * n
        return np.arange(first, first + n)

    def row(self, columns: Ints, values: Floats, *, low: float = -FREE, high: float = FREE, soft: str = "") -> None:
        """Add a row: what the columns sum up to lies between `low` and `high`."""
        used = np.flatnonzero(values)
        self.rows.append((columns[used], values[used], low, high, soft))

    def shut(self, columns: Ints) -> None:
        """Keep columns at 0."""
        for column in columns:
            self.upper[column] = 0.0

    def at_most(self, one: int, other: int) -> None:
        """Keep one column at or below another."""
        self.row(np.array([one, other]), np.array([1.0, -1.0]), high=0.0)


def highs(
    model: Model, gap: float, time_limit: float | None, *, whole: bool = True,
    within: tuple[Floats, Floats] | None = None,
) -> Any:  # fmt: skip
    """Solve; once more without presolve where that fails.

    Parameters
    ----------
    gap, time_limit
        Share of the objective and seconds at which to stop.
    whole
        False lets steps be taken in part.
    within
        Other bounds of the columns.
    """
    lower, upper = within or (np.zeros(len(model.upper)), np.array(model.upper))
    options: dict[str, Any] = {"mip_rel_gap": gap} | ({} if time_limit is None else {"time_limit": time_limit})
    for presolve in (True, False):
        answer = milp(
            np.array(model.cost) / _size(np.array(model.cost)), integrality=np.array(model.whole) * whole,
            bounds=Bounds(lower, upper), constraints=_matrix(model),
            options=options | {"presolve": presolve},
        )  # fmt: skip
        if answer.status not in (INFEASIBLE, _SOLVE_ERROR):
            break
    return answer


def _matrix(model: Model) -> list[LinearConstraint]:
    """Return the rows as one sparse matrix, each scaled to coefficients near 1."""
    if not model.rows:
        return []
    sizes = [_size(values) for _, values, *_ in model.rows]
    data = np.concatenate([v / s for (_, v, *_), s in zip(model.rows, sizes, strict=True)])
    columns = np.concatenate([c for c, *_ in model.rows])
    ends = np.cumsum([0, *(len(c) for c, *_ in model.rows)])
    matrix = csr_array((data, columns, ends), shape=(len(model.rows), len(model.cost)))
    matrix.sum_duplicates()
    low = np.array([row[2] / s for row, s in zip(model.rows, sizes, strict=True)])
    high = np.array([row[3] / s for row, s in zip(model.rows, sizes, strict=True)])
    return [LinearConstraint(matrix, low, high)]


def _size(values: Floats) -> float:
    return max(1.0, float(np.abs(values).max(initial=0.0)))
