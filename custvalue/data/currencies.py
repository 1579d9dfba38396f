"""Money of different currencies is never added: a file says one, or the mapping has rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.headers import find_column
from custvalue.data.quoting import quote
from custvalue.data.texts import as_text
from custvalue.data.values import MONEY, is_money
from custvalue.data.written import SEVERAL, currency_named
from custvalue.errors import DataError, SourceError

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.mapping import Mapping
    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source
    from custvalue.data.texts import Reading

HEADINGS = ("currency", "currency code", "order currency", "Währung", "Devise")
SHOWN = 4
UNSAID = "EUR"
ALONE = ("$", "¥")
"""Signs that mean one currency where nothing else is said."""


def currency_of(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, reading: Reading) -> str | None:
    """Return the currency that the rows of a table of money say, in a column or beside their amounts; None without one.

    Parameters
    ----------
    con
        Holds `landing`, `texts`, and `typed` with a `_cause` for the rows that could not be used.
    relation, source, reading
        The table that is fed, where the rows come from, and how its columns are read.

    Raises
    ------
    SourceError
        They say several.
    """
    if relation.name not in MONEY:
        return None
    found = (find_column(heading, reading.columns) for heading in (source.mapping.currency, *HEADINGS) if heading)
    column = next((name for name in found if name), None)
    if any(row[1] == "currency" for row in con.execute("pragma table_info('typed')").fetchall()):
        column, stated = "currency", "select _row, upper(trim(currency)) as code from typed"
    elif column:
        stated = f"select _row, upper(trim({quote(column)})) as code from landing"
    else:
        stated = "select null as _row, null as code"
    money = [as_text(key) for key in reading.texts if is_money(key, reading.kinds[key])]
    beside = f"select _row, coalesce({', '.join([*map(currency_named, money), 'null'])}) as code from texts"
    said = con.execute(
        f"select code, min(_row) as first_row from ({stated} union all {beside}) where code <> ''"
        " and _row in (select _row from typed where _cause is null) group by all order by first_row, code"
    ).fetchall()
    codes = {code for code, _ in said}  # a sign beside its own code says nothing new
    said = [(code, row) for code, row in said if not codes & set(SEVERAL.get(code, ()))]
    if len(said) > 1:
        listed = ", ".join(f"{code} (row {row:,})" for code, row in said[:SHOWN])
        more = f" and {len(said) - SHOWN:,} more" if len(said) > SHOWN else ""
        other = SEVERAL.get(said[1][0], said[1])[0]
        by_rate = f"Give their rates in the mapping, such as rates.{other} = 0.9"
        rule = f'keep = [{{ column = "{column}", values = "{said[0][0]}" }}]'
        raise SourceError(
            f"{source.name}: money of {relation.name} comes in {len(said)} currencies, {listed}{more}; they are never"
            " added.",
            f"{by_rate}, or keep one of them under [tables.{relation.name}]: {rule}." if column else f"{by_rate}.",
        )
    return str(said[0][0]) if said else None


class Currencies:
    """The one currency of a load and of its database."""

    def __init__(self, con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
        self._con = con
        self._stated = mapping.currency if "currency" in mapping.model_fields_set else None
        held = con.execute("select distinct currency from meta.load_log where currency is not null").fetchall()
        unsaid = con.execute(
            "select count(*) from meta.load_log where currency is null and list_contains($money, table_name)",
            {"money": list(MONEY)},
        ).fetchall()[0][0]
        # money that was loaded without a currency was shown in this one all the time
        self._held = str(held[0][0]) if held else (UNSAID if unsaid else None)
        if self._held and self._stated and self._held != self._stated:
            raise _another(f"The database holds {self._held}", f"the mapping says {self._stated}")

    def see(self, code: str | None, source: Source) -> None:
        """Take what a source says of its money.

        Raises
        ------
        DataError
            The mapping, an earlier source or the database says another currency.
        """
        if code is None:
            return
        if code in SEVERAL:
            code = self._meant(code, source)
        for known, who in ((self._stated, "the mapping says"), (self._held, "the database holds")):
            if known and known != code:
                raise _another(f"{source.name} is in {code}", f"{who} {known}")
        self._held = code

    def _meant(self, sign: str, source: Source) -> str:
        """Return which of the currencies of a sign is meant; a dollar is that of the United States unless said."""
        found = next((code for code in (self._stated, self._held) if code in SEVERAL[sign]), None)
        if found or sign in ALONE:
            return found or SEVERAL[sign][0]
        raise DataError(
            f"{source.name} is in {sign}, which may be {', '.join(SEVERAL[sign])}.",
            f'Say which in the mapping: currency = "{SEVERAL[sign][0]}".',
        )

    def keep(self) -> None:
        """Write the currency to the log of loads; of a database whose files say none it stays empty."""
        code = self._held or self._stated
        if code:
            self._con.execute("update meta.load_log set currency = $code where currency is null", {"code": code})


def _another(one: str, other: str) -> DataError:
    return DataError(
        f"{one}, {other}.",
        "Convert it by rates in the mapping, or keep it in a database of its own; the mapping's `currency` says which"
        " it is.",
    )
