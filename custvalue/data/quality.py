"""Accept a landed row or set it aside with its reasons: nothing is lost, nothing is guessed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.data.mapping import Column, KindRule
from custvalue.data.quoting import literal, quote
from custvalue.errors import SourceError

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source

NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
NOUNS = {"DECIMAL": "a number", "DOUBLE": "a number", "INTEGER": "a whole number", "SMALLINT": "a whole number",
         "BIGINT": "a whole number", "DATE": "a date", "TIMESTAMP": "a date", "BOOLEAN": "true or false",
         "TIME": "a time of day"}  # fmt: skip


def as_text(name: str) -> str:
    """Name the text that a column of ours was read from, beside the column itself."""
    return quote(f"{name} as text")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the rows of one source: `read` is the sum of the next three."""

    read: int
    accepted: int
    unattributed: int
    rejected: int
    identical: int


def accept(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, columns: list[str], source_id: int
) -> Counts:
    """Move the landed rows into `raw` or into `meta.rejected_rows`.

    Raises
    ------
    SourceError
        A needed column is missing.
    """
    types = {row[1]: row[2] for row in con.execute(f"pragma table_info('raw.{relation.name}')").fetchall()}
    wanted = {name: kind for name, kind in types.items() if not name.startswith("_")}
    texts = _texts(relation, source, columns, list(wanted))
    _type_rows(con, relation, source, wanted, texts)
    _mark_repeats(con, relation)
    _mark_unknown(con, relation)
    return _split_rows(con, relation, source_id, columns, list(wanted))


def _texts(relation: Relation, source: Source, columns: list[str], wanted: list[str]) -> dict[str, str]:
    """Return for each of our columns the SQL text expression that reads it from the landing."""
    by_name = {column.strip().lower().replace(" ", "_"): column for column in columns}
    texts = {}
    for name in wanted:
        column = source.mapping.columns.get(name)
        if column is None and name in by_name:
            column = Column(column=by_name[name])
        if column is not None:
            texts[name] = _text(relation, source, name, column, columns)
    computed = {"amount"} if {"quantity", "unit_price"} <= set(texts) else set()
    missing = [name for name in relation.required if name not in texts and name not in computed]
    if missing:
        raise SourceError(
            f"{source.name} has no column {missing[0]!r}, which table {relation.name} needs;"
            f" it has: {', '.join(columns)}.",
            f'If it has another name there, a mapping says so: [tables.{relation.name}.columns] {missing[0]} = "..."',
        )
    return texts


def _text(relation: Relation, source: Source, name: str, column: Column, columns: list[str]) -> str:
    if column.constant is not None:
        return literal(column.constant)
    origin = name if column.chars else str(column.column)
    if origin not in columns:
        raise SourceError(
            f"{source.name} has no column {origin!r}, which the mapping names for {relation.name}.{name};"
            f" it has: {', '.join(columns)}."
        )
    text = f"trim({quote(origin)})"
    if column.remove:
        text = f"regexp_replace({text}, {literal(column.remove)}, '')"
    if name == "customer_id":  # how exports write nobody
        return f"case when lower({text}) not in ('', 'null', 'nan', 'none', 'n/a', '#n/a') then {text} end"
    return f"nullif({text}, '')"


def _type_rows(
    con: duckdb.DuckDBPyConnection,
    relation: Relation,
    source: Source,
    wanted: dict[str, str],
    texts: dict[str, str],
) -> None:
    """Fill the temporary table `typed`: our columns, `_row`, and `_reason` where a value can't be read."""
    values = {
        name: _cast(name, kind, source) if name in texts else f"cast(null as {kind})" for name, kind in wanted.items()
    }
    if relation.name == "transactions":
        values |= _flat_values(source, texts)
    unread = [
        f"case when {as_text(name)} is not null and v.{quote(name)} is null"
        f" then {literal(name + ': ')} || '''' || {as_text(name)} ||"
        f" ''' is not {NOUNS[wanted[name].split('(')[0]]}' end"
        for name in texts
        if wanted[name].split("(")[0] in NOUNS
    ]
    blank = {name: (quote(name), as_text(name) if name in texts else quote(name)) for name in relation.required}
    empty = [f"case when coalesce({v}::varchar, {t}::varchar) is null then {literal(name + ' is empty')} end"
             for name, (v, t) in blank.items()]  # fmt: skip
    rules = [f"case when {_rule(predicate)} then {literal(reason)} end" for predicate, reason in relation.rejects]
    text_columns = ", ".join(f"{text} as {as_text(name)}" for name, text in texts.items())
    typed_columns = ", ".join(f"{value} as {quote(name)}" for name, value in values.items())
    con.execute("drop table if exists typed")
    con.execute(
        f"create temp table typed as with t as (select _row, {text_columns} from landing),"
        f" v as (select _row, {typed_columns} from t)"
        f" select v.*, nullif(concat_ws('; ', {', '.join([*unread, *empty, *rules])}), '') as _reason"
        f" from v join t using (_row)"
    )


def _cast(name: str, kind: str, source: Source) -> str:
    text = as_text(name)
    column = source.mapping.columns.get(name)
    if kind.startswith("DECIMAL") or kind in ("DOUBLE", "INTEGER", "SMALLINT", "BIGINT"):
        return _number(text, kind, source.mapping.decimal, column.multiply if column else None)
    if kind in ("TIMESTAMP", "DATE"):
        form = source.mapping.date_format
        moment = f"try_strptime({text}, {literal(form)})" if form else f"try_cast({text} as timestamp)"
        return f"cast({moment} as {kind})"
    return text if kind == "VARCHAR" else f"try_cast({text} as {kind})"


