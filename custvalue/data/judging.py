"""Read every landed row as what our columns are, and judge whether it can be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custvalue.data.mapping import Column, KindRule
from custvalue.data.quoting import literal, quote
from custvalue.data.reading import NUMERAL, doubtful_columns, has_zones, is_number, moment, number
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source

BLANKS = "chr(32) || chr(9) || chr(10) || chr(13) || chr(160) || chr(8203) || chr(8239) || chr(65279) || chr(12288)"
"""What people leave around a cell: blanks, tabs, line breaks, no-break and zero-width spaces."""
CUT_ID = "^[0-9]([.,][0-9]+)?[eE][+-]?[0-9]{1,3}$"
"""An id that a spreadsheet turned into a number and cut: several become one."""
OPEN_ENDED = ("valid_to", "ends", "due_on", "extended_on")
"""Days that may lie ahead without end."""
EMPTY_DAYS = "('0001-01-01', '0000-00-00', '1899-12-30', '1900-01-00', '9999-12-31')"
"""How systems write no day; in a column that may be empty it is empty."""

NOUNS = {"DECIMAL": "a number", "DOUBLE": "a number", "INTEGER": "a whole number", "SMALLINT": "a whole number",
         "BIGINT": "a whole number", "DATE": "a date", "TIMESTAMP": "a date", "BOOLEAN": "true or false",
         "TIME": "a time of day"}  # fmt: skip


def as_text(name: str) -> str:
    """Name the text that a column of ours was read from, beside the column itself."""
    return quote(f"{name} as text")


def judge_rows(
    con: duckdb.DuckDBPyConnection, relation: Relation, source: Source, columns: list[str], wanted: dict[str, str]
) -> list[str]:
    """Fill the temporary table `typed`: our columns, `_row`, and for rows to set aside `_cause`, `_reason`, `_value`.

    A `_reason` says the value that came, a `_cause` does not: it is what rows have in common.

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
    list of str
        Remarks: which times were converted without the mapping saying so.

    Raises
    ------
    SourceError
        A needed column is missing.
    """
    texts = _texts(relation, source, columns, list(wanted))
    _type_rows(con, relation, source, wanted, texts, doubts={})
    numbers = {name: text for name, text in texts.items() if is_number(wanted[name])}
    if not source.mapping.states_marks:
        doubts = doubtful_columns(con, numbers, wanted, is_text=source.is_text)
        if doubts:
            _type_rows(con, relation, source, wanted, texts, doubts)
    form = source.mapping.date_format
    if "time_zone" in source.mapping.model_fields_set or (form and "%z" not in form.lower()):
        return []
    return [
        f"{source.name}: {name} comes with offsets or zones, and was converted to UTC;"
        f' where days are counted in another zone, the mapping says time_zone = "..." under [tables.{relation.name}].'
        for name, text in texts.items()
        if wanted[name] in ("TIMESTAMP", "DATE") and has_zones(con, text)
    ]


def _texts(relation: Relation, source: Source, columns: list[str], wanted: list[str]) -> dict[str, str]:
    """Return for each of our columns the SQL text expression that reads it from the landing."""
    by_name = {column.strip().lower().replace(" ", "_"): column for column in columns}
    texts = {}
    for name in wanted:
        column = source.mapping.columns.get(name) or (Column() if name in by_name else None)
        if column is not None and column.keeps_name:
            column = column.model_copy(update={"column": by_name.get(name, name)})
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
    if f"{origin} (2)" in columns:
        raise SourceError(f"{source.name} has two columns named {origin!r}.", "Give each column its own name.")
    text = f"trim({quote(origin)}, {BLANKS})"
    if column.remove:
        text = f"regexp_replace({text}, {literal(column.remove)}, '')"
    if name == "customer_id":  # how exports write nobody
        return f"case when lower({text}) not in ('', 'null', 'nan', 'none', 'n/a', '#n/a') then {text} end"
    if name in relation.days and name not in relation.required:
        return f"case when {text} not in {EMPTY_DAYS} then nullif({text}, '') end"
    return f"nullif({text}, '')"


def _type_rows(
    con: duckdb.DuckDBPyConnection,
    relation: Relation,
    source: Source,
    wanted: dict[str, str],
    texts: dict[str, str],
    doubts: dict[str, str],
) -> None:
    values = {
        name: _cast(name, kind, source, doubts) if name in texts else f"cast(null as {kind})"
        for name, kind in wanted.items()
    }
    if relation.name == "transactions":
        values |= _flat_values(source, texts, values)
    problems = [
        *_unread(relation, source, wanted, texts, doubts),
        *(_fixed(f"coalesce({quote(name)}::varchar, {as_text(name) if name in texts else 'null'}) is null",
                 f"{name} is empty") for name in relation.required),
        *(_fixed(_rule(predicate, source), reason) for predicate, reason in relation.rejects),
        *_implausible(source, wanted, texts),
    ]  # fmt: skip
    causes, reasons, came = (
        ", ".join(f"case when {p.condition} then {part} end" for p in problems if (part := getattr(p, name)))
        for name in ("cause", "reason", "value")
    )
    text_columns = ", ".join(f"{text} as {as_text(name)}" for name, text in texts.items())
    typed_columns = ", ".join(f"{value} as {quote(name)}" for name, value in values.items())
    con.execute("drop table if exists typed")
    con.execute(
        f"create temp table typed as with t as (select _row, {text_columns} from landing),"
        f" v as (select *, {typed_columns} from t),"
        f" judged as (select *, nullif(concat_ws('; ', {causes}), '') as _cause from v)"
        f" select _row, {', '.join(map(quote, wanted))}, _cause,"
        f" case when _cause is not null then concat_ws('; ', {reasons}) end as _reason,"
        f" case when _cause is not null then nullif(concat_ws(', ', {came or 'null'}), '') end as _value from judged"
    )


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """SQL: when a row has it, what such rows have in common, the same with the value that came, and that value."""

    condition: str
    cause: str
    reason: str
    value: str | None = None


def _fixed(condition: str, reason: str) -> _Problem:
    return _Problem(condition=condition, cause=literal(reason), reason=literal(reason))


def _unread(
    relation: Relation, source: Source, wanted: dict[str, str], texts: dict[str, str], doubts: dict[str, str]
) -> Iterator[_Problem]:
    """Yield for each column the problem that its text is nothing of the column's type."""
    for name in texts:
        base = wanted[name].split("(")[0]
        if base not in NOUNS:
            continue
        what = literal(f"is not {NOUNS[base]}")
        if is_number(wanted[name]) and source.mapping.states_marks:
            decimal, thousands = source.mapping.marks
            marks = f'decimal = "{decimal}"' + (f', thousands = "{thousands}"' if thousands else "")
            what = literal(f"is not {NOUNS[base]} with {marks}")
        elif name in doubts:
            unclear = literal(f"is not clear: {doubts[name]} under [tables.{relation.name}]")
            what = f"case when regexp_matches({as_text(name)}, {literal(NUMERAL)}) then {unclear} else {what} end"
        value = f"'''' || {as_text(name)} || ''''"
        yield _Problem(
            condition=f"{as_text(name)} is not null and {quote(name)} is null",
            cause=f"{literal(name + ' ')} || {what}",
            reason=f"{literal(name + ': ')} || {value} || ' ' || {what}",
            value=value,
        )


