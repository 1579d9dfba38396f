"""Read every landed row as what our columns are, and judge whether it can be used."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from custvalue.data.cents import amounts_of_file, rounded_amounts
from custvalue.data.currencies import currency_of
from custvalue.data.grouping import group_rows
from custvalue.data.headers import find_column
from custvalue.data.problems import broken_rules, empty, fixed, implausible, told, unread, unsettled
from custvalue.data.quoting import quote
from custvalue.data.reading import doubtful_columns, has_zones, is_number, moment, number
from custvalue.data.remarks import count_left_out, doubtful_discount, remarks_on, unasked_status
from custvalue.data.texts import Reading, as_text, no_such_column, read_columns, read_whole_ids, readable, write_texts
from custvalue.data.titles import in_the_year_from, title_date
from custvalue.data.values import MONEY, Step, steps

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the mapping did with the rows of a source.

    Attributes
    ----------
    left_out
        Rows that a rule leaves out.
    merged
        Rows that were grouped into an earlier one.
    remarks
        Which rules were used, on how many rows, with how much money.
    currency
        What the rows say their money is.
    money_came
        Absolute amounts of all rows, as the file writes them; None where the mapping changes amounts.
    money_left_out
        Absolute amounts of the rows that a rule leaves out.
    """

    left_out: int
    merged: int
    remarks: list[str]
    currency: str | None = None
    money_came: Decimal | None = None
    money_left_out: Decimal = Decimal(0)


def judge_rows(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, columns: list[str], wanted: dict[str, str]
) -> Judged:
    """Fill the temporary table `typed`: our columns, `_row`, and for rows to set aside `_cause`, `_reason`, `_value`.

    A `_reason` says the value that came, a `_cause` does not: it is what rows have in common. Rows that a rule of the
    mapping leaves out are not in it.

    Parameters
    ----------
    con
        Holds `landing`.
    relation, source, columns
        The table to feed, where the rows come from, and the columns they came with.
    wanted
        Columns of ours and their SQL types.

    Returns
    -------
    Judged
        Counts and remarks.

    Raises
    ------
    SourceError
        A needed column is missing, or one that the mapping names.
    """
    reading = read_columns(relation, source, columns, wanted)
    whole_ids = [f"{source.name}: {said}" for said in read_whole_ids(con, reading)]
    worked_out = steps(relation, source, reading, wanted, rated=_has_rates(con))
    write_texts(con, reading, _filled(source, reading))
    _type_rows(con, relation, source, wanted, reading, worked_out, doubts={})
    doubts: dict[str, str] = {}
    if not source.mapping.states_marks:
        doubts = doubtful_columns(con, _numbers(reading), is_text=source.is_text)
        if doubts:
            _type_rows(con, relation, source, wanted, reading, worked_out, doubts)
    remarks = [
        *whole_ids,
        *_zone_remarks(con, relation, source, reading),
        *remarks_on(con, relation, source, worked_out),
    ]
    remarks += [*rounded_amounts(con, relation, source, reading), *doubtful_discount(con, relation, source)]
    remarks += unasked_status(con, relation, source, reading, columns)
    left_out, money_left_out = count_left_out(con, relation)
    currency = currency_of(con, relation, source, reading) if not _has_rates(con) else None
    merged, conflicts = group_rows(con, relation, source, wanted)
    if source.mapping.group_by:
        _judge_again(con, relation, source, wanted)
    is_doubtful = MONEY.get(relation.name) in doubts
    return Judged(
        left_out=left_out, merged=merged, remarks=remarks + conflicts, currency=currency, money_left_out=money_left_out,
        money_came=amounts_of_file(con, relation, source, reading, doubtful=is_doubtful),
    )  # fmt: skip


def _has_rates(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        con.execute("select count(*) from duckdb_tables() where table_name = 'rates' and temporary").fetchall()[0][0]
    )


def _numbers(reading: Reading) -> dict[str, tuple[str, str]]:
    """Return the texts and kinds of numbers; one of the file that goes into an expression is as doubtful as money."""
    return {
        key: (readable(key), "DECIMAL(18,2)" if key in reading.labels else reading.kinds[key])
        for key in reading.texts
        if is_number(reading.kinds[key])
    }


def _zone_remarks(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, reading: Reading) -> list[str]:
    if "time_zone" in source.mapping.model_fields_set or not source.mapping.reads_zones:
        return []
    return [
        f"{source.name}: {name} comes with offsets or zones, and was converted to UTC;"
        f' where days are counted in another zone, the mapping says time_zone = "..." under [tables.{relation.name}].'
        for name in reading.texts
        if reading.kinds[name] in ("TIMESTAMP", "DATE") and has_zones(con, as_text(name))
    ]


