"""SQL that reads a text as a number or a moment, as the mapping says it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.quoting import literal

if TYPE_CHECKING:
    import duckdb

    from custvalue.data.mapping import TableMap

WHOLE = ("INTEGER", "SMALLINT", "BIGINT")
SEPARATORS = {".": r"\.", ",": ",", " ": "[ \u00a0\u202f]", "'": "['\u2019]"}  # each as people write it
GROUPED = r"^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$"  # 1.234: a thousand and more, or one and a bit
NUMERAL = "^[+-]?[0-9., '\u2019\u00a0\u202f]*[0-9]$"
# a zone or an offset after the time of day; AM, PM and words such as Uhr are none
ZONED = r":[0-9]{2}([.,][0-9]+)? *(Z$|[+-][0-9]{1,2}|UTC|GMT|[A-Z]{3,5}$|[A-Z][A-Za-z]+/[A-Z])"
DAY = "^[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([ T][0-9]|$)"  # four digits of the year, and nothing like epoch
PLAIN = "^[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([ T][0-9:.,]*)?$"  # and nothing after the time
MARKS = {
    "decimal commas": "^[+-]?([0-9]*,([0-9]{1,2}|[0-9]{4,})|.*[0-9][. '\u2019\u00a0\u202f][0-9]{3},[0-9]+)$",
    "thousands points": r"^[+-]?[0-9]{1,3}(\.[0-9]{3}){2,}$",
    "thousands commas": r"^[+-]?[0-9]{1,3}((,[0-9]{3})+\.[0-9]+|(,[0-9]{3}){2,})$",
    "commas": r"^[+-]?[0-9]{1,3},[0-9]{3}$",
    "thousands apostrophes": "^[+-]?[0-9]{1,3}(['\u2019][0-9]{3})+",
    "thousands spaces": "^[+-]?[0-9]{1,3}([ \u00a0\u202f][0-9]{3})+",
}


def is_number(kind: str) -> bool:
    """Say whether a column of this SQL type holds numbers."""
    return kind.startswith("DECIMAL") or kind in ("DOUBLE", *WHOLE)


def number(text: str, kind: str, mapping: TableMap, *, multiply: float | None = None, doubtful: bool = False) -> str:
    """Read a bare number; null where the text is none, or, in a doubtful column, where its point may mark thousands."""
    decimal, thousands = mapping.marks
    point, plain, digits = SEPARATORS[decimal], text, "[0-9]+"
    if thousands:
        digits = f"([0-9]+|[0-9]{{1,3}}({SEPARATORS[thousands]}[0-9]{{3}})+)"
        plain = f"regexp_replace({plain}, {literal(SEPARATORS[thousands])}, '', 'g')"
    if decimal != ".":
        plain = f"replace({plain}, {literal(decimal)}, '.')"
    form = f"^[+-]?({digits}({point}[0-9]*)?|{point}[0-9]+)([eE][+-]?[0-9]+)?$"
    clear = f" and not regexp_matches({text}, {literal(GROUPED)})" if doubtful else ""
    checked = f"case when regexp_matches({text}, {literal(form)}){clear} then {plain} end"
    if multiply is not None:
        checked = f"cast(try_cast({checked} as decimal(28, 8)) * cast({multiply} as decimal(18, 8)) as varchar)"
    if kind in WHOLE:
        exact = f"try_cast({checked} as decimal(28, 8))"
        return f"case when {exact} = floor({exact}) then try_cast({exact} as {kind}) end"
    return f"try_cast({checked} as {kind})"


def moment(text: str, kind: str, mapping: TableMap, *, is_text: bool = True) -> str:
    """Read a date or a time; one with an offset or a zone is brought to the mapping's time zone.

    Workbooks, Parquet files and frames hold real dates, which need no format: there it is for the texts among them.
    """
    zone, form = literal(mapping.time_zone), mapping.date_format
    if isinstance(form, tuple):
        each = (moment(text, kind, mapping.model_copy(update={"date_format": one})) for one in form)
        return f"coalesce({', '.join(each)})"
    if form is None:
        return f"cast({_iso(text, zone)} as {kind})"
    if "%z" in form.lower():
        utc = f"regexp_replace({text}, 'Z$', '+00:00')" if "%z" in form else text
        found = f"timezone({zone}, try_strptime({utc}, {literal(form)}))"
    else:
        found = f"try_strptime({text}, {literal(form)})"
    return f"cast({found if is_text else f'coalesce({found}, {_iso(text, zone)})'} as {kind})"


def _iso(text: str, zone: str) -> str:
    closed = rf"regexp_replace({text}, ' +([+-])', '\1')"  # an offset stands right after the time
    there = f"timezone({zone}, try_cast({closed} as timestamptz))"
    plain = f"when regexp_matches({text}, {literal(PLAIN)}) then try_cast({text} as timestamp)"
    zoned = f"when regexp_matches({text}, {literal(DAY)}) and regexp_matches({text}, {literal(ZONED)}) then {there}"
    return f"case {plain} {zoned} end"


def has_zones(con: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Say whether any time in a column of `texts` comes with an offset or a zone."""
    zoned = f"coalesce(bool_or(regexp_matches({text}, {literal(ZONED)})), false)"
    return bool(con.execute(f"select {zoned} from texts").fetchall()[0][0])


