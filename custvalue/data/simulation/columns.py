"""Columns as a shop would export them: money in decimals, numbers with a prefix, times cut to the minute."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from custvalue.data.simulation.world import FIRST_DAY, Bools, Floats, Ints

if TYPE_CHECKING:
    from custvalue.data.simulation.population import Population
    from custvalue.data.simulation.trade import Trade

MONEY: Final = pl.Decimal(18, 2)


def money(cents: Ints | Floats, scale: int = 2) -> pl.Series:
    """Return whole cents (or smaller units) as decimals; not-a-number becomes null."""
    values = pl.Series(np.asarray(cents, dtype=np.float64)).fill_nan(None).cast(pl.Int64)
    exact: pl.Series = values.cast(pl.Decimal(18, scale)) / 10**scale
    return exact.cast(pl.Decimal(18, scale))


def ids(prefix: str, numbers: Ints | Floats, width: int) -> pl.Series:
    """Return names such as C00017; a negative number has none."""
    values = pl.Series(np.asarray(numbers, dtype=np.int64))
    names = prefix + values.cast(pl.String).str.zfill(width)
    return pl.select(pl.when(values >= 0).then(names)).to_series()


def stamps(at: Floats, *, to: str = "m") -> pl.Series:
    """Return times, cut to the minute or second."""
    seconds = np.floor(at * 86400 + 1e-3).astype("timedelta64[s]")
    moments = (np.datetime64(FIRST_DAY, "s") + seconds).astype(f"datetime64[{to}]")
    return pl.Series(moments.astype("datetime64[ms]"))


def days(day: Ints | Floats) -> pl.Series:
    """Return dates."""
    moments = np.datetime64(FIRST_DAY) + np.floor(day).astype("timedelta64[D]")
    return pl.Series(moments.astype("datetime64[ms]")).cast(pl.Date)


def chosen(names: tuple[str, ...] | list[str], index: Ints) -> pl.Series:
    """Return names by index."""
    return pl.Series(np.array(names, dtype=object)[index], dtype=pl.String)


class Numbering:
    """Customer, order, delivery, return and contact numbers, in the order of time."""

    def __init__(self, people: Population, world: Trade) -> None:
        self.named = ~people.is_guest
        self.order_rows = np.lexsort((world.customer, world.at))
        self.order_no = _ranks(self.order_rows)
        self.return_rows = np.argsort(world.return_at, kind="stable")
        self.return_no = _ranks(self.return_rows)
        self.contact_rows = np.argsort(world.contact_at, kind="stable")
        self.contact_no = _ranks(self.contact_rows)

    def customer(self, index: Ints) -> pl.Series:
        """Return customer numbers; guests have none."""
        return ids("C", np.where(self.named[index], index + 1, -1), 5)

    def order(self, index: Ints, prefix: str = "O") -> pl.Series:
        """Return order (or delivery) numbers; a negative index has none."""
        return ids(prefix, _numbered(self.order_no, index), 6)

    def returned(self, index: Ints) -> pl.Series:
        """Return the numbers of returns."""
        return ids("R", _numbered(self.return_no, index), 5)

    def contact(self, index: Ints) -> pl.Series:
        """Return the numbers of contacts."""
        return ids("K", _numbered(self.contact_no, index), 5)


def _ranks(rows: Ints) -> Ints:
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[rows] = np.arange(1, len(rows) + 1)
    return ranks


def _numbered(numbers: Ints, index: Ints) -> Ints:
    return np.where(index >= 0, numbers[np.maximum(index, 0)], -1)


def where(mask: Bools, values: pl.Series) -> pl.Series:
    """Return values where the mask holds, otherwise null."""
    return pl.select(pl.when(pl.Series(mask)).then(values)).to_series()


def month_starts() -> list[date]:
    """Return the first day of each of the 36 months."""
    return [date(FIRST_DAY.year + k // 12, k % 12 + 1, 1) for k in range(36)]
