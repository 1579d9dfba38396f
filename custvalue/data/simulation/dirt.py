"""Rows that must be set aside: written below the clean rows of a table, each with the reason it deserves."""

from __future__ import annotations

from typing import Final

import polars as pl

Rows = list[tuple[str, dict[str, str | None]]]
FUTURE: Final = "2099-01-01"


def spoil(tables: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], dict[str, dict[str, int]]]:
    """Append the bad rows.

    Returns
    -------
    The tables, those with bad rows as text; and per table and reason the number of rows to be rejected.
    """
    rows = {
        "customers": _customers(tables["customers"]),
        "orders": _orders(tables["orders"]),
        "order_lines": _order_lines(tables["order_lines"]),
        "returns": _returns(tables["returns"]),
        "deliveries": _deliveries(tables["deliveries"]),
        "contacts": _contacts(tables["contacts"]),
        "courtesy_events": _events(tables["courtesy_events"]),
    }
    spoiled = dict(tables)
    counts: dict[str, dict[str, int]] = {}
    for name, bad in rows.items():
        clean = as_text(tables[name])
        extra = pl.DataFrame([row for _, row in bad], schema=clean.schema)
        spoiled[name] = pl.concat([clean, extra])
        reasons = [reason for reason, _ in bad]
        counts[name] = {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    return spoiled, counts


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Return all columns as the text that a CSV file would hold."""
    return frame.with_columns(
        pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S") if dtype == pl.Datetime else pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
    )


def _copy(frame: pl.DataFrame, row: int, **changes: str | None) -> dict[str, str | None]:
    """Return a clean row with some columns changed."""
    return as_text(frame[row]).row(0, named=True) | changes


def _named(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.filter(pl.col("customer_id").is_not_null())


def _customers(clean: pl.DataFrame) -> Rows:
    rows: Rows = [("repeated key", _copy(clean, k, region="moved")) for k in (4, 40, 400)]
    rows.append(("unreadable date", _copy(clean, 7, customer_id="CX0001", acquired_on="2024-13-40")))
    rows.append(("not a number", _copy(clean, 8, customer_id="CX0002", acquisition_cost="twelve")))
    rows.append(("future date", _copy(clean, 9, customer_id="CX0003", acquired_on=FUTURE)))
    return rows


def _orders(clean: pl.DataFrame) -> Rows:
    named = _named(clean)
    rows: Rows = [("repeated key", _copy(named, 100 * k, payment_fee="9.99")) for k in range(1, 13)]
    rows += [
        ("unreadable date", _copy(named, 11 * k, order_id=f"OX0000{k}", ordered_at="31.12.24 at noon"))
        for k in (1, 2, 3)
    ]
    rows += [("not a number", _copy(named, 12 * k, order_id=f"OX0001{k}", gross_list="about 40")) for k in (1, 2, 3, 4)]
    rows += [
        ("future date", _copy(named, 13 * k, order_id=f"OX0002{k}", ordered_at=f"{FUTURE} 10:00:00")) for k in (1, 2)
    ]
    rows += [
        ("negative price", _copy(named, 14 * k, order_id=f"OX0003{k}", gross_list="-25.00", discount="0.00"))
        for k in (1, 2)
    ]
    rows += [
        ("unknown customer", _copy(named, 15 * k, order_id=f"OX0004{k}", customer_id=f"CX888{k}")) for k in range(1, 6)
    ]
    rows.append(("missing key", _copy(named, 16, order_id=None)))
    return rows  # fmt: skip


def _order_lines(clean: pl.DataFrame) -> Rows:
    rows: Rows = [("unknown order", _copy(clean, 10 * k, order_id=f"OX9000{k}")) for k in range(1, 10)]
    rows += [("repeated key", _copy(clean, 21 * k, qty="9")) for k in range(1, 5)]
    rows += [("negative price", _copy(clean, 31 * k, line_no="77", list_price="-4.95")) for k in range(1, 4)]
    rows.append(("not a number", _copy(clean, 50, line_no="78", list_price="n/a")))
    rows.append(("quantity not positive", _copy(clean, 51, line_no="79", qty="0")))
    return rows


def _returns(clean: pl.DataFrame) -> Rows:
    rows: Rows = [("unknown order", _copy(clean, k, return_id=f"RX000{k}", order_id=f"OX9100{k}")) for k in range(1, 7)]
    rows.append(("unreadable date", _copy(clean, 8, return_id="RX0010", returned_at="soon")))
    rows.append(("future date", _copy(clean, 9, return_id="RX0011", returned_at=f"{FUTURE} 09:00:00")))
    rows.append(("repeated key", _copy(clean, 10, refund="999.99")))
    return rows


def _deliveries(clean: pl.DataFrame) -> Rows:
    rows: Rows = [
        ("unknown order", _copy(clean, k, delivery_id=f"DX9000{k}", order_id=f"OX9200{k}")) for k in range(1, 4)
    ]
    rows.append(("negative price", _copy(clean, 8, delivery_id="DX90010", carrier_cost="-3.10")))
    rows.append(("not a number", _copy(clean, 9, delivery_id="DX90011", carrier_cost="see invoice")))
    return rows


def _contacts(clean: pl.DataFrame) -> Rows:
    rows: Rows = [
        ("unknown customer", _copy(clean, k, contact_id=f"KX000{k}", customer_id=f"CX889{k}")) for k in (1, 2)
    ]
    rows.append(("unreadable date", _copy(clean, 3, contact_id="KX0010", opened_at="yesterday")))
    return rows


def _events(clean: pl.DataFrame) -> Rows:
    rows: Rows = [("unknown measure", _copy(clean, 1, event_id="EX0001", measure_id="X9"))]
    rows.append(("unknown customer", _copy(clean, 2, event_id="EX0002", customer_id="CX8899")))
    rows.append(("repeated key", _copy(clean, 3, units="99.0")))
    return rows