def _type_rows(
    con: duckdb.DuckDBPyConnection,
    relation: Relation,
    source: Source,
    wanted: dict[str, str],
    reading: Reading,
    worked_out: list[Step],
    doubts: dict[str, str],
) -> None:
    """Fill `typed`; where rows are grouped, what one row needs is judged after that."""
    typed = {key: _cast(key, kind, source, doubts) for key, kind in reading.kinds.items()}
    typed |= {name: f"cast(null as {kind})" for name, kind in wanted.items() if name not in typed}
    problems = list(unread(relation, source, reading, doubts))
    if not source.mapping.group_by:
        spoiled = [p.condition for p in (*problems, *unsettled(source, worked_out))]
        problems += [*empty(relation, reading, spoiled), *broken_rules(relation, source)]
    problems += implausible(source, reading)
    problems += unsettled(source, worked_out)
    helpers = {name for step in worked_out for name in step if name.startswith("_")}
    names = [*map(quote, wanted), *sorted(helpers)]
    con.execute("drop table if exists typed")
    con.execute(
        f"create temp table typed as with s0 as (select *, {_listed(typed)} from texts),"
        f" {_chained(worked_out, set(wanted))}"
        f" judged as (select *, {told(problems)} from s{len(worked_out)})"
        f" select _row, {', '.join(names)}, _cause, case when _cause is not null then _reasons end as _reason,"
        " case when _cause is not null then _values end as _value from judged"
    )


def _judge_again(con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, wanted: dict[str, str]) -> None:
    """Judge grouped rows: what is empty, and what breaks a rule of the table."""
    problems = [
        *(fixed(f"{quote(name)} is null", f"{name} is empty") for name in relation.required),
        *broken_rules(relation, source),
    ]
    con.execute(
        f"create or replace temp table typed as with judged as (select * exclude (_cause), _cause as _before,"
        f" {told(problems)} from typed)"
        f" select _row, {', '.join(map(quote, wanted))}, coalesce(_before, _cause) as _cause,"
        " coalesce(_reason, case when _cause is not null then _reasons end) as _reason,"
        " coalesce(_value, case when _cause is not null then _values end) as _value from judged"
    )


def _listed(columns: dict[str, str]) -> str:
    return ", ".join(f"{sql} as {quote(name)}" for name, sql in columns.items())


def _chained(worked_out: list[Step], known: set[str]) -> str:
    """Return each step as a table that reads the one before."""
    parts = []
    for i, step in enumerate(worked_out):
        old, new = {n: s for n, s in step.items() if n in known}, {n: s for n, s in step.items() if n not in known}
        known = known | new.keys()
        changed = f" replace ({_listed(old)})" if old else ""
        added = f", {_listed(new)}" if new else ""
        parts.append(f"s{i + 1} as (select *{changed}{added} from s{i}),")
    return " ".join(parts)


def _filled(source: Source, reading: Reading) -> str:
    """Return the landing, with the cells filled that stand on the first line of an order alone."""
    entry = source.mapping
    if entry.fill_down is None or entry.per is None:
        return "landing"
    named = {name: find_column(name, reading.columns) for name in (*entry.fill_down, entry.per)}
    for name, found in named.items():
        if found is None:
            raise no_such_column(source, name, "fill_down", reading.columns)
    per, *filled_down = (str(named[name]) for name in (entry.per, *entry.fill_down))
    cells = {name: f"nullif(trim({quote(name)}), '')" for name in filled_down}
    window = f"over (partition by {quote(per)} order by _row)"
    filled = {name: f"last_value({cell} ignore nulls) {window}" for name, cell in cells.items()}
    return f"(select * replace ({_listed(filled)}) from landing)"


def _cast(name: str, kind: str, source: Source, doubts: dict[str, str]) -> str:
    text = as_text(name)
    column = source.mapping.columns.get(name)
    if is_number(kind):
        factor = column.multiply if column else None
        return number(readable(name), kind, source.mapping, multiply=factor, doubtful=name in doubts)
    if kind in ("TIMESTAMP", "DATE"):
        since = title_date(source)
        return (
            moment(text, kind, source.mapping, is_text=source.is_text)
            if since is None
            else in_the_year_from(since, text, kind, source.mapping)
        )
    return text if kind == "VARCHAR" else f"try_cast({text} as {kind})"
