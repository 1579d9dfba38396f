"""What a measure costs by segment: as the books see it, and as the decision sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from custvalue.experiments.randomised import ALL

if TYPE_CHECKING:
    from custvalue.experiments.trial import Trial

SCHEMA = {
    "segment": pl.String,
    "n_treated": pl.Int64,
    "accounting_cost": pl.Float64,
    "fee_forgone": pl.Float64,
    "orders_induced": pl.Float64,
    "carrier_cost_induced": pl.Float64,
    "economic_cost": pl.Float64,
    "accounting_total": pl.Float64,
    "economic_total": pl.Float64,
    "measure_cost": pl.Float64,
    "measure_cost_control": pl.Float64,
}


def cost_by_segment(trial: Trial) -> pl.DataFrame:
    """Cost of free delivery per treated customer and window, by segment.

    Accounting: carrier cost of orders delivered free, less the fees taken on them; it ties to the books.
    Economic: fees forgone on orders that would have come anyway, plus the carrier cost of the induced orders.
    The control arm tells what would have come anyway, so a launch that was not randomised has no such cost.
    Null where a column that it needs is not there.

    Returns
    -------
    polars.DataFrame
        Money per treated customer and window, totals over the treated arm; `orders_induced` per customer;
        `measure_cost` is what the books carry under the measure itself, `measure_cost_control` the same in the
        control arm, which may get it by a rule.
    """
    rows = [_costs(trial, ALL, trial.customers)]
    for segment in trial.segments:
        rows.append(_costs(trial, segment, trial.customers.filter(pl.col("segment") == segment)))  # noqa: PERF401
    return pl.DataFrame(rows, schema=SCHEMA)


def _costs(trial: Trial, segment: str, customers: pl.DataFrame) -> dict[str, object]:
    control, treated = (customers.filter(pl.col("treated") == t) for t in (False, True))

    def mean(arm: pl.DataFrame, column: str) -> float | None:
        if not trial.has(column) or arm.height == 0 or arm[column].null_count():
            return None
        if trial.design != "rct" and column != "measure_cost":
            return None
        return float(arm[column].mean())  # type: ignore[arg-type]

    free, carrier, fee = (mean(treated, c) for c in ("carrier_cost_free", "carrier_cost", "fee_paid"))
    accounting = free
    if accounting is None and carrier is not None and fee is not None:
        accounting = carrier - fee  # every order of the treated is delivered free
    fee_control, orders, orders_control = (
        mean(control, "fee_paid"),
        mean(treated, "n_orders"),
        mean(control, "n_orders"),
    )
    forgone = None if fee is None or fee_control is None else fee_control - fee
    induced = None if orders is None or orders_control is None else orders - orders_control
    carried = None
    if induced is not None and carrier is not None and orders:
        carried = carrier / orders * induced
    economic = None if forgone is None or carried is None else forgone + carried
    n = round(treated.height * trial.customers_per_unit)
    return {
        "segment": segment,
        "n_treated": n,
        "accounting_cost": accounting,
        "fee_forgone": forgone,
        "orders_induced": induced,
        "carrier_cost_induced": carried,
        "economic_cost": economic,
        "accounting_total": None if accounting is None else accounting * n,
        "economic_total": None if economic is None else economic * n,
        "measure_cost": mean(treated, "measure_cost"),
        "measure_cost_control": mean(control, "measure_cost"),
    }
