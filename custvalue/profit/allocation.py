"""What support departments cost those they serve: direct, step-down and reciprocal allocation."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError
from custvalue.frames import table_of
from custvalue.profit.costing import CENT, shares
from custvalue.results import Result
from custvalue.validation import check_choice

if TYPE_CHECKING:
    from typing import Any

METHODS = ("direct", "step_down", "reciprocal")
MONEY = pl.Decimal(18, 2)


@dataclass(frozen=True, kw_only=True)
class DepartmentCosts(Result):
    """Departments before and after the allocation.

    Attributes
    ----------
    table
        `department`, `own_cost`, `allocated` (received less passed on), `full_cost`: zero for a support department.
        The full costs add up to the own costs, to the cent.
    method
        `direct`, `step_down` or `reciprocal`.
    """

    method: str

    @property
    def title(self) -> str:
        """How much was passed on, and who bears most of it."""
        passed = -self.table.filter(pl.col("allocated") < 0)["allocated"].sum()
        most = self.table.sort(["allocated", "department"], descending=[True, False]).row(0, named=True)
        return (
            f"{passed:,.2f} {self.currency} of support is passed on ({self.method.replace('_', '-')}); "
            f"most to {most['department']}, {most['allocated']:,.2f}"
        )


@checked
def allocate_departments(
    costs: Any, services: Any, *, method: str = "reciprocal", currency: str = ""
) -> DepartmentCosts:
    """Pass the cost of support departments on to those they serve.

    Parameters
    ----------
    costs
        `department`, `cost` (money, to the cent), one row each.
    services
        `from_department`, `to_department`, `units` of the driver. Who serves nobody bears cost. What a
        department uses of its own service is left out.
    method
        `direct` passes on to bearing departments only; `step_down` one support department after another, in the
        order of `costs`, never back; `reciprocal` solves (I - A) x = c, so that each bears what it uses.
    currency
        Of the costs.

    Raises
    ------
    DataError
        A department stands twice or has no cost, units are negative, or support departments serve only each other.

    References
    ----------
    Horngren, Datar & Rajan (2012), Cost Accounting: A Managerial Emphasis, 14th ed., chapter 15.

    Examples
    --------
    >>> costs = {"department": ["desk", "shop", "web"], "cost": ["90.00", "10.00", "0.00"]}
    >>> use = {"from_department": ["desk", "desk"], "to_department": ["shop", "web"], "units": [2, 1]}
    >>> allocate_departments(pl.DataFrame(costs), pl.DataFrame(use)).table["full_cost"].to_list()
    [Decimal('0.00'), Decimal('70.00'), Decimal('30.00')]
    """
    check_choice("method", method, METHODS)
    own, units = _inputs(
        table_of(costs, ("department", "cost"), "costs"),
        table_of(services, ("from_department", "to_department", "units"), "services"),
    )
    names, serves = list(own), {giver for giver, _ in units}
    pools = [name for name in names if name in serves]
    bearing = [name for name in names if name not in serves]
    received = (
        dict(own) if method == "step_down" else {name: own[name] for name in bearing} | dict.fromkeys(pools, CENT * 0)
    )
    if method == "step_down":
        for place, pool in enumerate(pools):
            _pass_on(received, received[pool], pool, [*pools[place + 1 :], *bearing], units)
            received[pool] = CENT * 0
    elif method == "direct":
        for pool in pools:
            _pass_on(received, own[pool], pool, bearing, units)
    else:
        _reciprocal(received, own, pools, bearing, units)
    columns = {"department": names, "own_cost": [own[n] for n in names], "full_cost": [received[n] for n in names]}
    table = pl.DataFrame(columns, schema_overrides={"own_cost": MONEY, "full_cost": MONEY})
    shown = table.with_columns(allocated=pl.col("full_cost") - pl.col("own_cost"))
    return DepartmentCosts(
        table=shown.select("department", "own_cost", "allocated", "full_cost"), method=method, currency=currency
    )


def _inputs(costs: pl.DataFrame, services: pl.DataFrame) -> tuple[dict[str, Decimal], dict[tuple[str, str], float]]:
    own = {str(name): Decimal(str(cost)).quantize(CENT) for name, cost in costs.select("department", "cost").rows()}
    if len(own) < costs.height:
        raise DataError("A department stands twice in costs.", "Give each one row.")
    units: dict[tuple[str, str], float] = {}
    for giver, taker, count in services.select("from_department", "to_department", "units").rows():
        if unknown := [name for name in (giver, taker) if name not in own]:
            raise DataError(f"Department {unknown[0]!r} of services has no row in costs.", "Add it, with 0 if need be.")
        if float(count) < 0:
            raise DataError(f"Units of {giver!r} for {taker!r} are negative: {count}.")
        if giver != taker and float(count) > 0:
            units[giver, taker] = units.get((giver, taker), 0.0) + float(count)
    return own, units


def _pass_on(
    received: dict[str, Decimal], cost: Decimal, pool: str, takers: list[str], units: dict[tuple[str, str], float]
) -> None:
    weights = [units.get((pool, taker), 0.0) for taker in takers]
    if not any(weights):
        raise DataError(f"Department {pool!r} serves nobody to whom its cost can be passed on by this method.",
                        "Take another method or another order.")  # fmt: skip
    for taker, part in zip(takers, shares(cost, weights), strict=True):
        received[taker] += part


def _reciprocal(
    received: dict[str, Decimal], own: dict[str, Decimal], pools: list[str], bearing: list[str],
    units: dict[tuple[str, str], float],
) -> None:  # fmt: skip
    """Trace each pool's own cost through the departments that use each other to those that bear it."""
    if not pools:
        return
    given = np.array([[units.get((pool, taker), 0.0) for taker in (*pools, *bearing)] for pool in pools])
    given /= given.sum(axis=1, keepdims=True)
    among, out = given[:, : len(pools)], given[:, len(pools) :]
    try:
        ends = np.linalg.solve(np.eye(len(pools)) - among, out)
    except np.linalg.LinAlgError:
        raise DataError(
            "Support departments serve only each other.", "One at least has to serve who bears cost."
        ) from None
    for pool, weights in zip(pools, ends, strict=True):
        for taker, part in zip(
            bearing, shares(own[pool], [max(round(float(w), 12), 0.0) for w in weights]), strict=True
        ):
            received[taker] += part
