"""What all customer models share: parameters checked once, arrays checked once, the counted table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast

import numpy as np
import polars as pl

from custvalue.errors import DataError, FitError
from custvalue.results import arrays
from custvalue.validation import is_number, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    from custvalue.models.special import FloatArray

    Drawn = tuple[FloatArray, FloatArray]


class Past(NamedTuple):
    """What customers did until T: repeat purchases, time of the last, time observed, each of shape (customers,)."""

    x: FloatArray
    t_x: FloatArray
    T: FloatArray


class Objective(Protocol):
    """Log-likelihood and gradient at log parameters; without the gradient, theta stands in its place."""

    def __call__(self, theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
        """Evaluate both."""


NUMERIC_STEP = 1e-4
MOST_PURCHASES = 1_000_000
"""Of one customer: beyond it the count is a slip, or adds up many customers."""
LONGEST_TIME = 1_000_000
"""In any time unit: 2,700 years of days."""


@dataclass(frozen=True)
class Model:
    """A model is its parameters: positive numbers, frozen."""

    label: ClassVar[str]
    data_columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T")
    covariate_moves: ClassVar[tuple[tuple[str, float], tuple[str, float]] | None] = None
    """The parameters a covariate moves, and their direction: of the purchase rate, of dropout."""
    advice: ClassVar[str] = "Try a simpler model (MBG/NBD), a longer history or more customers."
    """What to try where the model is not identified."""

    def __post_init__(self) -> None:
        for name in self.parameter_names():
            value = getattr(self, name)
            if not (is_number(value) and value > 0):
                raise DataError(f"{self.label}: parameter {name} must be a positive number, not {shown(value)}.")

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters by name, in the order of the paper."""
        return {f.name: float(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Names of the parameters, in the order of the paper."""
        return tuple(f.name for f in fields(cls))

    @classmethod
    def from_log(cls, theta: FloatArray) -> Self:
        """Make a model of the logarithms of its parameters."""
        return cls(*(float(v) for v in np.exp(theta)))

    @property
    def log_parameters(self) -> FloatArray:
        """Logarithms of the parameters: the space in which they are fitted."""
        return np.asarray(np.log(list(self.parameters.values())))

    @classmethod
    def usable(cls, table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
        """Leave out the customers the model cannot use, and say how many and why: here everybody stays."""
        return table, ""

    @classmethod
    def check_identified(cls, data: Counted) -> None:
        """Raise FitError where these data cannot tell the parameters: nobody came back."""
        check_repeat_buyers(cls.label, data)

    @classmethod
    def starts(cls, data: Counted) -> list[Self]:
        """Return where the optimiser starts, the best guess first."""
        raise NotImplementedError

    @classmethod
    def at_limit(cls, theta: FloatArray, data: Counted) -> bool:  # noqa: ARG003 (models with a limit use both)
        """Tell whether a search has run to where the model becomes a simpler one: it will not come back."""
        return False

    @classmethod
    def objective(cls, data: Counted) -> Objective:
        """Return the function from log parameters to log-likelihood and gradient."""
        return NumericObjective(cls, data)

    @classmethod
    def log_likelihood_of(cls, parameters: Sequence[float], data: Counted) -> float:
        """Return the log-likelihood of the counted table; used where no gradient is derived."""
        columns = (data.columns[c] for c in cls.data_columns)
        return float(data.count @ cast("Any", cls(*parameters)).log_likelihood(*columns))

    @classmethod
    def n_customers(cls, data: Counted) -> int:
        """Return how many customers the counted table stands for."""
        return round(data.total)


class NumericObjective:
    """An objective whose gradient is taken by central differences."""

    def __init__(self, model: type[Model], data: Counted) -> None:
        self.model, self.data = model, data

    def __call__(self, theta: FloatArray, gradient: bool = True) -> tuple[float, FloatArray]:
        """Evaluate both."""
        value = self._value(theta)
        if not gradient:
            return value, theta
        steps = np.eye(theta.size) * NUMERIC_STEP
        return value, np.array([(self._value(theta + h) - self._value(theta - h)) / (2 * NUMERIC_STEP) for h in steps])

    def _value(self, theta: FloatArray) -> float:
        return self.model.log_likelihood_of([float(v) for v in np.exp(theta)], self.data)


class CustomerModel(Protocol):
    """A buy-till-you-die model in continuous time; arrays in and out, time in the unit of its parameters."""

    label: ClassVar[str]

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """Log-likelihood of each history."""

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """P(still a customer at T)."""

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:
        """E[purchases in (T, T + horizon]]."""

    def expected_purchases_new(self, horizon: ArrayLike) -> FloatArray:
        """E[repeat purchases of a newcomer in (0, horizon]]."""

    def purchase_pmf(self, n: ArrayLike, horizon: ArrayLike) -> FloatArray:
        """P(a newcomer makes n repeat purchases in (0, horizon])."""

    def discounted_expected_purchases(
        self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, horizon: float | None = None
    ) -> FloatArray:
        """Discounted expected purchases from T on, to a horizon (DECT) or to infinity (DERT)."""

    def expectations(
        self, horizon: float, delta: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P(alive), expected and discounted expected purchases within the horizon, in one pass."""

    @classmethod
    def draw_purchases(cls, parameters: Mapping[str, FloatArray], horizon: float, past: Past, rng: Generator) -> Drawn:
        """Draw what customers who are alive at T do in (T, T + horizon].

        Parameters
        ----------
        parameters
            One array a parameter, an element a draw: shape (draws,).
        past
            Of the customers.

        Returns
        -------
        purchases, window
            Shape (customers, draws): how many purchases, and the time after T over which they spread.
        """


class SpendModel(Protocol):
    """A model of what a purchase brings."""

    label: ClassVar[str]

    @property
    def population_mean(self) -> float:
        """Mean spend per purchase over the population."""

    def expected_value(self, x: ArrayLike, m: ArrayLike) -> FloatArray:
        """E[mean spend | x purchases of mean m]."""

    def draw_totals(
        self, parameters: Mapping[str, FloatArray], purchases: FloatArray, known: FloatArray, mean_amount: FloatArray,
        rng: Generator,
    ) -> FloatArray:  # fmt: skip
        """Draw what the next purchases of each customer add up to, shape (customers, draws)."""


@dataclass(frozen=True)
class Counted:
    """Identical rows counted once: the sufficient statistic.

    Attributes
    ----------
    columns
        The model's data columns, each an array with one element a distinct row.
    count
        How many customers share the row.
    """

    columns: Mapping[str, FloatArray]
    count: FloatArray

    @property
    def total(self) -> float:
        """Number of customers; not whole where weights are not."""
        return float(self.count.sum())

    @property
    def size(self) -> int:
        """Number of distinct rows."""
        return self.count.size

    def history(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return x, t_x, T."""
        return self.columns["frequency"], self.columns["recency"], self.columns["T"]

    def sample(self, rows: int, seed: int = 0) -> Counted:
        """Return a random part of the rows, with their counts: where to start on big data."""
        chosen = np.random.default_rng(seed).choice(self.size, rows, replace=False)
        return Counted({k: v[chosen] for k, v in self.columns.items()}, self.count[chosen])


def count_rows(table: pl.DataFrame, columns: Sequence[str], weights: str | None = None) -> Counted:
    """Count identical rows, or add up their weights."""
    read = dict(zip(columns, arrays(table, columns), strict=True))
    if weights is not None:
        (read["__weight"],) = arrays(table, (weights,))
    size = pl.len() if weights is None else pl.col("__weight").sum()
    grouped = (
        pl.DataFrame(read).group_by(list(columns), maintain_order=True).agg(size.cast(pl.Float64).alias("__count"))
    )
    *values, count = arrays(grouped, (*columns, "__count"))
    if (count < 0).any():
        raise DataError(f"Column {weights!r} holds a weight below 0.", "A weight is a number of customers.")
    return Counted(dict(zip(columns, values, strict=True)), count)


def checked_history(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, t_x, T as float arrays of one shape; what no history can be is an error."""
    bx, bt, bT = together(frequency=x, recency=t_x, T=T)
    rules = {
        f"frequency and T can be at most {MOST_PURCHASES:,} and {LONGEST_TIME:,}": (
            ~(bx > MOST_PURCHASES) & ~(bT > LONGEST_TIME)
        ),
        "frequency must be a whole number, 0 or more": (bx >= 0) & (bx == np.floor(bx)) & np.isfinite(bx),
        "recency must lie between 0 and T": (bt >= 0) & (bt <= bT) & np.isfinite(bT),
        "recency must be 0 for a customer who never came back": (bx > 0) | (bt == 0),
    }
    for rule, good in rules.items():
        if not good.all():
            first = int(np.argmin(good.ravel()))
            row = f"frequency {bx.ravel()[first]:g}, recency {bt.ravel()[first]:g}, T {bT.ravel()[first]:g}"
            raise DataError(
                f"{rule}: {np.count_nonzero(~good):,} of {good.size:,} customers break this, "
                f"the first in row {first} ({row})."
            )
    return bx, bt, bT


def distinct(*columns: FloatArray) -> tuple[tuple[FloatArray, ...], NDArray[np.intp]]:
    """Return the distinct rows and, for every row, which of them it is."""
    if columns[0].size <= 1:
        return columns, np.zeros(columns[0].size, dtype=np.intp)
    order = np.lexsort(columns[::-1])
    changed = np.zeros(order.size, dtype=bool)
    for column in columns:
        ordered = column[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    which = np.empty(order.size, dtype=np.intp)
    which[order] = np.cumsum(changed)
    firsts = order[np.concatenate(([0], np.flatnonzero(changed)))]
    return tuple(column[firsts] for column in columns), which


def together(**values: ArrayLike) -> tuple[FloatArray, ...]:
    """Return numbers as float arrays of one shape; texts, gaps of another kind or shapes that do not fit are an error.

    Raises
    ------
    DataError
        It names the argument that holds no numbers, or the shapes.
    """
    read: list[FloatArray] = []
    for name, value in values.items():
        try:
            read.append(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError):
            raise DataError(f"{name}={shown(value)}: a number or an array of numbers was expected.") from None
    try:
        return np.broadcast_arrays(*read)
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(values, read, strict=True))
        raise DataError(f"The arrays must have one shape; they have {shapes}.") from None


def check_horizon(horizon: ArrayLike) -> FloatArray:
    """Return the horizon as an array; one that is negative or endless is an error."""
    (h,) = together(horizon=horizon)
    if not ((h >= 0) & (h <= LONGEST_TIME)).all():
        raise DataError(f"The horizon must lie between 0 and {LONGEST_TIME:,} time units; {shown(horizon)} came.")
    return h


def check_counts(n: ArrayLike, horizon: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return numbers of purchases and horizons of one shape; what is no count is an error."""
    counts, h = together(n=n, horizon=check_horizon(horizon))
    if not ((counts >= 0) & (counts <= MOST_PURCHASES) & (counts == np.floor(counts))).all():
        raise DataError(f"n={shown(n)}: whole numbers of purchases from 0 to {MOST_PURCHASES:,} were expected.")
    return counts, h


def check_discount(delta: float, horizon: float | None) -> None:
    """Raise where the discounted sum is not defined."""
    if not (is_number(delta) and delta >= 0):
        raise DataError(f"The discount rate delta must be 0 or more per time unit; {shown(delta)} came.")
    endless = horizon is None or horizon == np.inf
    if horizon is not None and not endless:
        check_horizon(horizon)
    if endless and delta == 0:
        raise DataError("Without a horizon the discount rate must be above 0.", "Give a horizon or a rate.")


def check_repeat_buyers(label: str, data: Counted) -> None:
    """Raise FitError where the histories hold nothing to fit."""
    x = data.columns["frequency"]
    if data.size == 0:
        raise FitError(f"{label}: the summary has no customers.", "Check the dates and filters that made it.")
    if "T" in data.columns:
        checked_history(*data.history())
    if not (x > 0).any():
        raise FitError(
            f"{label}: none of the {data.total:,.0f} customers bought again: no purchase rate can be told.",
            "Use a longer history; same-day orders count as one purchase.",
        )
