"""Files that an oracle wrote, whole and damaged: every value is read as it was meant, or its row is set aside with a reason.

`python -m tests.benchmarks.fuzz 20000` tries so many.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import random
import signal
import sys
import tempfile
import time
import warnings
from decimal import Decimal
from pathlib import Path

import polars as pl

import custvalue as cv
import custvalue.data.warehouse as warehouse
from custvalue.errors import CustvalueError

SECONDS = 10
IDS = (
    "ann",
    "0042",
    "K-17",
    "Müller & Söhne",
    'say "x"',
    "a;b",
    "a,b",
    "x|y",
    "=1+1",
    "17850",
    "ÄÖ ß",
    "o'Neil",
    "007e",
    "客户",
)
BASE = 'currency = "CHF"\n[tables.transactions]\nfile = "sales*"\ndelimiter = ";"\ndecimal = ","\nencoding = "utf-8"\n[tables.transactions.columns]\ncustomer_id = "who"\nordered_at = "day"\namount = { column = "sum", multiply = 0.01 }\n'


class TooLongError(Exception):
    """A load that did not come back."""


def _late(*_):
    raise TooLongError


def rows_of(rng):
    """Draw the oracle's rows: customer, day, amount in cents."""
    return [
        (
            rng.choice(IDS),
            dt.date(2020, 1, 1) + dt.timedelta(days=rng.randrange(2000)),
            Decimal(rng.randrange(1, 10**7)) / 100,
        )
        for _ in range(rng.randrange(1, 30))
    ]


def written(rng, rows, folder):
    """Write the rows in one of the ways that people's files are; return the file, and what its mapping has to say."""
    kind = rng.choice(("csv", "csv", "csv", "csv.gz", "parquet", "xlsx", "frame"))
    frame = pl.DataFrame(
        rows, schema={"customer_id": pl.String, "ordered_at": pl.Date, "amount": pl.Decimal(18, 2)}, orient="row"
    )
    if kind == "frame":
        return frame, ""
    if kind == "parquet":
        typed = frame if rng.random() < 0.5 else frame.with_columns(pl.col("amount").cast(pl.Float64))
        typed.write_parquet(folder / "sales.parquet")
        return folder / "sales.parquet", ""
    if kind == "xlsx":
        days = frame if rng.random() < 0.5 else frame.with_columns(pl.col("ordered_at").cast(pl.String))
        days.with_columns(pl.col("amount").cast(pl.Float64)).write_excel(folder / "sales.xlsx")
        return folder / "sales.xlsx", ""
    return _text(rng, rows, folder, kind)


def _text(rng, rows, folder, kind):
    encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "windows-1252"))
    if encoding == "windows-1252":
        rows[:] = [(who if who != "客户" else "ann", *rest) for who, *rest in rows]
    delimiter = rng.choice((",", ";", "\t", "|"))
    comma = delimiter != "," and rng.random() < 0.4
    date_format = rng.choice(("%Y-%m-%d", "%Y-%m-%d", "%d.%m.%Y"))
    heads = rng.choice((("customer_id", "ordered_at", "amount"), ("Customer ID", "Ordered At", "AMOUNT")))
    out = io.StringIO()
    ends = rng.choice(("\n", "\r\n"))
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    if rng.random() < 0.2:
        writer.writerow(("Export", "2024-01-01", "until now"))
    writer.writerow(heads)
    style = rng.choice((*("{}",) * 4, "{} €", "€{}", "EUR {}", "'{}", '="{}"'))
    minus = rng.choice(("-{}", "({})", "{}-", "\u2212{}"))
    refunds = "'" not in style and "=" not in style and encoding != "windows-1252" and rng.random() < 0.4
    if refunds:
        rows[:] = [(who, day, amount if rng.random() < 0.7 else -amount) for who, day, amount in rows]
    for who, day, amount in rows:
        figure = style.format(f"{abs(amount):.2f}".replace(".", "," if comma else "."))
        writer.writerow((who, day.strftime(date_format), minus.format(figure) if amount < 0 else figure))
    text = out.getvalue()
    if rng.random() < 0.2:
        text = text.rstrip("\r\n")
    data = text.encode(encoding)
    file = folder / f"sales.{kind}"
    file.write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
    says = [f'encoding = "{encoding}"'] if encoding == "windows-1252" else []
    says += ['decimal = ","'] if comma else []
    says += ['kinds = [{ column = "amount", below = 0, kind = "return" }]'] if refunds else []
    says += [f'date_format = "{date_format}"'] if date_format != "%Y-%m-%d" else []
    return file, "\n".join(['[tables.transactions]\nfile = "sales*"', *says]) + "\n" if says else ""


