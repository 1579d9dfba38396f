"""Which SQL reads a column of ours: from a text of the landing, or worked out from several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from custvalue.data.columns import Column
from custvalue.data.expressions import NUMBER, parse, to_sql
from custvalue.data.headers import find_column
from custvalue.data.quoting import literal, quote
from custvalue.data.reading import is_number
from custvalue.data.written import bare
from custvalue.errors import SourceError

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source

_INVISIBLE = (9, 10, 11, 12, 13, 32, 133, 160, 173, *range(8192, 8208), 8232, 8233, 8239, 8288, 12288, 65279)
BLANKS = " || ".join(f"chr({code})" for code in _INVISIBLE)
"""What people leave around a cell: blanks, tabs, line breaks, no-break and zero-width spaces."""
EMPTY_DAYS = "('0001-01-01', '0000-00-00', '1899-12-30', '1900-01-00', '9999-12-31')"
"""How systems write no day; in a column that may be empty it is empty."""
NOTHING = "('', 'NULL', 'null', '\\N')"  # how databases write an empty cell
NOBODY = (
    "('', 'null', 'nan', 'none', 'n/a', '#n/a', '#ref!', '#value!', '#name?', '#div/0!', '#null!', '#num!', '#error!')"
)
"""How exports write that there is no customer, errors of a spreadsheet among them."""
NUMBERED = "line_no"  # lines that have no number are counted within their order


def as_text(name: str) -> str:
    """Name the text that a column of ours was read from, beside the column itself."""
    return quote(f"{name} as text")


def readable(name: str) -> str:
    """Return the SQL of that text where a number is read from it: without brackets, currency and the like."""
    return f"coalesce({_bare(name)}, {as_text(name)})"


def _bare(name: str) -> str:
    return quote(f"{name} as bare text")


def write_texts(con: duckdb.DuckDBPyConnection, reading: Reading, landed: str) -> None:
    """Fill the temporary table `texts`: `_row`, and every text that is read, cleaned once for all that look at it."""
    texts = ", ".join(["_row", *(f"{text} as {as_text(key)}" for key, text in reading.texts.items())])
    numbers = [f"{bare(as_text(key))} as {_bare(key)}" for key in reading.texts if is_number(reading.kinds[key])]
    con.execute("drop table if exists texts")
    # materialized: written into one another, each text would be cleaned many times
    con.execute(
        f"create temp table texts as with t as materialized (select {texts} from {landed})"
        f" select {', '.join(['*', *numbers])} from t"
    )


@dataclass(kw_only=True)
class Reading:
    """How one table is read from a landed source.

    Attributes
    ----------
    texts
        Key -> SQL over the landing. A key is a column of ours, or a column of the file that something asks for.
    kinds
        Key -> the SQL type that its text is read as.
    labels
        Key of a column of the file -> its name there.
    computed
        Column of ours -> SQL over the keys, and the expression that it comes from.
    cents
        Amounts in cents that expressions ask for: name -> SQL over the keys.
    columns
        The file's.
    later
        Columns of ours that are worked out from others of ours.
    asks_only
        Keys that rules ask for alone: a text of theirs that is no number does no harm.
    """

    columns: list[str]
    texts: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    computed: dict[str, tuple[str, str]] = field(default_factory=dict)
    cents: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    asks_only: set[str] = field(default_factory=set)
    _name: str = ""

    def reads(self, name: str) -> None:
        """Note which of our columns is read from here on."""
        self._name = name

    @property
    def given(self) -> set[str]:
        """Columns of ours that the source gives."""
        return (self.texts.keys() - self.labels.keys()) | self.computed.keys()

    def number(self, column: str) -> str:
        """Return the SQL of a column as a number: of the file, or else ours; raise `KeyError` where there is none."""
        if self._is_ours(column):
            return f"try_cast({quote(column)} as {NUMBER})"
        key = self._key(column)
        self.kinds[key] = NUMBER.upper().replace(" ", "")
        self.asks_only.discard(key)
        return quote(key)

    def text(self, column: str) -> str:
        """Return the SQL of a column as text: of the file, or else of ours; raise `KeyError` where there is none."""
        if self._is_ours(column):
            return f"cast({quote(column)} as varchar)"
        return as_text(self._key(column))

    def carried(self, amount: str, by: str) -> str:
        """Return the SQL of an amount in cents, its parts of a cent carried to the next row in the order of `by`."""
        until = f"sum({amount}) over (order by {by}, _row rows unbounded preceding)"
        cents = f"round({until}, 2) - round({until} - {amount}, 2)"
        sql = f"case when {amount} is not null then cast({cents} as {NUMBER}) end"
        name = next((known for known, same in self.cents.items() if same == sql), f"_cents_{len(self.cents) + 1}")
        self.cents[name] = sql
        return name

    def asked(self, column: str, *, as_number: bool) -> str:
        """Return the SQL of a column that a rule asks for; raise `KeyError` where there is none."""
        if not as_number:
            return self.text(column)
        key = self._key(column)
        spoils_nothing = self.kinds[key] == "VARCHAR" or key in self.asks_only
        sql = self.number(column)
        if spoils_nothing:
            self.asks_only.add(key)
        return sql

    def _is_ours(self, column: str) -> bool:
        is_ours = column in self.given and find_column(column, self.columns) is None
        if is_ours:
            self.later.add(self._name)
        return is_ours

    def _key(self, column: str) -> str:
        found = find_column(column, self.columns)
        if found is None:
            raise KeyError(column)
        if f"{found} (2)" in self.columns:
            raise SourceError(f"There are two columns named {found!r}.", "Give each column its own name.")
        key = f"{found} of the file"
        text = _stripped(found)
        self.texts.setdefault(key, f"case when {text} not in {NOTHING} then {text} end")
        self.kinds.setdefault(key, "VARCHAR")
        self.labels[key] = found
        return key


def read_columns(relation: Relation, source: Source, columns: list[str], wanted: dict[str, str]) -> Reading:
    """Find for each of our columns where it comes from.

    Raises
    ------
    SourceError
        A needed column is missing, or one that the mapping names.
    """
    reading = Reading(columns=columns)
    for name, kind in wanted.items():
        column = source.mapping.columns.get(name)
        there = find_column(name, columns)
        if column is None and there is None:
            continue
        column = column or Column()
        if column.keeps_name:
            column = column.model_copy(update={"column": there or name})
        _read_column(reading, relation, source, name, kind, column)
    _check_required(relation, source, reading)
    return reading


def _read_column(reading: Reading, relation: Relation, source: Source, name: str, kind: str, column: Column) -> None:
    if column.expression is not None:
        reading.reads(name)
        try:
            sql = to_sql(parse(column.expression), reading, as_text=kind == "VARCHAR")
        except ValueError as problem:
            raise SourceError(f"The mapping's {relation.name}.{name}: {problem}.") from None
        except KeyError as missing:
            if not column.optional:
                raise no_such_column(source, missing.args[0], f"{relation.name}.{name}", reading.columns) from None
            return
        reading.computed[name] = (sql, column.expression)
        return
    text = _text(relation, source, name, column, reading.columns)
    if text is not None:
        reading.texts[name], reading.kinds[name] = text, kind
    elif not column.optional:
        wanted = " or ".join(map(repr, (name,) if column.chars else column.origins))
        raise no_such_column(source, wanted, f"{relation.name}.{name}", reading.columns)


def no_such_column(source: Source, wanted: str, where: str, columns: list[str]) -> SourceError:
    """Say that a column which the mapping names is not in the file, and which ones are."""
    shown = wanted if wanted.startswith("'") else repr(wanted)
    return SourceError(
        f"{source.name} has no column {shown}, which the mapping names for {where}; it has: {', '.join(columns)}."
    )


def _text(relation: Relation, source: Source, name: str, column: Column, columns: list[str]) -> str | None:
    """Return the SQL that reads a column as text, null where it is empty; None where the file has none of it."""
    if column.constant is not None:
        return literal(column.constant)
    origins = (name,) if column.chars else column.origins
    found = [there for origin in origins if (there := find_column(origin, columns)) is not None]
    for there in found:
        if f"{there} (2)" in columns:
            raise SourceError(f"{source.name} has two columns named {there!r}.", "Give each column its own name.")
    cleaned = [_cleaned(relation, _stripped(there), name, column) for there in found]
    return f"coalesce({', '.join(cleaned)})" if len(cleaned) > 1 else cleaned[0] if cleaned else None


def _stripped(column: str) -> str:
    """Return the SQL of a cell without what keeps a spreadsheet from reading it as a number: `="007"` and `'007`."""
    name = quote(column)
    cell = f"case when regexp_matches({name}, '^[!-~](.*[!-~])?$') then {name} else trim({name}, {BLANKS}) end"
    formula, mark = literal('^="([^"]*)"$'), literal("^'([0-9][^']*)$")
    return (
        f"(case ascii({cell}) when 61 then regexp_replace({cell}, {formula}, '\\1')"
        f" when 39 then regexp_replace({cell}, {mark}, '\\1') else {cell} end)"
    )


def _cleaned(relation: Relation, text: str, name: str, column: Column) -> str:
    if column.remove:
        text = f"regexp_replace({text}, {literal(column.remove)}, '')"
    if column.lower:
        text = f"lower({text})"
    if name == "customer_id":
        return f"case when lower({text}) not in {NOBODY} then {text} end"
    if name in relation.days and name not in relation.required:
        text = f"case when {text} not in {EMPTY_DAYS} then {text} end"
    return f"case when {text} not in {NOTHING} then {text} end"


def _check_required(relation: Relation, source: Source, reading: Reading) -> None:
    given = reading.given | {NUMBERED}
    if {"quantity", "unit_price"} <= given:
        given |= {"amount"}
    missing = [name for name in relation.required if name not in given]
    if missing:
        raise SourceError(
            f"{source.name} has no column {missing[0]!r}, which table {relation.name} needs;"
            f" it has: {', '.join(reading.columns)}.",
            f'If it has another name there, a mapping says so: [tables.{relation.name}.columns] {missing[0]} = "..."',
        )


def read_whole_ids(con: duckdb.DuckDBPyConnection, reading: Reading) -> list[str]:
    """Read ids such as 17850.0 as 17850, where all of a column are whole numbers: a gap made a program write them so.

    Returns
    -------
    list of str
        What was done, by column.
    """
    said = []
    for name in [name for name in reading.texts if name.endswith("_id")]:
        text = reading.texts[name]
        n, of, first = con.execute(
            f"select count_if(ends_with(id, '.0')), count_if(regexp_matches(id, '^[0-9]+([.]0)?$')) = count(id),"
            f" min(id) filter (where ends_with(id, '.0')) from (select {text} as id from landing)"
        ).fetchall()[0]
        if n and of:
            reading.texts[name] = f"regexp_replace({text}, '[.]0$', '')"
            was = "id was a decimal" if n == 1 else "ids were decimals"
            said.append(f"{n:,} {was} in {name}, such as {first}; the whole number {first[:-2]} is taken.")
    return said
