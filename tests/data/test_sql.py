"""The files of sql/: headers tell the truth, the layers hold, and Spark could run them."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlglot
from sqlglot import exp

from custvalue.data.relations import LAYERS, check_inputs, parse_relation, read_relations
from custvalue.data.warehouse import open_warehouse
from custvalue.errors import SqlError
from custvalue.paths import shared_folder

RELATIONS = read_relations(shared_folder("sql"))
BUILT = [r for r in RELATIONS.values() if r.schema in ("staging", "intermediate", "marts")]
PARAMS = {
    "as_of": dt.date(2025, 1, 1), "days_per_unit": 7.0, "start_date": dt.date(2025, 1, 1),
    "end_date": dt.date(2025, 1, 1), "experiment": "none", "customer_id": "none", "follow_days": 180, "other_start": None, "other_end": None, "measure": "none",
    "split_day": dt.date(2025, 1, 1), "end_day": dt.date(2025, 1, 1),
    "period": dt.date(2025, 1, 1), "account": "none", "outcome_days": 28, "return_days": 30, "period_days": 28,
}  # fmt: skip
MAY_READ = {
    "staging": {"raw"},
    "intermediate": {"staging", "intermediate"},
    "marts": {"staging", "intermediate", "marts"},
    "checks": {"raw", "staging", "intermediate", "marts"},
}


@pytest.fixture(scope="module")
def shop():
    with open_warehouse() as shop:
        yield shop


@pytest.mark.parametrize("relation", BUILT, ids=lambda r: r.qualified)
def test_header_lists_the_columns_that_duckdb_returns(shop, relation):
    params = {name: PARAMS[name] for name in relation.params}
    found = shop._con.sql(relation.sql, params=params) if params else shop._con.sql(relation.sql)
    columns = [f"{name} {str(kind).lower()}" for name, kind in zip(found.columns, found.types, strict=True)]
    # types such as decimal(18, 2) hold a comma, which also separates columns in the header
    assert ", ".join(relation.outputs).replace(", ", ",") == ", ".join(columns).replace(", ", ",")


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda r: r.qualified)
def test_every_relation_becomes_spark_sql(relation):
    for statement in sqlglot.parse(relation.sql, read="duckdb"):
        unknown = [function.name for function in statement.find_all(exp.Anonymous)]
        assert not unknown, f"functions sqlglot does not know: {unknown}"
        spark = statement.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
        for word in ("ASOF", "QUALIFY", "POSITIONAL", "ISODOW", "EXCLUDE", "LATERAL JOIN"):
            assert word not in spark.upper()


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda r: r.qualified)
def test_layers_read_only_what_they_may(relation):
    if relation.schema in MAY_READ:
        assert {name.split(".")[0] for name in relation.inputs} <= MAY_READ[relation.schema]


def test_marts_list_their_columns():
    for relation in RELATIONS.values():
        if relation.schema in MAY_READ:
            assert not re.search(r"select\s+\*|\w\.\*", relation.sql), relation.name


def test_no_cost_stands_in_sql_as_a_number():
    allowed = {
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "11",
        "12",
        "18",
        "6",
        "60",
        "60.0",
        "0.8",
        "7",
        "8",
        "38",
        "365",
        "24",
        "0.0",
        "1.0",
    }
    for relation in BUILT:
        for statement in sqlglot.parse(relation.sql, read="duckdb"):
            numbers = {lit.name for lit in statement.find_all(exp.Literal) if not lit.is_string}
            listed = {lit.name for values in statement.find_all(exp.Values) for lit in values.find_all(exp.Literal)}
            assert numbers - listed <= allowed, relation.name


def write(folder, layer, name, text):
    (folder / layer).mkdir(parents=True, exist_ok=True)
    (folder / layer / f"{name}.sql").write_text(text)


def test_undeclared_input_is_refused(shop, tmp_path):
    write(
        tmp_path,
        "staging",
        "stg_x",
        "-- relation:   stg_x\n-- grain:      one\n-- inputs:     raw.orders\nselect order_id from raw.returns",
    )
    with pytest.raises(SqlError, match=r"reads raw\.returns, but its header declares raw\.orders"):
        check_inputs(shop._con, parse_relation(tmp_path / "staging" / "stg_x.sql"))


def test_circle_is_refused(tmp_path):
    for a, b in (("stg_a", "stg_b"), ("stg_b", "stg_a")):
        write(tmp_path, "staging", a, f"-- relation:   {a}\n-- grain:      one\n-- inputs:     staging.{b}\nselect 1")
    with pytest.raises(SqlError, match="in a circle"):
        read_relations(tmp_path)


def test_file_and_header_must_agree(tmp_path):
    write(tmp_path, "staging", "stg_a", "-- relation:   stg_b\n-- grain:      one\nselect 1")
    with pytest.raises(SqlError, match="relation: stg_a"):
        read_relations(tmp_path)


def test_input_that_does_not_exist_is_refused(tmp_path):
    write(
        tmp_path, "staging", "stg_a", "-- relation:   stg_a\n-- grain:      one\n-- inputs:     raw.nothing\nselect 1"
    )
    with pytest.raises(SqlError, match=r"raw\.nothing"):
        read_relations(tmp_path)


def test_relations_come_after_their_inputs():
    seen = set()
    for name, relation in RELATIONS.items():
        assert set(relation.inputs) <= seen
        seen.add(name)
    assert {relation.schema for relation in RELATIONS.values()} == set(LAYERS.values())
