"""The general ledger, from the clean rows in whole cents: what finance would have booked."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from custvalue.data.simulation.columns import MONEY, month_starts
from custvalue.data.simulation.courtesies import catalogue, in_the_last_minutes
from custvalue.data.simulation.world import (
    FACILITY_MONTHLY_CENTS_PER_CUSTOMER,
    PRACTICAL_SHARE,
    RESOURCES,
    THEORETICAL_MIN,
    half_away,
)

MONEY_ACCOUNTS: Final = (
    ("4000", "Sales at list price", "gross_list", "revenue"),
    ("4010", "Discounts", "discounts", "revenue"),
    ("4020", "Refunds", "refunds", "revenue"),
    ("4100", "Delivery charged", "delivery_charged", "revenue"),
    ("4200", "Fees of jobs and repairs", "service_fees", "revenue"),
    ("5000", "Cost of goods", "cost_of_goods", "direct"),
    ("5010", "Goods recovered", "goods_recovered", "direct"),
    ("5020", "Write-down of returned goods", "write_down", "direct"),
    ("5100", "Parts of repairs", "parts_cost", "direct"),
    ("6000", "Carriers", "carrier_cost", "direct"),
    ("6100", "Payment fees", "payment_fees", "direct"),
    ("6200", "Inbound freight of returns", "returns_handling", "direct"),
    ("6300", "Courtesies: direct and driver cost", "courtesy", "direct"),
    ("6400", "Courtesies: expected loss", "courtesy_loss", "direct"),
    ("6410", "Courtesies: true-up of expected loss", "courtesy_true_up", "direct"),
    ("8000", "Acquisition", "acquisition", "direct"),
    ("9000", "Facility", "facility", "facility"),
)
Tables = dict[str, pl.DataFrame]


def cents(column: str) -> pl.Expr:
    """Return a money column in whole cents."""
    return (pl.col(column) * 100).cast(pl.Int64).fill_null(0)


def derived_events(tables: Tables) -> pl.DataFrame:
    """Return the courtesies that nobody logged: measure, customer, day, minutes, cents of direct cost and moved cents.

    Moved cents are booked on other accounts (carriers, refunds, parts); a waterfall that shows them as courtesy takes
    them from there.

    The rules, and the day each is posted: P2 a repair after the product's warranty (opened), P4 a return outside
    policy (returned), P5b a fee below the schedule's (ordered), S1 a term extended (its end), D2 a job started
    before it was ordered (started), Q2 a contact in the last five minutes before closing (opened).
    """
    orders, repairs, jobs = tables["orders"], tables["repairs"], tables["jobs"]
    bought = repairs.join(orders.select("order_id", "ordered_at"), on="order_id").join(
        tables["products"], on="product_id"
    )
    ends = pl.col("ordered_at").dt.offset_by(pl.format("{}mo", "warranty_months"))
    late = bought.filter(pl.col("opened_at") > ends)
    owners = orders.select("order_id", "customer_id")
    returns = tables["returns"].filter(~pl.col("within_policy")).join(owners, on="order_id")
    fees = tables["delivery_fees"]
    waived = orders.join(tables["deliveries"].select("order_id", "mode", "carrier_cost"), on="order_id").join(
        fees, on="mode"
    )
    waived = waived.with_columns((pl.col("fee").cast(MONEY) - pl.col("delivery_fee_charged")).alias("forgone"))
    waived = waived.filter(pl.col("forgone") > 0)
    longer = tables["entitlements"].filter(pl.col("extended") > 0)
    margin = cents("refund") - cents("cogs_recovered")
    urgent = jobs.filter(pl.col("started_at") < pl.col("ordered_at"))
    contacts = tables["contacts"]
    midnight = pl.col("opened_at").dt.truncate("1d")
    seconds = contacts.select((pl.col("opened_at") - midnight).dt.total_seconds()).to_series().to_numpy()
    weekday = contacts["opened_at"].dt.weekday().to_numpy() - 1
    last = contacts.filter(pl.Series(in_the_last_minutes(seconds / 86400, weekday)))
    none = pl.lit(0, dtype=pl.Int64)
    return pl.concat(
        [
            _derived(
                "P2",
                late,
                "opened_at",
                minutes=pl.lit(0.0),
                direct=none,
                moved=pl.max_horizontal(cents("parts_cost") - cents("fee_charged"), 0),
            ),
            _derived(
                "P4",
                returns,
                "returned_at",
                minutes=_number("P4", "base_minutes"),
                direct=none,
                moved=margin + cents("write_down") + cents("inbound_freight"),
            ),
            _derived(
                "P5b",
                waived,
                "ordered_at",
                minutes=pl.lit(0.0),
                direct=none,
                moved=pl.min_horizontal(cents("forgone"), cents("carrier_cost")),
            ),
            _derived(
                "S1", longer, "ends", minutes=pl.lit(0.0), direct=(_number("S1", "direct_cost") * 100).cast(pl.Int64)
            ),
            _derived("D2", urgent, "started_at", minutes=pl.lit(0.0), direct=none),
            _derived("Q2", last, "opened_at", minutes=_number("Q2", "base_minutes"), direct=none),
        ]
    )


def _number(measure: str, column: str) -> pl.Expr:
    value = catalogue().filter(pl.col("measure_id") == measure)[column].item()
    return pl.lit(float(value))


def _derived(
    measure: str, rows: pl.DataFrame, day: str, *, minutes: pl.Expr, direct: pl.Expr, moved: pl.Expr | None = None
) -> pl.DataFrame:
    return rows.select(
        pl.lit(measure).alias("measure_id"),
        "customer_id",
        pl.col(day).cast(pl.Date).alias("day"),
        minutes.cast(pl.Float64).alias("minutes"),
        direct.alias("direct"),
        (pl.lit(0, dtype=pl.Int64) if moved is None else moved).alias("moved"),
    )


def courtesy_rows(tables: Tables) -> pl.DataFrame:
    """Return every courtesy, logged or derived, with its minutes and its cents of direct cost, loss and true-up."""
    numbers = catalogue().select(
        "measure_id",
        "resource_id",
        *(
            pl.col(c).cast(pl.Float64).fill_null(0.0)
            for c in ("direct_cost", "driver_rate", "base_minutes", "minutes_per_unit")
        ),
        (pl.col("expected_loss_rate").cast(pl.Float64) * pl.col("loss_base").cast(pl.Float64))
        .fill_null(0.0)
        .alias("loss"),
    )
    units = pl.col("units").fill_null(0.0)
    logged = tables["courtesy_events"].join(numbers, on="measure_id", suffix="_standard")
    standard = ((pl.col("direct_cost_standard") + pl.col("driver_rate") * units) * 100).pipe(_round_half_away)
    logged = logged.select(
        "measure_id",
        "customer_id",
        pl.col("occurred_at").cast(pl.Date).alias("day"),
        # time above standard is never below zero
        pl.max_horizontal(pl.col("base_minutes") + pl.col("minutes_per_unit") * units, 0.0).alias("minutes"),
        pl.when(pl.col("direct_cost").is_null()).then(standard).otherwise(cents("direct_cost")).alias("direct"),
        pl.lit(0, dtype=pl.Int64).alias("moved"),
        pl.col("outcome_loss"),
    )
    derived = derived_events(tables).with_columns(pl.lit(None, dtype=MONEY).alias("outcome_loss"))
    rows = pl.concat([logged, derived]).join(numbers.select("measure_id", "resource_id", "loss"), on="measure_id")
    loss = (pl.col("loss") * 100).pipe(_round_half_away)
    return rows.with_columns(
        loss.alias("loss"),
        pl.when(pl.col("outcome_loss").is_null()).then(0).otherwise(cents("outcome_loss") - loss).alias("true_up"),
    )


def _round_half_away(value: pl.Expr) -> pl.Expr:
    return (value.abs() + 0.5 + 1e-6).floor().cast(pl.Int64) * value.sign().cast(pl.Int64)


def resource_months(tables: Tables) -> pl.DataFrame:
    """Return the minutes used by resource and month."""
    talk = tables["contacts"].select(
        pl.lit("contact_centre").alias("resource_id"),
        pl.col("opened_at").cast(pl.Date).alias("day"),
        (pl.col("handle_s") / 60).alias("minutes"),
    )
    inspection = tables["returns"].select(
        pl.lit("returns_desk").alias("resource_id"),
        pl.col("returned_at").cast(pl.Date).alias("day"),
        pl.col("inspect_min").alias("minutes"),
    )
    repaired = tables["repairs"].select(
        pl.lit("workshop").alias("resource_id"), pl.col("opened_at").cast(pl.Date).alias("day"), "minutes"
    )
    urgent = tables["jobs"].filter(pl.col("kind") == "urgent")
    worked = urgent.select(
        pl.lit("engineers").alias("resource_id"), pl.col("started_at").cast(pl.Date).alias("day"), "minutes"
    )
    kindness = courtesy_rows(tables).filter(pl.col("resource_id").is_not_null()).select("resource_id", "day", "minutes")
    used = pl.concat([talk, inspection, repaired, worked, kindness])
    used = used.group_by("resource_id", pl.col("day").dt.truncate("1mo").alias("period")).agg(pl.col("minutes").sum())
    grid = pl.DataFrame({"resource_id": sorted(RESOURCES)}).join(pl.DataFrame({"period": month_starts()}), how="cross")
    return (
        grid.join(used, on=["resource_id", "period"], how="left")
        .with_columns(pl.col("minutes").fill_null(0.0))
        .sort("resource_id", "period")
    )


def resources(tables: Tables) -> pl.DataFrame:
    """Staff each resource for its year, so that one month of the contact centre is overloaded."""
    used = resource_months(tables)
    parts = []
    for (name, _), months in used.group_by("resource_id", pl.col("period").dt.year(), maintain_order=True):
        resource = RESOURCES[str(name)]
        minutes = np.sort(np.round(months["minutes"].to_numpy(), 2))
        is_tight = resource.slack is None and months["period"][0].year == 2025
        need = 0.4 * minutes[-1] + 0.6 * minutes[-2] if is_tight else minutes[-1] * (resource.slack or 1.2)
        hundredths = max(5, int(np.ceil(100 * need / (THEORETICAL_MIN * PRACTICAL_SHARE))))
        parts.append(
            months.select(
                "resource_id",
                "period",
                pl.lit(hundredths / 100).alias("headcount"),
                pl.lit(float(hundredths * THEORETICAL_MIN // 100)).alias("theoretical_min"),
                pl.lit("0.80").cast(MONEY).alias("practical_share"),
                pl.lit(f"{int(half_away(np.array(hundredths * resource.monthly_cost), 100)) / 100:.2f}")
                .cast(MONEY)
                .alias("cost"),
                pl.lit(f"{resource.avoidable:.2f}").cast(MONEY).alias("avoidable_share"),
            )
        )
    return pl.concat(parts).sort("resource_id", "period")


def accounts() -> pl.DataFrame:
    """Return the chart of accounts."""
    rows: list[tuple[str | None, ...]] = [(*account, None) for account in MONEY_ACCOUNTS]
    rows += [(r.account, r.name, r.pnl_line, "time", key) for key, r in RESOURCES.items()]
    schema = ["account", "name", "pnl_line", "cost_class", "resource_id"]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("account")


def ledger(tables: Tables) -> pl.DataFrame:
    """Return each account's total of each month; income positive, costs negative.

    An order is posted with its goods, fee, payment and carrier in the month it was ordered, a return in the month
    it came back, a courtesy in the month it was granted.
    """
    when = tables["orders"].select("order_id", pl.col("ordered_at").cast(pl.Date).alias("day"))
    lines = (
        tables["order_lines"]
        .join(when, on="order_id")
        .join(tables["products"].select("product_id", "unit_cost"), on="product_id", suffix="_standard")
    )
    unit = (pl.coalesce("unit_cost", "unit_cost_standard") * 10_000).cast(pl.Int64)
    back, kindness = (
        tables["returns"].with_columns(pl.col("returned_at").cast(pl.Date).alias("day")),
        courtesy_rows(tables),
    )
    orders = tables["orders"].with_columns(pl.col("ordered_at").cast(pl.Date).alias("day"))
    repairs = tables["repairs"].with_columns(pl.col("opened_at").cast(pl.Date).alias("day"))
    people = tables["customers"].with_columns(pl.col("acquired_on").alias("day"))
    entries = [
        _booked("4000", orders, cents("gross_list")),
        _booked("4010", orders, -cents("discount")),
        _booked("4020", back, -cents("refund")),
        _booked("4100", orders, cents("delivery_fee_charged")),
        _booked("4200", repairs, cents("fee_charged")),
        _booked("5100", repairs, -cents("parts_cost")),
        _booked("5000", lines, -((pl.col("qty") * unit + 50) // 100)),
        _booked("5010", back, cents("cogs_recovered")),
        _booked("5020", back, -cents("write_down")),
        _booked("6000", tables["deliveries"].join(when, on="order_id"), -cents("carrier_cost")),
        _booked("6100", orders, -cents("payment_fee")),
        _booked("6200", back, -cents("inbound_freight")),
        _booked("6300", kindness, -pl.col("direct")),
        _booked("6400", kindness, -pl.col("loss")),
        _booked("6410", kindness, -pl.col("true_up")),
        _booked("8000", people, -cents("acquisition_cost")),
    ]
    staff = tables["resources"].with_columns(
        pl.col("resource_id").replace_strict({key: r.account for key, r in RESOURCES.items()}).alias("account")
    )
    entries.append(staff.select("account", "period", (-cents("cost")).alias("cents")))
    rent = FACILITY_MONTHLY_CENTS_PER_CUSTOMER * tables["customers"].height
    entries.append(
        pl.DataFrame(
            {"account": "9000", "period": month_starts(), "cents": -rent}, schema_overrides={"cents": pl.Int64}
        )
    )
    booked = pl.concat(entries).group_by("period", "account").agg(pl.col("cents").sum())
    grid = pl.DataFrame({"period": month_starts()}).join(accounts().select("account"), how="cross")
    whole = grid.join(booked, on=["period", "account"], how="left").sort("period", "account")
    amount = (pl.col("cents").fill_null(0).cast(MONEY) / 100).cast(MONEY)
    return whole.select("period", "account", amount.alias("amount"))


def _booked(account: str, rows: pl.DataFrame, amount: pl.Expr) -> pl.DataFrame:
    return rows.select(
        pl.lit(account).alias("account"),
        pl.col("day").dt.truncate("1mo").alias("period"),
        amount.cast(pl.Int64).alias("cents"),
    )
