"""How covariates become numbers: levels against the most common one, numbers standardised inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from custvalue.errors import DataError
from custvalue.frames import check_column, to_numbers
from custvalue.results import arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custvalue.models.special import FloatArray

SAME = 1e-12
"""Share of the largest value under which a spread is rounding."""


@dataclass(frozen=True)
class Design:
    """How columns become numbers: a 0/1 column for each level but the most common, numbers from a reference on.

    Attributes
    ----------
    levels
        Of each covariate, the reference first; empty for a number.
    references
        Of each number, in its unit.
    scales
        Of each number: mean and standard deviation.
    """

    levels: Mapping[str, tuple[object, ...]]
    references: Mapping[str, float]
    scales: Mapping[str, tuple[float, float]]

    @property
    def names(self) -> list[str]:
        """Names of the encoded columns."""
        return [n for c, levels in self.levels.items() for n in ([f"{c}={v}" for v in levels[1:]] if levels else [c])]

    @property
    def owners(self) -> list[str]:
        """The covariate each encoded column belongs to."""
        return [c for c, levels in self.levels.items() for _ in range(max(len(levels) - 1, 1))]

    def base(self, covariate: str) -> object:
        """Return the reference: a level, or a number."""
        levels = self.levels[covariate]
        return levels[0] if levels else self.references[covariate]

    @property
    def reference(self) -> str:
        """The reference of all covariates in one line; a number at 0 goes without saying."""
        told = [f"{name} {levels[0]}" for name, levels in self.levels.items() if levels]
        return ", ".join(told + [f"{name} {value:,.6g}" for name, value in self.references.items() if value])

    def to_user(self, n_parameters: int, at: Sequence[tuple[int, float]]) -> FloatArray:
        """Return the matrix that turns standardised parameters and coefficients into those in the user's units.

        Parameters
        ----------
        n_parameters
            Of the plain model.
        at
            Position and direction of the two parameters that covariates move.
        """
        scale = [self.scales.get(c, (0.0, 1.0)) for c in self.owners]
        base = [self.references.get(c, 0.0) for c in self.owners]
        shift = np.array([(b - mean) / sd for b, (mean, sd) in zip(base, scale, strict=True)])
        out = np.diag([*[1.0] * n_parameters, *(1.0 / sd for _, sd in scale), *(1.0 / sd for _, sd in scale)])
        for i, (row, sign) in enumerate(at):
            start = n_parameters + i * shift.size
            out[row, start : start + shift.size] = sign * shift
        return out

    def encode(self, table: pl.DataFrame, *, standard: bool = False) -> FloatArray:
        """Return the numbers, shape (rows, encoded columns); an unknown level is an error.

        `standard`: numbers in standard deviations from their mean, not in their unit from the reference.
        """
        columns: list[list[float]] = []
        for name, levels in self.levels.items():
            if not levels:
                (numbers,) = arrays(table, (name,))
                centre, unit = self.scales[name] if standard else (self.references[name], 1.0)
                columns.append(((numbers - centre) / unit).tolist())
                continue
            values = table[name].to_list()
            if unknown := set(values) - set(levels):
                raise DataError(f"Covariate {name!r} has no level {sorted(map(str, unknown))[0]!r} in the fitted data.")
            columns += [[float(v == level) for v in values] for level in levels[1:]]
        return np.array(columns, dtype=np.float64).T


def make_design(table: pl.DataFrame, covariates: Sequence[str]) -> Design:
    """Read off levels and scales; an empty, constant or missing column is an error."""
    levels: dict[str, tuple[object, ...]] = {}
    references, scales = {}, {}
    for name in covariates:
        check_column(table, name, "summary")
        column = table[name]
        if column.dtype.is_nested():
            raise DataError(f"Covariate {name!r} holds {column.dtype}: numbers, texts or days were expected.")
        is_number = column.dtype.is_numeric()
        if n := (to_numbers(column, name) if is_number else column).null_count():
            what = "empty, infinite or not a number" if is_number else "empty"
            raise DataError(f"Covariate {name!r} is {what} for {n:,} customers.", "Fill it in first.")
        if column.n_unique() < 2:
            raise DataError(f"Covariate {name!r} is the same for everybody.", "Leave it out.")
        if is_number:
            levels[name] = ()
            references[name], scales[name] = _scale(column.cast(pl.Float64).to_numpy(), name)
        else:
            counts = column.to_frame().group_by(name).len().sort(["len", name], descending=[True, False])
            levels[name] = tuple(counts[name].to_list())
    return Design(levels, references, scales)


def _scale(values: FloatArray, name: str) -> tuple[float, tuple[float, float]]:
    """Return the reference of a number, and its mean and standard deviation."""
    mean, sd = float(values.mean()), float(values.std())
    if not sd > SAME * float(np.abs(values).max()):
        raise DataError(f"Covariate {name!r} is the same for everybody, but for rounding.", "Leave it out.")
    return 0.0 if values.min() <= 0.0 <= values.max() else mean, (mean, sd)