def _implausible(source: Source, wanted: dict[str, str], texts: dict[str, str]) -> Iterator[_Problem]:
    """Yield what can be read but not meant: a day out of range, an id that was cut."""
    first, last = f"date '{source.mapping.earliest}'", _rule("tomorrow + interval 1 year", source)
    until = "a year from today"
    if source.mapping.latest:
        last, until = f"(date '{source.mapping.latest}' + 1)", str(source.mapping.latest)
    for name in texts:
        value = f"'''' || {as_text(name)} || ''''"
        if wanted[name] in ("TIMESTAMP", "DATE"):
            what = literal(f" does not lie between {source.mapping.earliest} and {until}")
            ahead = "false" if name in OPEN_ENDED else f"{quote(name)} >= {last}"
            outside = f"({quote(name)} < {first} or {ahead})"
        elif name.endswith("_id") and wanted[name] == "VARCHAR":
            outside = f"regexp_matches({as_text(name)}, {literal(CUT_ID)})"
            what = literal(" is a number that a spreadsheet cut: several ids become one")
        else:
            continue
        yield _Problem(
            condition=outside,
            cause=f"{literal(name)} || {what}",
            reason=f"{literal(name + ': ')} || {value} || {what}",
            value=value,
        )


def _cast(name: str, kind: str, source: Source, doubts: dict[str, str]) -> str:
    text = as_text(name)
    column = source.mapping.columns.get(name)
    if is_number(kind):
        factor = column.multiply if column else None
        return number(text, kind, source.mapping, multiply=factor, doubtful=name in doubts)
    if kind in ("TIMESTAMP", "DATE"):
        return moment(text, kind, source.mapping, is_text=source.is_text)
    return text if kind == "VARCHAR" else f"try_cast({text} as {kind})"


def _flat_values(source: Source, texts: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """Return what a flat export leaves to be worked out: the kind of a line, its amount."""
    worked = {}
    amount = values["amount"]
    if {"quantity", "unit_price"} <= set(texts):
        product = f"cast({values['quantity']} * {values['unit_price']} as decimal(18, 2))"
        given = f"case when {as_text('amount')} is null then {product} else {amount} end"
        amount = worked["amount"] = given if "amount" in texts else product
    if source.mapping.kinds:
        read = {name: as_text(name) for name in texts}
        numbers = {name: values[name] for name in ("quantity", "unit_price") if name in texts} | {"amount": amount}
        whens = " ".join(
            f"when {_condition(rule, read, numbers)} then {literal(rule.kind)}" for rule in source.mapping.kinds
        )
        worked["kind"] = f"case {whens} else 'sale' end"
    elif "kind" not in texts:
        worked["kind"] = "'sale'"
    return worked


def _condition(rule: KindRule, texts: dict[str, str], numbers: dict[str, str]) -> str:
    if rule.column is None:
        return "true"
    if rule.column not in texts | numbers:
        raise SourceError(f"A kind rule of the mapping asks for {rule.column!r}, which the file does not give.")
    column = (texts | numbers if rule.values is None and rule.starts_with is None else numbers | texts)[rule.column]
    if rule.values is not None:
        return f"{column} in ({', '.join(map(literal, rule.values))})"
    if rule.starts_with is not None:
        return f"starts_with({column}, {literal(rule.starts_with)})"
    return f"try_cast({column} as double) < {rule.below or 0.0}"


def _rule(predicate: str, source: Source) -> str:
    today = f"cast(timezone({literal(source.mapping.time_zone)}, now()) as date)"
    return predicate.replace("tomorrow", f"({today} + 1)")