def damaged(rng, data):
    """Flip, cut, insert or double some bytes."""
    raw = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(raw)) if raw else 0
        what = rng.randrange(4)
        if what == 0 and raw:
            raw[place] = rng.randrange(256)
        elif what == 1:
            del raw[place : place + rng.randrange(1, 20)]
        elif what == 2:
            raw[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 6)))
        else:
            raw[place:place] = raw[place : place + rng.randrange(1, 40)]
    return bytes(raw)


class Reader:
    """One shop that only reads: relations are not built after each load, which is not what is tried here."""

    def __init__(self, folder):
        self.folder, self.shop = Path(folder), cv.open()
        self._build, warehouse.build = warehouse.build, lambda *_a, **_k: None

    def close(self):
        """Put the builder back."""
        warehouse.build = self._build
        self.shop.close()

    def load(self, source, mapping):
        """Load within the limit of time; return the report, or the message that came instead."""
        file = None
        if mapping:
            file = self.folder / "map.toml"
            file.write_bytes(mapping if isinstance(mapping, bytes) else mapping.encode())
        signal.signal(signal.SIGALRM, _late)
        signal.alarm(SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.shop.load(source, mapping=file, table="transactions" if not mapping else None)
        except CustvalueError as said:
            return said
        finally:
            signal.alarm(0)

    def whole(self, seed):
        """Return what is wrong with how a file was read, or nothing."""
        self._clear()
        rng = random.Random(seed)
        rows = rows_of(rng)
        source, mapping = written(rng, rows, self.folder)
        report = self.load(source, mapping)
        if isinstance(report, CustvalueError):
            return f"seed {seed}: refused: {report}"
        held = (
            self.shop.fetch("raw.transactions")
            .select("customer_id", pl.col("ordered_at").cast(pl.Date), "amount")
            .rows()
        )
        if sorted(held) != sorted(rows):
            return f"seed {seed}: {sorted(set(rows) - set(held))[:2]} was read as {sorted(set(held) - set(rows))[:2]}; {report.reasons.rows()}"
        return ""

    def damaged(self, seed):
        """Return what is wrong with how a damaged file ended, or nothing."""
        self._clear()
        rng = random.Random(seed)
        rows = rows_of(rng)
        source, mapping = written(rng, rows, self.folder)
        if isinstance(source, pl.DataFrame):
            return ""
        source.write_bytes(damaged(rng, source.read_bytes()))
        return self._ended(seed, source, mapping)

    def mapped(self, seed):
        """Return what is wrong with how a damaged mapping ended, or nothing."""
        self._clear()
        rng = random.Random(seed)
        (self.folder / "sales.csv").write_text("who;day;sum\nann;2025-01-01;1050\nbob;2025-01-02;99,5\n")
        return self._ended(seed, self.folder / "sales.csv", damaged(rng, BASE.encode()))

    def _ended(self, seed, source, mapping):
        try:
            report = self.load(source, mapping)
        except TooLongError:
            return f"seed {seed}: more than {SECONDS} s"
        except Exception as foreign:  # noqa: BLE001 - which one it is, is the finding
            return f"seed {seed}: {type(foreign).__name__}: {foreign}"
        if isinstance(report, CustvalueError):
            return "" if str(report).strip() else f"seed {seed}: says nothing"
        counts = report.sources
        parts = sum(
            counts[name] for name in ("accepted", "unattributed", "rejected", "left_out", "merged") if name in counts
        )
        if counts.height and (counts["read"] != parts).any():
            return f"seed {seed}: rows are lost: {counts.to_dicts()}"
        unsaid = self.shop.fetch("meta.rejected_rows").filter(pl.col("reason").fill_null("") == "").height
        return f"seed {seed}: {unsaid} rows set aside without a reason" if unsaid else ""

    def _clear(self):
        for file in self.folder.glob("*"):
            file.unlink()
        for table in ("raw.transactions", "meta.load_log", "meta.rejected_rows"):
            self.shop._con.execute(f"delete from {table}")


def main(n: int = 20_000, first: int = 0) -> None:
    """Try so many files, and say which were wrong."""
    begin, wrong = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(folder)
        for seed in range(first, first + n):
            way = (reader.whole, reader.damaged, reader.damaged, reader.mapped)[seed % 4]
            if said := way(seed):
                wrong += 1
                print(said)
        reader.close()
    print(f"{n:,} inputs, {wrong} wrong, {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