def doubtful_columns(
    con: duckdb.DuckDBPyConnection, numbers: dict[str, tuple[str, str]], *, is_text: bool
) -> dict[str, str]:
    """Find the columns whose numbers can't be read for sure, and what the mapping has to say of them.

    Parameters
    ----------
    con
        Holds `texts`, and `typed` with a `_cause` for the rows that could not be used.
    numbers
        Our column -> the SQL of its text, and its SQL type.
    is_text
        The source is a text file: its numbers may be written in any way.

    Returns
    -------
    dict of str to str
        Column -> the reason to set its unclear rows aside.
    """
    found = {}
    for name, (text, kind) in numbers.items():
        forms = [*MARKS.values(), *([GROUPED] if kind in WHOLE else [])]
        has = ", ".join(f"coalesce(bool_or(regexp_matches({text}, {literal(form)})), false)" for form in forms)
        seen = con.execute(
            f"select {has} from texts semi join (select _row from typed where _cause is not null) using (_row)"
        ).fetchall()[0]
        marks = {mark for mark, is_there in zip((*MARKS, "thousands points"), seen, strict=False) if is_there}
        if marks:
            found[name] = _advice(marks)
        elif is_text and kind.endswith(",2)") and _only_grouped(con, text):
            found[name] = 'points may mark thousands here, so the mapping needs decimal = "." or decimal = ","'
    return found


def _advice(marks: set[str]) -> str:
    """Say which marks a column has, and the mapping's entries for them."""
    has_decimal_comma = bool(marks & {"decimal commas", "thousands points"})
    if has_decimal_comma or "thousands commas" in marks:
        marks = marks - {"commas"}
    entries = []
    if has_decimal_comma:
        entries.append('decimal = ","')
    elif "thousands commas" in marks:
        entries.append('thousands = ","')
    elif "commas" in marks:
        entries.append('decimal = "," or thousands = ","')
    signs = {"thousands apostrophes": "'", "thousands spaces": " "}
    entries += [f'thousands = "{sign}"' for mark, sign in signs.items() if mark in marks]
    seen = " and ".join(mark for mark in MARKS if mark in marks)
    return f"its column has {seen}, so the mapping needs {', '.join(entries)}"


def _only_grouped(con: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Say whether money has points, and after each of them three digits: no amount shows what the point means."""
    for part in ("texts limit 1000", "texts"):  # most columns show it in their first rows
        points, grouped = con.execute(
            f"select count_if(contains(t, '.')), count_if(regexp_matches(t, {literal(GROUPED)}))"
            f" from (select {text} as t from {part})"
        ).fetchall()[0]
        if points != grouped:
            return False
    return bool(grouped)
