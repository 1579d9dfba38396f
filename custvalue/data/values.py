"""What is worked out for every row beside what stands in it: steps of SQL, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custvalue.data.expressions import NUMBER, parse, quotient, to_sql
from custvalue.data.headers import find_column
from custvalue.data.quoting import literal, quote
from custvalue.data.texts import NUMBERED, as_text, no_such_column
from custvalue.data.written import SEVERAL, currency_named
from custvalue.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custvalue.data.columns import Condition, KindRule, Rule
    from custvalue.data.relations import Relation
    from custvalue.data.sources import Source
    from custvalue.data.texts import Reading

MONEY = {"transactions": "amount", "orders": "gross_list", "returns": "refund", "deliveries": "carrier_cost",
         "order_lines": "qty * list_price"}  # fmt: skip
INCOME = ("amount", "unit_price", "gross_list", "list_price", "discount", "delivery_fee_charged", "refund")


def is_money(name: str, kind: str) -> bool:
    """Say whether a column of ours holds money."""
    return kind.endswith(",2)") or name.endswith(("_price", "_cost"))


Step = dict[str, str]  # column -> SQL over the columns of the step before


def steps(relation: Relation, source: Source, reading: Reading, wanted: dict[str, str], *, rated: bool) -> list[Step]:
    """Return the steps; beside our columns they fill `_left_out`, `_tax`, `_currency`, `_rate` and `_turned`.

    Parameters
    ----------
    relation, source, reading
        The table to feed, where the rows come from, and how its columns are read.
    wanted
        Columns of ours and their SQL types.
    rated
        The mapping has rates of exchange: `rates` holds them.

    Raises
    ------
    SourceError
        A rule asks for a column that is not there.
    """
    entry = source.mapping
    computed = {name: f"try_cast({sql} as {wanted[name]})" for name, (sql, _) in reading.computed.items()}
    found: list[Step] = [
        reading.cents,
        {name: sql for name, sql in computed.items() if name not in reading.later},
        *({name: sql} for name, sql in computed.items() if name in reading.later),
        *_amount(reading),
        *_line_numbers(reading, wanted),
        *_without_tax(relation, source, reading, wanted),
        *(_converted(relation, source, reading, wanted) if rated else ()),
    ]
    if relation.name == "transactions":
        found += _kinds(source, reading)
        found.append({"_turned": "kind = 'return' and amount > 0"})
        found.append({"amount": "case when _turned then -amount else amount end"})
    if entry.drop or entry.keep:
        found.append({"_left_out": _left_out(source, reading)})
    return [step for step in found if step]


def _amount(reading: Reading) -> Iterator[Step]:
    """Yield the amount of a flat export: as it came, or quantity times price."""
    if {"quantity", "unit_price"} <= reading.given and "amount" not in reading.computed:
        product = "cast(quantity * unit_price as decimal(18, 2))"
        is_empty = f"case when {as_text('amount')} is null then {product} else amount end"
        yield {"amount": is_empty if "amount" in reading.texts else product}


def _line_numbers(reading: Reading, wanted: dict[str, str]) -> Iterator[Step]:
    """Yield the number of a line within its order, where the file has none."""
    if NUMBERED in wanted and NUMBERED not in reading.given and "order_id" in reading.given:
        numbered = "row_number() over (partition by order_id order by _row)"
        yield {NUMBERED: f"try_cast({numbered} as {wanted[NUMBERED]})"}


def _without_tax(relation: Relation, source: Source, reading: Reading, wanted: dict[str, str]) -> Iterator[Step]:
    """Yield the money without its tax, and `_tax`, what was taken out of the amount."""
    tax, main = source.mapping.tax, MONEY.get(relation.name, "")
    if tax is None:
        return
    if main not in wanted and relation.name != "order_lines":
        raise SourceError(f"The mapping's tables.{relation.name}.tax: the table has no income to take it out of.")
    income = [name for name in INCOME if name in wanted]
    where = f"tables.{relation.name}.tax"
    if tax.column is not None:
        if main not in wanted:
            raise SourceError(f"The mapping's {where}: a line's price has a rate of tax, not an amount.")
        yield {"_tax": f"cast(coalesce({_of_file(source, reading, tax.column, where, as_number=True)}, 0) as {NUMBER})"}
        yield {main: f"cast({main} - _tax as {wanted[main]})"}
        return
    yield {"_tax_rate": _rate_of_tax(source, reading, where)}
    yield {"_tax": f"cast({main} as {NUMBER}) - {quotient(f'cast({main} as {NUMBER})', '(1 + _tax_rate)')}"}
    yield {name: f"cast({quotient(f'cast({name} as {NUMBER})', '(1 + _tax_rate)')} as {wanted[name]})"
           for name in income}  # fmt: skip


def _rate_of_tax(source: Source, reading: Reading, where: str) -> str:
    tax = source.mapping.tax
    assert tax is not None  # noqa: S101, asked for by the caller
    if isinstance(tax.rate, str):
        try:
            return to_sql(parse(tax.rate), reading)
        except KeyError as missing:
            raise no_such_column(source, missing.args[0], where, reading.columns) from None
    if tax.by is None:
        return f"cast({tax.rate} as {NUMBER})"
    text = _of_file(source, reading, tax.by, where, as_number=False)
    whens = " ".join(f"when {literal(t)} then {rate}" for t, rate in tax.rates.items() if t != "*")
    return f"cast(case {text} {whens} else {tax.rates.get('*', 'null')} end as {NUMBER})"


def _converted(relation: Relation, source: Source, reading: Reading, wanted: dict[str, str]) -> Iterator[Step]:
    """Yield the money in the mapping's currency; `_rate` is null where a row's currency has none on its day."""
    if "currency" in reading.texts:
        text = as_text("currency")
    elif source.mapping.currency is not None:
        text = _of_file(source, reading, source.mapping.currency, f"tables.{relation.name}.currency", as_number=False)
    elif beside := [as_text(key) for key in reading.texts if is_money(key, reading.kinds[key])]:
        named = f"coalesce({', '.join(map(currency_named, beside))})"
        meant = " ".join(f"when {literal(sign)} then {_meant(sign)}" for sign in SEVERAL)
        text = f"case {named} {meant} else {named} end"
    else:
        return
    yield {"_currency": f"upper({text})"}
    day = next((name for name, kind in wanted.items() if kind in ("TIMESTAMP", "DATE") and name in reading.given), None)
    known = f"cast({quote(day)} as date)" if day else "current_date"
    yield {
        "_rate": "case when _currency is null then 1 else (select arg_max(rates.rate, rates.since) from rates"
        f" where rates.code = _currency and rates.since <= {known}) end"
    }
    money = [name for name, kind in wanted.items() if is_money(name, kind)]
    # without a rate the row is set aside for that, not for an amount that would be no number
    by = "coalesce(_rate, 1)"
    yield {name: f"try_cast(cast({quote(name)} as {NUMBER}) * {by} as {wanted[name]})" for name in money} | (
        {"currency": "case when _rate is not null then (select any_value(code) from rates where is_ours) end"}
        if "currency" in wanted
        else {}
    )


def _meant(sign: str) -> str:
    """Return the SQL of the currency that a sign of several means: ours, else the only one with a rate, else none."""
    codes = ", ".join(map(literal, SEVERAL[sign]))
    ours = f"select any_value(code) from rates where is_ours and code in ({codes})"
    rated = f"select case when count(distinct code) = 1 then any_value(code) end from rates where code in ({codes})"
    return f"coalesce(({ours}), ({rated}), {literal(sign)})"


def _of_file(source: Source, reading: Reading, column: str, where: str, *, as_number: bool) -> str:
    try:
        return reading.number(column) if as_number else reading.text(column)
    except KeyError:
        raise no_such_column(source, column, where, reading.columns) from None


def _kinds(source: Source, reading: Reading) -> Iterator[Step]:
    """Yield the kind of a line of a flat export; it is a sale where nothing says otherwise."""
    if source.mapping.kinds:
        whens = " ".join(
            f"when {condition(rule, source, reading)} then {literal(rule.kind)}" for rule in source.mapping.kinds
        )
        yield {"kind": f"case {whens} else 'sale' end"}
    else:
        yield {"kind": "lower(kind)" if "kind" in reading.given else "'sale'"}


def _left_out(source: Source, reading: Reading) -> str:
    """Return the SQL of the rule that leaves a row out, in words; null where it stays."""
    entry = source.mapping
    whens = [
        f"when {condition(rule, source, reading, ignore_case=True)} then {literal(f'dropped, as {rule.in_words()}')}"
        for rule in entry.drop
        if not _passed_over(rule, reading)
    ]
    whens += [
        f"when not coalesce({condition(rule, source, reading, ignore_case=True)}, false)"
        f" then {literal(f'not kept, as it is not so that {rule.in_words()}')}"
        for rule in entry.keep
        if not _passed_over(rule, reading)
    ]
    return f"case {' '.join(whens)} else null end" if whens else "cast(null as varchar)"


def _passed_over(rule: Rule, reading: Reading) -> bool:
    return rule.optional and not any(
        name in reading.given or find_column(name, reading.columns) is not None for name in rule.column
    )


def condition(rule: Condition | KindRule, source: Source, reading: Reading, *, ignore_case: bool = False) -> str:
    """Return the SQL of a rule: a column of ours that the file gives, or else one of the file's.

    Raises
    ------
    SourceError
        Neither has it.
    """
    if rule.column is None:
        return "true"
    parts = []
    if rule.asks_number:
        number = _asked(rule.column, source, reading, as_number=True)
        parts += [f"{number} < {rule.below}"] if rule.below is not None else []
        parts += [f"{number} > {rule.above}"] if rule.above is not None else []
    if rule.values or rule.not_ or rule.starts_with or rule.empty is not None:
        text = _asked(rule.column, source, reading, as_number=False)
        parts += _text_conditions(rule, f"lower({text})" if ignore_case else text, ignore_case=ignore_case)
    return f"({' and '.join(parts or ['true'])})"


def _text_conditions(rule: Condition | KindRule, text: str, *, ignore_case: bool) -> Iterator[str]:
    def written(texts: tuple[str, ...]) -> str:
        return ", ".join(literal(each.lower() if ignore_case else each) for each in texts)

    if rule.values:
        yield f"coalesce({text} in ({written(rule.values)}), false)"
    if rule.not_:
        yield f"coalesce({text}, '') not in ({written(rule.not_)})"
    if rule.starts_with:
        yield f"coalesce({' or '.join(f'starts_with({text}, {written((each,))})' for each in rule.starts_with)}, false)"
    if rule.empty is not None:
        yield f"{text} is {'' if rule.empty else 'not '}null"


def _asked(columns: tuple[str, ...], source: Source, reading: Reading, *, as_number: bool) -> str:
    worked_out = {"amount"} if {"quantity", "unit_price"} <= reading.given else set()
    for column in columns:
        if column in reading.given | worked_out:
            if as_number:
                return f"try_cast({quote(column)} as double)"
            return as_text(column) if column in reading.texts else f"cast({quote(column)} as varchar)"
        if find_column(column, reading.columns) is not None:
            return reading.asked(column, as_number=as_number)
    raise SourceError(
        f"A rule of the mapping asks for {' or '.join(map(repr, columns))}, which {source.name} does not give;"
        f" it has: {', '.join(reading.columns)}."
    )
