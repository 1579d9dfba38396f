"""Files as people have them, written for a test, and what a shop made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "customer_id,ordered_at,amount\n"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file."""
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def rows(shop):
    """Return customer, day and amount of each line, sorted."""
    frame = shop.fetch("raw.transactions").select("customer_id", pl.col("ordered_at").dt.date().cast(str), "amount")
    return sorted(frame.rows(), key=str)
