"""Costing by driver, and shares that add up to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from custvalue.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

CENT = Decimal("0.01")
RATE = pl.Decimal(18, 6)


def driver_rates(pools: pl.DataFrame) -> pl.DataFrame:
    """Divide cost pools by the quantity of their driver.

    Parameters
    ----------
    pools
        `pool`, `cost` (money), `quantity` (of the driver, in the same time).

    Returns
    -------
    pl.DataFrame
        With `driver_rate`, money per unit, six decimals: the column of the same name in the catalogue.

    Raises
    ------
    DataError
        A pool has no quantity above zero: nothing to divide it by.

    Examples
    --------
    >>> pools = pl.DataFrame({"pool": ["orders"], "cost": [392000.0], "quantity": [49000]})
    >>> driver_rates(pools)["driver_rate"].item()
    Decimal('8.000000')
    """
    if (empty := pools.filter(~(pl.col("quantity") > 0) | pl.col("quantity").is_null())).height:
        raise DataError(
            f"Pool {empty['pool'][0]!r} has the driver quantity {empty['quantity'][0]}; a rate needs one above zero.",
            "Leave the pool out, or count its driver.",
        )
    rates = [
        (Decimal(str(cost)) / Decimal(str(quantity))).quantize(Decimal("0.000001"))
        for cost, quantity in pools.select("cost", "quantity").iter_rows()
    ]
    return pools.with_columns(pl.Series("driver_rate", rates, dtype=RATE))


def shares(total: Decimal, weights: Sequence[float | int | Decimal]) -> list[Decimal]:
    """Split an amount by weights so that the parts add up to it, to the cent.

    Hamilton's largest remainder: every part is cut towards zero to whole cents, and the cents left over go to the
    largest remainders; equal remainders in the order given.

    Raises
    ------
    DataError
        A weight is negative, or all are zero.

    Examples
    --------
    >>> [str(part) for part in shares(Decimal("100.00"), [1, 1, 1])]
    ['33.34', '33.33', '33.33']
    """
    exact = [Decimal(str(weight)) for weight in weights]
    if any(weight < 0 for weight in exact) or not (whole := sum(exact, Decimal(0))):
        raise DataError(
            "Shares need weights of which none is negative and one at least is above zero.",
            "Leave out who takes no part.",
        )
    cents = int((total / CENT).to_integral_value())
    quotas = [abs(cents) * weight / whole for weight in exact]
    parts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - quotas[i], i))
    for i in by_remainder[: abs(cents) - sum(parts)]:
        parts[i] += 1
    sign = -1 if cents < 0 else 1
    return [sign * part * CENT for part in parts]
