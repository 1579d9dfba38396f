"""What was read and what became of it, in rows and in money: nothing that was set aside is forgotten after loading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from custvalue.data.quoting import quote
from custvalue.data.values import MONEY
from custvalue.door import checked
from custvalue.results import Kind, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from custvalue.data.warehouse import Warehouse

LIMIT = 0.01
"""Share of a table's money, or of its rows where an amount can't be read, that may be set aside without a warning."""
CHECK = "check_little_money_was_set_aside"
SUMS = "check_files_add_up_to_what_became_of_them"
SUMS_GRAIN = "one row per table whose files' own amounts are not what is used, set aside, repeated and left out"
GRAIN = "one row per table of which more money, or more rows without a readable amount, was set aside than the limit"


@dataclass(frozen=True, kw_only=True)
class RowsRead(Result):
    """Rows and money of every table of money, as read and as used.

    Attributes
    ----------
    table
        By table: rows `n_read`, of them `n_used`, `n_set_aside`, `n_repeated` (they stand in the books already),
        `n_left_out` (by a rule of the mapping), `n_merged`; money `came` (as the files write it; null where a mapping
        changes amounts), `used`, of it `unattributed` (no customer), `set_aside`, `repeated`, `left_out`, `difference`
        (came less the last four but unattributed: nought); `n_unreadable`, rows set aside whose amount can't be read;
        `share_set_aside`, of the money, or of the rows where amounts can't be read. Money in absolute amounts: a
        return counts as what it is worth.
    limit
        The share above which it is said first of all.
    """

    limit: float

    kinds: ClassVar[Mapping[str, Kind]] = {"share_set_aside": "percent"}

    @property
    def above(self) -> pl.DataFrame:
        """Tables of which too much was set aside, the worst first."""
        return self.table.filter(pl.col("share_set_aside") > self.limit).sort("share_set_aside", descending=True)

    @property
    def warning(self) -> str:
        """What has to be said before anything else; empty where little was set aside."""
        if self.above.is_empty():
            return ""
        row = self.above.row(0, named=True)
        lost = f"{row['set_aside']:,.2f} {self.currency}" if row["set_aside"] else "amounts that can't be read"
        more = f"; {self.above.height - 1} more tables as well" if self.above.height > 1 else ""
        return (
            f"{row['n_set_aside']:,} of {row['n_read']:,} rows of {row['table']} with {lost}"
            f" ({row['share_set_aside']:.1%}) were set aside and are in no figure{more}:"
            f" shop.rejected({row['table']!r}) says why."
        )

    @property
    def title(self) -> str:
        """The warning, or that next to everything was used."""
        if self.warning:
            return self.warning
        if self.table.is_empty():
            return "No table with money is loaded"
        n, aside = self.table["n_read"].sum(), self.table["n_set_aside"].sum()
        return f"{n:,} rows with money were read, {aside:,} set aside, at most {self._worst():.1%} of a table's money"

    def _worst(self) -> float:
        return float(self.table["share_set_aside"].max() or 0.0)  # type: ignore[arg-type]


@checked
def rows_read(shop: Warehouse, limit: float = LIMIT) -> RowsRead:
    """Say what became of all rows and all money that was read.

    Parameters
    ----------
    shop
        The warehouse.
    limit
        Share of a table's money that may be set aside without a warning.

    Returns
    -------
    RowsRead
        Money as DECIMAL, exact to the cent.
    """
    return RowsRead(table=shop.rows_read(), limit=limit, currency=shop.currency)


def read_of(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Count rows and money by table of money: from the log of loads, the rows set aside, and the raw tables."""
    logged = con.execute(
        "select table_name, sum(n_read), sum(n_accepted + n_unattributed), sum(n_rejected),"
        " sum(coalesce(n_left_out, 0)), sum(coalesce(n_merged, 0)),"
        " case when count(money_came) = count(*) then sum(money_came) end,"
        " coalesce(sum(money_left_out), 0) from meta.load_log where list_contains($tables, table_name) group by all"
        " order by table_name",
        {"tables": list(MONEY)},
    ).fetchall()
    rows = []
    for name, n_read, n_used, n_rejected, n_left_out, n_merged, came, left_out in logged:
        repeats, unreadable, aside, repeated = con.execute(
            "select count(case when is_repeat then 1 end), count(case when not is_repeat and money is null then 1 end),"
            " coalesce(sum(case when not is_repeat then abs(money) end), 0),"
            " coalesce(sum(case when is_repeat then abs(money) end), 0)"
            " from meta.rejected_rows where table_name = $name",
            {"name": name},
        ).fetchall()[0]
        money = f"cast(coalesce({MONEY[name]}, 0) as decimal(38, 2))"
        nobody = "customer_id is null" if name in ("transactions", "orders") else "false"
        used, unattributed = con.execute(
            f"select coalesce(sum(abs({money})), 0), coalesce(sum(case when {nobody} then abs({money}) end), 0)"
            f" from raw.{quote(name)}"
        ).fetchall()[0]
        whole = used + aside
        share = max(float(aside / whole) if whole else 0.0, unreadable / n_read if n_read else 0.0)
        difference = None if came is None else came - used - aside - repeated - left_out
        counts = (name, n_read, n_used, n_rejected - repeats, repeats, n_left_out, n_merged)
        rows.append((*counts, came, used, unattributed, aside, repeated, left_out, difference, unreadable, share))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def checks_of(con: duckdb.DuckDBPyConnection, limit: float, schema: pl.Schema) -> pl.DataFrame:
    """Check that little money was set aside, and that a file's own sum is what became of it; a row per check."""
    read = read_of(con)
    lost, off = read.filter(pl.col("share_set_aside") > limit), read.filter(pl.col("difference") != 0)
    rows = [
        (name, what, found.height, str(found.row(0, named=True)) if found.height else "")
        for name, what, found in ((CHECK, GRAIN, lost), (SUMS, SUMS_GRAIN, off))
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


_MONEY = pl.Decimal(38, 2)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "table": pl.String, "n_read": pl.Int64, "n_used": pl.Int64, "n_set_aside": pl.Int64, "n_repeated": pl.Int64,
    "n_left_out": pl.Int64, "n_merged": pl.Int64, "came": _MONEY, "used": _MONEY, "unattributed": _MONEY,
    "set_aside": _MONEY, "repeated": _MONEY, "left_out": _MONEY, "difference": _MONEY, "n_unreadable": pl.Int64,
    "share_set_aside": pl.Float64,
}  # fmt: skip
