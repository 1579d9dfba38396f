"""Accept a landed row or set it aside with its reasons: nothing is lost, nothing is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.data.judging import Judged, judge_rows
from custvalue.data.overlaps import SAME_LINE, mark_overlaps
from custvalue.data.quoting import literal, quote
from custvalue.data.values import MONEY

if TYPE_CHECKING:
    from decimal import Decimal

    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source


REPEATS = ("stands already in an earlier row", SAME_LINE)
LOADED = "was loaded before from "


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the rows of one source: `read` is the sum of the next five."""

    read: int
    accepted: int
    unattributed: int
    rejected: int
    left_out: int
    merged: int
    identical: int
    money_came: Decimal | None
    money_left_out: Decimal


def accept(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, columns: list[str], source_id: int
) -> tuple[Counts, list[str], str | None]:
    """Move the landed rows into `raw` or `meta.rejected_rows`; return what became of them, remarks, and their currency.

    Raises
    ------
    SourceError
        A needed column is missing.
    """
    types = {row[1]: row[2] for row in con.execute(f"pragma table_info('raw.{relation.name}')").fetchall()}
    wanted = {name: kind for name, kind in types.items() if not name.startswith("_")}
    judged = judge_rows(con, relation, source, columns, wanted)
    overlapping = mark_overlaps(con, relation, list(wanted), source.name)
    _mark_repeats(con, relation)
    _mark_unknown(con, relation)
    counts = _split_rows(con, relation, source_id, columns, list(wanted), judged)
    return counts, judged.remarks + overlapping, judged.currency


def _mark_repeats(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Set aside a key that stands already in the database or in an earlier row; the first one stays."""
    if not relation.key:
        return
    key, named = ", ".join(map(quote, relation.key)), ", ".join(relation.key)
    shown = " || ', ' || ".join(f"coalesce(cast(typed.{quote(c)} as varchar), '')" for c in relation.key)
    earlier, where = literal(REPEATS[0]), "'stands already in row ' || first_row"
    con.execute(
        f"update typed set {_because(named, shown, earlier, where)} from"
        f" (select _row as repeat, first_row from (select _row, min(_row) over (partition by {key}) as first_row"
        "  from typed where _cause is null) as numbered where _row > first_row) as repeats where typed._row = repeat"
    )
    same = " and ".join(f"typed.{quote(c)} is not distinct from old.{quote(c)}" for c in relation.key)
    before = f"{literal(LOADED)} || old.source_name"
    con.execute(
        f"update typed set {_because(named, shown, before)}"
        f" from (select {key}, source_name from raw.{relation.name} join meta.load_log"
        " on _source_id = source_id) as old"
        f" where typed._cause is null and {same}"
    )


def _mark_unknown(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Set aside rows that name an order, customer, ... which its own table, once loaded, does not have."""
    for column, table in relation.references:
        if con.execute(f"select count(*) from raw.{table}").fetchall()[0][0] == 0:
            continue
        shown = f"cast({quote(column)} as varchar)"
        con.execute(
            f"update typed set {_because(column, shown, literal(f'is not in {table}'))}"
            f" where _cause is null and {quote(column)} is not null"
            f" and {quote(column)} not in (select {quote(column)} from raw.{table})"
        )


def _because(named: str, value: str, cause: str, reason: str | None = None) -> str:
    """Return the assignments that set a row aside for a value; `value`, `cause` and `reason` are SQL texts."""
    shown = f"'''' || {value} || ''''"
    return (
        f"_cause = {literal(named + ' ')} || {cause}, _value = {shown},"
        f" _reason = {literal(named + ' ')} || {shown} || ' ' || {reason or cause}"
    )


def _is_repeat() -> str:
    """Return the SQL that tells a row which stands in the books already from one that is lost to them."""
    ends = " or ".join(f"ends_with(_cause, {literal(end)})" for end in REPEATS)
    return f"({ends} or contains(_cause, {literal(LOADED)}))"


def _split_rows(
    con: duckdb.DuckDBPyConnection,
    relation: Relation,
    source_id: int,
    columns: list[str],
    wanted: list[str],
    judged: Judged,
) -> Counts:
    names = ", ".join(map(quote, wanted))
    con.execute(
        f"insert into raw.{relation.name} ({names}, _source_id, _row)"
        f" select {names}, {source_id}, _row from typed where _cause is null order by _row"
    )
    money = f"cast({MONEY[relation.name]} as decimal(38, 2))" if relation.name in MONEY else "null"
    as_json = ", ".join(f"{literal(name)}, landing.{quote(name)}" for name in columns)
    con.execute(
        "insert into meta.rejected_rows"
        " (source_id, table_name, row_number, reason, cause, value, as_it_came, money, is_repeat)"
        f" select {source_id}, {literal(relation.name)}, _row, _reason, _cause, _value, json_object({as_json}),"
        f" _money, {_is_repeat()} from (select *, {money} as _money from typed) as t"
        " join landing using (_row) where _cause is not null"
        f" union all select {source_id}, {literal(relation.name)}, _row, reason, reason, null,"
        " json_object('line', line), null, false from malformed"
    )
    nobody = "customer_id is null" if "customer_id" in wanted else "false"
    good, unattributed, bad = con.execute(
        f"select count(*) filter (where _cause is null and not ({nobody})),"
        f" count(*) filter (where _cause is null and {nobody}),"
        " count(*) filter (where _cause is not null) + (select count(*) from malformed) from typed"
    ).fetchall()[0]
    identical = 0
    if not relation.key:
        distinct = con.execute(f"select count(*) from (select distinct {names} from typed where _cause is null)")
        identical = good + unattributed - distinct.fetchall()[0][0]
    return Counts(
        read=good + unattributed + bad + judged.left_out + judged.merged,
        accepted=good,
        unattributed=unattributed,
        rejected=bad,
        left_out=judged.left_out,
        merged=judged.merged,
        identical=identical,
        money_came=judged.money_came,
        money_left_out=judged.money_left_out,
    )