def _number(text: str, kind: str, decimal: str, multiply: float | None) -> str:
    plain = f"replace(replace({text}, '.', ''), ',', '.')" if decimal == "," else text
    checked = f"case when regexp_matches({plain}, {literal(NUMBER)}) then {plain} end"
    if multiply is not None:
        checked = f"cast(try_cast({checked} as decimal(28, 8)) * cast({multiply} as decimal(18, 8)) as varchar)"
    if kind in ("INTEGER", "SMALLINT", "BIGINT"):
        exact = f"try_cast({checked} as decimal(28, 8))"
        return f"case when {exact} = floor({exact}) then try_cast({exact} as {kind}) end"
    return f"try_cast({checked} as {kind})"


def _flat_values(source: Source, texts: dict[str, str]) -> dict[str, str]:
    """Return what a flat export leaves to be worked out: the kind of a line, its amount."""
    values = {}
    decimal = source.mapping.decimal
    price, quantity = (_number(as_text(c), "DECIMAL(18,4)", decimal, None) for c in ("unit_price", "quantity"))
    amount = _cast("amount", "DECIMAL(18,2)", source)
    if {"quantity", "unit_price"} <= set(texts):
        product = f"cast({quantity} * {price} as decimal(18, 2))"
        amount = f"coalesce({amount}, {product})" if "amount" in texts else product
        values["amount"] = amount
    if source.mapping.kinds:
        given = {**{name: as_text(name) for name in texts}, "amount": amount}
        whens = " ".join(f"when {_condition(rule, given)} then {literal(rule.kind)}" for rule in source.mapping.kinds)
        values["kind"] = f"case {whens} else 'sale' end"
    elif "kind" not in texts:
        values["kind"] = "'sale'"
    return values


def _condition(rule: KindRule, given: dict[str, str]) -> str:
    if rule.column is None:
        return "true"
    if rule.column not in given:
        raise SourceError(f"A kind rule of the mapping asks for {rule.column!r}, which the file does not give.")
    column = given[rule.column]
    if rule.values is not None:
        return f"{column} in ({', '.join(map(literal, rule.values))})"
    if rule.starts_with is not None:
        return f"starts_with({column}, {literal(rule.starts_with)})"
    return f"try_cast({column} as double) < {rule.below or 0.0}"


def _rule(predicate: str) -> str:
    tomorrow = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=1)
    return predicate.replace("tomorrow", f"date '{tomorrow}'")


def _mark_repeats(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Set aside a key that stands already in the database or in an earlier row; the first one stays."""
    if not relation.key:
        return
    key = ", ".join(map(quote, relation.key))
    shown = " || ', ' || ".join(f"coalesce(cast({quote(c)} as varchar), '')" for c in relation.key)
    what = literal(", ".join(relation.key) + " '")
    con.execute(
        f"update typed set _reason = {what} || {shown} || ''' stands already in row ' || first_row from"
        f" (select _row as repeat, first_row from (select _row, min(_row) over (partition by {key}) as first_row"
        "  from typed where _reason is null) as numbered where _row > first_row) as repeats where typed._row = repeat"
    )
    same = " and ".join(f"typed.{quote(c)} is not distinct from old.{quote(c)}" for c in relation.key)
    con.execute(
        f"update typed set _reason = {what} || {shown.replace('cast(', 'cast(typed.')}"
        " || ''' was loaded before from ' || old.source_name"
        f" from (select {key}, source_name from raw.{relation.name} join meta.load_log"
        " on _source_id = source_id) as old"
        f" where typed._reason is null and {same}"
    )


def _mark_unknown(con: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Set aside rows that name an order, customer, ... which its own table, once loaded, does not have."""
    for column, table in relation.references:
        if con.execute(f"select count(*) from raw.{table}").fetchall()[0][0] == 0:
            continue
        con.execute(
            f"update typed set _reason = {literal(column + ' ')} || '''' || cast({quote(column)} as varchar)"
            f" || ''' is not in {table}'"
            f" where _reason is null and {quote(column)} is not null"
            f" and {quote(column)} not in (select {quote(column)} from raw.{table})"
        )


def _split_rows(
    con: duckdb.DuckDBPyConnection, relation: Relation, source_id: int, columns: list[str], wanted: list[str]
) -> Counts:
    names = ", ".join(map(quote, wanted))
    con.execute(
        f"insert into raw.{relation.name} ({names}, _source_id, _row)"
        f" select {names}, {source_id}, _row from typed where _reason is null order by _row"
    )
    as_json = ", ".join(f"{literal(name)}, landing.{quote(name)}" for name in columns)
    con.execute(
        f"insert into meta.rejected_rows select {source_id}, {literal(relation.name)}, _row, _reason,"
        f" json_object({as_json})"
        " from typed join landing using (_row) where _reason is not null"
        f" union all select {source_id}, {literal(relation.name)}, _row, reason,"
        " json_object('line', line) from malformed"
    )
    nobody = "customer_id is null" if "customer_id" in wanted else "false"
    good, unattributed, bad = con.execute(
        f"select count(*) filter (where _reason is null and not ({nobody})),"
        f" count(*) filter (where _reason is null and {nobody}),"
        " count(*) filter (where _reason is not null) + (select count(*) from malformed) from typed"
    ).fetchall()[0]
    identical = 0
    if not relation.key:
        distinct = con.execute(f"select count(*) from (select distinct {names} from typed where _reason is null)")
        identical = good + unattributed - distinct.fetchall()[0][0]
    return Counts(
        read=good + unattributed + bad,
        accepted=good,
        unattributed=unattributed,
        rejected=bad,
        identical=identical,
    )
